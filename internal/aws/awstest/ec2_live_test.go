package awstest

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	model "github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/value"
)

var _ = liveObjects(answerEC2,
	liveType{file: "EC2-SecurityGroup", typ: model.SecurityGroupType, props: func(l live) (any, string, string) {
		return model.SecurityGroup{
			GroupName: l.Live.text("GroupName"), VPCID: lit(l.Live.text("VpcId")),
			Description: l.Declared.text("GroupDescription"),
			Tags:        l.Declared.tags(),
		}, l.Live.text("GroupId"), ""
	}},
	liveType{file: "EC2-SecurityGroupIngress", typ: model.SecurityGroupRuleType, props: liveSecurityGroupRule},
)

func liveSecurityGroupRule(l live) (any, string, string) {
	d := l.Declared
	if d.text("SourcePrefixListId") != "" {
		return nil, "", "a prefix list"
	}
	protocol := d.text("IpProtocol")
	rule := model.SecurityGroupRule{
		SecurityGroupID: lit(d.text("GroupId")), Direction: model.Ingress, Protocol: protocol,
		CIDR:                      lit(d.text("CidrIp") + d.text("CidrIpv6")),
		ReferencedSecurityGroupID: lit(d.text("SourceSecurityGroupId")), Description: d.text("Description"),
	}
	if protocol == "-1" {
		rule.Protocol = "all"
	} else {
		rule.FromPort, rule.ToPort = value.Lit(d.int("FromPort")), value.Lit(d.int("ToPort"))
	}
	return rule, l.Live.text("Id"), ""
}

func answerEC2(l object, parameters any) (any, error) {
	switch parameters.(type) {
	case *ec2.DescribeSecurityGroupsInput:
		group := into[ec2types.SecurityGroup](l)
		group.Description = aws.String(l.text("GroupDescription"))
		return &ec2.DescribeSecurityGroupsOutput{SecurityGroups: []ec2types.SecurityGroup{group}}, nil
	case *ec2.DescribeSecurityGroupRulesInput:
		rule := into[ec2types.SecurityGroupRule](l)
		rule.SecurityGroupRuleId, rule.IsEgress = aws.String(l.text("Id")), aws.Bool(l.is("IsEgress"))
		if cidr := l.text("CidrIp"); cidr != "" {
			rule.CidrIpv4 = &cidr
		}
		if group := l.text("SourceSecurityGroupId"); group != "" {
			rule.ReferencedGroupInfo = &ec2types.ReferencedSecurityGroup{GroupId: &group}
		}
		return &ec2.DescribeSecurityGroupRulesOutput{SecurityGroupRules: []ec2types.SecurityGroupRule{rule}}, nil
	}
	return nil, nil
}
