package elasticache

import (
	"maps"
	"slices"
	"strings"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elasticache"
	"github.com/company/deployer/internal/value"
)

// groupConsequence: what AWS cannot change in place begins with an empty cache. Nodes are exchanged one by one; where
// there is only one, its clients have to connect again.
func groupConsequence(c resource.Change) plan.Consequence {
	var was model.ReplicationGroup
	value.Decode(c.Old, &was)
	for _, name := range c.Changed {
		switch name {
		case "port", "atRestEncryption", "kmsKey", "subnetGroup":
			return plan.DataLoss
		}
	}
	if replaced := replacesGroup(c.Old, c.Desired); slices.ContainsFunc(replaced, func(name string) bool {
		return slices.Contains(c.Changed, name)
	}) {
		return plan.DataLoss
	}
	switch {
	case exchangesNodes(c) && was.Nodes < 2:
		return plan.Restart
	case exchangesNodes(c) || slices.Contains(c.Changed, "transitEncryption"):
		return plan.Rolling
	case slices.Contains(c.Changed, "parameterGroup"):
		return plan.Reboot
	}
	return plan.InPlace
}

// exchangesNodes reports whether AWS makes a change by new nodes that get the data of the old ones.
func exchangesNodes(c resource.Change) bool {
	return slices.ContainsFunc([]string{"engine", "engineVersion", "nodeType"}, func(name string) bool {
		return slices.Contains(c.Changed, name)
	})
}

func groupLasts(resource.Change) string { return "some seconds, while a new node takes over" }

// groupRemark says what a cache without a replica risks, and whom a change locks out.
func groupRemark(c resource.Change) string {
	var was, wanted model.ReplicationGroup
	value.Decode(c.Old, &was)
	value.Decode(c.Desired, &wanted)
	var out []string
	if exchangesNodes(c) && was.Nodes < 2 {
		out = append(out, "there is no replica, so AWS promises no more than to try to keep the data")
	}
	if slices.Contains(c.Changed, "transitEncryption") {
		switch wanted.TransitEncryption {
		case model.Required:
			out = append(out, "clients without TLS are refused from then on")
		case model.Disabled:
			out = append(out, "clients with TLS are refused from then on")
		}
	}
	if slices.Contains(c.Changed, "passwordSecret") && c.Old.Get("passwordSecret").IsNull() {
		out = append(out, "clients without the password are refused from then on")
	}
	if slices.Contains(c.Changed, "userGroup") && c.Old.Get("userGroup").IsNull() {
		out = append(out, "clients that log in as none of the users are refused from then on")
	}
	return strings.Join(out, "; ")
}

// clusterConsequence is that of a change of Memcached, whose nodes share the data.
func clusterConsequence(c resource.Change) plan.Consequence {
	if slices.Contains(c.Changed, "engineVersion") || nodesRemoved(c) {
		return plan.DataLoss
	}
	return plan.InPlace
}

func clusterRemark(c resource.Change) string {
	switch {
	case slices.Contains(c.Changed, "engineVersion"):
		return "nodes with another version start empty"
	case nodesRemoved(c):
		return "what the removed nodes hold is gone"
	}
	return ""
}

func nodesRemoved(c resource.Change) bool {
	return slices.Contains(c.Changed, "nodes") && c.Desired.Get("nodes").Number() < c.Old.Get("nodes").Number()
}

// parametersConsequence is that of a change of a parameter group.
func parametersConsequence(c resource.Change) plan.Consequence {
	if len(waitsForReboot(c.Old, c.Desired)) > 0 {
		return plan.Reboot
	}
	return plan.InPlace
}

// parametersRemark names the parameters that have an effect only after a reboot.
func parametersRemark(c resource.Change) string {
	waiting := waitsForReboot(c.Old, c.Desired)
	switch len(waiting) {
	case 0:
		return ""
	case 1:
		return waiting[0] + " takes effect at the next reboot of the nodes"
	default:
		return strings.Join(waiting, ", ") + " take effect at the next reboot of the nodes"
	}
}

// static are the parameters of Valkey and Redis OSS for which DescribeCacheParameters says requires-reboot and which
// can be set. Those of Memcached all need a reboot.
var static = []string{"activerehashing", "databases"}

// waitsForReboot returns the changed parameters that have an effect only after a reboot, sorted.
func waitsForReboot(old, desired value.Value) []string {
	was, wanted := old.Get("parameters").Entries(), desired.Get("parameters").Entries()
	all := maps.Clone(was)
	if all == nil {
		all = map[string]value.Value{}
	}
	maps.Copy(all, wanted)
	memcached := strings.HasPrefix(desired.Get("family").Str(), model.Memcached)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if (memcached || slices.Contains(static, name)) && !value.Equal(was[name], wanted[name]) {
			out = append(out, name)
		}
	}
	return out
}
