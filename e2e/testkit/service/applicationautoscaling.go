package service

import (
	"encoding/json"
	"maps"
	"regexp"
	"strings"

	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/late"
	"github.com/company/deployer/e2e/testkit/proxy"
)

var _ = register(Service{
	Name: "application-autoscaling", ID: "Application Auto Scaling",
	NameBy: []string{
		"PolicyName", "ScheduledActionName", "ResourceId", "ResourceIds", "ResourceARN", "ServiceNamespace",
	},
	Fix: tagScalableTargets,
	Late: []late.Class{
		{
			Made: "application-autoscaling:RegisterScalableTarget", Asked: true,
			ID: regexp.MustCompile(`"ResourceId":"([^"]+)"`), Unknown: []late.Ignorance{
				{ // IAM gets the tags late
					Operations: []string{"application-autoscaling:PutScalingPolicy"}, Code: "AccessDeniedException",
					Message: "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: " +
						"application-autoscaling:PutScalingPolicy on resource: ID " +
						"because no identity-based policy allows the application-autoscaling:PutScalingPolicy action",
				},
				{
					Operations: []string{"application-autoscaling:PutScheduledAction"}, Code: "ObjectNotFoundException",
					Message: "No scalable target registered for service namespace: ecs, resource ID: ID, scalable " +
						"dimension: ecs:service:DesiredCount",
				},
			},
		},
		{
			Made: "application-autoscaling:PutScheduledAction", Asked: true,
			ID: regexp.MustCompile(`"ScheduledActionName":"([^"]+)"`), Unknown: []late.Ignorance{
				{Operations: []string{"application-autoscaling:DescribeScheduledActions"}, Message: "ScheduledActions"},
			},
		},
	},
	Inventory: inventory.Source{List: listScaling},
	Access:    access.Rules{Requests: accessScaling, Learn: tagsOfTarget},
	Unasked: map[string]string{
		"cloudwatch:DescribeAlarms": ForCaller, "cloudwatch:PutMetricAlarm": ForCaller,
		"cloudwatch:DeleteAlarms": ForCaller,
	},
	Types: map[string]ByHand{
		"applicationautoscaling/policy":           {Property: "targetValue", To: 33},
		"applicationautoscaling/scheduled-action": {Property: "min", To: 3},
		"applicationautoscaling/target":           {Property: "max", To: 7},
	},
})

func listScaling(l *inventory.Lister) error {
	client := scaling.NewFromConfig(l.Config)
	targets, err := client.DescribeScalableTargets(l,
		&scaling.DescribeScalableTargetsInput{ServiceNamespace: scalingtypes.ServiceNamespaceEcs})
	if err != nil {
		return err
	}
	for _, t := range targets.ScalableTargets {
		if err := l.Add("scalable target", *t.ResourceId, t.MinCapacity, t.MaxCapacity); err != nil {
			return err
		}
	}
	policies, err := client.DescribeScalingPolicies(l,
		&scaling.DescribeScalingPoliciesInput{ServiceNamespace: scalingtypes.ServiceNamespaceEcs})
	if err != nil {
		return err
	}
	for _, p := range policies.ScalingPolicies {
		if err := l.Add("scaling policy", *p.ResourceId+" "+*p.PolicyName,
			p.TargetTrackingScalingPolicyConfiguration); err != nil {
			return err
		}
	}
	actions, err := client.DescribeScheduledActions(l,
		&scaling.DescribeScheduledActionsInput{ServiceNamespace: scalingtypes.ServiceNamespaceEcs})
	if err != nil {
		return err
	}
	for _, a := range actions.ScheduledActions {
		if err := l.Add("scheduled action", *a.ResourceId+" "+*a.ScheduledActionName, a.Schedule,
			a.ScalableTargetAction); err != nil {
			return err
		}
	}
	return nil
}

func accessScaling(b *access.Builder) {
	op := b.Call.Operation
	if strings.HasPrefix(op, "Describe") {
		b.On("*")
		return
	}
	arn := b.Text("ResourceARN")
	if arn == "" {
		// AWS uses an id of its own; Tags knows the target by this name, too
		arn = b.ARN("scalable-target/" + b.Text("ResourceId"))
		b.Context("application-autoscaling:service-namespace", b.Text("ServiceNamespace"))
	}
	b.On(arn)
	b.Tagging("application-autoscaling:TagResource", arn)
	if op == "RegisterScalableTarget" {
		// AWS checks that the caller has the permissions that scaling will use.
		_, service, _ := strings.Cut(b.Text("ResourceId"), "/")
		b.RequestTags = nil
		for _, action := range []string{"ecs:DescribeServices", "ecs:UpdateService"} {
			b.Ask(action, "arn:aws:ecs:"+b.Call.Region+":"+b.Account+":service/"+service)
		}
	}
}

// tagsOfTarget are the tags of a new scalable target, under the name in later calls.
func tagsOfTarget(c *proxy.Call) (id string, tags map[string]string) {
	var in struct {
		ResourceID string
		Tags       map[string]string
	}
	if c.Operation != "RegisterScalableTarget" || c.Bind(&in) != nil {
		return "", nil
	}
	return in.ResourceID, in.Tags
}

// tagScalableTargets stores the tags of scalable targets. The emulator loses them and has no calls for them.
func tagScalableTargets(p *proxy.Proxy) {
	tags := map[string]map[string]string{} // by ARN, which is unique in the emulator
	p.OnReset(func() { clear(tags) })
	p.Handle("application-autoscaling", "RegisterScalableTarget", func(c *proxy.Call) *proxy.Response {
		var asked struct{ Tags map[string]string }
		if c.Bind(&asked) != nil {
			return nil
		}
		answer, err := c.Forward()
		if err != nil {
			return c.Failed(err)
		}
		var made struct{ ScalableTargetARN string }
		if answer.Status < 300 && json.Unmarshal(answer.Body, &made) == nil && tags[made.ScalableTargetARN] == nil {
			tags[made.ScalableTargetARN] = maps.Clone(asked.Tags) // AWS accepts them for a new target only
		}
		return answer
	})
	tagging := func(operation string, change func(of map[string]string, asked tagRequest)) {
		p.Handle("application-autoscaling", operation, func(c *proxy.Call) *proxy.Response {
			var asked tagRequest
			if c.Bind(&asked) != nil {
				return nil
			}
			of := tags[asked.ResourceARN]
			if of == nil {
				of = map[string]string{}
				tags[asked.ResourceARN] = of
			}
			change(of, asked)
			if len(of) > maxTags {
				for key := range asked.Tags { // which were not there: the product adds none twice beside its own
					delete(of, key)
				}
				return c.Failure(400, "TooManyTagsException", "The object would have more than 50 tags")
			}
			if operation == "ListTagsForResource" {
				return proxy.JSONResponse(map[string]any{"Tags": of})
			}
			return proxy.JSONResponse(map[string]any{})
		})
	}
	tagging("ListTagsForResource", func(map[string]string, tagRequest) {})
	tagging("TagResource", func(of map[string]string, asked tagRequest) { maps.Copy(of, asked.Tags) })
	tagging("UntagResource", func(of map[string]string, asked tagRequest) {
		for _, key := range asked.TagKeys {
			delete(of, key)
		}
	})
}

// tagRequest is what the calls about tags ask for.
type tagRequest struct {
	ResourceARN string
	Tags        map[string]string
	TagKeys     []string
}
