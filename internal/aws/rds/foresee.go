package rds

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/rds"
)

// offers is what the questions about AWS's offers and quotas need.
var offers = resource.Foreseeing("rds:DescribeOrderableDBInstanceOptions", "rds:DescribeDBEngineVersions",
	"rds:DescribeAccountAttributes")

// foreseeChange says in a plan why AWS would refuse a change of a database, or let it wait.
func (d database[D]) foreseeChange(
	ctx context.Context, resourceID, id string, f *resource.Foresight, fits func(D) bool, then func(D) error,
) {
	f.Ask(func() error {
		found, err := d.get(ctx, id)
		if errors.Is(err, resource.ErrNotFound) {
			return nil // the apply says so, or makes it again
		}
		if err != nil {
			return err
		}
		status := d.brief(found).status
		usable, err := state(status)
		var broken *resource.OpError
		switch {
		case usable && status != "backing-up", fits != nil && fits(found), status == "deleting":
		case errors.As(err, &broken):
			f.Refuse(resourceID, broken.Next, "%s %s is in the state %s, in which AWS does not change it", d.noun, id,
				status)
		default:
			f.Waits(resourceID, "%s %s is %s, and AWS may allow the change only after that", d.noun, id, status)
		}
		return then(found)
	})
}

// foresee says that a change takes back what somebody has scheduled.
func (s schedules) foresee(id string, f *resource.Foresight) {
	if others := s.foreign(); others != "" {
		f.Remark(id, "A scheduled change is taken back",
			"to keep it, write it into the manifest: an apply then makes it at once",
			"outside of deployer, a change was scheduled for the maintenance window: %s. AWS would make it at once "+
				"together with the change of this plan, so an apply takes it back", others)
	}
}

// foreseeStorage says that the storage cannot be changed yet.
func foreseeStorage(id string, p, old model.Instance, found types.DBInstance, f *resource.Foresight) {
	p = withoutInstance(old, p, found)
	if aws.ToString(found.DBInstanceStatus) != "storage-optimization" || p.StorageType == old.StorageType &&
		!differs(old.Storage, p.Storage) && !differs(old.IOPS, p.IOPS) && !differs(old.Throughput, p.Throughput) {
		return
	}
	f.Refuse(id, whenStorage, "AWS still optimizes the storage after an earlier change, and does not change it again "+
		"before that has ended")
}

// foresee asks whether AWS has the snapshot, the version and the class, and whether the account has room.
func (i instance) foresee(ctx context.Context, planned []instanceCall, _ resource.Neighbours, f *resource.Foresight) {
	asked := map[string]bool{}
	once := func(question string, ask func() error) {
		if !asked[question] {
			asked[question] = true
			f.Ask(ask)
		}
	}
	for _, c := range planned {
		p := c.Props
		if c.Old.Identifier == "" && p.Snapshot != "" {
			f.Ask(func() error { return i.api.foreseeSnapshot(ctx, c.Resource, p, f) })
		}
		if c.Old.Identifier != "" {
			i.shared(p).foreseeChange(ctx, c.Resource, c.ID, f, func(found types.DBInstance) bool {
				return grows(p, found)
			}, func(found types.DBInstance) error {
				if usableNow(found.DBInstanceStatus) {
					scheduled(found.PendingModifiedValues, p).foresee(c.Resource, f)
				}
				foreseeStorage(c.Resource, p, c.Old, found, f)
				if p.ClusterIdentifier.IsSet() {
					return nil
				}
				return i.foreseeModel(ctx, c, found, f)
			})
			if !p.ClusterIdentifier.IsSet() {
				continue
			}
		}
		if insights := aws.ToBool(p.Insights); asksMore(p, c.Old) {
			once(fmt.Sprint(p.Engine, p.EngineVersion, p.Class, insights), func() error {
				return i.api.foreseeMade(ctx, c.Resource, p, f)
			})
		}
	}
	if made := resource.NewOnes(planned); made > 0 {
		f.Ask(func() error { return i.api.foreseeQuota(ctx, planned[0].Resource, "DBInstances", "databases", made, f) })
	}
}

// asksMore reports whether a change needs what the class or the version may not have.
func asksMore(p, old model.Instance) bool {
	return p.Class != old.Class || p.EngineVersion != old.EngineVersion ||
		aws.ToBool(p.Insights) && !aws.ToBool(old.Insights)
}

// foreseeMade asks whether AWS has version and class of what it will make.
func (a *api) foreseeMade(ctx context.Context, id string, p model.Instance, f *resource.Foresight) error {
	offered, err := a.foreseeVersion(ctx, id, p.Engine, p.EngineVersion, f)
	if err != nil || !offered {
		return err
	}
	if p.EngineVersion != "" {
		if p.EngineVersion, err = a.completed(ctx, p.Engine, p.EngineVersion); err != nil {
			return err
		}
	}
	return a.foreseeClass(ctx, id, p, f)
}

// foreseeModel asks whether AWS has version and class of an instance that exists, and changes to both at once. The
// version that runs may not be offered any more: that matters only to what AWS would be told.
func (i instance) foreseeModel(
	ctx context.Context, c instanceCall, found types.DBInstance, f *resource.Foresight,
) error {
	p, runs := c.Props, aws.ToString(found.EngineVersion)
	stays := satisfies(p.Engine, p.EngineVersion, runs)
	if !stays {
		if err := i.api.foreseeUpgrade(ctx, c.Resource, p.Engine, p.EngineVersion, runs, f); err != nil {
			return err
		}
	}
	if stays && !asksMore(p, c.Old) {
		return nil
	}
	now := p
	now.EngineVersion = runs
	offered, err := i.api.lists(ctx, p.Engine, runs)
	if err != nil {
		return err
	}
	if !offered {
		now.EngineVersion = "" // AWS lists no classes for it
	}
	if stays {
		return i.api.foreseeClass(ctx, c.Resource, now, f)
	}
	if offered && p.Class != aws.ToString(found.DBInstanceClass) {
		has, _, err := i.api.classOf(ctx, now)
		if err != nil {
			return err
		}
		if !has {
			f.Refuse(c.Resource, "change the version first, apply, and then change the class", "AWS changes class and "+
				"version together only if the version that runs has the class, and %s %s has no class %s", p.Engine,
				runs, p.Class)
			return nil
		}
	}
	return i.api.foreseeMade(ctx, c.Resource, p, f)
}

// foresee asks whether AWS has the snapshot and the version, and whether the account has room.
func (d cluster) foresee(ctx context.Context, planned []clusterCall, _ resource.Neighbours, f *resource.Foresight) {
	for _, c := range planned {
		p := c.Props
		if c.Old.Identifier == "" && p.Snapshot != "" {
			f.Ask(func() error { return d.api.foreseeClusterSnapshot(ctx, c.Resource, p, f) })
		}
		if c.Old.Identifier != "" {
			d.shared(p).foreseeChange(ctx, c.Resource, c.ID, f, nil, func(found types.DBCluster) error {
				if usableNow(found.Status) {
					scheduledOfCluster(found.PendingModifiedValues, p).foresee(c.Resource, f)
				}
				runs := aws.ToString(found.EngineVersion)
				if satisfies(p.Engine, p.EngineVersion, runs) {
					return nil // AWS is told no version
				}
				if _, err := d.api.foreseeVersion(ctx, c.Resource, p.Engine, p.EngineVersion, f); err != nil {
					return err
				}
				return d.api.foreseeUpgrade(ctx, c.Resource, p.Engine, p.EngineVersion, runs, f)
			})
		} else {
			f.Ask(func() error {
				_, err := d.api.foreseeVersion(ctx, c.Resource, p.Engine, p.EngineVersion, f)
				return err
			})
		}
	}
	if made := resource.NewOnes(planned); made > 0 {
		f.Ask(func() error {
			return d.api.foreseeQuota(ctx, planned[0].Resource, "DBClusters", "database clusters", made, f)
		})
	}
}

// whole reports whether a version names one version, not all that begin so.
func whole(engine, version string) bool {
	switch engine {
	case "aurora-mysql":
		return strings.Contains(version, "mysql_aurora")
	case "postgres", "aurora-postgresql":
		return len(versionParts(version)) > 1
	default:
		return len(versionParts(version)) > 2
	}
}

// foreseeVersion asks whether AWS offers a whole version. What only begins a version AWS completes.
func (a *api) foreseeVersion(
	ctx context.Context, id, engine, version string, f *resource.Foresight,
) (offered bool, err error) {
	if !whole(engine, version) {
		return true, nil
	}
	if offered, err = a.lists(ctx, engine, version); err != nil || offered {
		return offered, err
	}
	f.Refuse(id, "choose one of `aws rds describe-db-engine-versions --engine "+engine+
		"`, or give only the major version", "RDS has no version %s of %s in this region", version, engine)
	return false, nil
}

// lists reports whether AWS makes databases of a whole version.
func (a *api) lists(ctx context.Context, engine, version string) (bool, error) {
	out, err := a.client.DescribeDBEngineVersions(ctx, &rds.DescribeDBEngineVersionsInput{
		Engine: &engine, EngineVersion: &version,
	})
	if err != nil {
		return false, failed(err)
	}
	return len(out.DBEngineVersions) > 0, nil
}

// completed is the whole version that AWS makes of one that only begins it; as it was when AWS does not tell.
func (a *api) completed(ctx context.Context, engine, version string) (string, error) {
	if whole(engine, version) {
		return version, nil
	}
	out, err := a.client.DescribeDBEngineVersions(ctx, &rds.DescribeDBEngineVersionsInput{
		Engine: &engine, EngineVersion: &version, DefaultOnly: aws.Bool(true),
	})
	if err != nil {
		return version, failed(err)
	}
	if len(out.DBEngineVersions) == 1 && whole(engine, aws.ToString(out.DBEngineVersions[0].EngineVersion)) {
		return aws.ToString(out.DBEngineVersions[0].EngineVersion), nil
	}
	return version, nil
}

// foreseeUpgrade asks whether AWS upgrades from the version that runs to another major version. Some are reached in
// steps only.
func (a *api) foreseeUpgrade(ctx context.Context, id, engine, version, runs string, f *resource.Foresight) error {
	if version == "" || runs == "" || sameMajor(engine, version, runs) {
		return nil
	}
	out, err := a.client.DescribeDBEngineVersions(ctx, &rds.DescribeDBEngineVersionsInput{
		Engine: &engine, EngineVersion: &runs, IncludeAll: aws.Bool(true),
	})
	if err != nil {
		return failed(err)
	}
	var majors []string
	for _, v := range out.DBEngineVersions {
		for _, target := range v.ValidUpgradeTarget {
			to := aws.ToString(target.EngineVersion)
			if satisfies(engine, version, to) {
				return nil
			}
			if name := majorName(engine, to); !sameMajor(engine, to, runs) && !slices.Contains(majors, name) {
				majors = append(majors, name)
			}
		}
	}
	if len(majors) == 0 {
		return nil // AWS says nothing of this version
	}
	f.Refuse(id, "upgrade in steps, or from a newer minor version", "AWS does not upgrade %s %s to %s, but to %s",
		engine, runs, version, strings.Join(majors, ", "))
	return nil
}

// majorName is the major version of a version, as manifests have it.
func majorName(engine, version string) string {
	parts := versionParts(version)
	var texts []string
	for _, n := range parts[:min(majorParts(engine), len(parts))] {
		texts = append(texts, strconv.Itoa(n))
	}
	return strings.Join(texts, ".")
}

// foreseeClass asks whether AWS has the class for the engine, and for the version where that is whole, and whether the
// class has what the instance asks for.
func (a *api) foreseeClass(ctx context.Context, id string, p model.Instance, f *resource.Foresight) error {
	has, fits, err := a.classOf(ctx, p)
	if err != nil || fits {
		return err
	}
	what := p.Engine
	if whole(p.Engine, p.EngineVersion) {
		what += " " + p.EngineVersion
	}
	if has {
		f.Refuse(id, "take a larger class, or leave out performanceInsights", "the class %s of %s has no Performance "+
			"Insights", p.Class, what)
		return nil
	}
	f.Refuse(id, "choose one of `aws rds describe-orderable-db-instance-options --engine "+p.Engine+"`",
		"RDS has no class %s for %s in this region", p.Class, what)
	return nil
}

// classOf reports whether AWS has the class for the engine, and for the version where that is whole, and whether the
// class has what the instance asks for.
func (a *api) classOf(ctx context.Context, p model.Instance) (has, fits bool, err error) {
	in := &rds.DescribeOrderableDBInstanceOptionsInput{Engine: &p.Engine, DBInstanceClass: &p.Class}
	if whole(p.Engine, p.EngineVersion) {
		in.EngineVersion = &p.EngineVersion
	}
	for option, err := range call.Each(ctx, a.client.DescribeOrderableDBInstanceOptions, in, &in.Marker,
		func(page *rds.DescribeOrderableDBInstanceOptionsOutput) ([]types.OrderableDBInstanceOption, *string) {
			return page.OrderableDBInstanceOptions, page.Marker
		}) {
		if err != nil {
			return false, false, failed(err)
		}
		if has = true; !aws.ToBool(p.Insights) || aws.ToBool(option.SupportsPerformanceInsights) {
			return true, true, nil
		}
	}
	return has, false, nil
}

// foreseeQuota compares with a quota of the account.
func (a *api) foreseeQuota(ctx context.Context, id, name, what string, made int, f *resource.Foresight) error {
	out, err := a.client.DescribeAccountAttributes(ctx, &rds.DescribeAccountAttributesInput{})
	if err != nil {
		return failed(err)
	}
	for _, q := range out.AccountQuotas {
		if aws.ToString(q.AccountQuotaName) == name {
			f.Quota(id, what, int(aws.ToInt64(q.Used)), made, int(aws.ToInt64(q.Max)))
		}
	}
	return nil
}

// snapshotType is what AWS wants to know of the name of an automated snapshot.
func snapshotType(name string) *string {
	if strings.HasPrefix(name, "rds:") {
		return aws.String("automated")
	}
	return nil
}

func (a *api) foreseeSnapshot(ctx context.Context, id string, p model.Instance, f *resource.Foresight) error {
	out, err := a.client.DescribeDBSnapshots(ctx, &rds.DescribeDBSnapshotsInput{
		DBSnapshotIdentifier: &p.Snapshot, SnapshotType: snapshotType(p.Snapshot),
		IncludeShared: aws.Bool(strings.HasPrefix(p.Snapshot, "arn:")),
	})
	if call.HasCode(err, "DBSnapshotNotFound", "DBSnapshotNotFoundFault") || err == nil && len(out.DBSnapshots) == 0 {
		noSnapshot(id, "describe-db-snapshots", p.Snapshot, f)
		return nil
	}
	if err != nil {
		return failed(err)
	}
	s := out.DBSnapshots[0]
	fits(id, snapshot{
		p.Snapshot, aws.ToString(s.Engine), aws.ToString(s.EngineVersion), aws.ToString(s.Status),
	}, p.Engine, p.EngineVersion, f)
	if size := int(aws.ToInt32(s.AllocatedStorage)); p.Storage != nil && size > *p.Storage {
		f.Warn(id, fmt.Sprintf("set storage: %d", size), "the snapshot %s has %d GiB, so the database gets that and "+
			"not %d", p.Snapshot, size, *p.Storage)
	}
	return nil
}

func (a *api) foreseeClusterSnapshot(ctx context.Context, id string, p model.Cluster, f *resource.Foresight) error {
	out, err := a.client.DescribeDBClusterSnapshots(ctx, &rds.DescribeDBClusterSnapshotsInput{
		DBClusterSnapshotIdentifier: &p.Snapshot, SnapshotType: snapshotType(p.Snapshot),
		IncludeShared: aws.Bool(strings.HasPrefix(p.Snapshot, "arn:")),
	})
	if call.HasCode(err, "DBClusterSnapshotNotFoundFault") || err == nil && len(out.DBClusterSnapshots) == 0 {
		noSnapshot(id, "describe-db-cluster-snapshots", p.Snapshot, f)
		return nil
	}
	if err != nil {
		return failed(err)
	}
	s := out.DBClusterSnapshots[0]
	fits(id, snapshot{
		p.Snapshot, aws.ToString(s.Engine), aws.ToString(s.EngineVersion), aws.ToString(s.Status),
	}, p.Engine, p.EngineVersion, f)
	return nil
}

func noSnapshot(id, command, name string, f *resource.Foresight) {
	f.Refuse(id, "correct restoreFrom: `aws rds "+command+"` lists what there is; or leave it out for an empty "+
		"database", "there is no snapshot %s in this region of this account", name)
}

// snapshot is what matters of a snapshot.
type snapshot struct{ name, engine, version, status string }

// fits notes why a database cannot be made from a snapshot.
func fits(id string, s snapshot, engine, version string, f *resource.Foresight) {
	w, h := versionParts(version), versionParts(s.version)
	n := min(len(w), len(h))
	switch {
	case s.engine != engine:
		f.Refuse(id, "set engine: "+s.engine+", or choose another snapshot", "the snapshot %s is of %s, and the "+
			"database is to be %s", s.name, cmp.Or(s.engine, "another engine"), engine)
	case s.status != "" && s.status != "available":
		f.Refuse(id, "wait until it is available, or choose another one", "the snapshot %s is %s", s.name, s.status)
	case slices.Compare(w[:n], h[:n]) < 0 && !satisfies(engine, version, s.version):
		f.Refuse(id, "set version: \""+s.version+"\" or newer", "the snapshot %s is of version %s, and AWS cannot go "+
			"back to %s", s.name, s.version, version)
	}
}
