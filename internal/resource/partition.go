package resource

import "strings"

// Partition is a part of AWS with accounts, ARNs and host names of its own.
type Partition struct {
	Name string // as in ARNs: "aws"
	DNS  string // what the host names of its services end with
}

// partitions are known by how their regions begin.
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

// PartitionOf returns the partition of a region. Of "*", any region, the name is "*", too.
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
