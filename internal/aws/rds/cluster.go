package rds

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/rds"
	"github.com/company/deployer/internal/value"
)

type (
	clusterCall = resource.Call[model.Cluster, model.ClusterOutputs]
	cluster     struct{ api *api }
)

func newCluster(api *api) resource.Behaviour {
	d := cluster{api}
	return &resource.Typed[model.Cluster, model.ClusterOutputs]{
		Def: resource.Definition{
			Type: model.ClusterType, Version: 1,
			ReplaceOn:  []string{"engine", "database", "username", "subnetGroup", "encrypted", "kmsKey"},
			Forms:      sameKeys,
			HashedName: "identifier", NameLimit: identifierLimit, NamePlain: true,
			CreateOnly:  []string{"snapshot"},
			DataLoss:    true,
			Deleting:    deletingData,
			Refuses:     downgrades,
			Consequence: clusterConsequence,
			Lasts:       clusterLasts,
			Remark:      remark,
			NotYet:      notYet("CreateDBCluster", "RestoreDBClusterFromSnapshot", "ModifyDBCluster"),
			Permissions: clusterPermissions,
		},
		CheckProps: checkCluster, CreateObject: d.create, ReadObject: d.read, UpdateObject: d.update,
		AwaitGone: call.AwaitGone(patient, "cluster", d.read),
		Ahead:     d.foresee, AwaitReady: d.awaitReady, DeleteObject: d.delete, InTheWay: d.inTheWay,
		Named: "identifier", Taggable: true,
		Observe: resource.Observing[model.Cluster, model.ClusterOutputs]{
			HealthOf: d.health,
			Logs:     func(w watchedCluster) []resource.LogSource { return logs("cluster", w.ID, w.Props.LogExports) },
			Metrics: func(w watchedCluster) []resource.Metric {
				return metrics("DBClusterIdentifier", w.ID, false)
			},
		},
	}
}

func clusterPermissions(s resource.Scope) []resource.Statement {
	groups := s.Names(groupNameLimit)
	clusters := []string{s.ARN("rds", "cluster:"+s.Names(identifierLimit))}
	return append([]resource.Statement{
		{On: clusters, Actions: []string{
			"rds:CreateDBCluster", "rds:ModifyDBCluster", "rds:DeleteDBCluster",
			"rds:AddTagsToResource", "rds:RemoveTagsFromResource",
		}},
		{On: []string{s.ARN("rds", "cluster:*")}, Actions: []string{"rds:DescribeDBClusters"}},
		{
			On: []string{s.ARN("rds", "db:*")}, Actions: []string{"rds:DescribeDBInstances"},
			Why: "instances that others made in a cluster, which AWS then does not delete",
		},
		{On: []string{
			s.ARN("rds", "subgrp:"+groups), s.ARN("rds", "cluster-pg:"+groups), s.ARN("rds", "og:default:*"),
			s.ARN("rds", "pg:default.*"),
		}, Actions: []string{"rds:CreateDBCluster", "rds:ModifyDBCluster"}},
		{
			On:      []string{s.ARN("rds", "cluster-snapshot:*"), s.ARN("rds", "cluster:*")},
			Actions: []string{"rds:DescribeDBClusterSnapshots"}, Why: "with `restoreFrom`, in the plan", Looks: true,
		},
		{
			On: append(slices.Clone(clusters), s.ARN("rds", "cluster-snapshot:*"), s.ARN("rds", "subgrp:"+groups),
				s.ARN("rds", "cluster-pg:"+groups), s.ARN("rds", "og:default:*")),
			Actions: []string{"rds:RestoreDBClusterFromSnapshot"}, Why: "with `restoreFrom`",
		},
		{
			On:      []string{s.ARN("rds", "cluster-snapshot:*")},
			Actions: []string{"rds:CreateDBClusterSnapshot"}, Why: "the final snapshot",
		},
	}, databasePermissions(s, "cluster")...)
}

func checkCluster(p *model.Cluster) []value.Problem {
	var problems value.Problems
	if p.Engine != "aurora-postgresql" && p.Engine != "aurora-mysql" {
		problems.Bad("engine", "%q is no engine of Aurora", p.Engine)
	}
	if p.Username == "" && p.Snapshot == "" {
		problems.Bad("username", "a cluster needs a master user")
	}
	if c := p.Capacity; c != nil {
		if c.Max < 1 || c.Max > 256 || c.Min < 0 || c.Min > c.Max || c.Min*2 != float64(int(c.Min*2)) ||
			c.Max*2 != float64(int(c.Max*2)) {
			problems.Bad("capacity", "must be from 0 to 256 ACU in steps of 0.5, max at least 1, and min not above max")
		}
		if c.PauseAfter != nil && (c.Min != 0 || *c.PauseAfter < 300 || *c.PauseAfter > 86400) {
			problems.Bad("capacity.pauseAfter", "must be from 300 to 86400 seconds, and only with min 0")
		}
	}
	p.SecurityGroupIDs = value.AsSet(p.SecurityGroupIDs)
	slices.Sort(p.LogExports)
	checkRotation(&problems, p.PasswordRotation)
	return problems
}

func scaling(c *model.Capacity) *types.ServerlessV2ScalingConfiguration {
	if c == nil {
		return nil
	}
	return &types.ServerlessV2ScalingConfiguration{
		MinCapacity: &c.Min, MaxCapacity: &c.Max, SecondsUntilAutoPause: number(c.PauseAfter),
	}
}

func (d cluster) create(ctx context.Context, c clusterCall) (string, model.ClusterOutputs, error) {
	p := c.Props
	tags := tagging.List(tagging.Wanted(c.Tags, p.Tags), tag)
	if p.Snapshot != "" {
		out, err := d.api.client.RestoreDBClusterFromSnapshot(ctx, &rds.RestoreDBClusterFromSnapshotInput{
			DBClusterIdentifier: &p.Identifier, SnapshotIdentifier: &p.Snapshot, Engine: &p.Engine,
			EngineVersion: call.Optional(p.EngineVersion), DBSubnetGroupName: call.Optional(p.SubnetGroup.Get()),
			VpcSecurityGroupIds:         p.SecurityGroupIDs.Get(),
			DBClusterParameterGroupName: call.Optional(p.ParameterGroup.Get()), Port: number(p.ListenPort),
			EnableCloudwatchLogsExports:     p.LogExports,
			EnableIAMDatabaseAuthentication: p.IAMAuthentication, DeletionProtection: p.Protected,
			EngineLifecycleSupport: lifecycle(p.ExtendedSupport), StorageType: call.Optional(p.StorageType),
			ServerlessV2ScalingConfiguration: scaling(p.Capacity), KmsKeyId: call.Optional(p.KMSKey.Get()),
			CopyTagsToSnapshot: aws.Bool(true), Tags: tags,
		})
		if err != nil {
			return "", model.ClusterOutputs{}, failed(err)
		}
		return p.Identifier, clusterOutputs(*out.DBCluster), nil
	}
	in := &rds.CreateDBClusterInput{
		DBClusterIdentifier: &p.Identifier, Engine: &p.Engine, EngineVersion: call.Optional(p.EngineVersion),
		DatabaseName: call.Optional(p.Database), MasterUsername: call.Optional(p.Username),
		DBSubnetGroupName: call.Optional(p.SubnetGroup.Get()), VpcSecurityGroupIds: p.SecurityGroupIDs.Get(),
		DBClusterParameterGroupName: call.Optional(p.ParameterGroup.Get()), Port: number(p.ListenPort),
		StorageEncrypted: &p.Encrypted, KmsKeyId: call.Optional(p.KMSKey.Get()),
		StorageType:           call.Optional(p.StorageType),
		BackupRetentionPeriod: number(p.BackupRetention), PreferredBackupWindow: call.Optional(p.BackupWindow),
		PreferredMaintenanceWindow: call.Optional(p.MaintenanceWindow), EnableCloudwatchLogsExports: p.LogExports,
		EnableIAMDatabaseAuthentication: p.IAMAuthentication, DeletionProtection: p.Protected,
		EngineLifecycleSupport:           lifecycle(p.ExtendedSupport),
		ServerlessV2ScalingConfiguration: scaling(p.Capacity), CopyTagsToSnapshot: aws.Bool(true), Tags: tags,
	}
	if p.ManagedPassword == nil || *p.ManagedPassword {
		in.ManageMasterUserPassword = aws.Bool(true)
	} else {
		in.MasterUserPassword = throwaway()
	}
	out, err := d.api.client.CreateDBCluster(ctx, in)
	if err != nil {
		return "", model.ClusterOutputs{}, failed(err)
	}
	return p.Identifier, clusterOutputs(*out.DBCluster), nil
}

// get returns a cluster, also one that is being deleted.
func (d cluster) get(ctx context.Context, id string) (types.DBCluster, error) {
	found, there, err := d.api.clusters.Get(ctx, id)
	if err == nil && !there {
		err = gone("DescribeDBClusters", "DBClusterNotFoundFault", "the DB cluster "+id)
	}
	return found, failed(err)
}

func (d cluster) read(ctx context.Context, c clusterCall) (model.Cluster, model.ClusterOutputs, error) {
	found, err := d.get(ctx, c.ID)
	if err == nil && aws.ToString(found.Status) == deleting {
		err = call.Deleting("the cluster " + c.ID)
	}
	if err != nil {
		return model.Cluster{}, model.ClusterOutputs{}, err
	}
	recorded := c.Old
	if recorded.Identifier == "" {
		recorded = c.Props
	}
	props := clusterProps(found, recorded)
	if recorded.PasswordRotation != nil {
		if props.PasswordRotation, err = d.api.rotation(ctx, found.MasterUserSecret); err != nil {
			return props, model.ClusterOutputs{}, err
		}
	}
	props.Tags = tagging.Seen(c.Request, tagging.Map(found.TagList, tag))
	if c.Seen != nil && slices.ContainsFunc(found.DBClusterMembers, func(m types.DBClusterMember) bool {
		return aws.ToString(m.DBClusterParameterGroupStatus) == "pending-reboot"
	}) {
		c.Seen.Note = "parameters wait for a reboot of its instances (aws rds reboot-db-instance)"
	}
	return props, clusterOutputs(found), nil
}

// shared is what a cluster has in common with an instance.
func (d cluster) shared(p model.Cluster) database[types.DBCluster] {
	return database[types.DBCluster]{
		api: d.api, noun: "the cluster", option: "db-cluster", source: types.SourceTypeDbCluster,
		taken: "DBClusterSnapshotAlreadyExistsFault", get: d.get,
		brief: func(found types.DBCluster) brief { return clusterBrief(found, p) },
		unprotect: func(ctx context.Context, id string) error {
			_, err := d.api.client.ModifyDBCluster(ctx, &rds.ModifyDBClusterInput{
				DBClusterIdentifier: &id, DeletionProtection: aws.Bool(false), ApplyImmediately: aws.Bool(true),
			})
			return err
		},
		remove: func(ctx context.Context, id string, final *string) error {
			_, err := d.api.client.DeleteDBCluster(ctx, &rds.DeleteDBClusterInput{
				DBClusterIdentifier: &id, SkipFinalSnapshot: aws.Bool(final == nil), FinalDBSnapshotIdentifier: final,
			})
			return err
		},
	}
}

func clusterBrief(c types.DBCluster, p model.Cluster) brief {
	return brief{
		status: aws.ToString(c.Status), protected: aws.ToBool(c.DeletionProtection),
		resourceID: aws.ToString(c.DbClusterResourceId), secret: c.MasterUserSecret,
		pending: slices.ContainsFunc(scheduledOfCluster(c.PendingModifiedValues, p), func(s schedule) bool {
			return s.desired
		}),
	}
}

func (d cluster) update(ctx context.Context, c clusterCall) (model.ClusterOutputs, error) {
	found, err := d.shared(c.Props).usable(ctx, jobOf(c, false), nil)
	if err != nil {
		return c.Out, err
	}
	err = d.api.rotateAsUsual(ctx, found.MasterUserSecret, c.Old.PasswordRotation, c.Props.PasswordRotation)
	if err != nil {
		return c.Out, err
	}
	if _, err := d.modify(ctx, jobOf(c, false), withoutCluster(c.Old, c.Props), found); err != nil {
		return c.Out, err
	}
	return clusterOutputs(found), d.api.retag(ctx, aws.ToString(found.DBClusterArn), c.Old.Tags,
		tagging.Wanted(c.Tags, c.Props.Tags))
}

// modify makes the cluster what is wanted, and reports whether it was something else.
func (d cluster) modify(ctx context.Context, j job, p model.Cluster, found types.DBCluster) (bool, error) {
	in := modifyClusterInput(p, found)
	if in == nil {
		return false, nil
	}
	return true, d.shared(p).change(ctx, j, func() error {
		_, err := d.api.client.ModifyDBCluster(ctx, in)
		return err
	})
}

func (d cluster) awaitReady(ctx context.Context, c clusterCall) (model.ClusterOutputs, error) {
	var complete func(types.DBCluster) (bool, error)
	if c.Props.Snapshot != "" { // a restore takes only some of the properties
		complete = func(found types.DBCluster) (bool, error) { return d.modify(ctx, jobOf(c, false), c.Props, found) }
	}
	found, err := d.shared(c.Props).ready(ctx, jobOf(c, c.Old.Identifier == ""), complete, c.Props.PasswordRotation)
	if err != nil {
		return c.Out, err
	}
	return clusterOutputs(found), nil
}

func (d cluster) delete(ctx context.Context, c clusterCall) error {
	return d.shared(c.Old).delete(ctx, jobOf(c, false), c.Old.Protected, c.Old.FinalSnapshot)
}

// inTheWay finds the instances of the cluster that do not belong to the stack. AWS deletes no cluster with instances.
func (d cluster) inTheWay(ctx context.Context, c clusterCall, stack resource.Neighbours) ([]plan.Obstacle, error) {
	found, err := d.get(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	var foreign []string
	for _, m := range found.DBClusterMembers {
		id := aws.ToString(m.DBInstanceIdentifier)
		if stack.Has(id) {
			continue
		}
		member, there, err := d.api.instances.Get(ctx, id)
		if err != nil {
			return nil, failed(err)
		}
		if there && aws.ToString(member.DBInstanceStatus) != deleting {
			foreign = append(foreign, id)
		}
	}
	if len(foreign) == 0 {
		return nil, nil
	}
	slices.Sort(foreign)
	return []plan.Obstacle{{
		What: "the cluster " + c.ID + " has instances that were created outside of deployer: " +
			strings.Join(foreign, ", "),
		Next: "delete these instances: aws rds delete-db-instance --db-instance-identifier " + foreign[0],
	}}, nil
}

// clusterProps are the properties of a cluster as AWS describes it, in the shape of the recorded ones.
func clusterProps(c types.DBCluster, recorded model.Cluster) model.Cluster {
	p := model.Cluster{
		Identifier: aws.ToString(c.DBClusterIdentifier), Engine: aws.ToString(c.Engine),
		EngineVersion:   seenVersion(recorded.Engine, recorded.EngineVersion, aws.ToString(c.EngineVersion)),
		Database:        aws.ToString(c.DatabaseName),
		Username:        aws.ToString(c.MasterUsername),
		ManagedPassword: actual(recorded.ManagedPassword, c.MasterUserSecret != nil),
		ListenPort:      actualInt(recorded.ListenPort, c.Port),
		Encrypted:       aws.ToBool(c.StorageEncrypted), KMSKey: sameKey(recorded.KMSKey, c.KmsKeyId),
		BackupRetention:   actualInt(recorded.BackupRetention, c.BackupRetentionPeriod),
		BackupWindow:      window(recorded.BackupWindow, aws.ToString(c.PreferredBackupWindow)),
		MaintenanceWindow: window(recorded.MaintenanceWindow, aws.ToString(c.PreferredMaintenanceWindow)),
		IAMAuthentication: actual(recorded.IAMAuthentication, aws.ToBool(c.IAMDatabaseAuthenticationEnabled)),
		Protected:         actual(recorded.Protected, aws.ToBool(c.DeletionProtection)),
		ExtendedSupport:   actual(recorded.ExtendedSupport, aws.ToString(c.EngineLifecycleSupport) != unsupported),
		FinalSnapshot:     recorded.FinalSnapshot, Snapshot: recorded.Snapshot,
		LogExports: asRecorded(recorded.LogExports, c.EnabledCloudwatchLogsExports),
	}
	if s := c.ServerlessV2ScalingConfiguration; recorded.Capacity != nil && s != nil {
		p.Capacity = &model.Capacity{Min: aws.ToFloat64(s.MinCapacity), Max: aws.ToFloat64(s.MaxCapacity)}
		if recorded.Capacity.PauseAfter != nil {
			p.Capacity.PauseAfter = actualInt(recorded.Capacity.PauseAfter, s.SecondsUntilAutoPause)
		}
	}
	if recorded.StorageType != "" {
		if p.StorageType = aws.ToString(c.StorageType); p.StorageType == "" {
			p.StorageType = standardStorage // AWS leaves it out
		}
	}
	if recorded.SubnetGroup.IsSet() {
		p.SubnetGroup = given(c.DBSubnetGroup)
	}
	if recorded.SecurityGroupIDs.IsSet() {
		p.SecurityGroupIDs = value.Lit(securityGroups(c.VpcSecurityGroups))
	}
	if recorded.ParameterGroup.IsSet() {
		p.ParameterGroup = given(c.DBClusterParameterGroup)
	}
	if recorded.Snapshot != "" { // what the snapshot had
		p.Encrypted, p.KMSKey = recorded.Encrypted, recorded.KMSKey
	}
	if recorded.Database == "" {
		p.Database = ""
	}
	if recorded.Username == "" {
		p.Username = ""
	}
	return p
}

func clusterOutputs(c types.DBCluster) model.ClusterOutputs {
	out := model.ClusterOutputs{
		ARN: aws.ToString(c.DBClusterArn), ResourceID: aws.ToString(c.DbClusterResourceId),
		Endpoint: aws.ToString(c.Endpoint), ReaderEndpoint: aws.ToString(c.ReaderEndpoint),
		Port:             int(aws.ToInt32(c.Port)),
		RestoredDatabase: aws.ToString(c.DatabaseName), RestoredUsername: aws.ToString(c.MasterUsername),
	}
	if c.MasterUserSecret != nil {
		out.SecretARN = aws.ToString(c.MasterUserSecret.SecretArn)
	}
	return out
}

// modifyClusterInput is the call that makes a cluster what is wanted; nil if it is that already.
func modifyClusterInput(p model.Cluster, found types.DBCluster) *rds.ModifyDBClusterInput {
	has := clusterProps(found, p)
	in := &rds.ModifyDBClusterInput{DBClusterIdentifier: &p.Identifier, ApplyImmediately: aws.Bool(true)}
	n := 0
	change := func(differs bool, set func()) {
		if differs {
			n++
			set()
		}
	}
	change(has.EngineVersion != p.EngineVersion, func() {
		in.EngineVersion = &p.EngineVersion
		if !sameMajor(p.Engine, p.EngineVersion, aws.ToString(found.EngineVersion)) {
			in.AllowMajorVersionUpgrade = aws.Bool(true)
		}
	})
	change(!value.Equal(value.Encode(has.Capacity), value.Encode(p.Capacity)), func() {
		in.ServerlessV2ScalingConfiguration = scaling(p.Capacity)
	})
	change(has.StorageType != p.StorageType, func() { in.StorageType = &p.StorageType })
	change(!value.Equal(has.SecurityGroupIDs.Value(), p.SecurityGroupIDs.Value()), func() {
		in.VpcSecurityGroupIds = p.SecurityGroupIDs.Get()
	})
	change(has.ParameterGroup.Get() != p.ParameterGroup.Get() && p.ParameterGroup.IsSet(), func() {
		in.DBClusterParameterGroupName = call.Optional(p.ParameterGroup.Get())
	})
	change(differs(has.ListenPort, p.ListenPort), func() { in.Port = number(p.ListenPort) })
	change(differs(has.BackupRetention, p.BackupRetention), func() {
		in.BackupRetentionPeriod = number(p.BackupRetention)
	})
	change(has.BackupWindow != p.BackupWindow, func() { in.PreferredBackupWindow = &p.BackupWindow })
	change(has.MaintenanceWindow != p.MaintenanceWindow, func() {
		in.PreferredMaintenanceWindow = &p.MaintenanceWindow
	})
	change(!slices.Equal(has.LogExports, p.LogExports), func() {
		in.CloudwatchLogsExportConfiguration = exports(has.LogExports, p.LogExports)
	})
	change(differs(has.IAMAuthentication, p.IAMAuthentication), func() {
		in.EnableIAMDatabaseAuthentication = p.IAMAuthentication
	})
	change(differs(has.Protected, p.Protected), func() { in.DeletionProtection = p.Protected })
	change(differs(has.ExtendedSupport, p.ExtendedSupport), func() {
		in.EngineLifecycleSupport = lifecycle(p.ExtendedSupport)
	})
	change(differs(has.ManagedPassword, p.ManagedPassword), func() {
		in.ManageMasterUserPassword = p.ManagedPassword
		if !*p.ManagedPassword {
			in.MasterUserPassword = throwaway()
		}
	})
	if n == 0 {
		return nil
	}
	scheduledOfCluster(found.PendingModifiedValues, p).keepInCluster(in, found)
	return in
}
