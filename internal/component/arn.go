package component

import "strings"

// Partition is the part of AWS that the instance's region belongs to: aws, aws-cn or aws-us-gov.
func (i Instance) Partition() string {
	switch {
	case strings.HasPrefix(i.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(i.Region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// ARN names a resource of the given AWS service in the instance's account and region.
func (i Instance) ARN(service, resource string) string {
	return strings.Join([]string{"arn", i.Partition(), service, i.Region, i.Account, resource}, ":")
}
