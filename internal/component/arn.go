package component

import (
	"strings"

	"github.com/company/deployer/internal/resource"
)

// Partition is the part of AWS that the instance's region belongs to, as in ARNs.
func (i Instance) Partition() string { return resource.PartitionOf(i.Region).Name }

// ARN names a resource of the given AWS service in the instance's account and region.
func (i Instance) ARN(service, name string) string {
	return strings.Join([]string{"arn", i.Partition(), service, i.Region, i.Account, name}, ":")
}

// Host is the host name of an AWS service in the instance's region, by which KMS knows it.
func (i Instance) Host(service string) string {
	return service + "." + i.Region + "." + resource.PartitionOf(i.Region).DNS
}
