package ec2

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/value"
)

// unsuccessful is the error in an answer with status 200.
func unsuccessful(operation string, items []types.UnsuccessfulItem) error {
	for _, item := range items {
		if item.Error == nil {
			continue
		}
		out := &resource.OpError{
			Operation: "ec2:" + operation, Code: aws.ToString(item.Error.Code),
			Message: aws.ToString(item.Error.Message),
		}
		if strings.Contains(out.Code, "NotFound") {
			out.Err = resource.ErrNotFound
		}
		return out
	}
	return nil
}

type (
	flowCall = resource.Call[model.FlowLog, model.FlowLogOutputs]
	flowLog  struct {
		api *api
		*objects[types.FlowLog]
	}
)

func newFlowLog(api *api) resource.Behaviour {
	f := flowLog{api, batched(api, objects[types.FlowLog]{
		noun: "flow log", operation: "DescribeFlowLogs", missing: "InvalidFlowLogId.NotFound",
		idFilter: "flow-log-id",
		id:       func(f types.FlowLog) *string { return f.FlowLogId },
		tags:     func(f types.FlowLog) []types.Tag { return f.Tags },
		list: func(ctx context.Context, filters []types.Filter) ([]types.FlowLog, error) {
			in := &ec2.DescribeFlowLogsInput{Filter: filters}
			return call.All(ctx, api.client.DescribeFlowLogs, in, &in.NextToken,
				func(page *ec2.DescribeFlowLogsOutput) ([]types.FlowLog, *string) {
					return page.FlowLogs, page.NextToken
				})
		},
	})}
	return &resource.Typed[model.FlowLog, model.FlowLogOutputs]{
		Def: resource.Definition{
			Type: model.FlowLogType, Version: 1,
			// A VPC has one flow log for each log group.
			ReplaceOn:           []string{"vpcId", "traffic", "logGroup", "roleArn"},
			DeleteBeforeReplace: true, Beside: resource.AnyOf("vpcId", "logGroup"),
			NotYet: []resource.NotYet{{
				Operations: []string{"ec2:CreateFlowLogs"},
				Codes:      []string{"InvalidVpcID.NotFound", "InvalidVpcId.NotFound"},
			}, {
				Operations: []string{"ec2:CreateFlowLogs"}, Codes: []string{"InvalidParameter"},
				Says: []string{"*role*"}, // a new role
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				return append(scoped(s, "vpc-flow-log", "CreateFlowLogs", []string{"ec2:DeleteFlowLogs"},
					"ec2:DescribeFlowLogs"), within(s, "CreateFlowLogs", "vpc"), resource.Statement{
					On: []string{s.GlobalARN("iam", "role/"+s.Names(64))}, Actions: []string{"iam:PassRole"},
					When: resource.Condition{"StringEquals": {
						"iam:PassedToService": {"vpc-flow-logs.amazonaws.com"},
					}},
					Why: "the flow log gets the role with which AWS writes to the log group",
				})
			},
		},
		CreateObject: f.create, ReadObject: f.read, UpdateObject: f.update, DeleteObject: f.delete,
		Find: func(ctx context.Context, c flowCall) (string, map[string]string, error) {
			return f.find(ctx, c.Request)
		},
		Taggable: true,
	}
}

func (f flowLog) create(ctx context.Context, c flowCall) (string, model.FlowLogOutputs, error) {
	made, err := f.api.client.CreateFlowLogs(ctx, &ec2.CreateFlowLogsInput{
		ResourceIds: []string{c.Props.VPCID.Get()}, ResourceType: types.FlowLogsResourceTypeVpc,
		TrafficType:        types.TrafficType(strings.ToUpper(c.Props.Traffic)),
		LogDestinationType: types.LogDestinationTypeCloudWatchLogs, LogGroupName: aws.String(c.Props.LogGroup.Get()),
		DeliverLogsPermissionArn: aws.String(c.Props.RoleARN.Get()), ClientToken: call.Token(c.Token, 64),
		TagSpecifications: specification(types.ResourceTypeVpcFlowLog, tagging.Wanted(c.Tags, c.Props.Tags)),
	})
	if err == nil {
		err = unsuccessful("CreateFlowLogs", made.Unsuccessful)
	}
	if err != nil {
		return "", model.FlowLogOutputs{}, failed(err)
	}
	if len(made.FlowLogIds) == 0 {
		return "", model.FlowLogOutputs{}, &resource.OpError{
			Operation: "ec2:CreateFlowLogs", Message: "AWS's answer has no flow log",
		}
	}
	return made.FlowLogIds[0], model.FlowLogOutputs{ID: made.FlowLogIds[0]}, nil
}

func (f flowLog) read(ctx context.Context, c flowCall) (model.FlowLog, model.FlowLogOutputs, error) {
	found, err := f.get(ctx, c.ID)
	if err != nil {
		return model.FlowLog{}, model.FlowLogOutputs{}, err
	}
	return model.FlowLog{
		VPCID: value.Lit(aws.ToString(found.ResourceId)), Traffic: strings.ToLower(string(found.TrafficType)),
		LogGroup: value.Lit(aws.ToString(found.LogGroupName)),
		RoleARN:  value.Lit(aws.ToString(found.DeliverLogsPermissionArn)),
		Tags:     tagging.Seen(c.Request, tagging.Map(found.Tags, tag)),
	}, model.FlowLogOutputs{ID: c.ID}, nil
}

func (f flowLog) update(ctx context.Context, c flowCall) (model.FlowLogOutputs, error) {
	return c.Out, f.retag(ctx, c.Request, c.Old.Tags, c.Props.Tags)
}

func (f flowLog) delete(ctx context.Context, c flowCall) error {
	out, err := f.api.client.DeleteFlowLogs(ctx, &ec2.DeleteFlowLogsInput{FlowLogIds: []string{c.ID}})
	if err != nil {
		return failed(err)
	}
	return unsuccessful("DeleteFlowLogs", out.Unsuccessful)
}
