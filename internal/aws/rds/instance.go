package rds

import (
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/rds"
	"github.com/company/deployer/internal/value"
)

type (
	instanceCall = resource.Call[model.Instance, model.InstanceOutputs]
	instance     struct{ api *api }
)

func newInstance(api *api) resource.Behaviour {
	i := instance{api}
	return &resource.Typed[model.Instance, model.InstanceOutputs]{
		Def: resource.Definition{
			Type: model.InstanceType, Version: 1,
			ReplaceOn: []string{
				"engine", "clusterIdentifier", "database", "username", "subnetGroup", "encrypted", "kmsKey",
			},
			Forms:      sameKeys,
			HashedName: "identifier", NameLimit: identifierLimit, NamePlain: true,
			CreateOnly: []string{"snapshot"},
			// DataLoss is the type's worst case; Deleting knows the object.
			DataLoss:    true,
			Refuses:     shrinks,
			Deleting:    deletingInstance,
			Consequence: instanceConsequence,
			Lasts:       instanceLasts,
			Remark:      remark,
			NotYet:      notYet("CreateDBInstance", "RestoreDBInstanceFromDBSnapshot", "ModifyDBInstance"),
			Permissions: instancePermissions,
		},
		CheckProps: checkInstance, CreateObject: i.create, ReadObject: i.read, UpdateObject: i.update,
		AwaitGone: call.AwaitGone(patient, "database", i.read),
		Ahead:     i.foresee, AwaitReady: i.awaitReady, DeleteObject: i.delete, Named: "identifier", Taggable: true,
		Observe: resource.Observing[model.Instance, model.InstanceOutputs]{
			HealthOf: i.health,
			Logs: func(w watchedInstance) []resource.LogSource {
				return logs("instance", w.ID, w.Props.LogExports)
			},
			Metrics: func(w watchedInstance) []resource.Metric {
				return metrics("DBInstanceIdentifier", w.ID, !w.Props.ClusterIdentifier.IsSet())
			},
		},
	}
}

// notYet are the answers with which RDS says that it does not know a new group yet. AWS's documentation advises to wait
// five minutes before a new parameter group is used.
func notYet(operations ...string) []resource.NotYet {
	for i := range operations {
		operations[i] = "rds:" + operations[i]
	}
	return []resource.NotYet{{
		Operations: operations,
		Codes: []string{
			"DBSubnetGroupNotFoundFault", "DBParameterGroupNotFound", "DBClusterParameterGroupNotFound",
			"InvalidDBParameterGroupState",
		},
		Within: 5 * time.Minute,
	}, {
		Operations: operations,
		Codes:      []string{"InvalidParameterValue", "InvalidParameterCombination", "InvalidVPCNetworkStateFault"},
		Says:       []string{"security group"},
	}}
}

func instancePermissions(s resource.Scope) []resource.Statement {
	names := s.Names(identifierLimit)
	instances, groups := []string{s.ARN("rds", "db:"+names)}, s.Names(groupNameLimit)
	return append([]resource.Statement{
		{On: instances, Actions: []string{
			"rds:CreateDBInstance", "rds:ModifyDBInstance", "rds:DeleteDBInstance",
			"rds:AddTagsToResource", "rds:RemoveTagsFromResource",
		}},
		{On: []string{s.ARN("rds", "db:*")}, Actions: []string{"rds:DescribeDBInstances"}},
		{On: []string{
			s.ARN("rds", "subgrp:"+groups), s.ARN("rds", "pg:"+groups), s.ARN("rds", "pg:default.*"),
			s.ARN("rds", "og:default:*"), s.ARN("rds", "cluster:"+names),
		}, Actions: []string{"rds:CreateDBInstance", "rds:ModifyDBInstance"}},
		{
			On:      []string{s.ARN("rds", "snapshot:*"), s.ARN("rds", "db:*")},
			Actions: []string{"rds:DescribeDBSnapshots"}, Why: "with `restoreFrom`, in the plan", Looks: true,
		},
		{
			On: append(slices.Clone(instances), s.ARN("rds", "snapshot:*"), s.ARN("rds", "subgrp:"+groups),
				s.ARN("rds", "pg:"+groups), s.ARN("rds", "og:default:*")),
			Actions: []string{"rds:RestoreDBInstanceFromDBSnapshot"}, Why: "with `restoreFrom`",
		},
		{
			On:      []string{s.ARN("rds", "snapshot:*")},
			Actions: []string{"rds:CreateDBSnapshot"}, Why: "the final snapshot",
		},
	}, databasePermissions(s, "instance")...)
}

var (
	instanceClass = regexp.MustCompile(`^db\.([a-z0-9-]+\.[a-z0-9]+|serverless)$`)
	engines       = []string{"postgres", "mysql", "mariadb", "aurora-postgresql", "aurora-mysql"}
)

func checkInstance(p *model.Instance) []value.Problem {
	var problems value.Problems
	if !slices.Contains(engines, p.Engine) {
		problems.Bad("engine", "%q is no engine of RDS that this type knows", p.Engine)
	}
	if !instanceClass.MatchString(p.Class) {
		problems.Bad("class", "%q is no instance class, such as db.t4g.micro", p.Class)
	}
	if !p.ClusterIdentifier.IsSet() {
		if p.Storage == nil && p.Snapshot == "" {
			problems.Bad("storage", "an instance that is in no cluster needs storage")
		}
		if p.Username == "" && p.Snapshot == "" {
			problems.Bad("username", "an instance that is in no cluster needs a master user")
		}
	}
	p.SecurityGroupIDs = value.AsSet(p.SecurityGroupIDs)
	slices.Sort(p.LogExports)
	checkRotation(&problems, p.PasswordRotation)
	return problems
}

// shrinks refuses changes that AWS cannot make and that no replacement should make.
func shrinks(old, desired value.Value) []value.Problem {
	var problems value.Problems
	was, wanted := old.Get("storage"), desired.Get("storage")
	if was.Kind() == value.Number && wanted.Kind() == value.Number && wanted.Number() < was.Number() {
		problems.Bad("storage", "is %v GiB, and AWS cannot shrink it to %v GiB", was.Number(), wanted.Number())
	}
	return append(problems, downgrades(old, desired)...)
}

// downgrades refuses an older version than the recorded one.
func downgrades(old, desired value.Value) []value.Problem {
	var problems value.Problems
	engine, was, wanted := desired.Get("engine").Str(), old.Get("engineVersion").Str(),
		desired.Get("engineVersion").Str()
	if was == "" || wanted == "" || engine != old.Get("engine").Str() || satisfies(engine, wanted, was) {
		return nil
	}
	w, o := versionParts(wanted), versionParts(was)
	n := min(len(w), len(o))
	if slices.Compare(w[:n], o[:n]) < 0 {
		problems.Bad("engineVersion", "is %s, and AWS cannot go back to %s", was, wanted)
	}
	return problems
}

func deletingInstance(old value.Value) resource.Deleting {
	if old.Get("clusterIdentifier").Str() != "" {
		return resource.Deleting{} // the data is the cluster's
	}
	return deletingData(old)
}

func deletingData(old value.Value) resource.Deleting {
	d := resource.Deleting{Lifts: old.Get("deletionProtection").Bool(), Loses: !old.Get("finalSnapshot").Bool()}
	if !d.Loses {
		d.Keeps = "a final snapshot, " + finalName(old.Get("identifier").Str(), "…")
	}
	return d
}

func (i instance) create(ctx context.Context, c instanceCall) (string, model.InstanceOutputs, error) {
	var made *types.DBInstance
	if c.Props.Snapshot != "" {
		out, err := i.api.client.RestoreDBInstanceFromDBSnapshot(ctx, restoreInput(c))
		if err != nil {
			return "", model.InstanceOutputs{}, failed(err)
		}
		made = out.DBInstance
	} else {
		in, err := createInput(c)
		if err != nil {
			return "", model.InstanceOutputs{}, err
		}
		if made, err = i.make(ctx, c, in); err != nil {
			return "", model.InstanceOutputs{}, err
		}
	}
	return c.Props.Identifier, instanceOutputs(*made), nil
}

// make makes an instance. One of a cluster waits until AWS allows it: somebody may have changed the cluster a moment
// ago.
func (i instance) make(ctx context.Context, c instanceCall, in *rds.CreateDBInstanceInput) (*types.DBInstance, error) {
	var made *types.DBInstance
	create := func() error {
		out, err := i.api.client.CreateDBInstance(ctx, in)
		if err == nil {
			made = out.DBInstance
		}
		return err
	}
	id := c.Props.ClusterIdentifier.Get()
	if id == "" {
		err := create()
		return made, failed(err)
	}
	err := cluster(i).shared(model.Cluster{}).change(ctx, job{id: id, tell: c.Progress}, create)
	return made, err
}

// get returns an instance, also one that is being deleted.
func (i instance) get(ctx context.Context, id string) (types.DBInstance, error) {
	found, there, err := i.api.instances.Get(ctx, id)
	if err == nil && !there {
		err = gone("DescribeDBInstances", "DBInstanceNotFound", "the DB instance "+id)
	}
	return found, failed(err)
}

func (i instance) read(ctx context.Context, c instanceCall) (model.Instance, model.InstanceOutputs, error) {
	found, err := i.get(ctx, c.ID)
	if err == nil && aws.ToString(found.DBInstanceStatus) == deleting {
		err = call.Deleting("the database " + c.ID)
	}
	if err != nil {
		return model.Instance{}, model.InstanceOutputs{}, err
	}
	recorded := c.Old
	if recorded.Identifier == "" {
		recorded = c.Props
	}
	props := instanceProps(found, recorded)
	if recorded.PasswordRotation != nil {
		if props.PasswordRotation, err = i.api.rotation(ctx, found.MasterUserSecret); err != nil {
			return props, model.InstanceOutputs{}, err
		}
	}
	props.Tags = tagging.Seen(c.Request, tagging.Map(found.TagList, tag))
	if c.Seen != nil {
		c.Seen.Note = instanceNote(found, recorded)
	}
	return props, instanceOutputs(found), nil
}

// shared is what an instance has in common with a cluster.
func (i instance) shared(p model.Instance) database[types.DBInstance] {
	return database[types.DBInstance]{
		api: i.api, noun: "the database", option: "db-instance", source: types.SourceTypeDbInstance,
		taken: "DBSnapshotAlreadyExists", get: i.get,
		brief: func(found types.DBInstance) brief { return instanceBrief(found, p) },
		unprotect: func(ctx context.Context, id string) error {
			_, err := i.api.client.ModifyDBInstance(ctx, &rds.ModifyDBInstanceInput{
				DBInstanceIdentifier: &id, DeletionProtection: aws.Bool(false), ApplyImmediately: aws.Bool(true),
			})
			return err
		},
		remove: func(ctx context.Context, id string, final *string) error {
			_, err := i.api.client.DeleteDBInstance(ctx, &rds.DeleteDBInstanceInput{
				DBInstanceIdentifier: &id, SkipFinalSnapshot: aws.Bool(final == nil), FinalDBSnapshotIdentifier: final,
			})
			return err
		},
	}
}

// grows reports whether an instance whose storage is full gets more: AWS allows that.
func grows(p model.Instance, found types.DBInstance) bool {
	return aws.ToString(found.DBInstanceStatus) == storageFull && p.Storage != nil &&
		*p.Storage > int(aws.ToInt32(found.AllocatedStorage))
}

// instanceBrief counts a static parameter, which waits for a reboot, as nothing pending, and neither what somebody has
// scheduled for the maintenance window.
func instanceBrief(found types.DBInstance, p model.Instance) brief {
	return brief{
		status: aws.ToString(found.DBInstanceStatus), protected: aws.ToBool(found.DeletionProtection),
		resourceID: aws.ToString(found.DbiResourceId), secret: found.MasterUserSecret,
		pending: slices.ContainsFunc(scheduled(found.PendingModifiedValues, p), func(s schedule) bool {
			return s.desired
		}),
	}
}

func (i instance) update(ctx context.Context, c instanceCall) (model.InstanceOutputs, error) {
	found, err := i.shared(c.Props).usable(ctx, jobOf(c, false), func(found types.DBInstance) bool {
		return grows(c.Props, found)
	})
	if err != nil {
		return c.Out, err
	}
	err = i.api.rotateAsUsual(ctx, found.MasterUserSecret, c.Old.PasswordRotation, c.Props.PasswordRotation)
	if err != nil {
		return c.Out, err
	}
	if _, err := i.modify(ctx, jobOf(c, false), withoutInstance(c.Old, c.Props, found), found); err != nil {
		return c.Out, err
	}
	return instanceOutputs(found), i.api.retag(ctx, aws.ToString(found.DBInstanceArn), c.Old.Tags,
		tagging.Wanted(c.Tags, c.Props.Tags))
}

// modify makes the instance what is wanted, and reports whether it was something else.
func (i instance) modify(ctx context.Context, j job, p model.Instance, found types.DBInstance) (bool, error) {
	in, err := modifyInput(p, found)
	if in == nil || err != nil {
		return false, err
	}
	return true, i.shared(p).change(ctx, j, func() error {
		_, err := i.api.client.ModifyDBInstance(ctx, in)
		return err
	})
}

func (i instance) awaitReady(ctx context.Context, c instanceCall) (model.InstanceOutputs, error) {
	var complete func(types.DBInstance) (bool, error)
	if c.Props.Snapshot != "" { // a restore takes only some of the properties
		complete = func(found types.DBInstance) (bool, error) { return i.modify(ctx, jobOf(c, false), c.Props, found) }
	}
	found, err := i.shared(c.Props).ready(ctx, jobOf(c, c.Old.Identifier == ""), complete, c.Props.PasswordRotation)
	if err != nil {
		return c.Out, err
	}
	return instanceOutputs(found), nil
}

func (i instance) delete(ctx context.Context, c instanceCall) error {
	final := c.Old.FinalSnapshot && c.Old.ClusterIdentifier.Get() == "" // else the cluster takes one
	return i.shared(c.Old).delete(ctx, jobOf(c, false), c.Old.Protected, final)
}
