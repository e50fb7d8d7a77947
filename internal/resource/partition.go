package resource

import "strings"

// Partition is a part of AWS with its own accounts, ARNs and host names.
type Partition struct {
	Name string // as in ARNs: "aws"
	DNS  string // the end of the host names of its services
}

// partitions are known by the beginning of their regions.
var partitions = []struct {
	prefix string
	Partition
}{
	{"cn-", Partition{"aws-cn", "amazonaws.com.cn"}},
	{"us-gov-", Partition{"aws-us-gov", "amazonaws.com"}},
	{"us-iso-", Partition{"aws-iso", "c2s.ic.gov"}},
	{"us-isob-", Partition{"aws-iso-b", "sc2s.sgov.gov"}},
	{"eu-isoe-", Partition{"aws-iso-e", "cloud.adc-e.uk"}},
	{"us-isof-", Partition{"aws-iso-f", "csp.hci.ic.gov"}},
	{"eusc-", Partition{"aws-eusc", "amazonaws.eu"}},
}

// globalRegions are where services without regions, such as IAM, keep the record of their calls.
var globalRegions = map[string]string{
	"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-iso": "us-iso-east-1",
	"aws-iso-b": "us-isob-east-1", "aws-iso-e": "eu-isoe-west-1", "aws-iso-f": "us-isof-south-1",
	"aws-eusc": "eusc-de-east-1",
}

// GlobalRegion returns the region of services without regions, in the partition of a region.
func GlobalRegion(region string) string { return globalRegions[PartitionOf(region).Name] }

// PartitionOf returns the partition of a region. For "*", any region, the name is "*", too.
func PartitionOf(region string) Partition {
	if region == "*" {
		return Partition{"*", "*"}
	}
	for _, p := range partitions {
		if strings.HasPrefix(region, p.prefix) {
			return p.Partition
		}
	}
	return Partition{"aws", "amazonaws.com"}
}
