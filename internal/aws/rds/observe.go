package rds

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	awslogs "github.com/company/deployer/internal/aws/logs"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/rds"
)

type (
	watchedInstance = resource.Watched[model.Instance, model.InstanceOutputs]
	watchedCluster  = resource.Watched[model.Cluster, model.ClusterOutputs]
)

// judged is how a database in that status does.
func judged(status string) resource.Observation {
	usable, err := state(status)
	var broken *resource.OpError
	switch {
	case usable:
		return resource.Observation{Health: report.Healthy}
	case errors.As(err, &broken):
		return resource.Observation{
			Health:  report.Unhealthy,
			Problem: "It is in the state " + status + ". Next: " + broken.Next + ".",
		}
	default:
		return resource.Observation{
			Health:  report.Updating,
			Problem: "It is " + strings.ReplaceAll(status, "-", " ") + ".",
		}
	}
}

// health reports the status of an instance.
func (i instance) health(ctx context.Context, w watchedInstance) (resource.Observation, error) {
	found, err := i.get(ctx, w.ID)
	return judged(aws.ToString(found.DBInstanceStatus)), err
}

// health reports the status of a cluster.
func (d cluster) health(ctx context.Context, w watchedCluster) (resource.Observation, error) {
	found, err := d.get(ctx, w.ID)
	out := judged(aws.ToString(found.Status))
	out.Facts = []report.Fact{{Name: "instances", Value: len(found.DBClusterMembers)}}
	return out, err
}

// logs are the log groups to which RDS exports the logs of a database.
func logs(kind, id string, exports []string) []resource.LogSource {
	var out []resource.LogSource
	for _, name := range exports {
		out = append(out, resource.LogSource{Group: "/aws/rds/" + kind + "/" + id + "/" + name})
	}
	return out
}

// logsOf is what reading the exported logs of databases needs.
func logsOf(s resource.Scope, kind string) resource.Statement {
	return awslogs.ReadPermissions(s.ARN("logs", "log-group:/aws/rds/"+kind+"/"+s.Names(identifierLimit)))
}

// metrics of an instance, or of all instances of a cluster.
func metrics(dimension, id string, storage bool) []resource.Metric {
	metric := func(name, title, of string, unit resource.Unit) resource.Metric {
		return resource.Metric{
			Name: name, Title: title, Namespace: "AWS/RDS", Metric: of, Statistic: "Average", Unit: unit,
			Dimensions: map[string]string{dimension: id},
		}
	}
	out := []resource.Metric{
		metric("cpu", "CPU", "CPUUtilization", resource.Percent),
		metric("connections", "connections", "DatabaseConnections", resource.Count),
		metric("memory-free", "free memory", "FreeableMemory", resource.Bytes),
	}
	if storage {
		out = append(out, metric("storage-free", "free storage", "FreeStorageSpace", resource.Bytes))
	}
	return out
}
