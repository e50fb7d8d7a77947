package elasticache

import (
	"slices"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/network"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ec2"
	cache "github.com/company/deployer/internal/resource/elasticache"
	"github.com/company/deployer/internal/resource/logs"
	"github.com/company/deployer/internal/resource/secretsmanager"
	"github.com/company/deployer/internal/value"
)

// The names of the resources.
const (
	securityGroup    = "security-group"
	subnetGroup      = "subnet-group"
	parameterGroup   = "parameter-group"
	replicationGroup = "cache"
	memcachedCluster = "cluster"
	serverlessCache  = "serverless"
	password         = "password"
	userGroup        = "user-group"
	slowLog          = "slow-log"
	engineLog        = "engine-log"
)

// Kind is the kind ElastiCache.
func Kind() component.Kind {
	return component.Define(component.Definition[Spec]{
		Name: "ElastiCache", Group: "components.deployer.io/v1",
		Doc: "A cache of Valkey, Redis OSS or Memcached, encrypted, reachable by the components that use it.",
		Outputs: []string{
			"endpoint",
			"port",
			"readerEndpoint",
			"url",
			"securityGroupId",
			"secretArn",
			"userSecretArns",
		},
		Verbs: []string{"connect"},
		Words: map[string]string{
			"endpoint": "Host name for reads and writes; of Memcached and in cluster mode the one that " +
				"clients ask for the nodes.",
			"port":            "TCP port.",
			"readerEndpoint":  "Host name of the replicas, for reads.",
			"url":             "URL for clients: rediss://host:port, with one s less without TLS.",
			"securityGroupId": "Id of the cache's security group.",
			"secretArn":       "ARN of the secret with username and password; with auth.token only.",
			"userSecretArns":  "ARNs of the secrets of users, by name: `${cache.userSecretArns.app}#password`; with users only.",
			"connect":         "Open connections to the cache; with auth.token or users also read the passwords.",
		},
		Resources: []component.Generated{
			{Name: securityGroup, Type: ec2.SecurityGroupType},
			{Name: subnetGroup, Type: cache.SubnetGroupType, When: "without `serverless`"},
			{Name: parameterGroup, Type: cache.ParameterGroupType, When: "without `serverless`"},
			{Name: replicationGroup, Type: cache.ReplicationGroupType, When: "for Valkey and Redis OSS"},
			{Name: memcachedCluster, Type: cache.ClusterType, When: "for Memcached"},
			{Name: serverlessCache, Type: cache.ServerlessCacheType, When: "with `serverless`"},
			{Name: password, Type: secretsmanager.PasswordType, When: "with `auth.token`"},
			{Name: "password-*", Type: secretsmanager.PasswordType, When: "one for each of `users`"},
			{Name: "user-*", Type: cache.UserType, When: "one for each of `users`, and default"},
			{Name: userGroup, Type: cache.UserGroupType, When: "with `users`"},
			{Name: slowLog, Type: logs.LogGroupType, When: "with `logs: [slow]`"},
			{Name: engineLog, Type: logs.LogGroupType, When: "with `logs: [engine]`"},
		},
		Check: check,
		Demands: func(component.Instance, *Spec) []component.Demand {
			return []component.Demand{{Address: network.Address}}
		},
		Grant:     grant,
		Protected: func(in component.Instance, _ *Spec) bool { return in.Production },
		Expand:    expand,
	})
}

func expand(in component.Instance, s *Spec, _ component.Context) (component.Expansion, []value.Problem) {
	description := "Cache " + in.Original().Address + " of " + in.Stack + ", " + in.Environment
	group := in.Resource(securityGroup, ec2.SecurityGroupType, ec2.SecurityGroup{
		GroupName: in.Prefix(), VPCID: value.Expr[string](network.Output(network.VPCID)),
		Description: "Cache " + in.Original().Address,
	})
	places, zones, lookup := network.DataSubnets(in, s.Subnets)
	made := expansion{in: in, group: group, description: description}
	if lookup != nil {
		made.resources = []*resource.Resource{lookup}
	}
	made.outputs = map[string]value.Value{"securityGroupId": group.Output("id")}
	if s.Serverless != nil {
		return made.serverless(s, zones), nil
	}
	subnets := in.Resource(subnetGroup, cache.SubnetGroupType, cache.SubnetGroup{
		Name: in.Prefix(), VPCID: value.Expr[string](network.Output(network.VPCID)), Description: description,
		SubnetIDs: value.Expr[[]string](places),
	})
	parameters := in.Resource(parameterGroup, cache.ParameterGroupType, cache.ParameterGroup{
		Name: in.Prefix(), Family: cache.Family(s.Engine, s.version()), Clustered: s.Shards != nil,
		Description: description, Parameters: s.Parameters,
	})
	made.subnets, made.parameters = subnets, parameters
	made.resources = append(made.resources, group, subnets, parameters)
	if s.memcached() {
		made.cluster(s)
	} else {
		made.replicationGroup(s)
	}
	return component.Expansion{
		Resources: made.resources, Outputs: made.outputs, Guarded: []string{replicationGroup, memcachedCluster},
	}, nil
}

// expansion is what all kinds of cache have, and what comes to it.
type expansion struct {
	in                         component.Instance
	group, subnets, parameters *resource.Resource
	description                string

	resources []*resource.Resource
	outputs   map[string]value.Value
}

// reached adds the cache itself and where it is reached.
func (e *expansion) reached(main *resource.Resource, scheme string) {
	e.resources = append(e.resources, main)
	e.outputs["endpoint"], e.outputs["port"] = main.Output("endpoint"), main.Output("port")
	e.outputs["url"] = url(scheme, main)
}

// replicationGroup adds a cache of Valkey or Redis OSS.
func (e *expansion) replicationGroup(s *Spec) {
	props := s.group(e)
	for _, log := range []struct {
		kind, name string
		field      *value.Of[string]
	}{{"slow", slowLog, &props.SlowLog}, {"engine", engineLog, &props.EngineLog}} {
		if !slices.Contains(s.Logs, log.kind) {
			continue
		}
		at := e.in.Original()
		r := e.in.Resource(log.name, logs.LogGroupType, logs.LogGroup{
			Name:          logs.Name(at.Stack, at.Environment, at.Service, at.Name, log.kind),
			RetentionDays: e.in.LogDays(),
		})
		*log.field = value.Expr[string](r.Output("name"))
		e.resources = append(e.resources, r)
	}
	if s.Auth.Token {
		secret := e.in.Resource(password, secretsmanager.PasswordType, secretsmanager.Password{
			Name:        e.in.ResourceName(secretNameLimit, e.in.GlobalSeeds(), password),
			Description: "Password of the cache " + e.in.Original().Address, Username: "default",
			Generation: s.Auth.Generation,
		})
		props.PasswordSecret = value.Expr[string](secret.Output("arn"))
		props.PasswordVersion = value.Expr[string](secret.Output("version"))
		e.outputs["secretArn"] = secret.Output("arn")
		e.resources = append(e.resources, secret)
	}
	if len(s.Users) > 0 {
		props.UserGroup = value.Expr[string](e.users(s).Output("id"))
	}
	main := e.in.Resource(replicationGroup, cache.ReplicationGroupType, props)
	scheme := "rediss"
	if s.Encryption.Transit == cache.Disabled {
		scheme = "redis"
	}
	e.reached(main, scheme)
	e.outputs["readerEndpoint"] = main.Output("readerEndpoint")
}

// users adds the users with their passwords. Without a user of the name default, clients that give no name could log in
// as AWS's own one, which may do everything: ours of that name may do nothing.
func (e *expansion) users(s *Spec) *resource.Resource {
	var ids []value.Value
	secrets := map[string]value.Value{}
	hasDefault := false
	for _, u := range s.Users {
		hasDefault = hasDefault || u.Name == "default"
		secret := e.in.Resource("password-"+u.Name, secretsmanager.PasswordType, secretsmanager.Password{
			Name:        e.in.ResourceName(secretNameLimit, e.in.GlobalSeeds(), password, u.Name),
			Description: "Password of the user " + u.Name + " of the cache " + e.in.Original().Address,
			Username:    u.Name,
			Generation:  u.Generation,
		})
		made := e.in.Resource("user-"+u.Name, cache.UserType, cache.User{
			Name: e.in.Prefix(u.Name), Username: u.Name, Engine: s.Engine, Access: u.Access,
			PasswordSecret:  value.Expr[string](secret.Output("arn")),
			PasswordVersion: value.Expr[string](secret.Output("version")),
		})
		e.resources = append(e.resources, secret, made)
		ids, secrets[u.Name] = append(ids, made.Output("id")), secret.Output("arn")
	}
	if !hasDefault {
		made := e.in.Resource("user-default", cache.UserType, cache.User{
			Name: e.in.Prefix("default"), Username: "default", Engine: s.Engine, Access: "off -@all",
		})
		e.resources, ids = append(e.resources, made), append(ids, made.Output("id"))
	}
	group := e.in.Resource(userGroup, cache.UserGroupType, cache.UserGroup{
		Name: e.in.Prefix(), Engine: s.Engine, UserIDs: value.Expr[[]string](value.NewList(ids...)),
	})
	e.resources = append(e.resources, group)
	e.outputs["userSecretArns"] = value.NewMap(secrets)
	return group
}

// cluster adds a cache of Memcached.
func (e *expansion) cluster(s *Spec) {
	several := s.severalZones(e.in)
	props := cache.Cluster{
		Name: e.in.Prefix(), EngineVersion: s.version(), NodeType: s.nodeType(), Nodes: s.nodes(e.in),
		ParameterGroup: value.Expr[string](e.parameters.Output("name")),
		SubnetGroup:    value.Expr[string](e.subnets.Output("name")), SecurityGroups: onlyGroup(e.group),
		MultiAZ: &several, MaintenanceWindow: s.MaintenanceWindow,
	}
	if s.Encryption.Transit != "" {
		props.TransitEncryption = new(s.Encryption.Transit == cache.Required)
	}
	e.reached(e.in.Resource(memcachedCluster, cache.ClusterType, props), "memcached")
}

// secretNameLimit is how long the name of a secret is at most, before the six characters that AWS adds.
const secretNameLimit = 256

// url is where clients connect to.
func url(scheme string, main *resource.Resource) value.Value {
	return value.NewDeferred(value.Expression{
		Op: value.OpTemplate, Source: scheme + "://${host}:${port}", Names: []string{"host", "port"},
		Args: []value.Value{main.Output("endpoint"), main.Output("port")},
	})
}

// serverless makes a serverless cache in subnets of which each is in another zone.
func (e *expansion) serverless(s *Spec, subnets value.Value) component.Expansion {
	retention, final := s.snapshots(e.in)
	at, _, _ := strings.Cut(s.Snapshots.Window, "-")
	e.resources = append(e.resources, e.group)
	props := cache.ServerlessCache{
		Name: e.in.Prefix(), Description: e.description, Engine: s.Engine, MajorVersion: s.majorVersion(),
		SubnetIDs:      value.Expr[[]string](subnets),
		SecurityGroups: onlyGroup(e.group), KMSKey: s.Encryption.Key, MaxStorage: s.Serverless.MaxStorage,
		MaxUnits: s.Serverless.MaxUnits, SnapshotRetention: &retention, SnapshotTime: at, FinalSnapshot: final,
	}
	if len(s.Users) > 0 {
		props.UserGroup = value.Expr[string](e.users(s).Output("id"))
	}
	scheme := "rediss"
	if s.memcached() {
		scheme = "memcached"
	}
	e.reached(e.in.Resource(serverlessCache, cache.ServerlessCacheType, props), scheme)
	return component.Expansion{
		Resources: e.resources, Outputs: e.outputs, Guarded: []string{serverlessCache},
	}
}

// snapshots says how long daily snapshots are kept, and whether a final one is.
func (s *Spec) snapshots(in component.Instance) (retention int, final bool) {
	if in.Production {
		retention, final = 7, true
	}
	if s.Snapshots.Retention != nil {
		retention = *s.Snapshots.Retention
	}
	if s.Snapshots.Final != nil {
		final = *s.Snapshots.Final
	}
	return retention, final
}

// group are the properties of a cache of Valkey or Redis OSS.
func (s *Spec) group(e *expansion) cache.ReplicationGroup {
	in := e.in
	retention, final := s.snapshots(in)
	several := s.severalZones(in)
	return cache.ReplicationGroup{
		Name: in.Prefix(), Description: e.description, Engine: s.Engine, EngineVersion: s.version(),
		NodeType: s.nodeType(), Nodes: s.nodes(in), Shards: s.Shards,
		ParameterGroup: value.Expr[string](e.parameters.Output("name")),
		SubnetGroup:    value.Expr[string](e.subnets.Output("name")), SecurityGroups: onlyGroup(e.group),
		MultiAZ: &several, KMSKey: s.Encryption.Key, TransitEncryption: s.Encryption.Transit,
		SnapshotRetention: &retention, SnapshotWindow: s.Snapshots.Window, FinalSnapshot: final,
		RestoreFrom: s.RestoreFrom, MaintenanceWindow: s.MaintenanceWindow,
	}
}

// onlyGroup is a list of one security group.
func onlyGroup(group *resource.Resource) value.Of[[]string] {
	return value.Expr[[]string](value.NewList(group.Output("id")))
}

func grant(in component.Instance, s *Spec, _ string) component.Grant {
	port := cache.Port
	if s.memcached() {
		port = cache.MemcachedPort
	}
	out := component.Grant{SecurityGroup: value.Output(in.Address, "securityGroupId"), Ports: []int{port}}
	if s.Serverless != nil {
		out.Ports = append(out.Ports, port+1) // for reads from any zone
	}
	var secrets []value.Value
	if s.Auth.Token {
		secrets = append(secrets, value.Output(in.Address, "secretArn"))
	}
	for _, u := range s.Users {
		secrets = append(secrets, value.Output(in.Address+":password-"+u.Name, "arn"))
	}
	if len(secrets) > 0 {
		out.Statements = []component.Statement{{
			Actions:   []string{"secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"},
			Resources: secrets,
		}}
	}
	return out
}
