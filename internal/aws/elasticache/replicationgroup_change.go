package elasticache

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"

	"github.com/company/deployer/internal/aws/call"
	model "github.com/company/deployer/internal/resource/elasticache"
	"github.com/company/deployer/internal/value"
)

// oneByOne is how an update goes through the changes that ElastiCache makes one after the other.
type oneByOne func(what string, change func() error) error

// update starts from what the group really is: an interrupted update may have made a part of the change.
func (g replicationGroup) update(
	ctx context.Context, c replicationGroupCall,
) (model.ReplicationGroupOutputs, error) {
	found, err := atRest(ctx, c.ID, c.Progress, g.describe, groupStatus)
	if err != nil {
		return c.Out, err
	}
	c.Request.Seen = nil
	old, _, err := g.read(ctx, c)
	if err != nil {
		return c.Out, err
	}
	var step oneByOne = func(what string, change func() error) error {
		c.Progress(what)
		if err := patiently(ctx, c.ID, c.Progress, func(ctx context.Context) error {
			_, err := g.usable(ctx, c, false)
			return err
		}, change); err != nil {
			return err
		}
		found, err = g.usable(ctx, c, false)
		return err
	}
	for _, part := range []func(context.Context, replicationGroupCall, model.ReplicationGroup, oneByOne) error{
		g.grow, g.modify, g.authenticate, g.shrink,
	} {
		if err := part(ctx, c, old, step); err != nil {
			return c.Out, err
		}
	}
	if old.Shards != nil && c.Props.Shards != nil && *old.Shards != *c.Props.Shards {
		if err := g.reshard(ctx, c, found, step); err != nil {
			return c.Out, err
		}
	}
	return groupOutputs(found), g.retag(ctx, c.Request, aws.ToString(found.ARN), c.Old.Tags, c.Props.Tags)
}

// grow adds replicas first: failover and several zones need them.
func (g replicationGroup) grow(
	ctx context.Context, c replicationGroupCall, old model.ReplicationGroup, step oneByOne,
) error {
	if c.Props.Nodes <= old.Nodes {
		return nil
	}
	return step(fmt.Sprintf("growing from %d to %d nodes per shard", old.Nodes, c.Props.Nodes), func() error {
		_, err := g.client.IncreaseReplicaCount(ctx, &elasticache.IncreaseReplicaCountInput{
			ReplicationGroupId: &c.ID, ApplyImmediately: aws.Bool(true), NewReplicaCount: new(int32(c.Props.Nodes - 1)),
		})
		return err
	})
}

// shrink removes replicas last, after failover is switched off where none stays.
func (g replicationGroup) shrink(
	ctx context.Context, c replicationGroupCall, old model.ReplicationGroup, step oneByOne,
) error {
	if c.Props.Nodes >= old.Nodes {
		return nil
	}
	return step(fmt.Sprintf("shrinking from %d to %d nodes per shard", old.Nodes, c.Props.Nodes), func() error {
		_, err := g.client.DecreaseReplicaCount(ctx, &elasticache.DecreaseReplicaCountInput{
			ReplicationGroupId: &c.ID, ApplyImmediately: aws.Bool(true), NewReplicaCount: new(int32(c.Props.Nodes - 1)),
		})
		return err
	})
}

// reshard changes the number of shards online. The last shards go.
func (g replicationGroup) reshard(
	ctx context.Context, c replicationGroupCall, found types.ReplicationGroup, step oneByOne,
) error {
	in := &elasticache.ModifyReplicationGroupShardConfigurationInput{
		ReplicationGroupId: &c.ID, ApplyImmediately: aws.Bool(true), NodeGroupCount: new(int32(*c.Props.Shards)),
	}
	var ids []string
	for _, shard := range found.NodeGroups {
		ids = append(ids, aws.ToString(shard.NodeGroupId))
	}
	slices.Sort(ids)
	if *c.Props.Shards < len(ids) {
		in.NodeGroupsToRemove = ids[*c.Props.Shards:]
	}
	return step(fmt.Sprintf("moving the data from %d to %d shards", len(ids), *c.Props.Shards), func() error {
		_, err := g.client.ModifyReplicationGroupShardConfiguration(ctx, in)
		return err
	})
}

// modify makes what one call can change, and the second step of a change of the encryption.
func (g replicationGroup) modify(
	ctx context.Context, c replicationGroupCall, old model.ReplicationGroup, step oneByOne,
) error {
	p := c.Props
	in := &elasticache.ModifyReplicationGroupInput{ReplicationGroupId: &c.ID, ApplyImmediately: aws.Bool(true)}
	any := false
	differs := func(yes bool) bool {
		any = any || yes
		return yes
	}
	if differs(p.Description != old.Description) {
		in.ReplicationGroupDescription = &p.Description
	}
	if differs(p.NodeType != old.NodeType) {
		in.CacheNodeType = &p.NodeType
	}
	if differs(p.Engine != old.Engine || p.EngineVersion != old.EngineVersion) {
		in.Engine, in.EngineVersion = &p.Engine, &p.EngineVersion
	}
	if differs(!value.Equal(p.ParameterGroup.Value(), old.ParameterGroup.Value())) {
		in.CacheParameterGroupName = new(p.ParameterGroup.Get())
	}
	if differs(!value.Equal(p.SecurityGroups.Value(), old.SecurityGroups.Value())) {
		in.SecurityGroupIds = p.SecurityGroups.Get()
	}
	if differs(*p.Failover != *old.Failover) {
		in.AutomaticFailoverEnabled = p.Failover
	}
	if differs(*p.MultiAZ != *old.MultiAZ) {
		in.MultiAZEnabled = p.MultiAZ
	}
	if differs(*p.SnapshotRetention != *old.SnapshotRetention) {
		in.SnapshotRetentionLimit = new(int32(*p.SnapshotRetention))
		if *old.SnapshotRetention == 0 && old.Shards == nil {
			source, err := g.snapshotSource(ctx, c.ID)
			if err != nil {
				return err
			}
			in.SnapshottingClusterId = source
		}
	}
	if differs(p.SnapshotWindow != "" && p.SnapshotWindow != old.SnapshotWindow) {
		in.SnapshotWindow = &p.SnapshotWindow
	}
	if differs(p.MaintenanceWindow != "" && p.MaintenanceWindow != old.MaintenanceWindow) {
		in.PreferredMaintenanceWindow = &p.MaintenanceWindow
	}
	if differs(*p.MinorUpgrades != *old.MinorUpgrades) {
		in.AutoMinorVersionUpgrade = p.MinorUpgrades
	}
	in.LogDeliveryConfigurations = deliveries(old, p)
	differs(len(in.LogDeliveryConfigurations) > 0)
	if any {
		if err := step("changing the cache "+c.ID, func() error {
			_, err := g.client.ModifyReplicationGroup(ctx, in)
			return err
		}); err != nil {
			return err
		}
	}
	return g.encrypt(ctx, c, old.TransitEncryption, step)
}

// snapshotSource is the node of which AWS takes the daily snapshots. Without cluster mode, AWS wants to be told when
// snapshots are switched on.
func (g replicationGroup) snapshotSource(ctx context.Context, id string) (*string, error) {
	found, err := g.describe(ctx, id)
	if err != nil || len(found.MemberClusters) == 0 {
		return nil, err
	}
	return new(slices.Min(found.MemberClusters)), nil // the first node is the last to go when the group shrinks
}

// encrypt changes the encryption of connections. Between required and disabled AWS wants the step preferred.
func (g replicationGroup) encrypt(ctx context.Context, c replicationGroupCall, old string, step oneByOne) error {
	order := []string{model.Disabled, model.Preferred, model.Required}
	at, to := slices.Index(order, old), slices.Index(order, c.Props.TransitEncryption)
	for at != to {
		if at < to {
			at++
		} else {
			at--
		}
		in := &elasticache.ModifyReplicationGroupInput{
			ReplicationGroupId: &c.ID, ApplyImmediately: aws.Bool(true),
			TransitEncryptionEnabled: aws.Bool(order[at] != model.Disabled),
		}
		if order[at] != model.Disabled {
			in.TransitEncryptionMode = types.TransitEncryptionMode(order[at])
		}
		if err := step("encryption of connections becomes "+order[at], func() error {
			_, err := g.client.ModifyReplicationGroup(ctx, in)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// finalSnapshots is how many names a final snapshot may try.
const finalSnapshots = 9

// delete takes the final snapshot under a name that no earlier cache of this id has used.
func (g replicationGroup) delete(ctx context.Context, c replicationGroupCall) error {
	found, err := g.describe(ctx, c.ID)
	if err != nil {
		return err
	}
	if aws.ToString(found.Status) != deletingNow && aws.ToString(found.Status) != createFailed {
		if found, err = g.usable(ctx, c, false); err != nil {
			return err
		}
	}
	if aws.ToString(found.Status) != deletingNow {
		if err := g.deleteNow(ctx, c, found); err != nil {
			return err
		}
	}
	return call.Wait(ctx, changing, "cache "+c.ID+" is gone", func(ctx context.Context) (bool, error) {
		_, err := g.describe(ctx, c.ID)
		if gone(err) {
			return true, nil
		}
		return false, err
	})
}

func (g replicationGroup) deleteNow(ctx context.Context, c replicationGroupCall, found types.ReplicationGroup) error {
	in := &elasticache.DeleteReplicationGroupInput{ReplicationGroupId: &c.ID}
	snapshot := ""
	if c.Old.FinalSnapshot && aws.ToString(found.Status) != createFailed {
		snapshot = c.ID + "-final-" + aws.ToTime(found.ReplicationGroupCreateTime).UTC().Format("20060102150405")
	}
	for try := 1; ; try++ {
		if snapshot != "" {
			name := snapshot
			if try > 1 { // an earlier delete took a snapshot and did not end
				name = fmt.Sprintf("%s-%d", snapshot, try)
			}
			in.FinalSnapshotIdentifier = &name
			c.Progress("deleting the cache " + c.ID + ", and keeping its data in the snapshot " + name)
		}
		_, err := g.client.DeleteReplicationGroup(ctx, in)
		if call.HasCode(err, "SnapshotAlreadyExistsFault") && try < finalSnapshots {
			continue
		}
		if call.HasCode(err, unready...) { // the answer to an earlier attempt was lost
			if again, readErr := g.describe(ctx, c.ID); readErr == nil && aws.ToString(again.Status) == deletingNow {
				return nil
			}
		}
		return failed(err)
	}
}
