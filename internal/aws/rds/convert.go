package rds

import (
	"crypto/rand"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	model "github.com/company/deployer/internal/resource/rds"
	"github.com/company/deployer/internal/value"
)

func number(n *int) *int32 {
	if n == nil {
		return nil
	}
	return aws.Int32(int32(*n)) //nolint:gosec // checked: RDS's limits are far below
}

// actual returns what AWS has, if the recorded property is given.
func actual[T any](recorded *T, has T) *T {
	if recorded == nil {
		return nil
	}
	return &has
}

func actualInt(recorded *int, has *int32) *int { return actual(recorded, int(aws.ToInt32(has))) }

// window is the form in which AWS returns a window: lower case.
func window(recorded, has string) string {
	switch {
	case recorded == "" || strings.EqualFold(recorded, has):
		return recorded
	default:
		return has
	}
}

const (
	supported   = "open-source-rds-extended-support"
	unsupported = "open-source-rds-extended-support-disabled"
)

func lifecycle(extended *bool) *string {
	switch {
	case extended == nil:
		return nil
	case *extended:
		return aws.String(supported)
	default:
		return aws.String(unsupported)
	}
}

// throwaway is a password that nobody gets to know. Somebody has to set another one.
func throwaway() *string { return aws.String(rand.Text() + rand.Text()[:10]) }

func createInput(c instanceCall) (*rds.CreateDBInstanceInput, error) {
	p := c.Props
	in := &rds.CreateDBInstanceInput{
		DBInstanceIdentifier: &p.Identifier, Engine: &p.Engine, EngineVersion: call.Optional(p.EngineVersion),
		DBInstanceClass: &p.Class, DBClusterIdentifier: call.Optional(p.ClusterIdentifier.Get()),
		AllocatedStorage: number(p.Storage), StorageType: call.Optional(p.StorageType), Iops: number(p.IOPS),
		StorageThroughput: number(p.Throughput), MultiAZ: p.MultiAZ, DBName: call.Optional(p.Database),
		MasterUsername: call.Optional(p.Username), DBSubnetGroupName: call.Optional(p.SubnetGroup.Get()),
		VpcSecurityGroupIds: p.SecurityGroupIDs.Get(), DBParameterGroupName: call.Optional(p.ParameterGroup.Get()),
		Port: number(p.ListenPort), PubliclyAccessible: &p.Public, BackupRetentionPeriod: number(p.BackupRetention),
		PreferredBackupWindow:      call.Optional(p.BackupWindow),
		PreferredMaintenanceWindow: call.Optional(p.MaintenanceWindow),
		AutoMinorVersionUpgrade:    p.MinorUpgrades, EnableCloudwatchLogsExports: p.LogExports,
		EnablePerformanceInsights: p.Insights, EnableIAMDatabaseAuthentication: p.IAMAuthentication,
		PerformanceInsightsRetentionPeriod: number(p.InsightsRetention),
		DeletionProtection:                 p.Protected, EngineLifecycleSupport: lifecycle(p.ExtendedSupport),
		PromotionTier: number(p.PromotionTier), KmsKeyId: call.Optional(p.KMSKey.Get()),
		Tags: tagging.List(tagging.Wanted(c.Tags, p.Tags), tag),
	}
	if p.MaxStorage != nil && *p.MaxStorage > 0 {
		in.MaxAllocatedStorage = number(p.MaxStorage)
	}
	if p.ClusterIdentifier.Get() == "" {
		in.StorageEncrypted, in.CopyTagsToSnapshot = &p.Encrypted, aws.Bool(true)
		if p.ManagedPassword == nil || *p.ManagedPassword {
			in.ManageMasterUserPassword = aws.Bool(true)
		} else {
			in.MasterUserPassword = throwaway()
		}
	}
	return in, nil
}

func restoreInput(c instanceCall) *rds.RestoreDBInstanceFromDBSnapshotInput {
	p := c.Props
	in := &rds.RestoreDBInstanceFromDBSnapshotInput{
		DBInstanceIdentifier: &p.Identifier, DBSnapshotIdentifier: &p.Snapshot, DBInstanceClass: &p.Class,
		Engine: &p.Engine, MultiAZ: p.MultiAZ, DBSubnetGroupName: call.Optional(p.SubnetGroup.Get()),
		VpcSecurityGroupIds: p.SecurityGroupIDs.Get(), DBParameterGroupName: call.Optional(p.ParameterGroup.Get()),
		Port: number(p.ListenPort), PubliclyAccessible: &p.Public, AutoMinorVersionUpgrade: p.MinorUpgrades,
		EnableCloudwatchLogsExports: p.LogExports, EnableIAMDatabaseAuthentication: p.IAMAuthentication,
		DeletionProtection: p.Protected, EngineLifecycleSupport: lifecycle(p.ExtendedSupport),
		StorageType: call.Optional(p.StorageType), CopyTagsToSnapshot: aws.Bool(true),
		Tags: tagging.List(tagging.Wanted(c.Tags, p.Tags), tag),
	}
	if p.StorageType != gp3 { // of which AWS takes them only if the snapshot is large: they follow with the size
		in.Iops, in.StorageThroughput = number(p.IOPS), number(p.Throughput)
	}
	return in
}

// instanceProps are the properties of an instance as AWS describes it, in the shape of the recorded ones.
func instanceProps(i types.DBInstance, recorded model.Instance) model.Instance {
	p := model.Instance{
		Identifier: aws.ToString(i.DBInstanceIdentifier), Engine: aws.ToString(i.Engine),
		EngineVersion: seenVersion(recorded.Engine, recorded.EngineVersion, aws.ToString(i.EngineVersion)),
		Class:         aws.ToString(i.DBInstanceClass), ClusterIdentifier: given(i.DBClusterIdentifier),
		MaxStorage: actualInt(recorded.MaxStorage, i.MaxAllocatedStorage), IOPS: actualInt(recorded.IOPS, i.Iops),
		Throughput: actualInt(recorded.Throughput, i.StorageThroughput),
		MultiAZ:    actual(recorded.MultiAZ, aws.ToBool(i.MultiAZ)), Public: aws.ToBool(i.PubliclyAccessible),
		ListenPort:        actualInt(recorded.ListenPort, listening(i)),
		BackupRetention:   actualInt(recorded.BackupRetention, i.BackupRetentionPeriod),
		BackupWindow:      window(recorded.BackupWindow, aws.ToString(i.PreferredBackupWindow)),
		MaintenanceWindow: window(recorded.MaintenanceWindow, aws.ToString(i.PreferredMaintenanceWindow)),
		MinorUpgrades:     actual(recorded.MinorUpgrades, aws.ToBool(i.AutoMinorVersionUpgrade)),
		Insights:          actual(recorded.Insights, aws.ToBool(i.PerformanceInsightsEnabled)),
		InsightsRetention: actualInt(recorded.InsightsRetention, i.PerformanceInsightsRetentionPeriod),
		IAMAuthentication: actual(recorded.IAMAuthentication, aws.ToBool(i.IAMDatabaseAuthenticationEnabled)),
		Protected:         actual(recorded.Protected, aws.ToBool(i.DeletionProtection)),
		ExtendedSupport:   actual(recorded.ExtendedSupport, aws.ToString(i.EngineLifecycleSupport) != unsupported),
		FinalSnapshot:     recorded.FinalSnapshot, Snapshot: recorded.Snapshot,
		PromotionTier: actualInt(recorded.PromotionTier, i.PromotionTier),
		LogExports:    asRecorded(recorded.LogExports, i.EnabledCloudwatchLogsExports),
	}
	if recorded.StorageType != "" {
		p.StorageType = aws.ToString(i.StorageType)
	}
	if recorded.SubnetGroup.IsSet() && i.DBSubnetGroup != nil {
		p.SubnetGroup = given(i.DBSubnetGroup.DBSubnetGroupName)
	}
	if recorded.SecurityGroupIDs.IsSet() {
		p.SecurityGroupIDs = value.Lit(securityGroups(i.VpcSecurityGroups))
	}
	if recorded.ParameterGroup.IsSet() && len(i.DBParameterGroups) > 0 {
		p.ParameterGroup = given(i.DBParameterGroups[0].DBParameterGroupName)
	}
	if aws.ToString(i.DBClusterIdentifier) != "" {
		p.Encrypted, p.KMSKey = recorded.Encrypted, recorded.KMSKey // the cluster's
		p.Database, p.Username, p.LogExports = recorded.Database, recorded.Username, recorded.LogExports
		return p
	}
	if p.MaxStorage != nil && *p.MaxStorage <= int(aws.ToInt32(i.AllocatedStorage)) {
		*p.MaxStorage = 0 // no growth
	}
	p.Storage = actualInt(recorded.Storage, i.AllocatedStorage)
	if p.Storage != nil && *p.Storage > *recorded.Storage {
		p.Storage = recorded.Storage // AWS or somebody has grown it, and nobody can shrink it
	}
	p.ManagedPassword = actual(recorded.ManagedPassword, i.MasterUserSecret != nil)
	p.Encrypted, p.KMSKey = aws.ToBool(i.StorageEncrypted), sameKey(recorded.KMSKey, i.KmsKeyId)
	p.Database, p.Username = aws.ToString(i.DBName), aws.ToString(i.MasterUsername)
	if recorded.Snapshot != "" { // what the snapshot had
		p.Encrypted, p.KMSKey = recorded.Encrypted, recorded.KMSKey
	}
	if recorded.Database == "" {
		p.Database = "" // PostgreSQL's own, or the snapshot's
	}
	if recorded.Username == "" {
		p.Username = ""
	}
	return p
}

// listening is the port. AWS gives it with the endpoint, which a new instance does not have yet.
func listening(i types.DBInstance) *int32 {
	if i.Endpoint != nil && aws.ToInt32(i.Endpoint.Port) != 0 {
		return i.Endpoint.Port
	}
	return i.DbInstancePort
}

func given(s *string) value.Of[string] {
	if aws.ToString(s) == "" {
		return value.Of[string]{}
	}
	return value.Lit(*s)
}

// sameKeys are the forms of the key of a database.
var sameKeys = map[string]func(a, b string) bool{"kmsKey": call.SameKey}

// sameKey is the recorded key if AWS, which returns ARNs of keys, may mean the same.
func sameKey(recorded value.Of[string], has *string) value.Of[string] {
	key := recorded.Get()
	if key == "" || strings.Contains(key, "alias/") || call.SameKey(key, aws.ToString(has)) {
		return recorded // nobody asked for one; or its key can be another one only after somebody changed the alias
	}
	return given(has)
}

func securityGroups(groups []types.VpcSecurityGroupMembership) []string {
	ids := []string{}
	for _, g := range groups {
		if aws.ToString(g.Status) != "removing" {
			ids = append(ids, aws.ToString(g.VpcSecurityGroupId))
		}
	}
	slices.Sort(ids)
	return ids
}

// seenVersion is the recorded version if the one that runs satisfies it.
func seenVersion(engine, recorded, runs string) string {
	if satisfies(engine, recorded, runs) {
		return recorded
	}
	return runs
}

func instanceOutputs(i types.DBInstance) model.InstanceOutputs {
	out := model.InstanceOutputs{
		ARN: aws.ToString(i.DBInstanceArn), ResourceID: aws.ToString(i.DbiResourceId),
		Port:             int(aws.ToInt32(listening(i))),
		RestoredDatabase: aws.ToString(i.DBName), RestoredUsername: aws.ToString(i.MasterUsername),
	}
	if i.Endpoint != nil {
		out.Endpoint = aws.ToString(i.Endpoint.Address)
	}
	if i.MasterUserSecret != nil {
		out.SecretARN = aws.ToString(i.MasterUserSecret.SecretArn)
	}
	return out
}

// instanceNote is what a person should know and no change would mend.
func instanceNote(i types.DBInstance, recorded model.Instance) string {
	for _, g := range i.DBParameterGroups {
		if aws.ToString(g.ParameterApplyStatus) == "pending-reboot" {
			return "parameters wait for a reboot: aws rds reboot-db-instance --db-instance-identifier " +
				aws.ToString(i.DBInstanceIdentifier)
		}
	}
	if others := scheduled(i.PendingModifiedValues, recorded).foreign(); others != "" && usableNow(i.DBInstanceStatus) {
		return "a change that was scheduled outside of deployer waits for its maintenance window: " + others
	}
	return ""
}

func usableNow(status *string) bool {
	usable, _ := state(aws.ToString(status))
	return usable
}

// modifyInput is the call that makes an instance what is wanted; nil if it is that already.
func modifyInput(p model.Instance, found types.DBInstance) (*rds.ModifyDBInstanceInput, error) {
	has := instanceProps(found, p)
	in := &rds.ModifyDBInstanceInput{DBInstanceIdentifier: &p.Identifier, ApplyImmediately: aws.Bool(true)}
	n := 0
	change := func(differs bool, set func()) {
		if differs {
			n++
			set()
		}
	}
	change(has.EngineVersion != p.EngineVersion && p.ClusterIdentifier.Get() == "", func() {
		in.EngineVersion = &p.EngineVersion
		if !sameMajor(p.Engine, p.EngineVersion, aws.ToString(found.EngineVersion)) {
			in.AllowMajorVersionUpgrade = aws.Bool(true)
		}
	})
	change(has.Class != p.Class, func() { in.DBInstanceClass = &p.Class })
	storage := differs(has.Storage, p.Storage)
	change(storage || differs(has.IOPS, p.IOPS) || differs(has.Throughput, p.Throughput) ||
		has.StorageType != p.StorageType, func() { changeStorage(in, p, found, storage) })
	change(differs(has.MaxStorage, p.MaxStorage), func() {
		in.MaxAllocatedStorage = number(p.MaxStorage)
		if *p.MaxStorage == 0 { // AWS switches the growth off when the limit is the present size
			if in.MaxAllocatedStorage = found.AllocatedStorage; in.AllocatedStorage != nil {
				in.MaxAllocatedStorage = in.AllocatedStorage
			}
		}
	})
	change(differs(has.MultiAZ, p.MultiAZ), func() { in.MultiAZ = p.MultiAZ })
	change(!value.Equal(has.SecurityGroupIDs.Value(), p.SecurityGroupIDs.Value()), func() {
		in.VpcSecurityGroupIds = p.SecurityGroupIDs.Get()
	})
	change(has.ParameterGroup.Get() != p.ParameterGroup.Get() && p.ParameterGroup.IsSet(), func() {
		in.DBParameterGroupName = call.Optional(p.ParameterGroup.Get())
	})
	change(differs(has.ListenPort, p.ListenPort), func() { in.DBPortNumber = number(p.ListenPort) })
	change(has.Public != p.Public, func() { in.PubliclyAccessible = &p.Public })
	change(differs(has.BackupRetention, p.BackupRetention), func() {
		in.BackupRetentionPeriod = number(p.BackupRetention)
	})
	change(has.BackupWindow != p.BackupWindow, func() { in.PreferredBackupWindow = &p.BackupWindow })
	change(has.MaintenanceWindow != p.MaintenanceWindow, func() {
		in.PreferredMaintenanceWindow = &p.MaintenanceWindow
	})
	change(differs(has.MinorUpgrades, p.MinorUpgrades), func() { in.AutoMinorVersionUpgrade = p.MinorUpgrades })
	change(!slices.Equal(has.LogExports, p.LogExports), func() {
		in.CloudwatchLogsExportConfiguration = exports(has.LogExports, p.LogExports)
	})
	change(differs(has.Insights, p.Insights) || differs(has.InsightsRetention, p.InsightsRetention), func() {
		in.EnablePerformanceInsights = p.Insights
		in.PerformanceInsightsRetentionPeriod = number(p.InsightsRetention)
	})
	change(differs(has.IAMAuthentication, p.IAMAuthentication), func() {
		in.EnableIAMDatabaseAuthentication = p.IAMAuthentication
	})
	change(differs(has.Protected, p.Protected), func() { in.DeletionProtection = p.Protected })
	change(differs(has.ExtendedSupport, p.ExtendedSupport), func() {
		in.EngineLifecycleSupport = lifecycle(p.ExtendedSupport)
	})
	change(differs(has.PromotionTier, p.PromotionTier), func() { in.PromotionTier = number(p.PromotionTier) })
	change(differs(has.ManagedPassword, p.ManagedPassword), func() {
		in.ManageMasterUserPassword = p.ManagedPassword
		if !*p.ManagedPassword {
			in.MasterUserPassword = throwaway()
		}
	})
	if n == 0 {
		return nil, nil //nolint:nilnil // nothing to do
	}
	scheduled(found.PendingModifiedValues, p).keep(in, p, found)
	return in, nil
}

func differs[T comparable](has, wanted *T) bool {
	return wanted != nil && (has == nil || *has != *wanted)
}

// exports is the change from old log exports to new ones.
func exports(old, wanted []string) *types.CloudwatchLogsExportConfiguration {
	out := &types.CloudwatchLogsExportConfiguration{}
	for _, name := range wanted {
		if !slices.Contains(old, name) {
			out.EnableLogTypes = append(out.EnableLogTypes, name)
		}
	}
	for _, name := range old {
		if !slices.Contains(wanted, name) {
			out.DisableLogTypes = append(out.DisableLogTypes, name)
		}
	}
	return out
}
