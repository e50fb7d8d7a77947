package rds

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"time"

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
			HashedName: "identifier", NameLimit: identifierLimit, NamePlain: true,
			CreateOnly: []string{"snapshot"},
			// DataLoss is the type's worst case; Deleting knows the object.
			DataLoss:    true,
			Refuses:     shrinks,
			Deleting:    deletingInstance,
			Consequence: instanceConsequence,
			Remark:      instanceRemark,
			NotYet:      notYet("CreateDBInstance", "RestoreDBInstanceFromDBSnapshot", "ModifyDBInstance"),
			Permissions: instancePermissions,
		},
		CheckProps: checkInstance, CreateObject: i.create, ReadObject: i.read, UpdateObject: i.update,
		AwaitReady: i.awaitReady, DeleteObject: i.delete, Find: i.find, Taggable: true,
		Observe: resource.Observing[model.Instance, model.InstanceOutputs]{
			Health: i.health,
			Logs:   func(w watchedInstance) []resource.LogSource { return logs("instance", w.ID, w.Props.LogExports) },
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
	return []resource.Statement{
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
			Actions: []string{"rds:DescribeEvents"}, Why: "progress of what takes minutes",
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
		managedSecret(s), keys(s),
		{
			On:      []string{s.ARN("secretsmanager", "secret:rds!*")},
			Actions: []string{"secretsmanager:DescribeSecret", "secretsmanager:RotateSecret"},
			Why:     "with `passwordRotation`",
		},
		s.ServiceLinkedRole("rds.amazonaws.com"),
	}
}

// managedSecret is what RDS needs of the caller to keep a password in Secrets Manager.
func managedSecret(s resource.Scope) resource.Statement {
	return resource.Statement{
		On:      []string{s.ARN("secretsmanager", "secret:rds!*")},
		Actions: []string{"secretsmanager:CreateSecret", "secretsmanager:TagResource"},
		Why:     "RDS makes the secret of a managed password in the name of the caller",
	}
}

// keys is what RDS needs of the caller for the keys of the storage and of the secret, and does in the caller's name.
func keys(s resource.Scope) resource.Statement {
	domain := resource.PartitionOf(s.Region).DNS
	return resource.Statement{
		On:      []string{s.ARN("kms", "key/*")},
		Actions: []string{"kms:DescribeKey", "kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey"},
		When: resource.Condition{"StringEquals": {"kms:ViaService": {
			"rds." + s.Region + "." + domain, "secretsmanager." + s.Region + "." + domain,
		}}},
		Why: "RDS and Secrets Manager use the keys in the name of the caller",
	}
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
	if p.SecurityGroupIDs.Known() && p.SecurityGroupIDs.IsSet() {
		p.SecurityGroupIDs = value.Lit(slices.Sorted(slices.Values(p.SecurityGroupIDs.Get())))
	}
	slices.Sort(p.LogExports)
	if d := p.PasswordRotation; d != nil && (*d < 1 || *d > 1000) {
		problems.Bad("passwordRotation", "must be from 1 to 1000 days, but is %d", *d)
	}
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

// instanceConsequence says what AWS's documentation says of a change that is applied immediately.
func instanceConsequence(c resource.Change) plan.Consequence {
	for _, name := range c.Changed {
		switch name {
		case "engineVersion", "class", "listenPort":
			return plan.Downtime
		}
	}
	return plan.InPlace
}

// instanceRemark says what a change needs or means besides its consequence.
func instanceRemark(c resource.Change) string {
	if slices.Contains(c.Changed, "parameterGroup") && !slices.Contains(c.Changed, "engineVersion") {
		return "parameters of the new group wait for a reboot"
	}
	return ""
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
		out, err := i.api.client.CreateDBInstance(ctx, in)
		if err != nil {
			return "", model.InstanceOutputs{}, failed(err)
		}
		made = out.DBInstance
	}
	return c.Props.Identifier, instanceOutputs(*made), nil
}

func (i instance) find(ctx context.Context, c instanceCall) (string, map[string]string, error) {
	found, err := i.get(ctx, c.Props.Identifier)
	return c.Props.Identifier, tagging.Map(found.TagList, tag), err
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

func (i instance) update(ctx context.Context, c instanceCall) (model.InstanceOutputs, error) {
	found, err := i.get(ctx, c.ID)
	if err != nil {
		return c.Out, err
	}
	if usable, _ := state(aws.ToString(found.DBInstanceStatus)); !usable { // an interrupted run may have begun
		if err := i.wait(ctx, c, false); err != nil {
			return c.Out, err
		}
		if found, err = i.get(ctx, c.ID); err != nil {
			return c.Out, err
		}
	}
	if err := i.modify(ctx, c, found); err != nil {
		return c.Out, err
	}
	return instanceOutputs(found), i.api.retag(ctx, aws.ToString(found.DBInstanceArn), c.Old.Tags,
		tagging.Wanted(c.Tags, c.Props.Tags))
}

// modify makes the instance what is wanted, if it is not.
func (i instance) modify(ctx context.Context, c instanceCall, found types.DBInstance) error {
	in, err := modifyInput(c.Props, found)
	if err != nil {
		return err
	}
	if in != nil {
		if _, err := i.api.client.ModifyDBInstance(ctx, in); err != nil {
			return failed(err)
		}
	}
	return nil
}

func (i instance) awaitReady(ctx context.Context, c instanceCall) (model.InstanceOutputs, error) {
	if err := i.wait(ctx, c, true); err != nil {
		return c.Out, err
	}
	found, err := i.get(ctx, c.ID)
	if err != nil {
		return c.Out, err
	}
	// A restore takes only some of the properties, and an interrupted run may not have come to the others.
	if in, err := modifyInput(c.Props, found); err != nil {
		return c.Out, err
	} else if in != nil && c.Props.Snapshot != "" {
		if err := i.modify(ctx, c, found); err != nil {
			return c.Out, err
		}
		if err := i.wait(ctx, c, true); err != nil {
			return c.Out, err
		}
		if found, err = i.get(ctx, c.ID); err != nil {
			return c.Out, err
		}
	}
	return instanceOutputs(found), i.api.rotate(ctx, found.MasterUserSecret, c.Props.PasswordRotation)
}

// wait waits until the instance is usable and no change is pending.
func (i instance) wait(ctx context.Context, c instanceCall, pending bool) error {
	watch := events{
		api: i.api, kind: types.SourceTypeDbInstance, id: c.ID, tell: c.Progress, all: c.Old.Identifier == "",
	}
	return call.Wait(ctx, patient, "the database "+c.ID+" is available", func(ctx context.Context) (bool, error) {
		found, err := i.get(ctx, c.ID)
		if err != nil {
			return false, err
		}
		status := aws.ToString(found.DBInstanceStatus)
		usable, err := state(status)
		if usable && (!pending || !isPending(found.PendingModifiedValues)) {
			return true, nil
		}
		watch.look(ctx, status)
		if err != nil {
			return false, watch.explain(err)
		}
		return false, nil
	})
}

// isPending reports whether AWS has accepted changes that it has not made yet. A static parameter does not count.
func isPending(p *types.PendingModifiedValues) bool {
	return p != nil && (p.AllocatedStorage != nil || p.BackupRetentionPeriod != nil || p.DBInstanceClass != nil ||
		p.EngineVersion != nil || p.IAMDatabaseAuthenticationEnabled != nil || p.Iops != nil ||
		p.MasterUserPassword != nil || p.MultiAZ != nil || p.Port != nil || p.StorageThroughput != nil ||
		p.StorageType != nil)
}

func (i instance) delete(ctx context.Context, c instanceCall) error {
	told := ""
	snapshot := 0
	lifted := false
	return call.Wait(ctx, patient, "the database "+c.ID+" is gone", func(ctx context.Context) (bool, error) {
		found, err := i.get(ctx, c.ID)
		if errors.Is(err, resource.ErrNotFound) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if status := aws.ToString(found.DBInstanceStatus); status == "deleting" {
			if told == "" {
				told = "deleting"
				c.Progress("deleting; this takes some minutes")
			}
			return false, nil
		}
		if ours := c.Old.Protected; !lifted && aws.ToBool(found.DeletionProtection) && (ours == nil || *ours) {
			_, err := i.api.client.ModifyDBInstance(ctx, &rds.ModifyDBInstanceInput{
				DBInstanceIdentifier: &c.ID, DeletionProtection: aws.Bool(false), ApplyImmediately: aws.Bool(true),
			})
			if err != nil {
				return false, busy(err)
			}
			lifted = true
		}
		in := &rds.DeleteDBInstanceInput{DBInstanceIdentifier: &c.ID, SkipFinalSnapshot: aws.Bool(true)}
		if c.Old.FinalSnapshot && c.Old.ClusterIdentifier.Get() == "" {
			name := finalSnapshot(c.ID, aws.ToString(found.DbiResourceId), snapshot)
			in.SkipFinalSnapshot, in.FinalDBSnapshotIdentifier = aws.Bool(false), &name
		}
		_, err = i.api.client.DeleteDBInstance(ctx, in)
		if call.HasCode(err, "DBSnapshotAlreadyExists") { // of an earlier attempt that went no further
			snapshot++
			return false, nil
		}
		if err == nil && in.FinalDBSnapshotIdentifier != nil {
			c.Progress("taking the final snapshot " + *in.FinalDBSnapshotIdentifier)
		}
		return false, busy(protectedError(err, "db-instance", c.ID))
	})
}
