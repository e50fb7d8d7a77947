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
