package rds

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/rds"
	"github.com/company/deployer/internal/value"
)

// Lookups returns the lookups of RDS.
func Lookups(cfg aws.Config) []resource.Lookup {
	api := newAPI(cfg)
	return []resource.Lookup{{
		Type: model.DatabaseLookupType, Outputs: value.Fields[model.Database](),
		Permissions: func(s resource.Scope) []resource.Statement {
			return []resource.Statement{
				{On: []string{s.ARN("rds", "cluster:*")}, Actions: []string{"rds:DescribeDBClusters"}},
				{On: []string{s.ARN("rds", "db:*")}, Actions: []string{"rds:DescribeDBInstances"}},
			}
		},
		Read: func(ctx context.Context, props value.Value) (value.Value, error) {
			var ask model.DatabaseLookup
			if problems := value.Decode(props, &ask); len(problems) > 0 {
				return value.NullValue, problems[0]
			}
			answer, err := api.database(ctx, ask)
			if err != nil {
				return value.NullValue, err
			}
			return value.Encode(answer), nil
		},
	}}
}

// database finds a cluster or an instance.
func (a *api) database(ctx context.Context, ask model.DatabaseLookup) (model.Database, error) {
	operation := "rds:DescribeDBInstances"
	wrong := func(next, format string, args ...any) error {
		return &resource.OpError{
			Operation: operation, Message: "the database " + ask.Identifier + " " + fmt.Sprintf(format, args...),
			Next: next,
		}
	}
	var out model.Database
	var engine string
	if ask.Engine == "aurora-postgresql" || ask.Engine == "aurora-mysql" {
		operation = "rds:DescribeDBClusters"
		found, err := cluster{a}.get(ctx, ask.Identifier)
		if errors.Is(err, resource.ErrNotFound) {
			return out, wrong("give the identifier of the cluster, not that of one of its instances: aws rds "+
				"describe-db-clusters", "is no Aurora cluster in this region of this account")
		}
		if err != nil {
			return out, err
		}
		engine = aws.ToString(found.Engine)
		has := clusterOutputs(found)
		out = model.Database{
			Endpoint: has.Endpoint, ReaderEndpoint: has.ReaderEndpoint, Port: has.Port,
			Database: aws.ToString(found.DatabaseName), Username: aws.ToString(found.MasterUsername),
			SecretARN: has.SecretARN, ResourceID: has.ResourceID,
		}
		if groups := securityGroups(found.VpcSecurityGroups); len(groups) > 0 {
			out.SecurityGroupID = groups[0]
		}
	} else {
		found, err := instance{a}.get(ctx, ask.Identifier)
		if errors.Is(err, resource.ErrNotFound) {
			return out, wrong("correct `existing.identifier`: aws rds describe-db-instances lists what there is",
				"is not in this region of this account")
		}
		if err != nil {
			return out, err
		}
		engine = aws.ToString(found.Engine)
		has := instanceOutputs(found)
		out = model.Database{
			Endpoint: has.Endpoint, ReaderEndpoint: has.Endpoint, Port: has.Port,
			Database: aws.ToString(found.DBName), Username: aws.ToString(found.MasterUsername),
			SecretARN: has.SecretARN, ResourceID: has.ResourceID,
		}
		if groups := securityGroups(found.VpcSecurityGroups); len(groups) > 0 {
			out.SecurityGroupID = groups[0]
		}
	}
	switch {
	case engine != ask.Engine:
		return out, wrong("set `engine: "+engine+"`", "has the engine %s, not %s", engine, ask.Engine)
	case ask.Port != 0 && out.Port != ask.Port:
		return out, wrong(fmt.Sprintf("set `port: %d`", out.Port), "listens on port %d, not %d", out.Port, ask.Port)
	case ask.Secret && out.SecretARN == "":
		// RDS could be told to manage the password, but that changes it for all who use the database today.
		return out, wrong("set `existing.secret` to the ARN of the secret with its username and password, or to none if no "+
			"component reads it from there", "has no password that RDS manages")
	}
	return out, nil
}
