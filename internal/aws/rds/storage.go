package rds

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	model "github.com/company/deployer/internal/resource/rds"
)

// gp3 is the storage type whose IOPS and throughput can be chosen from striped on only.
const gp3 = "gp3"

// RDS keeps gp3 storage of PostgreSQL, MySQL and MariaDB on four volumes from 400 GiB on. Below, it has 3000 IOPS and
// 125 MiB/s, and AWS refuses to be told that. From there on, AWS wants to be told at each change; these are the least.
const (
	striped           = 400 // GiB
	stripedIOPS       = 12000
	stripedThroughput = 500 // MiB per second
)

// provisioned reports whether storage has IOPS that AWS wants to be told together with a size.
func provisioned(storageType string, size int32) bool {
	return storageType == gp3 && size >= striped || slices.Contains([]string{"io1", "io2"}, storageType)
}

// changeStorage puts into a change what AWS wants together of the storage. The size is what the instance has, unless it
// grows: AWS may have grown it.
func changeStorage(in *rds.ModifyDBInstanceInput, p model.Instance, found types.DBInstance, grows bool) {
	had, size := aws.ToInt32(found.AllocatedStorage), aws.ToInt32(found.AllocatedStorage)
	if grows {
		size = *number(p.Storage)
	}
	was := aws.ToString(found.StorageType)
	wanted := was
	if p.StorageType != "" {
		wanted, in.StorageType = p.StorageType, &p.StorageType
	}
	in.Iops, in.StorageThroughput = number(p.IOPS), number(p.Throughput)
	switch {
	case wanted == gp3 && size >= striped:
		hasIOPS, hasThroughput := int32(0), int32(0)
		if was == gp3 && had >= striped {
			hasIOPS, hasThroughput = aws.ToInt32(found.Iops), aws.ToInt32(found.StorageThroughput)
		}
		in.AllocatedStorage = &size
		in.Iops = unless(in.Iops, max(hasIOPS, stripedIOPS))
		in.StorageThroughput = unless(in.StorageThroughput, max(hasThroughput, stripedThroughput))
	case provisioned(wanted, size):
		in.AllocatedStorage = &size
		if in.Iops == nil {
			in.Iops = found.Iops
		}
	case grows || in.Iops != nil || in.StorageThroughput != nil:
		in.AllocatedStorage = &size
		if in.Iops == nil && wanted == "gp2" && provisioned(was, had) {
			in.Iops = aws.Int32(0) // what it had goes
		}
	}
}

func unless(given *int32, otherwise int32) *int32 {
	if given != nil {
		return given
	}
	return &otherwise
}

// comesWith are the IOPS and the throughput that come with storage, where AWS has to be told them; else nil.
func comesWith(storageType string, size int) (iops, throughput *int) {
	if storageType != gp3 || size < striped {
		return nil, nil
	}
	return new(stripedIOPS), new(stripedThroughput)
}
