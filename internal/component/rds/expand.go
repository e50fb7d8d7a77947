package rds

import (
	"strconv"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/network"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ec2"
	database "github.com/company/deployer/internal/resource/rds"
	"github.com/company/deployer/internal/value"
)

// Names of generated resources.
const (
	subnetGroup           = "subnet-group"
	securityGroup         = "security-group"
	parameterGroup        = "parameter-group"
	clusterParameterGroup = "cluster-parameter-group"
	instance              = "instance"
	cluster               = "cluster"
	member                = "instance-" // and a number
	existing              = "existing"
)

// Kind is the kind RDS.
func Kind() component.Kind {
	return component.Define(component.Definition[Spec]{
		Name: "RDS", Group: "components.deployer.io/v1",
		Doc: "A relational database: an instance, or an Aurora cluster. Encrypted, in subnets that are not public " +
			"where there are such, and reachable only from the components that use it. " +
			"RDS makes the password, keeps it in Secrets Manager and rotates it.",
		Outputs: []string{
			"endpoint", "port", "readerEndpoint", "database", "username", "url", "secretArn", "securityGroupId",
		},
		Verbs: []string{"connect"},
		Words: map[string]string{
			"endpoint": "Host name; in Aurora that of the writer.", "port": "TCP port.",
			"readerEndpoint":  "Host name for reads: in Aurora that of the replicas, else the same as endpoint.",
			"database":        "Name of the database.",
			"username":        "Name of the master user.",
			"url":             "Connection string without the password.",
			"secretArn":       "ARN of the secret with username and password: `${database.secretArn}#password`.",
			"securityGroupId": "Id of the security group.",
			"connect": "Reach the port, and read the secret with the password; with iamAuthentication, log in as " +
				"these users.",
		},
		Resources: []component.Generated{
			{Name: subnetGroup, Type: database.SubnetGroupType},
			{Name: securityGroup, Type: ec2.SecurityGroupType},
			{Name: parameterGroup, Type: database.ParameterGroupType, When: "not in Aurora"},
			{Name: instance, Type: database.InstanceType, When: "not in Aurora"},
			{Name: clusterParameterGroup, Type: database.ClusterParameterGroupType, When: "in Aurora"},
			{Name: cluster, Type: database.ClusterType, When: "in Aurora"},
			{Name: member + "*", Type: database.InstanceType, When: "in Aurora, one and one for each of `replicas`"},
		},
		Check: check,
		Demands: func(_ component.Instance, s *Spec) []component.Demand {
			if s.Existing != nil {
				return nil
			}
			return []component.Demand{{Address: network.Address}}
		},
		Grant:     grant,
		Protected: func(component.Instance, *Spec) bool { return true },
		Expand:    expand,
	})
}

func expand(in component.Instance, s *Spec, _ component.Context) (component.Expansion, []value.Problem) {
	if s.Existing != nil {
		return s.expandExisting(in), nil
	}
	group := in.Resource(securityGroup, ec2.SecurityGroupType, ec2.SecurityGroup{
		GroupName: in.Prefix(), VPCID: value.Expr[string](network.Output(network.VPCID)),
		Description: "Database " + in.Original().Address,
	})
	places, _, lookup := network.DataSubnets(in, s.Subnets)
	subnets := in.Resource(subnetGroup, database.SubnetGroupType, database.SubnetGroup{
		Name: in.Prefix(), VPCID: value.Expr[string](network.Output(network.VPCID)),
		Description: "Database " + in.Original().Address,
		SubnetIDs:   value.Expr[[]string](places),
	})
	made := component.Expansion{Guarded: []string{instance, cluster}}
	var main *resource.Resource
	if s.aurora() {
		made.Resources, main = s.cluster(in, group, subnets)
	} else {
		made.Resources, main = s.instance(in, group, subnets)
	}
	if lookup != nil {
		made.Resources = append([]*resource.Resource{lookup}, made.Resources...)
	}
	reader := "endpoint"
	if s.aurora() {
		reader = "readerEndpoint"
	}
	made.Outputs = s.outputs(main, reader)
	made.Outputs["securityGroupId"] = group.Output("id")
	return made, nil
}

// outputs are those that come from the database or from the lookup of one.
func (s *Spec) outputs(main *resource.Resource, reader string) map[string]value.Value {
	name, user := main.Output("database"), main.Output("username")
	if s.RestoreFrom != "" {
		name, user = main.Output("restoredDatabase"), main.Output("restoredUsername")
	}
	return map[string]value.Value{
		"endpoint": main.Output("endpoint"), "port": main.Output("port"), "readerEndpoint": main.Output(reader),
		"database": name, "username": user, "secretArn": main.Output("secretArn"),
		"url": value.Concat(s.scheme()+"://", user, "@", main.Output("endpoint"), ":", main.Output("port"), "/", name,
			s.options()),
	}
}

// scheme begins a connection string.
func (s *Spec) scheme() string {
	if s.postgres() {
		return "postgresql"
	}
	return "mysql"
}

// options end a connection string: RDS for PostgreSQL refuses connections without TLS.
func (s *Spec) options() string {
	if s.postgres() {
		return "?sslmode=require"
	}
	return ""
}

// login are database and master user; a restored database has those of its snapshot.
func (s *Spec) login() (name, user string) {
	if s.RestoreFrom != "" {
		return s.Database, s.Username
	}
	return or(s.Database, "app"), or(s.Username, "app")
}

func (s *Spec) instance(
	in component.Instance, group, subnets *resource.Resource,
) (all []*resource.Resource, main *resource.Resource) {
	parameters := in.Resource(parameterGroup, database.ParameterGroupType, s.parameters(in))
	name, user := s.login()
	storage, limit, retention := s.storage(), 0, days(s.BackupRetention)
	if s.MaxStorage != nil {
		limit = *s.MaxStorage
	}
	port := s.port()
	protected, final := s.kept(in)
	props := database.Instance{
		Identifier: in.Prefix(), Engine: s.Engine, EngineVersion: s.Version, Class: s.class(),
		Storage: &storage, MaxStorage: &limit, StorageType: or(s.StorageType, "gp3"), IOPS: s.IOPS,
		Throughput: s.Throughput, MultiAZ: &s.MultiAZ, Database: name, Username: user,
		ManagedPassword: pointer(true), PasswordRotation: rotation(s.PasswordRotation),
		SubnetGroup:      value.Expr[string](subnets.Output("name")),
		SecurityGroupIDs: value.Expr[[]string](value.NewList(group.Output("id"))),
		ParameterGroup:   value.Expr[string](parameters.Output("name")), ListenPort: &port,
		Encrypted: true, KMSKey: s.KMSKey, BackupRetention: &retention, BackupWindow: s.BackupWindow,
		MaintenanceWindow: s.MaintenanceWindow, MinorUpgrades: &s.MinorUpgrades, LogExports: s.LogExports,
		Insights: &s.PerformanceInsights, IAMAuthentication: pointer(len(s.IAMAuthentication) > 0),
		Protected: &protected, FinalSnapshot: final, Snapshot: s.RestoreFrom,
	}
	if s.Engine != "mariadb" { // which AWS does not support longer than its makers
		props.ExtendedSupport = &s.ExtendedSupport
	}
	main = in.Resource(instance, database.InstanceType, props)
	return []*resource.Resource{group, subnets, parameters, main}, main
}

func (s *Spec) cluster(
	in component.Instance, group, subnets *resource.Resource,
) (all []*resource.Resource, main *resource.Resource) {
	parameters := in.Resource(clusterParameterGroup, database.ClusterParameterGroupType, s.parameters(in))
	name, user := s.login()
	retention, port := days(s.BackupRetention), s.port()
	protected, final := s.kept(in)
	props := database.Cluster{
		Identifier: in.Prefix(), Engine: s.Engine, EngineVersion: s.Version, StorageType: s.StorageType,
		Database: name, Username: user, ManagedPassword: pointer(true),
		PasswordRotation: rotation(s.PasswordRotation),
		SubnetGroup:      value.Expr[string](subnets.Output("name")),
		SecurityGroupIDs: value.Expr[[]string](value.NewList(group.Output("id"))),
		ParameterGroup:   value.Expr[string](parameters.Output("name")), ListenPort: &port,
		Encrypted: true, KMSKey: s.KMSKey, BackupRetention: &retention, BackupWindow: s.BackupWindow,
		MaintenanceWindow: s.MaintenanceWindow, LogExports: s.LogExports,
		IAMAuthentication: pointer(len(s.IAMAuthentication) > 0), Protected: &protected, FinalSnapshot: final,
		ExtendedSupport: &s.ExtendedSupport, Snapshot: s.RestoreFrom,
	}
	if c := s.Capacity; c != nil {
		props.Capacity = &database.Capacity{Min: c.Min, Max: c.Max}
		if c.Min == 0 {
			pause := 300
			if c.PauseAfter != nil {
				pause = c.PauseAfter.Seconds()
			}
			props.Capacity.PauseAfter = &pause
		}
	}
	main = in.Resource(cluster, database.ClusterType, props)
	all = []*resource.Resource{group, subnets, parameters, main}
	for n := 1; n <= 1+s.Replicas; n++ {
		number := strconv.Itoa(n)
		all = append(all, in.Resource(member+number, database.InstanceType, database.Instance{
			Identifier: in.Prefix(number), Engine: s.Engine, Class: s.class(),
			ClusterIdentifier: value.Expr[string](main.Output("identifier")), MinorUpgrades: &s.MinorUpgrades,
			MaintenanceWindow: s.MaintenanceWindow, Insights: &s.PerformanceInsights, PromotionTier: pointer(1),
		}))
	}
	return all, main
}

func (s *Spec) parameters(in component.Instance) database.ParameterGroup {
	return database.ParameterGroup{
		Name: in.Prefix(), Family: s.family(), Description: "Database " + in.Original().Address,
		Parameters: s.Parameters,
	}
}

// kept says whether AWS protects the database, and whether a snapshot remains of it.
func (s *Spec) kept(in component.Instance) (protected, final bool) {
	protected, final = in.Production, in.Production
	if s.DeletionProtection != nil {
		protected = *s.DeletionProtection
	}
	if s.FinalSnapshot != nil {
		final = *s.FinalSnapshot
	}
	return protected, final
}

// expandExisting looks a database up.
func (s *Spec) expandExisting(in component.Instance) component.Expansion {
	ask := database.DatabaseLookup{
		Identifier: s.Existing.Identifier, Engine: s.Engine, Port: s.port(), Secret: !s.Existing.Secret.IsSet(),
	}
	found := in.Data(existing, database.DatabaseLookupType, ask)
	out := s.outputs(found, "readerEndpoint")
	out["securityGroupId"] = found.Output("securityGroupId")
	switch {
	case s.Existing.Secret.Get() == "none":
		delete(out, "secretArn")
	case s.Existing.Secret.IsSet():
		out["secretArn"] = s.Existing.Secret.Value()
	}
	return component.Expansion{Resources: []*resource.Resource{found}, Outputs: out, Guarded: []string{}}
}

func grant(in component.Instance, s *Spec, _ string) component.Grant {
	g := component.Grant{SecurityGroup: value.Output(in.Address, "securityGroupId"), Ports: []int{s.port()}}
	if s.Existing == nil || s.Existing.Secret.Get() != "none" {
		g.Statements = append(g.Statements, component.Statement{
			Actions:   []string{"secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"},
			Resources: []value.Value{value.Output(in.Address, "secretArn")},
		})
	}
	if len(s.IAMAuthentication) > 0 {
		main := instance
		switch {
		case s.Existing != nil:
			main = existing
		case s.aurora():
			main = cluster
		}
		var users []value.Value
		for _, user := range s.IAMAuthentication {
			users = append(users, value.Concat(in.ARN("rds-db", "dbuser:"),
				value.Output(in.Address+":"+main, "resourceId"), "/"+user))
		}
		g.Statements = append(g.Statements, component.Statement{Actions: []string{"rds-db:connect"}, Resources: users})
	}
	return g
}

func days(d value.Duration) int { return d.Seconds() / (24 * 60 * 60) }

func rotation(d *value.Duration) *int {
	if d == nil {
		return nil
	}
	return pointer(days(*d))
}

func pointer[T any](v T) *T { return &v }
