package service

import (
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/late"
)

// rdsVersion is the version of the API.
const rdsVersion = "2014-10-31"

var _ = register(Service{
	Name: "rds", ID: "RDS",
	NameBy: []string{
		"DBInstanceIdentifier", "DBClusterIdentifier", "DBClusterParameterGroupName", "DBParameterGroupName",
		"DBSubnetGroupName", "ResourceName", "SourceIdentifier", "Filters.Filter.1.Values.Value.1",
	},
	Fix: keepDatabases,
	Late: []late.Class{
		{
			Made: "rds:CreateDBSubnetGroup", ID: regexp.MustCompile(`<DBSubnetGroupName>([^<]+)<`),
			Unknown: []late.Ignorance{{
				Operations: []string{"rds:CreateDBInstance", "rds:CreateDBCluster"},
				Code:       "DBSubnetGroupNotFoundFault", Message: "DB subnet group 'ID' does not exist.",
			}},
		},
		{
			Made: "rds:CreateDBParameterGroup", ID: regexp.MustCompile(`<DBParameterGroupName>([^<]+)<`),
			Unknown: []late.Ignorance{{
				Operations: []string{"rds:CreateDBInstance", "rds:ModifyDBParameterGroup"},
				Code:       "DBParameterGroupNotFound", Message: "DBParameterGroup not found: ID",
			}},
		},
		{
			Made: "rds:CreateDBClusterParameterGroup",
			ID:   regexp.MustCompile(`<DBClusterParameterGroupName>([^<]+)<`),
			Unknown: []late.Ignorance{{
				Operations: []string{"rds:CreateDBCluster", "rds:ModifyDBClusterParameterGroup"},
				Code:       "DBParameterGroupNotFound", Message: "DBClusterParameterGroup not found: ID",
			}},
		},
	},
	Inventory: inventory.Source{List: listDatabases},
	Access:    access.Rules{Requests: accessRDS},
	Unasked: map[string]string{
		"iam:CreateServiceLinkedRole":         ForCaller,
		"rds:CreateDBSnapshot":                "finalSnapshot, which is for production",
		"rds:DescribeDBSnapshots":             "restoreFrom",
		"rds:ModifyDBParameterGroup":          "parameters",
		"rds:ModifyDBSubnetGroup":             "a Network with other subnets",
		"rds:ResetDBParameterGroup":           "a parameter that goes",
		"rds:RestoreDBInstanceFromDBSnapshot": "restoreFrom",
	},
	UnaskedOn: map[string]string{
		":cluster:": "an instance of Aurora", ":snapshot:": "finalSnapshot and restoreFrom",
		":og:default:": "restoreFrom", ":pg:default.": "a database without parameters of its own",
	},
	Types: map[string]ByHand{
		"rds/cluster":                 {Property: "backupRetention", To: 3, Needed: true},
		"rds/cluster-parameter-group": {Property: "parameters", To: map[string]any{"work_mem": "8192"}, Needed: true},
		"rds/instance":                {Property: "backupRetention", To: 3},
		"rds/parameter-group":         {Property: "parameters", To: map[string]any{"work_mem": "8192"}, Needed: true},
		"rds/subnet-group":            {Needed: true},
	},
})

func listDatabases(l *inventory.Lister) error {
	client := rds.NewFromConfig(l.Config)
	instances, err := client.DescribeDBInstances(l, &rds.DescribeDBInstancesInput{})
	if err != nil {
		return err
	}
	for _, i := range instances.DBInstances {
		if err := l.Add("database", *i.DBInstanceIdentifier, i.Engine, i.EngineVersion, i.DBInstanceClass,
			i.AllocatedStorage, i.MasterUsername, i.DBName, i.DeletionProtection, i.MasterUserSecret != nil,
			i.BackupRetentionPeriod, databaseTags(i.TagList)); err != nil {
			return err
		}
	}
	clusters, err := client.DescribeDBClusters(l, &rds.DescribeDBClustersInput{})
	if err != nil {
		return err
	}
	for _, c := range clusters.DBClusters {
		if err := l.Add("database cluster", *c.DBClusterIdentifier, c.Engine, c.EngineVersion, c.MasterUsername,
			c.DatabaseName, c.DeletionProtection, c.MasterUserSecret != nil, len(c.DBClusterMembers),
			databaseTags(c.TagList)); err != nil {
			return err
		}
	}
	subnets, err := client.DescribeDBSubnetGroups(l, &rds.DescribeDBSubnetGroupsInput{})
	if err != nil {
		return err
	}
	for _, g := range subnets.DBSubnetGroups {
		if err := l.Add("subnet group of databases", *g.DBSubnetGroupName, len(g.Subnets)); err != nil {
			return err
		}
	}
	groups, err := client.DescribeDBParameterGroups(l, &rds.DescribeDBParameterGroupsInput{})
	if err != nil {
		return err
	}
	for _, g := range groups.DBParameterGroups {
		if name := *g.DBParameterGroupName; !strings.HasPrefix(name, "default.") { // those are AWS's own
			if err := l.Add("parameter group", name, g.DBParameterGroupFamily); err != nil {
				return err
			}
		}
	}
	clusterGroups, err := client.DescribeDBClusterParameterGroups(l, &rds.DescribeDBClusterParameterGroupsInput{})
	if err != nil {
		return err
	}
	for _, g := range clusterGroups.DBClusterParameterGroups {
		if name := *g.DBClusterParameterGroupName; !strings.HasPrefix(name, "default.") {
			if err := l.Add("cluster parameter group", name, g.DBParameterGroupFamily); err != nil {
				return err
			}
		}
	}
	return nil
}

func databaseTags(list []rdstypes.Tag) map[string]string {
	all := map[string]string{}
	for _, t := range list {
		all[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return inventory.Tags(all)
}

// accessRDS: AWS checks a call against everything that it names.
func accessRDS(b *access.Builder) {
	form := b.Call.Form
	var on []string
	named := func(kind string, keys ...string) {
		for _, key := range keys {
			if name := form.Get(key); name != "" {
				on = append(on, b.ARN(kind+":"+name))
			}
		}
	}
	switch op := b.Call.Operation; op {
	case "AddTagsToResource", "RemoveTagsFromResource", "ListTagsForResource":
		on = []string{form.Get("ResourceName")}
	case "DescribeEvents", "DescribeOrderableDBInstanceOptions", "DescribeDBEngineVersions",
		"DescribeAccountAttributes":
		on = []string{"*"}
	case "DescribeDBSnapshots":
		on = []string{b.ARN("snapshot:" + form.Get("DBSnapshotIdentifier"))}
	case "DescribeDBClusterSnapshots":
		on = []string{b.ARN("cluster-snapshot:" + form.Get("DBClusterSnapshotIdentifier"))}
	default:
		named("db", "DBInstanceIdentifier")
		named("cluster", "DBClusterIdentifier")
		named("subgrp", "DBSubnetGroupName")
		named("pg", "DBParameterGroupName")
		named("cluster-pg", "DBClusterParameterGroupName")
		if op == "CreateDBInstance" && form.Get("DBClusterIdentifier") == "" { // with defaults
			on = append(on, b.ARN("og:default:"+form.Get("Engine")+"-17"))
			if form.Get("DBParameterGroupName") == "" {
				on = append(on, b.ARN("pg:default."+form.Get("Engine")+"17"))
			}
		}
		if slices.Contains([]string{"DescribeDBInstances", "DescribeDBClusters"}, op) && len(on) == 0 {
			kind := map[string]string{"DescribeDBInstances": "db", "DescribeDBClusters": "cluster"}[op]
			on = []string{b.ARN(kind + ":any")}
		}
	}
	b.On(on...)
	b.Tagging("rds:AddTagsToResource", on[:min(len(on), 1)]...)
	if name := form.Get("FinalDBSnapshotIdentifier"); name != "" {
		kind, action := "snapshot", "rds:CreateDBSnapshot"
		if b.Call.Operation == "DeleteDBCluster" {
			kind, action = "cluster-snapshot", "rds:CreateDBClusterSnapshot"
		}
		b.Ask(action, b.ARN(kind+":"+name))
	}
	if form.Get("ManageMasterUserPassword") == "true" {
		secret := "arn:aws:secretsmanager:" + b.Call.Region + ":" + b.Account + ":secret:rds!db-new"
		b.RequestTags = nil
		b.Ask("secretsmanager:CreateSecret", secret)
		b.Ask("secretsmanager:TagResource", secret)
		b.Context("kms:ViaService", "rds."+b.Call.Region+".amazonaws.com")
		for _, action := range []string{"DescribeKey", "CreateGrant", "Decrypt", "GenerateDataKey"} {
			b.Ask("kms:"+action, "arn:aws:kms:"+b.Call.Region+":"+b.Account+":key/of-the-database")
		}
		b.WithoutContext()
	}
}
