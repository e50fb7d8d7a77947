package rds

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	model "github.com/company/deployer/internal/resource/rds"
)

// What AWS has where a manifest says nothing. AWS keeps what it was told last, so a change that takes a property out
// of the manifest has to say it.
const (
	standardStorage = "aurora" // of a cluster
	usualRotation   = 7        // days between rotations of a managed password
)

// withoutInstance is p with the defaults of those properties that old has and p has no more.
func withoutInstance(old, p model.Instance, found types.DBInstance) model.Instance {
	iops, throughput := comesWith(cmp.Or(p.StorageType, aws.ToString(found.StorageType)),
		max(aws.ToInt(p.Storage), int(aws.ToInt32(found.AllocatedStorage))))
	if old.IOPS != nil {
		p.IOPS = cmp.Or(p.IOPS, iops)
	}
	if old.Throughput != nil {
		p.Throughput = cmp.Or(p.Throughput, throughput)
	}
	return p
}

// withoutCluster is withoutInstance for a cluster.
func withoutCluster(old, p model.Cluster) model.Cluster {
	if old.StorageType != "" {
		p.StorageType = cmp.Or(p.StorageType, standardStorage)
	}
	return p
}

// rotateAsUsual sets the default days between rotations if the manifest had others and says nothing any more.
func (a *api) rotateAsUsual(ctx context.Context, secret *types.MasterUserSecret, old, wanted *int) error {
	if old == nil || wanted != nil {
		return nil
	}
	return a.rotate(ctx, secret, new(usualRotation))
}
