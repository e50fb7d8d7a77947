package awstest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	autoscaling "github.com/company/deployer/internal/resource/applicationautoscaling"
	"github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/resource/iam"
	"github.com/company/deployer/internal/resource/logs"
	"github.com/company/deployer/internal/resource/s3"
	"github.com/company/deployer/internal/resource/servicediscovery"
	"github.com/company/deployer/internal/resource/sqs"
	"github.com/company/deployer/internal/value"
)

const anyVPC = "vpc-0123456789abcdef0"

var liveTypes = []liveType{
	{file: "SQS-Queue", typ: sqs.QueueType, explicit: []string{"maxMessageSize"}, props: liveQueue},
	{file: "SQS-QueuePolicy", typ: sqs.QueuePolicyType, props: func(l live) (any, string, string) {
		url := l.Declared.texts("Queues")[0]
		return sqs.QueuePolicy{QueueURL: lit(url), Policy: l.Declared.document("PolicyDocument")}, url, ""
	}},
	{file: "Logs-LogGroup", typ: logs.LogGroupType, props: func(l live) (any, string, string) {
		name := l.Live.text("LogGroupName")
		if class := l.Declared.text("LogGroupClass"); class != "" && class != "STANDARD" {
			return nil, "", "the class " + class
		}
		return logs.LogGroup{
			Name: name, RetentionDays: l.Declared.int("RetentionInDays"), KMSKey: lit(l.Declared.text("KmsKeyId")),
			Tags: l.Declared.tags(),
		}, name, ""
	}},
	{
		file: "S3-Bucket", typ: s3.BucketType, explicit: []string{"objectOwnership", "publicAccessBlock"},
		props: liveBucket,
	},
	{file: "S3-BucketPolicy", typ: s3.BucketPolicyType, props: func(l live) (any, string, string) {
		bucket := l.Declared.text("Bucket")
		return s3.BucketPolicy{Bucket: lit(bucket), Policy: l.Declared.document("PolicyDocument")}, bucket, ""
	}},
	{file: "IAM-Role", typ: iam.RoleType, props: func(l live) (any, string, string) {
		d := l.Declared
		return iam.Role{
			Name: l.Live.text("RoleName"), AssumeRolePolicy: d.document("AssumeRolePolicyDocument"),
			Path:        d.text("Path"),
			Description: d.text("Description"), MaxSession: d.int("MaxSessionDuration"),
			PermissionsBoundary: lit(d.text("PermissionsBoundary")), Tags: d.tags(),
		}, l.Live.text("RoleName"), ""
	}},
	{file: "IAM-Role", typ: iam.RolePolicyAttachmentType, props: func(l live) (any, string, string) {
		role, arns := l.Live.text("RoleName"), l.Declared.texts("ManagedPolicyArns")
		if len(arns) == 0 {
			return nil, "", "no managed policy"
		}
		return iam.RolePolicyAttachment{Role: lit(role), PolicyARN: lit(arns[0])}, role + ":" + arns[0], ""
	}},
	{file: "IAM-RolePolicy", typ: iam.RolePolicyType, props: liveRolePolicy},
	{file: "IAM-Policy", typ: iam.RolePolicyType, props: liveRolePolicy},
	{
		file: "ECS-Cluster", typ: ecs.ClusterType, explicit: []string{"containerInsights", "capacityProviders"},
		props: func(l live) (any, string, string) {
			name := l.Live.text("ClusterName")
			return ecs.Cluster{
				Name: name, CapacityProviders: l.Declared.texts("CapacityProviders"), Tags: l.Declared.tags(),
				ContainerInsights: l.Declared.pairs("ClusterSettings", "Name", "Value")["containerInsights"],
			}, name, ""
		},
	},
	{
		file: "ECS-ClusterCapacityProviderAssociations", typ: ecs.ClusterType, explicit: []string{"containerInsights"},
		props: func(l live) (any, string, string) {
			name := l.Live.text("Cluster")
			return ecs.Cluster{Name: name, CapacityProviders: l.Declared.texts("CapacityProviders")}, name, ""
		},
	},
	{file: "ECS-Service", typ: ecs.ServiceType, props: liveService},
	{file: "ECS-TaskDefinition", typ: ecs.TaskDefinitionType, props: liveTaskDefinition},
	{file: "EC2-SecurityGroup", typ: ec2.SecurityGroupType, props: func(l live) (any, string, string) {
		return ec2.SecurityGroup{
			GroupName: l.Live.text("GroupName"), VPCID: lit(l.Live.text("VpcId")),
			Description: l.Declared.text("GroupDescription"),
			Tags:        l.Declared.tags(),
		}, l.Live.text("GroupId"), ""
	}},
	{file: "EC2-SecurityGroupIngress", typ: ec2.SecurityGroupRuleType, props: liveSecurityGroupRule},
	{
		file: "ElasticLoadBalancingV2-LoadBalancer", typ: elbv2.LoadBalancerType, props: liveLoadBalancer,
		explicit: []string{"dropInvalidHeaders"},
	},
	{
		file: "ElasticLoadBalancingV2-TargetGroup", typ: elbv2.TargetGroupType, props: liveTargetGroup,
		explicit: []string{"targetType", "healthCheck.protocol"},
	},
	{
		file: "ElasticLoadBalancingV2-Listener", typ: elbv2.ListenerType, props: liveListener,
		explicit: []string{"sslPolicy"},
	},
	{file: "ElasticLoadBalancingV2-ListenerRule", typ: elbv2.ListenerRuleType, props: liveRule},
	{
		file: "ElasticLoadBalancingV2-ListenerCertificate", typ: elbv2.ListenerCertificatesType,
		props: func(l live) (any, string, string) {
			var arns []string
			for _, c := range l.Declared.list("Certificates") {
				arns = append(arns, c.text("CertificateArn"))
			}
			listener := l.Declared.text("ListenerArn")
			return elbv2.ListenerCertificates{ListenerARN: lit(listener), CertificateARNs: value.Lit(arns)}, listener,
				""
		},
	},
	{
		file: "ServiceDiscovery-PrivateDnsNamespace", typ: servicediscovery.PrivateDNSNamespaceType,
		props: func(l live) (any, string, string) {
			return servicediscovery.PrivateDNSNamespace{
				Name: l.Declared.text("Name"), VPCID: lit(l.Declared.text("Vpc")), Tags: l.Declared.tags(),
			}, l.Live.text("Id"), ""
		},
	},
	{file: "ServiceDiscovery-Service", typ: servicediscovery.ServiceType, props: liveDiscovery},
	{
		file: "ApplicationAutoScaling-ScalableTarget", typ: autoscaling.TargetType,
		props: func(l live) (any, string, string) {
			id := l.Declared.text("ResourceId")
			return autoscaling.Target{
				ResourceID: lit(id), Min: l.Declared.int("MinCapacity"), Max: l.Declared.int("MaxCapacity"),
			}, id, ""
		},
	},
	{
		file: "ApplicationAutoScaling-ScalableTarget", typ: autoscaling.ScheduledActionType,
		props: func(l live) (any, string, string) {
			actions := l.Declared.list("ScheduledActions")
			if len(actions) == 0 {
				return nil, "", "no scheduled action"
			}
			a, id := actions[0], l.Declared.text("ResourceId")
			return autoscaling.ScheduledAction{
				Name: a.text("ScheduledActionName"), ResourceID: lit(id), Schedule: a.text("Schedule"),
				Timezone: a.text("Timezone"),
				Min:      a.at("ScalableTargetAction").number("MinCapacity"),
				Max:      a.at("ScalableTargetAction").number("MaxCapacity"),
			}, id + "/" + a.text("ScheduledActionName"), ""
		},
	},
	{
		file: "ApplicationAutoScaling-ScalingPolicy", typ: autoscaling.PolicyType,
		props: func(l live) (any, string, string) {
			set, id := l.Declared.at("TargetTrackingScalingPolicyConfiguration"), l.Live.text("ResourceId")
			return autoscaling.Policy{
				Name: l.Live.text("PolicyName"), ResourceID: lit(id), TargetValue: float64(set.int("TargetValue")),
				Predefined:      set.at("PredefinedMetricSpecification").text("PredefinedMetricType"),
				ResourceLabel:   lit(set.at("PredefinedMetricSpecification").text("ResourceLabel")),
				ScaleInCooldown: set.number("ScaleInCooldown"), ScaleOutCooldown: set.number("ScaleOutCooldown"),
				DisableScaleIn: set.is("DisableScaleIn"),
			}, id + "/" + l.Live.text("PolicyName"), ""
		},
	},
}

func liveQueue(l live) (any, string, string) {
	d := l.Declared
	q := sqs.Queue{
		Name: l.Live.text("QueueName"), FIFO: d.is("FifoQueue"),
		ContentBasedDeduplication: d.is("ContentBasedDeduplication"),
		VisibilityTimeout:         d.number("VisibilityTimeout"), MessageRetention: d.number("MessageRetentionPeriod"),
		Delay: d.number("DelaySeconds"), MaxMessageSize: d.number("MaximumMessageSize"),
		Encryption: lit(d.text("KmsMasterKeyId")),
		Tags:       d.tags(),
	}
	if r := d.at("RedrivePolicy"); r != nil {
		q.Redrive = &sqs.Redrive{
			DeadLetterTargetArn: lit(r.text("deadLetterTargetArn")), MaxReceives: r.int("maxReceiveCount"),
		}
	}
	if l.Live["MessageRetentionPeriod"] == nil || l.Live["QueueUrl"] == nil {
		return nil, "", "an object that was not read from SQS: it lacks attributes that every queue has"
	}
	return q, l.Live.text("QueueUrl"), ""
}

func liveRolePolicy(l live) (any, string, string) {
	role := l.Declared.text("RoleName")
	if roles := l.Declared.texts("Roles"); len(roles) > 0 {
		role = roles[0]
	}
	name := l.Live.text("PolicyName")
	policy := iam.RolePolicy{Role: lit(role), Name: name, Policy: l.Declared.document("PolicyDocument")}
	return policy, role + ":" + name, ""
}

func liveBucket(l live) (any, string, string) {
	d, name := l.Declared, l.Live.text("BucketName")
	b := s3.Bucket{Name: name, Versioning: d.at("VersioningConfiguration").text("Status") == "Enabled", Tags: d.tags()}
	for _, rule := range d.at("BucketEncryption").list("ServerSideEncryptionConfiguration") {
		by := rule.at("ServerSideEncryptionByDefault")
		b.Encryption = &s3.Encryption{
			Algorithm: by.text("SSEAlgorithm"), KMSKey: lit(by.text("KMSMasterKeyID")),
			BucketKey: rule.is("BucketKeyEnabled"),
		}
	}
	for _, rule := range d.at("LifecycleConfiguration").list("Rules") {
		for key := range rule {
			if !slices.Contains([]string{
				"Id", "Status", "Prefix", "ExpirationInDays", "NoncurrentVersionExpiration",
				"AbortIncompleteMultipartUpload",
				"Transitions",
			}, key) {
				return nil, "", "a lifecycle rule with " + key
			}
		}
		r := s3.LifecycleRule{
			ID: rule.text("Id"), Prefix: rule.text("Prefix"), ExpireAfter: rule.int("ExpirationInDays"),
			NoncurrentExpireAfter: rule.at("NoncurrentVersionExpiration").int("NoncurrentDays"),
			AbortUploadsAfter:     rule.at("AbortIncompleteMultipartUpload").int("DaysAfterInitiation"),
		}
		if r.ID == "" {
			return nil, "", "a lifecycle rule without a name"
		}
		for _, move := range rule.list("Transitions") {
			r.Transitions = append(r.Transitions, s3.Transition{
				After: move.int("TransitionInDays"), StorageClass: move.text("StorageClass"),
			})
		}
		b.Lifecycle = append(b.Lifecycle, r)
	}
	for _, rule := range d.at("CorsConfiguration").list("CorsRules") {
		b.CORS = append(b.CORS, s3.CORSRule{
			AllowedOrigins: rule.texts("AllowedOrigins"), AllowedMethods: rule.texts("AllowedMethods"),
			AllowedHeaders: rule.texts("AllowedHeaders"), ExposeHeaders: rule.texts("ExposedHeaders"),
			MaxAge: rule.int("MaxAge"),
		})
	}
	return b, name, ""
}

func liveService(l live) (any, string, string) {
	d, network := l.Declared, l.Declared.at("NetworkConfiguration", "AwsvpcConfiguration")
	if len(network.texts("Subnets")) == 0 {
		return nil, "", "no tasks with network interfaces of their own"
	}
	if launch := d.text("LaunchType"); launch != "" && launch != "FARGATE" {
		return nil, "", "the launch type " + launch
	}
	deployment := d.at("DeploymentConfiguration")
	breaker := deployment.at("DeploymentCircuitBreaker").is("Enable")
	s := ecs.Service{
		Name: l.Live.text("ServiceName"), Cluster: lit(d.text("Cluster")),
		TaskDefinition: lit(d.text("TaskDefinition")),
		DesiredCount:   d.number("DesiredCount"), PlatformVersion: d.text("PlatformVersion"),
		Subnets:        value.Lit(network.texts("Subnets")),
		AssignPublicIP: value.Lit(network.text("AssignPublicIp") == "ENABLED"),
		Deployment: ecs.Deployment{
			MinHealthyPercent: deployment.number("MinimumHealthyPercent"),
			MaxPercent:        deployment.number("MaximumPercent"),
			CircuitBreaker:    &breaker,
		},
		HealthCheckGracePeriod: d.int("HealthCheckGracePeriodSeconds"),
		EnableExecuteCommand:   d.is("EnableExecuteCommand"), Tags: d.tags(),
	}
	if groups := network.texts("SecurityGroups"); len(groups) > 0 {
		s.SecurityGroups = value.Lit(groups)
	}
	for _, item := range d.list("CapacityProviderStrategy") {
		s.CapacityProviders = append(s.CapacityProviders, ecs.CapacityProvider{
			Name: item.text("CapacityProvider"), Base: item.int("Base"), Weight: item.int("Weight"),
		})
	}
	for _, lb := range d.list("LoadBalancers") {
		s.TargetGroups = append(s.TargetGroups, ecs.TargetGroup{
			Arn: lit(lb.text("TargetGroupArn")), ContainerName: lb.text("ContainerName"),
			ContainerPort: lb.int("ContainerPort"),
		})
	}
	return s, l.Live.text("ServiceArn"), ""
}

func liveTaskDefinition(l live) (any, string, string) {
	d := l.Declared
	if mode := d.text("NetworkMode"); mode != "awsvpc" ||
		!slices.Contains(d.texts("RequiresCompatibilities"), "FARGATE") {
		return nil, "", "not for Fargate"
	}
	p := ecs.TaskDefinition{
		Family: l.Live.text("Family"), CPU: d.int("Cpu"), Memory: d.int("Memory"),
		Architecture:     d.at("RuntimePlatform").text("CpuArchitecture"),
		ExecutionRoleArn: lit(d.text("ExecutionRoleArn")), TaskRoleArn: lit(d.text("TaskRoleArn")),
		EphemeralStorage: d.at("EphemeralStorage").int("SizeInGiB"), Tags: d.tags(),
	}
	for _, c := range d.list("ContainerDefinitions") {
		is := ecs.Container{
			Name: c.text("Name"), Image: lit(c.text("Image")), CPU: c.int("Cpu"), Memory: c.int("Memory"),
			User:             c.text("User"),
			WorkingDirectory: c.text("WorkingDirectory"), ReadonlyRootFilesystem: c.is("ReadonlyRootFilesystem"),
			StartTimeout: c.int("StartTimeout"), StopTimeout: c.int("StopTimeout"), Command: c.texts("Command"),
			EntryPoint: c.texts("EntryPoint"), InitProcessEnabled: c.at("LinuxParameters").is("InitProcessEnabled"),
		}
		if c["Essential"] != nil {
			is.Essential = aws.Bool(c.is("Essential"))
		}
		for _, port := range c.list("PortMappings") {
			is.Ports = append(is.Ports, ecs.Port{
				Name: port.text("Name"), Port: port.int("ContainerPort"), Protocol: port.text("Protocol"),
			})
		}
		for name, text := range c.pairs("Environment", "Name", "Value") {
			if is.Environment == nil {
				is.Environment = map[string]value.Of[string]{}
			}
			is.Environment[name] = value.Lit(text)
		}
		for name, text := range c.pairs("Secrets", "Name", "ValueFrom") {
			if is.Secrets == nil {
				is.Secrets = map[string]value.Of[string]{}
			}
			is.Secrets[name] = value.Lit(text)
		}
		if log := c.at("LogConfiguration"); log != nil {
			options := log.at("Options")
			if log.text("LogDriver") != "awslogs" {
				return nil, "", "the log driver " + log.text("LogDriver")
			}
			is.Logs = &ecs.Logs{
				Group: lit(options.text("awslogs-group")), Region: options.text("awslogs-region"),
				StreamPrefix: options.text("awslogs-stream-prefix"), Mode: options.text("mode"),
			}
		}
		if check := c.at("HealthCheck"); check != nil {
			is.HealthCheck = &ecs.HealthCheck{
				Command: check.texts("Command"), Interval: check.int("Interval"), Timeout: check.int("Timeout"),
				Retries: check.int("Retries"), StartPeriod: check.int("StartPeriod"),
			}
		}
		for _, on := range c.list("DependsOn") {
			is.DependsOn = append(is.DependsOn, ecs.ContainerDependency{
				Container: on.text("ContainerName"), Condition: on.text("Condition"),
			})
		}
		p.Containers = append(p.Containers, is)
	}
	return p, p.Family, ""
}

func liveSecurityGroupRule(l live) (any, string, string) {
	d := l.Declared
	if d.text("SourcePrefixListId") != "" {
		return nil, "", "a prefix list"
	}
	protocol := d.text("IpProtocol")
	rule := ec2.SecurityGroupRule{
		SecurityGroupID: lit(d.text("GroupId")), Direction: ec2.Ingress, Protocol: protocol,
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

func liveLoadBalancer(l live) (any, string, string) {
	d := l.Declared
	if kind := l.Live.text("Type"); kind != "application" {
		return nil, "", "the type " + kind
	}
	b := elbv2.LoadBalancer{
		Name: l.Live.text("LoadBalancerName"), Scheme: l.Live.text("Scheme"), VPCID: lit(anyVPC),
		Subnets: value.Lit(d.texts("Subnets")), SecurityGroups: value.Lit(l.Live.texts("SecurityGroups")),
		IPAddressType: d.text("IpAddressType"), Tags: d.tags(),
	}
	if groups := d.texts("SecurityGroups"); len(groups) > 0 {
		b.SecurityGroups = value.Lit(groups)
	}
	if scheme := d.text("Scheme"); scheme != "" {
		b.Scheme = scheme
	}
	for key, text := range d.pairs("LoadBalancerAttributes", "Key", "Value") {
		yes := text == "true"
		switch key {
		case "deletion_protection.enabled":
			b.DeletionProtection = &yes
		case "routing.http.drop_invalid_header_fields.enabled":
			b.DropInvalidHeaders = &yes
		case "routing.http2.enabled":
			b.HTTP2 = &yes
		case "routing.http.desync_mitigation_mode":
			b.DesyncMitigation = text
		case "idle_timeout.timeout_seconds":
			b.IdleTimeout, _ = strconv.Atoi(text)
		}
	}
	return b, l.Live.text("LoadBalancerArn"), ""
}

func liveTargetGroup(l live) (any, string, string) {
	d := l.Declared
	if protocol := d.text("Protocol"); !strings.HasPrefix(protocol, "HTTP") {
		return nil, "", fmt.Sprintf("the protocol %q", protocol)
	}
	g := elbv2.TargetGroup{
		Name: l.Live.text("TargetGroupName"), Port: d.int("Port"), Protocol: d.text("Protocol"),
		ProtocolVersion: d.text("ProtocolVersion"),
		VPCID:           lit(d.text("VpcId")), TargetType: d.text("TargetType"), Tags: d.tags(),
		HealthCheck: elbv2.HealthCheck{
			Path: d.text("HealthCheckPath"), Port: d.text("HealthCheckPort"), Protocol: d.text("HealthCheckProtocol"),
			Interval: d.int("HealthCheckIntervalSeconds"), Timeout: d.int("HealthCheckTimeoutSeconds"),
			HealthyThreshold: d.int("HealthyThresholdCount"), UnhealthyThreshold: d.int("UnhealthyThresholdCount"),
			Matcher: d.at("Matcher").text("HttpCode") + d.at("Matcher").text("GrpcCode"),
		},
	}
	attributes := d.pairs("TargetGroupAttributes", "Key", "Value")
	if text, given := attributes["deregistration_delay.timeout_seconds"]; given {
		n, _ := strconv.Atoi(text)
		g.DeregistrationDelay = &n
	}
	g.SlowStart, _ = strconv.Atoi(attributes["slow_start.duration_seconds"])
	if attributes["stickiness.enabled"] == "true" {
		g.Stickiness = &elbv2.Stickiness{Duration: 86400}
		if text, given := attributes["stickiness.lb_cookie.duration_seconds"]; given {
			g.Stickiness.Duration, _ = strconv.Atoi(text)
		}
	}
	return g, l.Live.text("TargetGroupArn"), ""
}

func liveAction(actions []object) (elbv2.Action, string) {
	if len(actions) != 1 {
		return elbv2.Action{}, "more than one action"
	}
	a := actions[0]
	switch a.text("Type") {
	case "forward":
		target := a.text("TargetGroupArn")
		if groups := a.at("ForwardConfig").list("TargetGroups"); len(groups) == 1 {
			target = groups[0].text("TargetGroupArn")
		} else if target == "" {
			return elbv2.Action{}, "several target groups"
		}
		return elbv2.Action{Forward: &elbv2.Forward{TargetGroupARN: lit(target)}}, ""
	case "redirect":
		r := a.at("RedirectConfig")
		code, _ := strconv.Atoi(strings.TrimPrefix(r.text("StatusCode"), "HTTP_"))
		return elbv2.Action{Redirect: &elbv2.Redirect{
			Protocol: r.text("Protocol"), Host: r.text("Host"), Port: r.text("Port"), Path: r.text("Path"),
			Query: r.text("Query"), StatusCode: code,
		}}, ""
	case "fixed-response":
		f := a.at("FixedResponseConfig")
		return elbv2.Action{FixedResponse: &elbv2.FixedResponse{
			StatusCode: f.int("StatusCode"), ContentType: f.text("ContentType"), Body: f.text("MessageBody"),
		}}, ""
	}
	return elbv2.Action{}, "the action " + a.text("Type")
}

func liveListener(l live) (any, string, string) {
	d := l.Declared
	action, why := liveAction(d.list("DefaultActions"))
	if protocol := d.text("Protocol"); !strings.HasPrefix(protocol, "HTTP") {
		why = fmt.Sprintf("the protocol %q", protocol)
	}
	p := elbv2.Listener{
		LoadBalancerARN: lit(d.text("LoadBalancerArn")), Port: d.int("Port"), Protocol: d.text("Protocol"),
		SSLPolicy:     d.text("SslPolicy"),
		DefaultAction: action, Tags: d.tags(),
	}
	if certificates := d.list("Certificates"); len(certificates) > 0 {
		p.CertificateARN = lit(certificates[0].text("CertificateArn"))
	}
	return p, l.Live.text("ListenerArn"), why
}

func liveRule(l live) (any, string, string) {
	d := l.Declared
	action, why := liveAction(d.list("Actions"))
	if groups := l.Live.list("Actions")[0].at("ForwardConfig").list("TargetGroups"); len(groups) > 1 {
		why = "traffic that ECS shifts between two target groups"
	}
	p := elbv2.ListenerRule{
		ListenerARN: lit(d.text("ListenerArn")), Priority: d.int("Priority"), Action: action, Tags: d.tags(),
	}
	for _, c := range d.list("Conditions") {
		switch c.text("Field") {
		case "host-header":
			p.Hosts = c.at("HostHeaderConfig").texts("Values")
		case "path-pattern":
			p.Paths = c.at("PathPatternConfig").texts("Values")
		default:
			why = "the condition " + c.text("Field")
		}
	}
	return p, l.Live.text("RuleArn"), why
}

func liveDiscovery(l live) (any, string, string) {
	d := l.Declared
	if d.at("DnsConfig") == nil {
		return nil, "", "no DNS"
	}
	p := servicediscovery.Service{
		Name: d.text("Name"), NamespaceID: lit(d.text("NamespaceId")),
		RoutingPolicy: d.at("DnsConfig").text("RoutingPolicy"),
		CustomHealth:  aws.Bool(d["HealthCheckCustomConfig"] != nil), Tags: d.tags(),
	}
	for _, record := range d.at("DnsConfig").list("DnsRecords") {
		if record.text("Type") != "A" {
			return nil, "", "records of type " + record.text("Type")
		}
		p.TTL = record.int("TTL")
	}
	return p, l.Live.text("Id"), ""
}
