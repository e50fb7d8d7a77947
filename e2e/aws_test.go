package e2e

import (
	"context"
	"io"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/ecsfake"
	"github.com/company/deployer/e2e/testkit/proxy"
)

// world is the AWS of one script.
type world struct {
	*testkit.Env
	mu      sync.Mutex
	arrived chan struct{} // gets a call that is held
	release chan struct{} // closed to let held calls go on
}

type worldKey struct{}

func newWorld(aws *testkit.Env, env *testscript.Env) *world {
	w := &world{Env: aws}
	// A process that is stopped at the end of a script must not wait for a call that is held.
	env.Defer(w.letGo)
	return w
}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func (w *world) letGo() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.release != nil {
		close(w.release)
		w.release = nil
	}
}

// proxyCommand looks at the calls of the binary and disturbs them. Filters are service=, operation=, resource= (globs), mutating=true, attempt=.
//
//	proxy reset                       forget the calls so far
//	proxy count N FILTER...           exactly N calls; service=a,b counts those of several services
//	proxy fault ACTION FILTER... [nth=N times=N status=N code=C message=M delay=D]
//	proxy hold FILTER...              the next such call waits
//	proxy await                       until a call is held
//	proxy release                     let it go on
//	proxy clear                       no more faults
//	proxy ecs image=GLOB behaviour=B  what the tasks of an image do, as of ecsfake.Rule
func proxyCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "proxy")
	if len(args) == 0 {
		ts.Fatalf("usage: proxy reset|count|fault|hold|await|release|clear|ecs ...")
	}
	w := worldOf(ts)
	switch verb, args := args[0], args[1:]; verb {
	case "reset":
		w.Proxy.ResetRecords()
	case "clear":
		w.Proxy.ClearFaults()
	case "count":
		if len(args) == 0 {
			ts.Fatalf("usage: proxy count N FILTER...")
		}
		want, err := strconv.Atoi(args[0])
		ts.Check(err)
		var calls []string
		services := []string{"*"}
		filter := faultOf(ts, "none", args[1:]).Filter
		if filter.Service != "" {
			services = strings.Split(filter.Service, ",")
		}
		for _, service := range services {
			filter.Service = service
			for _, r := range w.Proxy.Select(filter) {
				calls = append(calls, r.Name()+" "+r.Resource)
			}
		}
		if len(calls) != want {
			ts.Fatalf("%d calls, want %d:\n%s", len(calls), want, strings.Join(calls, "\n"))
		}
	case "fault":
		if len(args) == 0 {
			ts.Fatalf("usage: proxy fault ACTION FILTER...")
		}
		ts.Check(w.Proxy.Inject(faultOf(ts, proxy.Action(args[0]), args[1:])))
	case "hold":
		arrived, release := make(chan struct{}, 64), make(chan struct{})
		w.letGo()
		w.mu.Lock()
		w.arrived, w.release = arrived, release
		w.mu.Unlock()
		fault := faultOf(ts, proxy.None, args)
		fault.OnCall = func(*proxy.Call) {
			arrived <- struct{}{}
			<-release
		}
		ts.Check(w.Proxy.Inject(fault))
	case "await":
		select {
		case <-w.arrived:
		case <-time.After(30 * time.Second):
			ts.Fatalf("no call was held within 30 s")
		}
	case "release":
		w.letGo()
	case "ecs":
		rule := ecsfake.Rule{}
		for key, value := range pairs(ts, args) {
			switch key {
			case "image":
				rule.Image = value
			case "behaviour":
				rule.Behaviour = ecsfake.Behaviour(value)
			default:
				ts.Fatalf("unknown %s", key)
			}
		}
		ts.Check(w.ECS.AddRules(rule))
	default:
		ts.Fatalf("unknown: proxy %s", verb)
	}
}

func pairs(ts *testscript.TestScript, args []string) map[string]string {
	out := map[string]string{}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			ts.Fatalf("%q is not KEY=VALUE", arg)
		}
		out[key] = value
	}
	return out
}

func faultOf(ts *testscript.TestScript, action proxy.Action, args []string) proxy.Fault {
	fault := proxy.Fault{Action: action}
	number := func(value string) int {
		n, err := strconv.Atoi(value)
		ts.Check(err)
		return n
	}
	for key, value := range pairs(ts, args) {
		switch key {
		case "service":
			fault.Service = value
		case "operation":
			fault.Operation = value
		case "resource":
			fault.Resource = value
		case "mutating":
			fault.Mutating = value == "true"
		case "attempt":
			fault.Attempt = number(value)
		case "nth":
			fault.Nth = number(value)
		case "times":
			fault.Times = number(value)
		case "status":
			fault.Status = number(value)
		case "code":
			fault.Code = value
		case "message":
			fault.Message = value
		case "delay":
			d, err := time.ParseDuration(value)
			ts.Check(err)
			fault.Delay = proxy.Duration(d)
		default:
			ts.Fatalf("unknown %s", key)
		}
	}
	return fault
}

// awsCommand acts in the script's account, beside the binary.
//
//	aws bucket NAME               make a bucket
//	aws table NAME KEY            make a table with that key
//	aws object get KEY FILE       read an object of $BUCKET
//	aws object put KEY FILE       write one
//	aws object rm KEY             delete one
//	aws objects N PREFIX          $BUCKET has N objects below PREFIX
//	aws lock KEY FIELD=VALUE...   change fields of a lock in $TABLE; whole numbers are numbers
//	aws unlock-table KEY          delete the lock's item
//	aws versioning off            suspend the versioning of $BUCKET
//	aws queue get REGEXP ATTRIBUTE VALUE
//	                              the only queue whose name matches has this attribute
//	aws queue set REGEXP ATTRIBUTE VALUE
//	aws queue delete REGEXP
//	aws secret NAME VALUE         make a secret
//	aws leftovers N               N queues, roles, clusters, load balancers, target groups, log groups, security groups and buckets are there
func awsCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "aws")
	w := worldOf(ts)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	bucket := aws.String(ts.Getenv("BUCKET"))
	objects := s3.NewFromConfig(w.Config, func(o *s3.Options) { o.UsePathStyle = true })
	need := func(n int) {
		if len(args) < n {
			ts.Fatalf("aws %s: too few arguments", strings.Join(args, " "))
		}
	}
	need(2)
	switch args[0] + " " + args[1] {
	case "object get":
		need(4)
		out, err := objects.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: &args[2]})
		ts.Check(err)
		data, err := io.ReadAll(out.Body)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(args[3]), data, 0o644))
		return
	case "object put":
		need(4)
		_, err := objects.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: &args[2], Body: strings.NewReader(ts.ReadFile(args[3]))})
		ts.Check(err)
		return
	case "object rm":
		need(3)
		_, err := objects.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: &args[2]})
		ts.Check(err)
		return
	case "versioning off":
		_, err := objects.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
			Bucket: bucket, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusSuspended},
		})
		ts.Check(err)
		return
	case "queue get", "queue set":
		need(5)
		w.queue(ctx, ts, args[1], args[2], args[3], args[4])
		return
	case "queue delete":
		need(3)
		w.queue(ctx, ts, args[1], args[2], "", "")
		return
	}
	tables := dynamodb.NewFromConfig(w.Config)
	switch args[0] {
	case "bucket":
		in := &s3.CreateBucketInput{Bucket: &args[1]}
		if w.Region != "us-east-1" {
			in.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(w.Region)}
		}
		_, err := objects.CreateBucket(ctx, in)
		ts.Check(err)
	case "table":
		need(3)
		_, err := tables.CreateTable(ctx, &dynamodb.CreateTableInput{
			TableName: &args[1], BillingMode: dynamotypes.BillingModePayPerRequest,
			AttributeDefinitions: []dynamotypes.AttributeDefinition{{AttributeName: &args[2], AttributeType: dynamotypes.ScalarAttributeTypeS}},
			KeySchema:            []dynamotypes.KeySchemaElement{{AttributeName: &args[2], KeyType: dynamotypes.KeyTypeHash}},
		})
		ts.Check(err)
	case "objects":
		need(3)
		out, err := objects.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket, Prefix: &args[2]})
		ts.Check(err)
		if strconv.Itoa(len(out.Contents)) != args[1] {
			ts.Fatalf("%d objects below %s, want %s", len(out.Contents), args[2], args[1])
		}
	case "lock":
		need(3)
		editLock(ctx, ts, tables, args[1], pairs(ts, args[2:]))
	case "secret":
		need(3)
		_, err := secretsmanager.NewFromConfig(w.Config).CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &args[1], SecretString: &args[2]})
		ts.Check(err)
	case "leftovers":
		found := w.leftovers(ctx, ts)
		if strconv.Itoa(len(found)) != args[1] {
			ts.Fatalf("%d objects in AWS, want %s:\n%s", len(found), args[1], strings.Join(found, "\n"))
		}
	default:
		ts.Fatalf("unknown: aws %s", args[0])
	}
}

func editLock(ctx context.Context, ts *testscript.TestScript, tables *dynamodb.Client, key string, fields map[string]string) {
	in := &dynamodb.UpdateItemInput{
		TableName: aws.String(ts.Getenv("TABLE")), Key: map[string]dynamotypes.AttributeValue{"lockKey": &dynamotypes.AttributeValueMemberS{Value: key}},
		ExpressionAttributeNames: map[string]string{}, ExpressionAttributeValues: map[string]dynamotypes.AttributeValue{},
	}
	var sets []string
	for field, value := range fields {
		n := strconv.Itoa(len(sets))
		in.ExpressionAttributeNames["#"+n] = field
		in.ExpressionAttributeValues[":"+n] = &dynamotypes.AttributeValueMemberS{Value: value}
		if _, err := strconv.Atoi(value); err == nil {
			in.ExpressionAttributeValues[":"+n] = &dynamotypes.AttributeValueMemberN{Value: value}
		}
		sets = append(sets, "#"+n+" = :"+n)
	}
	in.UpdateExpression = aws.String("SET " + strings.Join(sets, ", "))
	_, err := tables.UpdateItem(ctx, in)
	ts.Check(err)
}

// queue looks at, changes or deletes the only queue whose name matches.
func (w *world) queue(ctx context.Context, ts *testscript.TestScript, verb, pattern, attribute, value string) {
	client := sqs.NewFromConfig(w.Config)
	name, err := regexp.Compile(pattern)
	ts.Check(err)
	all, err := client.ListQueues(ctx, &sqs.ListQueuesInput{})
	ts.Check(err)
	found := slices.DeleteFunc(all.QueueUrls, func(address string) bool { return !name.MatchString(path.Base(address)) })
	if len(found) != 1 {
		ts.Fatalf("%d queues match %s: %s", len(found), pattern, strings.Join(found, ", "))
	}
	address := &found[0]
	switch verb {
	case "get":
		out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: address, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
		ts.Check(err)
		if got := out.Attributes[attribute]; got != value {
			ts.Fatalf("%s is %q, want %q", attribute, got, value)
		}
	case "set":
		_, err := client.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: address, Attributes: map[string]string{attribute: value}})
		ts.Check(err)
	default:
		_, err := client.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: address})
		ts.Check(err)
	}
}

// leftovers lists what is in the script's account and region, apart from what AWS itself puts there and the state's bucket.
func (w *world) leftovers(ctx context.Context, ts *testscript.TestScript) []string {
	var out []string
	queues, err := sqs.NewFromConfig(w.Config).ListQueues(ctx, &sqs.ListQueuesInput{})
	ts.Check(err)
	for _, u := range queues.QueueUrls {
		parsed, err := url.Parse(u)
		ts.Check(err)
		out = append(out, "queue "+parsed.Path)
	}
	buckets, err := s3.NewFromConfig(w.Config, func(o *s3.Options) { o.UsePathStyle = true }).ListBuckets(ctx, &s3.ListBucketsInput{})
	ts.Check(err)
	for _, b := range buckets.Buckets {
		if *b.Name != ts.Getenv("BUCKET") {
			out = append(out, "bucket "+*b.Name)
		}
	}
	roles, err := iam.NewFromConfig(w.Config).ListRoles(ctx, &iam.ListRolesInput{})
	ts.Check(err)
	for _, r := range roles.Roles {
		if !strings.HasPrefix(*r.Path, "/aws-service-role/") {
			out = append(out, "role "+*r.RoleName)
		}
	}
	clusters, err := ecs.NewFromConfig(w.Config).ListClusters(ctx, &ecs.ListClustersInput{})
	ts.Check(err)
	out = append(out, clusters.ClusterArns...)
	balancers, err := elb.NewFromConfig(w.Config).DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{})
	ts.Check(err)
	for _, b := range balancers.LoadBalancers {
		out = append(out, *b.LoadBalancerArn)
	}
	groups, err := elb.NewFromConfig(w.Config).DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{})
	ts.Check(err)
	for _, g := range groups.TargetGroups {
		out = append(out, *g.TargetGroupArn)
	}
	logs, err := cloudwatchlogs.NewFromConfig(w.Config).DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{})
	ts.Check(err)
	for _, g := range logs.LogGroups {
		out = append(out, "log group "+*g.LogGroupName)
	}
	security, err := ec2.NewFromConfig(w.Config).DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{})
	ts.Check(err)
	for _, g := range security.SecurityGroups {
		if *g.GroupName != "default" {
			out = append(out, "security group "+*g.GroupName)
		}
	}
	slices.Sort(out)
	return out
}
