package awstest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/stretchr/testify/require"

	awsrds "github.com/company/deployer/internal/aws/rds"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/rds"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

// twoVPCs returns two VPCs with three subnets each, in two zones.
func twoVPCs(ctx context.Context, t *testing.T, h *harness) (vpcs [2]string, subnets [2][]string) {
	t.Helper()
	client := ec2.NewFromConfig(h.Plain)
	for n, block := range []string{"10.61", "10.62"} {
		made, err := client.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String(block + ".0.0/16")})
		require.NoError(t, err)
		vpcs[n] = *made.Vpc.VpcId
		for i, zone := range []string{"a", "b", "b"} {
			subnet, err := client.CreateSubnet(ctx, &ec2.CreateSubnetInput{
				VpcId: made.Vpc.VpcId, CidrBlock: aws.String(block + "." + string(rune('0'+i)) + ".0/24"),
				AvailabilityZone: aws.String(h.Env.Region + zone),
			})
			require.NoError(t, err)
			subnets[n] = append(subnets[n], *subnet.Subnet.SubnetId)
		}
	}
	return vpcs, subnets
}

func TestSubnetGroup(t *testing.T) {
	h := start(t)
	client := rds.NewFromConfig(h.Plain)
	vpcs, subnets := twoVPCs(t.Context(), t, h)
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: behaviour(t, awsrds.Behaviours(h.Config), model.SubnetGroupType),
		Props: model.SubnetGroup{
			Name: "suite/a--b/db", VPCID: value.Lit(vpcs[0]), Description: "of the suite",
			SubnetIDs: value.Lit(subnets[0][:2]), Tags: map[string]string{"team": "payments", "cost": "1"},
		},
		Update: model.SubnetGroup{
			Name: "suite/a--b/db", VPCID: value.Lit(vpcs[0]), Description: "of the suite, changed",
			SubnetIDs: value.Lit(subnets[0]), Tags: map[string]string{"team": "orders"},
		},
		Replace: model.SubnetGroup{
			Name: "suite/a--b/db", VPCID: value.Lit(vpcs[1]), Description: "of the suite",
			SubnetIDs: value.Lit(subnets[1][:2]),
		},
		Foreign: func(ctx context.Context, t *testing.T, checked resource.State) func() {
			name := checked.Inputs.Get("name").Str()
			_, err := client.CreateDBSubnetGroup(ctx, &rds.CreateDBSubnetGroupInput{
				DBSubnetGroupName: &name, DBSubnetGroupDescription: &name, SubnetIds: subnets[0],
			})
			require.NoError(t, err)
			return func() {
				_, err := client.DeleteDBSubnetGroup(ctx, &rds.DeleteDBSubnetGroupInput{DBSubnetGroupName: &name})
				require.NoError(t, err)
			}
		},
		LoseAnswer: h.LoseAnswer, Actions: h.Actions,
	})
}

func TestParameterGroups(t *testing.T) {
	for typ, family := range map[string][2]string{
		model.ParameterGroupType:        {"postgres16", "postgres17"},
		model.ClusterParameterGroupType: {"aurora-postgresql16", "aurora-postgresql17"},
	} {
		t.Run(typ, func(t *testing.T) {
			h := start(t)
			resourcetest.Run(t, resourcetest.Case{
				Behaviour: behaviour(t, awsrds.Behaviours(h.Config), typ),
				Props: model.ParameterGroup{
					Name: "suite/db", Family: family[0], Description: "of the suite",
					Parameters: map[string]string{"work_mem": "8192", "max_connections": "200"},
					Tags:       map[string]string{"team": "payments", "cost": "1"},
				},
				Update: model.ParameterGroup{
					Name: "suite/db", Family: family[0], Description: "of the suite",
					Parameters: map[string]string{"work_mem": "16384"}, Tags: map[string]string{"team": "orders"},
				},
				Replace: model.ParameterGroup{
					Name: "suite/db", Family: family[1], Description: "of the suite",
				},
				LoseAnswer: h.LoseAnswer, Actions: h.Actions,
			})
		})
	}
}

// A parameter that is set to the engine's default is not one of the user's to AWS, and is no difference all the same.
func TestParameterWithTheEnginesDefault(t *testing.T) {
	for typ, family := range map[string]string{
		model.ParameterGroupType: "postgres16", model.ClusterParameterGroupType: "aurora-postgresql16",
	} {
		h := start(t)
		b := behaviour(t, awsrds.Behaviours(h.Config), typ)
		req := request(typ)
		check := func(parameters map[string]string) {
			t.Helper()
			var problems []value.Problem
			req.Inputs, problems = b.Check(value.Encode(model.ParameterGroup{
				Name: "suite/db", Family: family, Description: "of the suite", Parameters: parameters,
			}))
			require.Empty(t, problems)
		}
		changes := func(desired value.Value) []string {
			t.Helper()
			read, _, err := b.Read(t.Context(), req)
			require.NoError(t, err)
			return resource.Compare(b.Definition(), read.Inputs, desired).Changed()
		}
		check(map[string]string{"work_mem": "4096", "max_connections": "200"})
		made, err := b.Create(t.Context(), req)
		require.NoError(t, err)
		req.ID, req.Old = made.ID, made
		require.Empty(t, changes(req.Inputs))

		check(map[string]string{"max_connections": "200"})
		require.Equal(t, []string{"parameters"}, changes(req.Inputs))
		req.Old, err = b.Update(t.Context(), req)
		require.NoError(t, err)
		require.Empty(t, changes(req.Inputs))
	}
}

// ground is what databases of a test need.
type ground struct {
	subnetGroup, other, securityGroup string
}

func databaseGround(ctx context.Context, t *testing.T, h *harness) ground {
	t.Helper()
	client := rds.NewFromConfig(h.Plain)
	vpcs, subnets := twoVPCs(ctx, t, h)
	for n, name := range []string{"ground", "other-ground"} {
		_, err := client.CreateDBSubnetGroup(ctx, &rds.CreateDBSubnetGroupInput{
			DBSubnetGroupName: &name, DBSubnetGroupDescription: &name, SubnetIds: subnets[n],
		})
		require.NoError(t, err)
	}
	for _, family := range []string{"postgres16", "aurora-postgresql16"} {
		name := "ground-" + family
		_, err := client.CreateDBParameterGroup(ctx, &rds.CreateDBParameterGroupInput{
			DBParameterGroupName: &name, DBParameterGroupFamily: &family, Description: &name,
		})
		require.NoError(t, err)
		_, err = client.CreateDBClusterParameterGroup(ctx, &rds.CreateDBClusterParameterGroupInput{
			DBClusterParameterGroupName: &name, DBParameterGroupFamily: &family, Description: &name,
		})
		require.NoError(t, err)
	}
	return ground{"ground", "other-ground", makeGroup(ctx, t, h, vpcs[0], "db")}
}

func (g ground) instance() model.Instance {
	return model.Instance{
		Identifier: "suite/a--b/db", Engine: "postgres", EngineVersion: "16.4", Class: "db.t4g.micro",
		Storage:    pointer(20),
		MaxStorage: pointer(100), StorageType: "gp3", MultiAZ: pointer(false), Database: "app", Username: "app",
		ManagedPassword: pointer(true), PasswordRotation: pointer(30),
		SubnetGroup: value.Lit(g.subnetGroup), SecurityGroupIDs: value.Lit([]string{g.securityGroup}),
		ParameterGroup: value.Lit("ground-postgres16"), ListenPort: pointer(5432), Encrypted: true,
		BackupRetention: pointer(7), BackupWindow: "03:00-04:00", MaintenanceWindow: "Sun:04:30-Sun:05:30",
		MinorUpgrades: pointer(true), LogExports: []string{"upgrade", "postgresql"}, Insights: pointer(false),
		IAMAuthentication: pointer(false), Protected: pointer(true), FinalSnapshot: true,
		ExtendedSupport: pointer(false), Tags: map[string]string{"team": "payments", "cost": "1"},
	}
}

func TestDatabaseInstance(t *testing.T) {
	h := start(t)
	g := databaseGround(t.Context(), t, h)
	update, replace := g.instance(), g.instance()
	update.Class, update.Storage, update.MaxStorage = "db.t4g.small", pointer(40), pointer(0)
	update.BackupRetention, update.IAMAuthentication, update.MultiAZ = pointer(14), pointer(true), pointer(true)
	update.LogExports = []string{"upgrade"}
	update.MaintenanceWindow, update.PasswordRotation = "mon:04:30-mon:05:30", pointer(60)
	update.Protected, update.FinalSnapshot, update.Insights = pointer(false), false, pointer(true)
	update.Tags = map[string]string{"team": "orders"}
	replace.Username, replace.Protected, replace.FinalSnapshot = "other", pointer(false), false
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: behaviour(t, awsrds.Behaviours(h.Config), model.InstanceType),
		Props:     g.instance(), Update: update, Replace: replace,
		LoseAnswer: h.LoseAnswer, Actions: h.Actions,
		BeginDelete: func(ctx context.Context, t *testing.T, id string) {
			client := rds.NewFromConfig(h.Plain)
			_, err := client.ModifyDBInstance(ctx, &rds.ModifyDBInstanceInput{
				DBInstanceIdentifier: &id, DeletionProtection: aws.Bool(false),
			})
			require.NoError(t, err)
			_, err = client.DeleteDBInstance(ctx, &rds.DeleteDBInstanceInput{
				DBInstanceIdentifier: &id, SkipFinalSnapshot: aws.Bool(true),
			})
			require.NoError(t, err)
		},
	})
}

func (g ground) cluster() model.Cluster {
	return model.Cluster{
		Identifier: "suite/db", Engine: "aurora-postgresql", EngineVersion: "16.4",
		Capacity: &model.Capacity{Min: 0.5, Max: 4}, StorageType: "aurora", Database: "app", Username: "app",
		ManagedPassword: pointer(true), SubnetGroup: value.Lit(g.subnetGroup),
		SecurityGroupIDs: value.Lit([]string{g.securityGroup}), ParameterGroup: value.Lit("ground-aurora-postgresql16"),
		ListenPort: pointer(5432), Encrypted: true, BackupRetention: pointer(7), BackupWindow: "03:00-04:00",
		MaintenanceWindow: "sun:04:30-sun:05:30", LogExports: []string{"postgresql"},
		IAMAuthentication: pointer(false), Protected: pointer(true), FinalSnapshot: true,
		ExtendedSupport: pointer(false), Tags: map[string]string{"team": "payments", "cost": "1"},
	}
}

func TestDatabaseCluster(t *testing.T) {
	h := start(t)
	g := databaseGround(t.Context(), t, h)
	update, replace := g.cluster(), g.cluster()
	update.Capacity = &model.Capacity{Min: 0, Max: 8, PauseAfter: pointer(600)}
	update.BackupRetention, update.IAMAuthentication, update.LogExports = pointer(14), pointer(true), nil
	update.Protected, update.FinalSnapshot = pointer(false), false
	update.Tags = map[string]string{"team": "orders"}
	replace.Username, replace.Protected, replace.FinalSnapshot = "other", pointer(false), false
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: behaviour(t, awsrds.Behaviours(h.Config), model.ClusterType),
		Props:     g.cluster(), Update: update, Replace: replace,
		LoseAnswer: h.LoseAnswer, Actions: h.Actions,
		BeginDelete: func(ctx context.Context, t *testing.T, id string) {
			client := rds.NewFromConfig(h.Plain)
			_, err := client.ModifyDBCluster(ctx, &rds.ModifyDBClusterInput{
				DBClusterIdentifier: &id, DeletionProtection: aws.Bool(false),
			})
			require.NoError(t, err)
			_, err = client.DeleteDBCluster(ctx, &rds.DeleteDBClusterInput{
				DBClusterIdentifier: &id, SkipFinalSnapshot: aws.Bool(true),
			})
			require.NoError(t, err)
		},
	})
}

// makeDatabase creates an instance as an apply does.
func makeDatabase(t *testing.T, h *harness, props model.Instance) (resource.Behaviour, resource.Request) {
	t.Helper()
	b := behaviour(t, awsrds.Behaviours(h.Config), model.InstanceType)
	req := request(model.InstanceType)
	inputs, problems := b.Check(value.Encode(props))
	require.Empty(t, problems)
	req.Inputs, req.Tags = inputs, resourcetest.Tags("database")
	state, err := b.Create(t.Context(), req)
	require.NoError(t, err)
	req.ID, req.Old = state.ID, state
	return b, req
}

// Storage that AWS has grown and minor versions that AWS has installed are no differences, and no change takes them
// back.
func TestWhatAWSChangesOfADatabase(t *testing.T) {
	h := start(t)
	props := databaseGround(t.Context(), t, h).instance()
	props.PasswordRotation = nil
	b, req := makeDatabase(t, h, props)
	client := rds.NewFromConfig(h.Plain)
	_, err := client.ModifyDBInstance(t.Context(), &rds.ModifyDBInstanceInput{
		DBInstanceIdentifier: &req.ID, AllocatedStorage: aws.Int32(35), EngineVersion: aws.String("16.9"),
	})
	require.NoError(t, err)
	state, found, err := b.Read(t.Context(), req)
	require.NoError(t, err)
	require.True(t, found)
	require.Empty(t, resource.Compare(b.Definition(), state.Inputs, req.Inputs).Changes)

	props.Storage, props.EngineVersion = pointer(30), "16.6"
	req.Inputs, _ = b.Check(value.Encode(props))
	require.Empty(t, b.Definition().Refused(req.Old.Inputs, req.Inputs))
	_, err = b.Update(t.Context(), req)
	require.NoError(t, err)
	is, err := client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &req.ID})
	require.NoError(t, err)
	require.Equal(t, int32(35), *is.DBInstances[0].AllocatedStorage)
	require.Equal(t, "16.9", *is.DBInstances[0].EngineVersion)
}

// AWS wants to be told the IOPS of gp3 from 400 GiB on, and only from there on.
func TestStorageThatGrows(t *testing.T) {
	h := start(t)
	props := databaseGround(t.Context(), t, h).instance()
	props.PasswordRotation, props.MaxStorage = nil, nil
	b, req := makeDatabase(t, h, props)
	client := rds.NewFromConfig(h.Plain)
	update := func(change func(*model.Instance)) []int32 {
		t.Helper()
		change(&props)
		req.Inputs, _ = b.Check(value.Encode(props))
		state, err := b.Update(t.Context(), req)
		require.NoError(t, err)
		req.Old = state
		read, _, err := b.Read(t.Context(), req)
		require.NoError(t, err)
		require.Empty(t, resource.Compare(b.Definition(), read.Inputs, req.Inputs).Changes)
		is, err := client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &req.ID})
		require.NoError(t, err)
		found := is.DBInstances[0]
		return []int32{
			aws.ToInt32(found.AllocatedStorage), aws.ToInt32(found.Iops), aws.ToInt32(found.StorageThroughput),
		}
	}
	grow := func(size int) func(*model.Instance) { return func(p *model.Instance) { p.Storage = &size } }
	require.Equal(t, []int32{100, 3000, 125}, update(grow(100)))
	require.Equal(t, []int32{400, 12000, 500}, update(grow(400)))
	require.Equal(t, []int32{400, 16000, 500}, update(func(p *model.Instance) { p.IOPS = pointer(16000) }))
	require.Equal(t, []int32{450, 16000, 500}, update(grow(450)))
	require.Equal(t, []int32{450, 16000, 700}, update(func(p *model.Instance) { p.Throughput = pointer(700) }))

	require.Equal(t, []int32{450, 12000, 500}, update(func(p *model.Instance) { p.IOPS, p.Throughput = nil, nil }))

	// what somebody has set, where the manifest says nothing
	plain := props
	plain.Identifier, plain.IOPS, plain.Throughput, plain.Storage = "plain", nil, nil, pointer(400)
	b, req = makeDatabase(t, h, plain)
	_, err := client.ModifyDBInstance(t.Context(), &rds.ModifyDBInstanceInput{
		DBInstanceIdentifier: &req.ID, AllocatedStorage: aws.Int32(400), Iops: aws.Int32(20000),
		StorageThroughput: aws.Int32(900), ApplyImmediately: aws.Bool(true),
	})
	require.NoError(t, err)
	props = plain
	require.Equal(t, []int32{500, 20000, 900}, update(grow(500)))

	// provisioned IOPS become gp3
	other := props
	other.Identifier, other.StorageType, other.Storage, other.IOPS = "other", "io1", pointer(100), pointer(5000)
	b, req = makeDatabase(t, h, other)
	props = other
	require.Equal(t, []int32{100, 3000, 125}, update(func(p *model.Instance) { p.StorageType, p.IOPS = "gp3", nil }))
}

// What a manifest says nothing of any more gets AWS's default.
func TestWhatLeavesTheManifest(t *testing.T) {
	h := start(t)
	g := databaseGround(t.Context(), t, h)
	props := g.instance()
	b, req := makeDatabase(t, h, props)
	rotation := func() int {
		asked := props
		asked.PasswordRotation = pointer(30)
		look := req
		look.Old.Inputs = value.Encode(asked)
		read, _, err := b.Read(t.Context(), look)
		require.NoError(t, err)
		return int(read.Inputs.Get("passwordRotation").Number())
	}
	require.Equal(t, 30, rotation())
	props.PasswordRotation = nil
	req.Inputs, _ = b.Check(value.Encode(props))
	_, err := b.Update(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, 7, rotation())

	aurora := g.cluster()
	aurora.StorageType, aurora.PasswordRotation = "aurora-iopt1", pointer(60)
	b = behaviour(t, awsrds.Behaviours(h.Config), model.ClusterType)
	req = request(model.ClusterType)
	req.Inputs, _ = b.Check(value.Encode(aurora))
	req.Tags = resourcetest.Tags("database")
	made, err := b.Create(t.Context(), req)
	require.NoError(t, err)
	req.ID, req.Old = made.ID, made
	aurora.StorageType, aurora.PasswordRotation = "", nil
	req.Inputs, _ = b.Check(value.Encode(aurora))
	_, err = b.Update(t.Context(), req)
	require.NoError(t, err)
	read, _, err := b.Read(t.Context(), req) // as it was recorded before
	require.NoError(t, err)
	require.Equal(t, "aurora", read.Inputs.Get("storageType").Str())
	require.InDelta(t, 7, read.Inputs.Get("passwordRotation").Number(), 0)
}

func TestChangesThatADatabaseCannotMake(t *testing.T) {
	b := behaviour(t, awsrds.Behaviours(start(t).Config), model.InstanceType)
	old := model.Instance{Engine: "postgres", EngineVersion: "16.4", Storage: pointer(50)}
	for name, try := range map[string]struct {
		to      model.Instance
		refused int
	}{
		"grows":          {model.Instance{Engine: "postgres", EngineVersion: "17", Storage: pointer(60)}, 0},
		"shrinks":        {model.Instance{Engine: "postgres", EngineVersion: "16.4", Storage: pointer(40)}, 1},
		"goes back":      {model.Instance{Engine: "postgres", EngineVersion: "15.9", Storage: pointer(50)}, 1},
		"asks for less":  {model.Instance{Engine: "postgres", EngineVersion: "16.2", Storage: pointer(50)}, 0},
		"says less":      {model.Instance{Engine: "postgres", EngineVersion: "16", Storage: pointer(50)}, 0},
		"is another one": {model.Instance{Engine: "mysql", EngineVersion: "8.4", Storage: pointer(20)}, 0},
	} {
		problems := b.Definition().Refused(value.Encode(old), value.Encode(try.to))
		require.Len(t, problems, try.refused, name)
	}
}

func TestDatabaseFromASnapshot(t *testing.T) {
	h := start(t)
	g := databaseGround(t.Context(), t, h)
	props := g.instance()
	props.PasswordRotation, props.Protected = nil, pointer(false)
	b, req := makeDatabase(t, h, props)
	require.NoError(t, b.Delete(t.Context(), req))
	snapshots, err := rds.NewFromConfig(h.Plain).DescribeDBSnapshots(t.Context(), &rds.DescribeDBSnapshotsInput{
		SnapshotType: aws.String("manual"),
	})
	require.NoError(t, err)
	require.Len(t, snapshots.DBSnapshots, 1)
	name := *snapshots.DBSnapshots[0].DBSnapshotIdentifier
	require.Contains(t, name, req.ID+"-final-")

	props.Snapshot, props.Database, props.Username = name, "", ""
	props.Storage, props.BackupRetention = pointer(500), pointer(9)
	props.MaxStorage, props.IOPS = pointer(1000), pointer(14000)
	b, req = makeDatabase(t, h, props)
	state, _, err := b.Read(t.Context(), req)
	require.NoError(t, err)
	require.Empty(t, resource.Compare(b.Definition(), state.Inputs, req.Inputs).Changes)
	require.Equal(t, "app", state.Outputs.Get("restoredUsername").Str())
	require.NotEmpty(t, state.Outputs.Get("secretArn").Str())
}

func TestClusterFromASnapshot(t *testing.T) {
	h := start(t)
	client := rds.NewFromConfig(h.Plain)
	_, err := client.CreateDBCluster(t.Context(), &rds.CreateDBClusterInput{
		DBClusterIdentifier: aws.String("old"), Engine: aws.String("aurora-postgresql"),
		DatabaseName: aws.String("shop"), EngineVersion: aws.String("16.4"), MasterUsername: aws.String("app"),
		MasterUserPassword: aws.String("password1"),
	})
	require.NoError(t, err)
	_, err = client.CreateDBClusterSnapshot(t.Context(), &rds.CreateDBClusterSnapshotInput{
		DBClusterIdentifier: aws.String("old"), DBClusterSnapshotIdentifier: aws.String("kept"),
	})
	require.NoError(t, err)
	g := databaseGround(t.Context(), t, h)
	props := g.cluster()
	props.PasswordRotation, props.Protected = nil, pointer(false)
	props.Snapshot, props.Database, props.Username = "kept", "", ""
	b := behaviour(t, awsrds.Behaviours(h.Config), model.ClusterType)
	inputs, problems := b.Check(value.Encode(props))
	require.Empty(t, problems)
	req := resource.Request{
		Resource: "web/main:cluster", Type: model.ClusterType, Inputs: inputs,
		Tags: resource.OwnTags("s", "e", "c", "l"), Progress: func(string) {},
	}
	require.Empty(t, foreseen(t, b, req))
	state, err := b.Create(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, "shop", state.Outputs.Get("restoredDatabase").Str())
	require.Equal(t, "app", state.Outputs.Get("restoredUsername").Str())

	for says, change := range map[string]func(*model.Cluster){
		"there is no snapshot lost": func(c *model.Cluster) { c.Snapshot = "lost" },
		"is of aurora-postgresql": func(c *model.Cluster) {
			c.Engine, c.EngineVersion = "aurora-mysql", "8.0"
		},
		"AWS cannot go back to 15":            func(c *model.Cluster) { c.EngineVersion = "15" },
		"RDS has no version 16.99 of aurora-": func(c *model.Cluster) { c.EngineVersion = "16.99" },
	} {
		wrong := props
		change(&wrong)
		req.Inputs = value.Encode(wrong)
		require.Contains(t, strings.Join(foreseen(t, b, req), "; "), says)
	}
}

// foreseen is what AWS would refuse.
func foreseen(t *testing.T, b resource.Behaviour, planned ...resource.Request) []string {
	t.Helper()
	var f resource.Foresight
	b.(resource.Foreseer).Foresee(t.Context(), planned, resource.Neighbours{}, &f)
	refusals, unasked := f.Wait()
	require.Empty(t, unasked)
	var out []string
	for _, r := range refusals {
		out = append(out, r.What)
	}
	return out
}

// A plan finds what is wrong with a new database, and a quota that it exceeds.
func TestForesight(t *testing.T) {
	h := start(t)
	client := rds.NewFromConfig(h.Plain)
	_, err := client.CreateDBInstance(t.Context(), &rds.CreateDBInstanceInput{
		DBInstanceIdentifier: aws.String("old"), Engine: aws.String("postgres"), EngineVersion: aws.String("16.4"),
		DBInstanceClass: aws.String("db.t4g.micro"), AllocatedStorage: aws.Int32(100),
		MasterUsername: aws.String("app"), MasterUserPassword: aws.String("password1"),
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool { // it is being made
		_, err = client.CreateDBSnapshot(t.Context(), &rds.CreateDBSnapshotInput{
			DBInstanceIdentifier: aws.String("old"), DBSnapshotIdentifier: aws.String("kept"),
		})
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	b := behaviour(t, awsrds.Behaviours(h.Config), model.InstanceType)
	request := func(p model.Instance) resource.Request {
		p.Identifier = "new"
		return resource.Request{Resource: "web/main:instance", Inputs: value.Encode(p)}
	}
	good := model.Instance{
		Engine: "postgres", EngineVersion: "16", Class: "db.t4g.micro", Storage: pointer(100), Snapshot: "kept",
	}
	require.Empty(t, foreseen(t, b, request(good)))
	for says, change := range map[string]func(*model.Instance){
		"there is no snapshot lost":            func(p *model.Instance) { p.Snapshot = "lost" },
		"is of postgres, and":                  func(p *model.Instance) { p.Engine, p.EngineVersion = "mysql", "8.4" },
		"AWS cannot go back to 15":             func(p *model.Instance) { p.EngineVersion = "15" },
		"has 100 GiB, so the database gets":    func(p *model.Instance) { p.Storage = pointer(20) },
		"RDS has no class db.m3.large for":     func(p *model.Instance) { p.Class = "db.m3.large" },
		"RDS has no version 16.99 of postgres": func(p *model.Instance) { p.EngineVersion = "16.99" },
		"db.t4g.micro of mysql 8.4.4 has no Performance Insights": func(p *model.Instance) {
			p.Engine, p.EngineVersion, p.Snapshot, p.Insights = "mysql", "8.4", "", pointer(true)
		},
	} {
		wrong := good
		change(&wrong)
		require.Contains(t, strings.Join(foreseen(t, b, request(wrong)), "; "), says)
	}
	// the old object's own snapshot does not count: it exists already
	kept := request(good)
	kept.Old = resource.State{ID: "new", Inputs: kept.Inputs}
	kept.Inputs = kept.Inputs.With("snapshot", value.NewString("lost"))
	require.Empty(t, foreseen(t, b, kept))

	many := make([]resource.Request, 40)
	for i := range many {
		many[i] = request(good)
	}
	require.Equal(t, []string{"the account has 1 databases and this run makes 40, but AWS's quota is 40"},
		foreseen(t, b, many...))
}

// Deletion protection that somebody else has switched on stays on.
func TestDatabaseProtectedBySomebodyElse(t *testing.T) {
	h := start(t)
	props := databaseGround(t.Context(), t, h).instance()
	props.PasswordRotation, props.Protected = nil, pointer(false)
	b, req := makeDatabase(t, h, props)
	_, err := rds.NewFromConfig(h.Plain).ModifyDBInstance(t.Context(), &rds.ModifyDBInstanceInput{
		DBInstanceIdentifier: &req.ID, DeletionProtection: aws.Bool(true),
	})
	require.NoError(t, err)
	var op *resource.OpError
	require.ErrorAs(t, b.Delete(t.Context(), req), &op)
	require.Contains(t, op.Next, "--no-deletion-protection")
	_, found, err := b.Read(t.Context(), req)
	require.NoError(t, err)
	require.True(t, found)
}

func TestExistingDatabase(t *testing.T) {
	h := start(t)
	props := databaseGround(t.Context(), t, h).instance()
	props.PasswordRotation = nil
	_, req := makeDatabase(t, h, props)
	lookup := awsrds.Lookups(h.Config)[0]
	answer, err := lookup.Read(t.Context(), value.Encode(model.DatabaseLookup{
		Identifier: req.ID, Engine: "postgres", Port: 5432, Secret: true,
	}))
	require.NoError(t, err)
	require.Equal(t, "app", answer.Get("username").Str())
	require.NotEmpty(t, answer.Get("securityGroupId").Str())
	for says, ask := range map[string]model.DatabaseLookup{
		"has the engine postgres, not mysql": {Identifier: req.ID, Engine: "mysql"},
		"listens on port 5432, not 5433":     {Identifier: req.ID, Engine: "postgres", Port: 5433},
		"is not in this region":              {Identifier: "nobody", Engine: "postgres"},
		"is no Aurora cluster":               {Identifier: req.ID, Engine: "aurora-postgresql"},
	} {
		_, err := lookup.Read(t.Context(), value.Encode(ask))
		require.ErrorContains(t, err, says)
	}
}

// A person takes a snapshot, or another change is in progress: a plan says so where it can, and the change waits.
func TestDatabaseInChange(t *testing.T) {
	h := start(t)
	props := databaseGround(t.Context(), t, h).instance()
	props.PasswordRotation = nil
	b, req := makeDatabase(t, h, props)
	client := rds.NewFromConfig(h.Plain)
	var told []string
	req.Progress = func(line string) { told = append(told, line) }
	change := func(days int) error {
		props.BackupRetention = pointer(days)
		req.Inputs, _ = b.Check(value.Encode(props))
		state, err := b.Update(t.Context(), req)
		if err == nil {
			req.Old = state
		}
		return err
	}

	_, err := client.CreateDBSnapshot(t.Context(), &rds.CreateDBSnapshotInput{
		DBInstanceIdentifier: &req.ID, DBSnapshotIdentifier: aws.String("by-hand"),
	})
	require.NoError(t, err)
	require.Contains(t, strings.Join(foreseen(t, b, req), "; "), "is backing-up, and AWS may allow the change only")
	require.NoError(t, change(5))
	require.Contains(t, strings.Join(told, "\n"),
		"AWS allows no change of the database "+req.ID+" while it is backing-up")

	h.Fail("rds:ModifyDBInstance", "InvalidDBInstanceState", 3)
	require.NoError(t, change(6))
	h.Fail("rds:ModifyDBInstance", "InvalidDBInstanceState", 1000)
	require.ErrorContains(t, change(7), "InvalidDBInstanceState", "AWS's answer, after some minutes")
	h.Heal()
	require.NoError(t, change(7))

	_, err = client.StopDBInstance(t.Context(), &rds.StopDBInstanceInput{DBInstanceIdentifier: &req.ID})
	require.NoError(t, err)
	require.Contains(t, strings.Join(foreseen(t, b, req), "; "), "is in the state stopped, in which AWS does not")
	require.ErrorContains(t, change(8), "in the state stopped")
}

// Somebody has scheduled another class for the maintenance window. AWS would make that together with any other change,
// so a change takes it back, and a plan says so. What changes nothing in RDS leaves it alone, and does not wait for it.
func TestScheduledChangeOfADatabase(t *testing.T) {
	h := start(t)
	props := databaseGround(t.Context(), t, h).instance()
	props.PasswordRotation = nil
	b, req := makeDatabase(t, h, props)
	client := rds.NewFromConfig(h.Plain)
	pending := func() string {
		is, err := client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{
			DBInstanceIdentifier: &req.ID,
		})
		require.NoError(t, err)
		require.Equal(t, props.Class, *is.DBInstances[0].DBInstanceClass)
		if v := is.DBInstances[0].PendingModifiedValues; v != nil {
			return aws.ToString(v.DBInstanceClass)
		}
		return ""
	}
	_, err := client.ModifyDBInstance(t.Context(), &rds.ModifyDBInstanceInput{
		DBInstanceIdentifier: &req.ID, DBInstanceClass: aws.String("db.r7g.large"), ApplyImmediately: aws.Bool(false),
	})
	require.NoError(t, err)
	state, _, err := b.Read(t.Context(), req)
	require.NoError(t, err)
	require.Contains(t, state.Note, "waits for its maintenance window: class to db.r7g.large")

	props.Tags = map[string]string{"team": "other"}
	req.Inputs, _ = b.Check(value.Encode(props))
	req.Old, err = b.Update(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, "db.r7g.large", pending())

	props.BackupRetention = pointer(9)
	req.Inputs, _ = b.Check(value.Encode(props))
	require.Contains(t, strings.Join(foreseen(t, b, req), "; "),
		"scheduled for the maintenance window: class to db.r7g.large")
	_, err = b.Update(t.Context(), req)
	require.NoError(t, err)
	require.Empty(t, pending())

	// the manifest asks for what was scheduled: it is made at once
	_, err = client.ModifyDBInstance(t.Context(), &rds.ModifyDBInstanceInput{
		DBInstanceIdentifier: &req.ID, DBInstanceClass: aws.String("db.r7g.large"), ApplyImmediately: aws.Bool(false),
	})
	require.NoError(t, err)
	props.Class = "db.r7g.large"
	req.Inputs, _ = b.Check(value.Encode(props))
	require.Empty(t, foreseen(t, b, req))
	_, err = b.Update(t.Context(), req)
	require.NoError(t, err)
	require.Empty(t, pending())
}

// MySQL 5.7 becomes 8.4 in two steps only.
func TestUpgradeInSteps(t *testing.T) {
	h := start(t)
	props := databaseGround(t.Context(), t, h).instance()
	props.PasswordRotation, props.Engine, props.EngineVersion = nil, "mysql", "5.7"
	props.ParameterGroup = value.Of[string]{}
	b, req := makeDatabase(t, h, props)
	for version, says := range map[string]string{
		"8.0": "", "8.4": "AWS does not upgrade mysql 5.7.42 to 8.4, but to 8.0",
	} {
		props.EngineVersion = version
		req.Inputs, _ = b.Check(value.Encode(props))
		require.Equal(t, says, strings.Join(foreseen(t, b, req), "; "), version)
	}
}

// Somebody has made an instance in a cluster: AWS does not delete the cluster with it.
func TestInstanceOfSomebodyElseInACluster(t *testing.T) {
	h := start(t)
	props := databaseGround(t.Context(), t, h).cluster()
	props.PasswordRotation, props.Protected, props.FinalSnapshot = nil, pointer(false), false
	b := behaviour(t, awsrds.Behaviours(h.Config), model.ClusterType)
	req := request(model.ClusterType)
	var told []string
	req.Progress = func(line string) { told = append(told, line) }
	req.Inputs, _ = b.Check(value.Encode(props))
	req.Tags = resourcetest.Tags("database")
	made, err := b.Create(t.Context(), req)
	require.NoError(t, err)
	req.ID, req.Old = made.ID, made
	client := rds.NewFromConfig(h.Plain)
	for _, id := range []string{"ours", "reporting"} {
		_, err = client.CreateDBInstance(t.Context(), &rds.CreateDBInstanceInput{
			DBInstanceIdentifier: &id, Engine: &props.Engine, DBInstanceClass: aws.String("db.r7g.large"),
			DBClusterIdentifier: &made.ID,
		})
		require.NoError(t, err)
	}
	obstacles := func(ours ...string) []plan.Obstacle {
		t.Helper()
		stack := resource.Neighbours{Ours: append(ours, made.ID), Going: []string{made.ID}}
		found, err := b.(resource.Obstructed).Obstacles(t.Context(), req, stack)
		require.NoError(t, err)
		return found
	}
	require.Empty(t, obstacles("ours", "reporting"))
	require.Len(t, obstacles("ours"), 1)
	require.Equal(t, "the cluster "+made.ID+" has instances that were created outside of deployer: reporting",
		obstacles("ours")[0].What)

	// made after the plan
	told = nil
	err = b.Delete(t.Context(), req)
	require.ErrorContains(t, err, "it still contains DB instances")
	var op *resource.OpError
	require.ErrorAs(t, err, &op)
	require.Contains(t, op.Next, "aws rds describe-db-clusters --db-cluster-identifier "+made.ID)
	require.Contains(t, strings.Join(told, "\n"), "AWS does not delete the cluster "+made.ID+" yet")

	for _, id := range []string{"ours", "reporting"} {
		require.Eventually(t, func() bool { // it is being made
			_, err = client.DeleteDBInstance(t.Context(), &rds.DeleteDBInstanceInput{
				DBInstanceIdentifier: &id, SkipFinalSnapshot: aws.Bool(true),
			})
			if err != nil {
				_, _ = client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
			}
			return err == nil
		}, 10*time.Second, 10*time.Millisecond)
	}
	require.Empty(t, obstacles(), "what is being deleted")
	require.NoError(t, b.Delete(t.Context(), req))
}

// The version that runs is not offered any more. That is no reason against a change that tells AWS no version.
func TestChangeOfARetiredVersion(t *testing.T) {
	h := start(t)
	g := databaseGround(t.Context(), t, h)
	props := g.instance()
	props.PasswordRotation, props.EngineVersion = nil, "16.99"
	b, req := makeDatabase(t, h, props)
	for says, change := range map[string]func(*model.Instance){
		"": func(p *model.Instance) { p.Class = "db.t4g.small" },
		"RDS has no class db.m3.large for postgres in this region": func(p *model.Instance) { p.Class = "db.m3.large" },
		"RDS has no version 17.99 of postgres in this region": func(p *model.Instance) {
			p.EngineVersion = "17.99"
		},
	} {
		wanted := props
		change(&wanted)
		req.Inputs, _ = b.Check(value.Encode(wanted))
		require.Equal(t, says, strings.Join(foreseen(t, b, req), "; "))
	}

	aurora := g.cluster()
	aurora.EngineVersion = "16.99"
	b = behaviour(t, awsrds.Behaviours(h.Config), model.ClusterType)
	req = request(model.ClusterType)
	req.Inputs, _ = b.Check(value.Encode(aurora))
	req.Tags = resourcetest.Tags("database")
	made, err := b.Create(t.Context(), req)
	require.NoError(t, err)
	req.ID, req.Old = made.ID, made
	req.Old.Inputs = req.Old.Inputs.With("engineVersion", value.NewString("16")) // and AWS has made 16.99 of it
	require.Empty(t, foreseen(t, b, req))
}

// AWS changes class and version together only if the version that runs has the class.
func TestClassAndVersionTogether(t *testing.T) {
	h := start(t)
	props := databaseGround(t.Context(), t, h).instance()
	props.PasswordRotation, props.EngineVersion, props.ParameterGroup = nil, "13.20", value.Of[string]{}
	b, req := makeDatabase(t, h, props)
	for _, try := range []struct{ version, class, says string }{
		{"16", "db.m7g.large", ""},
		{"16", props.Class, ""},
		{"16", "db.m8g.large", "AWS changes class and version together only if the version that runs has the class, " +
			"and postgres 13.20 has no class db.m8g.large"},
		{"13", "db.m8g.large", "RDS has no class db.m8g.large for postgres 13.20 in this region"},
		{"13.20", "db.m7g.large", ""},
	} {
		props.EngineVersion, props.Class = try.version, try.class
		req.Inputs, _ = b.Check(value.Encode(props))
		require.Equal(t, try.says, strings.Join(foreseen(t, b, req), "; "), try)
	}
}

// An instance of a cluster that somebody changes is made when AWS has ended that.
func TestInstanceOfAClusterInChange(t *testing.T) {
	h := start(t)
	props := databaseGround(t.Context(), t, h).cluster()
	props.PasswordRotation = nil
	b := behaviour(t, awsrds.Behaviours(h.Config), model.ClusterType)
	req := request(model.ClusterType)
	inputs, problems := b.Check(value.Encode(props))
	require.Empty(t, problems)
	req.Inputs, req.Tags = inputs, resourcetest.Tags("database")
	made, err := b.Create(t.Context(), req)
	require.NoError(t, err)

	b = behaviour(t, awsrds.Behaviours(h.Config), model.InstanceType)
	req = request(model.InstanceType)
	req.Inputs, problems = b.Check(value.Encode(model.Instance{
		Identifier: "one", Engine: props.Engine, Class: "db.r7g.large", ClusterIdentifier: value.Lit(made.ID),
	}))
	require.Empty(t, problems)
	req.Tags = resourcetest.Tags("database")
	h.Fail("rds:CreateDBInstance", "InvalidDBClusterStateFault", 3)
	_, err = b.Create(t.Context(), req)
	require.NoError(t, err)
}
