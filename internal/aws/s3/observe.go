package s3

import (
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/s3"
)

// bucketMetrics are what S3 sends to CloudWatch once a day. Numbers of requests would have to be switched on, and cost
// extra.
func bucketMetrics(o resource.Watched[model.Bucket, model.BucketOutputs]) []resource.Metric {
	daily := func(name, title, metric, storage string, unit resource.Unit) resource.Metric {
		return resource.Metric{
			Name: name, Title: title, Namespace: "AWS/S3", Metric: metric, Statistic: "Average", Unit: unit,
			Dimensions: map[string]string{"BucketName": o.Props.Name, "StorageType": storage}, Daily: true,
		}
	}
	return []resource.Metric{
		daily("size", "Size in the storage class Standard", "BucketSizeBytes", "StandardStorage", resource.Bytes),
		daily("objects", "Objects", "NumberOfObjects", "AllStorageTypes", resource.Count),
	}
}
