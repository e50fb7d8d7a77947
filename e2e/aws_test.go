package e2e

import (
	"context"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/service"
)

// awsCommand acts in the script's account, beside the binary.
//
//	aws bucket NAME               make a bucket
//	aws table NAME KEY            make a table with that key
//	aws object get KEY FILE       read an object of $BUCKET
//	aws object put KEY FILE       write one
//	aws object rm KEY             delete one
//	aws objects N PREFIX          $BUCKET has N objects below PREFIX
//	aws objects mv FROM TO        give the objects of $BUCKET whose keys begin with FROM keys that begin with TO
//	aws lock KEY FIELD=VALUE...   change fields of a lock in $TABLE; whole numbers are numbers
//	aws unlock-table KEY          delete the lock's item
//	aws data put REGEXP KEY       write an object into the only other bucket whose name matches
//	aws data drop REGEXP          empty the buckets whose names match
//	aws data N REGEXP             the buckets whose names match have N objects
//	aws versioning off            suspend the versioning of $BUCKET
//	aws queue get REGEXP ATTRIBUTE VALUE
//	                              the only queue whose name matches has this attribute
//	aws queue set REGEXP ATTRIBUTE VALUE
//	aws queue send REGEXP BODY    send a message to the only queue whose name matches
//	aws queue purge REGEXP
//	aws queue delete REGEXP
//	aws role attach|detach REGEXP ARN
//	                              a managed policy, to or from the only role whose name matches
//	aws role policy REGEXP NAME   write an inline policy of that name into the role
//	aws group open REGEXP CIDR    let addresses into port 22 of the only security group whose name matches
//	aws listener route REGEXP PATH
//	                              make a rule for a path in the listeners of the load balancer whose name matches
//	aws log GROUP STREAM TEXT N   write N lines, "TEXT 1" to "TEXT N", into the newest stream that has STREAM in
//	                              its name, of the log group that has GROUP in its name; \e in TEXT is an escape
//	aws services delete           delete all ECS services
//	aws services deploy           start another deployment of every ECS service
//	aws certificate HOST          import a certificate into ACM
//	aws vpc VARIABLE              make a VPC with a public subnet in two zones; its id is $VARIABLE
//	aws secret NAME VALUE         make a secret
//	aws parameter NAME VALUE      make an encrypted parameter
//	aws login ACCOUNT             from now on the binary has credentials of that account
//	aws leftovers N               N objects are there, apart from the state's bucket and what AWS or the script made
func awsCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "aws")
	w := worldOf(ts)
	config := w.Config.Copy()
	config.Credentials = credentials.NewStaticCredentialsProvider(ts.Getenv("AWS_ACCESS_KEY_ID"),
		ts.Getenv("AWS_SECRET_ACCESS_KEY"), ts.Getenv("AWS_SESSION_TOKEN"))
	c := &acting{
		Context: context.Background(), ts: ts, world: w, config: config, bucket: aws.String(ts.Getenv("BUCKET")),
		objects: s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }),
	}
	for words := 2; words > 0; words-- {
		do, known := awsCommands[strings.Join(args[:min(words, len(args))], " ")]
		if !known {
			continue
		}
		if c.args = args[words:]; len(c.args) < do.args {
			ts.Fatalf("aws %s: too few arguments", strings.Join(args, " "))
		}
		do.run(c)
		return
	}
	if len(args) < 2 || !w.outside(c, ts, args) {
		ts.Fatalf("unknown: aws %s", strings.Join(args, " "))
	}
}

// acting is one call of the command aws.
type acting struct {
	context.Context
	ts      *testscript.TestScript
	world   *world
	config  aws.Config // with the script's credentials
	objects *s3.Client
	bucket  *string
	args    []string // after the words of the command
}

// awsCommands are the commands by their first words, each with how many arguments it needs.
var awsCommands = map[string]struct {
	args int
	run  func(*acting)
}{
	"bucket": {1, (*acting).makeBucket},
	"table":  {2, (*acting).makeTable},
	"certificate": {1, func(c *acting) {
		_, err := testkit.ImportCertificate(c, c.config, c.args[0])
		c.ts.Check(err)
	}},
	"vpc":       {1, func(c *acting) { c.ts.Setenv(c.args[0], c.world.vpc(c, c.ts)) }},
	"login":     {1, (*acting).login},
	"leftovers": {1, (*acting).leftovers},
	"secret": {2, func(c *acting) {
		_, err := secretsmanager.NewFromConfig(c.world.Config).CreateSecret(c,
			&secretsmanager.CreateSecretInput{Name: &c.args[0], SecretString: &c.args[1]})
		c.ts.Check(err)
	}},
	"parameter": {2, func(c *acting) {
		_, err := ssm.NewFromConfig(c.world.Config).PutParameter(c, &ssm.PutParameterInput{
			Name: &c.args[0], Value: &c.args[1], Type: ssmtypes.ParameterTypeSecureString,
		})
		c.ts.Check(err)
	}},
	"data":       {2, func(c *acting) { data(c, c.ts, c.objects, c.args) }},
	"log":        {4, func(c *acting) { writeLog(c, c.ts, c.config, c.args) }},
	"object get": {2, (*acting).getObject},
	"object put": {2, func(c *acting) {
		_, err := c.objects.PutObject(c, &s3.PutObjectInput{
			Bucket: c.bucket, Key: &c.args[0], Body: strings.NewReader(c.ts.ReadFile(c.args[1])),
		})
		c.ts.Check(err)
	}},
	"object rm": {1, func(c *acting) {
		_, err := c.objects.DeleteObject(c, &s3.DeleteObjectInput{Bucket: c.bucket, Key: &c.args[0]})
		c.ts.Check(err)
	}},
	"objects":    {2, (*acting).countObjects},
	"objects mv": {2, (*acting).moveObjects},
	"versioning off": {0, func(c *acting) {
		_, err := c.objects.PutBucketVersioning(c, &s3.PutBucketVersioningInput{
			Bucket: c.bucket, VersioningConfiguration: &s3types.VersioningConfiguration{
				Status: s3types.BucketVersioningStatusSuspended,
			},
		})
		c.ts.Check(err)
	}},
	"lock": {2, func(c *acting) {
		editLock(c, c.ts, dynamodb.NewFromConfig(c.config), c.args[0], pairs(c.ts, c.args[1:]))
	}},
	"unlock-table": {1, (*acting).dropLock},
	"services delete": {0, func(c *acting) {
		c.world.services(c, c.ts, func(client *ecs.Client, cluster, service string) error {
			_, err := client.DeleteService(c,
				&ecs.DeleteServiceInput{Cluster: &cluster, Service: &service, Force: aws.Bool(true)})
			return err
		})
	}},
	"services deploy": {0, func(c *acting) {
		c.world.services(c, c.ts, func(client *ecs.Client, cluster, service string) error {
			_, err := client.UpdateService(c,
				&ecs.UpdateServiceInput{Cluster: &cluster, Service: &service, ForceNewDeployment: true})
			return err
		})
	}},
	"queue get":    {3, func(c *acting) { c.world.queue(c, c.ts, "get", c.args[0], c.args[1], c.args[2]) }},
	"queue set":    {3, func(c *acting) { c.world.queue(c, c.ts, "set", c.args[0], c.args[1], c.args[2]) }},
	"queue send":   {2, func(c *acting) { c.world.queue(c, c.ts, "send", c.args[0], "", c.args[1]) }},
	"queue delete": {1, func(c *acting) { c.world.queue(c, c.ts, "delete", c.args[0], "", "") }},
	"queue purge":  {1, func(c *acting) { c.world.queue(c, c.ts, "purge", c.args[0], "", "") }},
}

func (c *acting) makeBucket() {
	in := &s3.CreateBucketInput{Bucket: &c.args[0]}
	if c.world.Region != "us-east-1" {
		in.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{
			LocationConstraint: s3types.BucketLocationConstraint(c.world.Region),
		}
	}
	_, err := c.objects.CreateBucket(c, in)
	c.ts.Check(err)
}

func (c *acting) makeTable() {
	_, err := dynamodb.NewFromConfig(c.config).CreateTable(c, &dynamodb.CreateTableInput{
		TableName: &c.args[0], BillingMode: dynamotypes.BillingModePayPerRequest,
		AttributeDefinitions: []dynamotypes.AttributeDefinition{
			{AttributeName: &c.args[1], AttributeType: dynamotypes.ScalarAttributeTypeS},
		},
		KeySchema: []dynamotypes.KeySchemaElement{
			{AttributeName: &c.args[1], KeyType: dynamotypes.KeyTypeHash},
		},
	})
	c.ts.Check(err)
}

func (c *acting) login() {
	creds, err := testkit.CredentialsFor(c, c.world.Endpoint, c.args[0])
	c.ts.Check(err)
	c.ts.Setenv("AWS_ACCESS_KEY_ID", creds.AccessKeyID)
	c.ts.Setenv("AWS_SECRET_ACCESS_KEY", creds.SecretAccessKey)
	c.ts.Setenv("AWS_SESSION_TOKEN", creds.SessionToken)
}

func (c *acting) leftovers() {
	found, err := service.Inventory(c, c.world.Config, *c.bucket)
	c.ts.Check(err)
	found = slices.DeleteFunc(found, madeByScripts)
	if strconv.Itoa(len(found)) != c.args[0] {
		c.ts.Fatalf("%d objects in AWS, want %s:\n%s", len(found), c.args[0], listed(found))
	}
}

func (c *acting) getObject() {
	out, err := c.objects.GetObject(c, &s3.GetObjectInput{Bucket: c.bucket, Key: &c.args[0]})
	c.ts.Check(err)
	data, err := io.ReadAll(out.Body)
	c.ts.Check(err)
	c.ts.Check(os.WriteFile(c.ts.MkAbs(c.args[1]), data, 0o644))
}

// list returns the objects of the script's bucket whose keys begin so.
func (c *acting) list(prefix string) []s3types.Object {
	out, err := c.objects.ListObjectsV2(c, &s3.ListObjectsV2Input{Bucket: c.bucket, Prefix: &prefix})
	c.ts.Check(err)
	return out.Contents
}

func (c *acting) countObjects() {
	if n := len(c.list(c.args[1])); strconv.Itoa(n) != c.args[0] {
		c.ts.Fatalf("%d objects below %s, want %s", n, c.args[1], c.args[0])
	}
}

func (c *acting) moveObjects() {
	for _, o := range c.list(c.args[0]) {
		to := c.args[1] + strings.TrimPrefix(*o.Key, c.args[0])
		_, err := c.objects.CopyObject(c, &s3.CopyObjectInput{
			Bucket: c.bucket, Key: &to, CopySource: aws.String(*c.bucket + "/" + *o.Key),
		})
		c.ts.Check(err)
		_, err = c.objects.DeleteObject(c, &s3.DeleteObjectInput{Bucket: c.bucket, Key: o.Key})
		c.ts.Check(err)
	}
}

func (c *acting) dropLock() {
	_, err := dynamodb.NewFromConfig(c.config).DeleteItem(c, &dynamodb.DeleteItemInput{
		TableName: aws.String(c.ts.Getenv("TABLE")),
		Key: map[string]dynamotypes.AttributeValue{
			"lockKey": &dynamotypes.AttributeValueMemberS{Value: c.args[0]},
		},
	})
	c.ts.Check(err)
}

// madeByScripts reports whether a script made an object itself, for instance with "aws vpc".
func madeByScripts(o inventory.Object) bool {
	switch o.Kind {
	case "certificate":
		return strings.Contains(o.Facts, `"IMPORTED"`)
	case "vpc", "subnet", "internet gateway", "secret":
		return !strings.Contains(o.Facts, "deployer:")
	}
	return false
}

// data writes an object into a bucket of the stack, or drops or counts those of several.
func data(ctx context.Context, ts *testscript.TestScript, objects *s3.Client, args []string) {
	name, err := regexp.Compile(args[1])
	ts.Check(err)
	all, err := objects.ListBuckets(ctx, &s3.ListBucketsInput{})
	ts.Check(err)
	buckets := slices.DeleteFunc(all.Buckets, func(b s3types.Bucket) bool {
		return *b.Name == ts.Getenv("BUCKET") || !name.MatchString(*b.Name)
	})
	if args[0] == "put" {
		if len(buckets) != 1 || len(args) != 3 {
			ts.Fatalf("aws data put REGEXP KEY: %d buckets match", len(buckets))
		}
		_, err := objects.PutObject(ctx, &s3.PutObjectInput{
			Bucket: buckets[0].Name, Key: &args[2],
			Body: strings.NewReader(args[2]),
		})
		ts.Check(err)
		return
	}
	if args[0] == "drop" {
		for _, b := range buckets {
			out, err := objects.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: b.Name})
			ts.Check(err)
			for _, v := range out.Versions {
				_, err := objects.DeleteObject(ctx,
					&s3.DeleteObjectInput{Bucket: b.Name, Key: v.Key, VersionId: v.VersionId})
				ts.Check(err)
			}
		}
		return
	}
	var found []string
	for _, b := range buckets {
		out, err := objects.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: b.Name})
		ts.Check(err)
		for _, o := range out.Contents {
			found = append(found, *b.Name+"/"+*o.Key)
		}
	}
	if strconv.Itoa(len(found)) != args[0] {
		ts.Fatalf("%d objects, want %s:\n%s", len(found), args[0], strings.Join(found, "\n"))
	}
}

func editLock(
	ctx context.Context, ts *testscript.TestScript, tables *dynamodb.Client, key string, fields map[string]string,
) {
	in := &dynamodb.UpdateItemInput{
		TableName: aws.String(ts.Getenv("TABLE")),
		Key: map[string]dynamotypes.AttributeValue{
			"lockKey": &dynamotypes.AttributeValueMemberS{Value: key},
		},
		ExpressionAttributeNames:  map[string]string{},
		ExpressionAttributeValues: map[string]dynamotypes.AttributeValue{},
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

// services does something to every ECS service.
func (w *world) services(
	ctx context.Context, ts *testscript.TestScript, do func(client *ecs.Client, cluster, service string) error,
) {
	client := ecs.NewFromConfig(w.Config)
	clusters, err := client.ListClusters(ctx, &ecs.ListClustersInput{})
	ts.Check(err)
	for _, cluster := range clusters.ClusterArns {
		services, err := client.ListServices(ctx, &ecs.ListServicesInput{Cluster: &cluster})
		ts.Check(err)
		for _, service := range services.ServiceArns {
			ts.Check(do(client, cluster, service))
		}
	}
}

// vpc makes a VPC with a public subnet in each of two zones.
func (w *world) vpc(ctx context.Context, ts *testscript.TestScript) string {
	client := ec2.NewFromConfig(w.Config)
	made, err := client.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.7.0.0/16")})
	ts.Check(err)
	id := made.Vpc.VpcId
	zones, err := client.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{}) // some have no zone b
	ts.Check(err)
	for i, zone := range zones.AvailabilityZones[:2] {
		_, err := client.CreateSubnet(ctx, &ec2.CreateSubnetInput{
			VpcId: id, CidrBlock: aws.String("10.7." + strconv.Itoa(i) + ".0/24"),
			AvailabilityZone: zone.ZoneName,
		})
		ts.Check(err)
	}
	gateway, err := client.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{})
	ts.Check(err)
	_, err = client.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{
		InternetGatewayId: gateway.InternetGateway.InternetGatewayId, VpcId: id,
	})
	ts.Check(err)
	tables, err := client.DescribeRouteTables(ctx,
		&ec2.DescribeRouteTablesInput{Filters: []ec2types.Filter{{Name: aws.String("vpc-id"), Values: []string{*id}}}})
	ts.Check(err)
	_, err = client.CreateRoute(ctx, &ec2.CreateRouteInput{
		RouteTableId: tables.RouteTables[0].RouteTableId, DestinationCidrBlock: aws.String("0.0.0.0/0"),
		GatewayId: gateway.InternetGateway.InternetGatewayId,
	})
	ts.Check(err)
	return *id
}

// queue looks at, changes or deletes the only queue whose name matches.
func (w *world) queue(ctx context.Context, ts *testscript.TestScript, verb, pattern, attribute, value string) {
	client := sqs.NewFromConfig(w.Config)
	name, err := regexp.Compile(pattern)
	ts.Check(err)
	all, err := client.ListQueues(ctx, &sqs.ListQueuesInput{})
	ts.Check(err)
	found := slices.DeleteFunc(all.QueueUrls, func(address string) bool {
		return !name.MatchString(path.Base(address))
	})
	if len(found) != 1 {
		ts.Fatalf("%d queues match %s: %s", len(found), pattern, strings.Join(found, ", "))
	}
	address := &found[0]
	switch verb {
	case "get":
		out, err := client.GetQueueAttributes(ctx,
			&sqs.GetQueueAttributesInput{QueueUrl: address, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
		ts.Check(err)
		if got := out.Attributes[attribute]; got != value {
			ts.Fatalf("%s is %q, want %q", attribute, got, value)
		}
	case "set":
		_, err := client.SetQueueAttributes(ctx,
			&sqs.SetQueueAttributesInput{QueueUrl: address, Attributes: map[string]string{attribute: value}})
		ts.Check(err)
	case "send":
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: address, MessageBody: &value})
		ts.Check(err)
	case "purge":
		_, err := client.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: address})
		ts.Check(err)
	default:
		_, err := client.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: address})
		ts.Check(err)
	}
}
