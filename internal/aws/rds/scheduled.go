package rds

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	model "github.com/company/deployer/internal/resource/rds"
)

// schedule is a change that AWS has accepted and not made yet: one of this run, or one that somebody has scheduled for
// the maintenance window. AWS makes all of them together with the next change that is applied at once.
type schedule struct {
	property string
	to       string
	desired  bool // it is what the manifest says
}

// schedules collects the pending values of a description.
type schedules []schedule

func pending[T comparable](s *schedules, property string, is *T, desired *T) {
	if is != nil {
		*s = append(*s, schedule{property, fmt.Sprint(*is), desired != nil && *is == *desired})
	}
}

func wide(n *int32) *int {
	if n == nil {
		return nil
	}
	return new(int(*n))
}

// scheduled are the pending changes of an instance.
func scheduled(v *types.PendingModifiedValues, p model.Instance) schedules {
	var s schedules
	if v == nil {
		return nil
	}
	pending(&s, "class", v.DBInstanceClass, &p.Class)
	pending(&s, "storage", wide(v.AllocatedStorage), p.Storage)
	pending(&s, "storageType", v.StorageType, &p.StorageType)
	iops, throughput := comesWith(p.StorageType, aws.ToInt(p.Storage))
	pending(&s, "iops", wide(v.Iops), cmp.Or(p.IOPS, iops))
	pending(&s, "throughput", wide(v.StorageThroughput), cmp.Or(p.Throughput, throughput))
	pending(&s, "multiAz", v.MultiAZ, p.MultiAZ)
	pending(&s, "listenPort", wide(v.Port), p.ListenPort)
	pending(&s, "backupRetention", wide(v.BackupRetentionPeriod), p.BackupRetention)
	pending(&s, "iamAuthentication", v.IAMDatabaseAuthenticationEnabled, p.IAMAuthentication)
	s.version(v.EngineVersion, p.Engine, p.EngineVersion)
	s.password(v.MasterUserPassword)
	return s
}

// scheduledOfCluster are the pending changes of a cluster.
func scheduledOfCluster(v *types.ClusterPendingModifiedValues, p model.Cluster) schedules {
	var s schedules
	if v == nil {
		return nil
	}
	pending(&s, "storageType", v.StorageType, new(cmp.Or(p.StorageType, standardStorage)))
	pending(&s, "backupRetention", wide(v.BackupRetentionPeriod), p.BackupRetention)
	pending(&s, "iamAuthentication", v.IAMDatabaseAuthenticationEnabled, p.IAMAuthentication)
	s.version(v.EngineVersion, p.Engine, p.EngineVersion)
	s.password(v.MasterUserPassword)
	return s
}

func (s *schedules) version(is *string, engine, desired string) {
	if is != nil {
		*s = append(*s, schedule{"engineVersion", *is, desired != "" && satisfies(engine, desired, *is)})
	}
}

// password: only deployer changes it without a person who knows the new one.
func (s *schedules) password(is *string) {
	if is != nil {
		*s = append(*s, schedule{"the password", "another one", true})
	}
}

// others reports whether somebody has scheduled another value for a property than the manifest says.
func (s schedules) others(property string) bool {
	for _, one := range s {
		if one.property == property && !one.desired {
			return true
		}
	}
	return false
}

// foreign says what somebody has scheduled that the manifest does not say; "" if nothing.
func (s schedules) foreign() string {
	var texts []string
	for _, one := range s {
		if !one.desired {
			texts = append(texts, one.property+" to "+one.to)
		}
	}
	return strings.Join(texts, ", ")
}

// takeBack sets one property of a change, unless the change has it already, to what it is.
func takeBack[T any](s schedules, property string, in **T, is *T) {
	if s.others(property) && *in == nil {
		*in = is
	}
}

// keep puts into a change what the manifest says of properties for which somebody has scheduled another value. AWS
// would make that at once together with the change, with the downtime that the person wanted in the maintenance window.
func (s schedules) keep(in *rds.ModifyDBInstanceInput, p model.Instance, found types.DBInstance) {
	takeBack(s, "class", &in.DBInstanceClass, &p.Class)
	takeBack(s, "storage", &in.AllocatedStorage, found.AllocatedStorage)
	takeBack(s, "storageType", &in.StorageType, found.StorageType)
	if provisioned(aws.ToString(found.StorageType), aws.ToInt32(found.AllocatedStorage)) {
		takeBack(s, "iops", &in.Iops, found.Iops)
		takeBack(s, "throughput", &in.StorageThroughput, found.StorageThroughput)
		if s.others("storage") && in.Iops == nil {
			in.Iops = found.Iops // AWS wants it together with the size
		}
	}
	takeBack(s, "multiAz", &in.MultiAZ, found.MultiAZ)
	takeBack(s, "listenPort", &in.DBPortNumber, listening(found))
	takeBack(s, "backupRetention", &in.BackupRetentionPeriod, found.BackupRetentionPeriod)
	takeBack(s, "iamAuthentication", &in.EnableIAMDatabaseAuthentication, found.IAMDatabaseAuthenticationEnabled)
	takeBack(s, "engineVersion", &in.EngineVersion, found.EngineVersion)
}

// keepInCluster is keep for a cluster.
func (s schedules) keepInCluster(in *rds.ModifyDBClusterInput, found types.DBCluster) {
	takeBack(s, "storageType", &in.StorageType, found.StorageType)
	takeBack(s, "backupRetention", &in.BackupRetentionPeriod, found.BackupRetentionPeriod)
	takeBack(s, "iamAuthentication", &in.EnableIAMDatabaseAuthentication, found.IAMDatabaseAuthenticationEnabled)
	takeBack(s, "engineVersion", &in.EngineVersion, found.EngineVersion)
}
