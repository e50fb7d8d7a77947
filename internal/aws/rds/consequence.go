package rds

import (
	"fmt"
	"slices"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
)

// What AWS's documentation says of changes that are applied immediately ("Settings for DB instances", "Modifying an
// Amazon Aurora DB cluster", "Failing over a Multi-AZ DB instance").
const (
	failover     = "1 to 2 minutes, while the standby takes over"
	someMinutes  = "some minutes"
	majorUpgrade = "10 minutes or more: AWS upgrades the data"
)

// instanceConsequence is that of a change of an instance, alone or in a cluster.
func instanceConsequence(c resource.Change) plan.Consequence {
	if backupsSwitched(c) {
		return plan.Downtime
	}
	return plan.Worse(resource.Causes(plan.Downtime, "class")(c), clusterConsequence(c))
}

// clusterConsequence is that of a change of what instances and clusters have in common.
func clusterConsequence(c resource.Change) plan.Consequence {
	out := plan.InPlace
	if upgrades(c) {
		out = plan.Downtime
	}
	out = plan.Worse(out, resource.Causes(plan.Restart, "listenPort")(c))
	return plan.Worse(out, resource.Causes(plan.Reboot, "parameterGroup")(c))
}

// upgrades reports whether AWS installs another version. What runs may satisfy the new value, too: 16.4 is a 16.
func upgrades(c resource.Change) bool {
	return slices.Contains(c.Changed, "engineVersion") && !satisfies(c.Desired.Get("engine").Str(),
		c.Desired.Get("engineVersion").Str(), c.Old.Get("engineVersion").Str())
}

// backupsSwitched reports whether the automated backups of an instance are switched on or off: AWS does that offline.
func backupsSwitched(c resource.Change) bool {
	if !slices.Contains(c.Changed, "backupRetention") || c.Old.Get("backupRetention").IsNull() {
		return false
	}
	return (c.Old.Get("backupRetention").Number() == 0) != (c.Desired.Get("backupRetention").Number() == 0)
}

func instanceLasts(c resource.Change) string {
	standby := c.Old.Get("multiAz").Bool() && c.Desired.Get("multiAz").Bool()
	switch {
	case upgrades(c):
		return clusterLasts(c)
	case slices.Contains(c.Changed, "class") && standby && !backupsSwitched(c):
		return failover
	case slices.Contains(c.Changed, "class"), backupsSwitched(c):
		return someMinutes
	default:
		return ""
	}
}

func clusterLasts(c resource.Change) string {
	if !upgrades(c) {
		return ""
	}
	engine := c.Desired.Get("engine").Str()
	if sameMajor(engine, c.Old.Get("engineVersion").Str(), c.Desired.Get("engineVersion").Str()) {
		return someMinutes
	}
	return majorUpgrade
}

// remark says what a change needs besides its consequence.
func remark(c resource.Change) string {
	was, wanted := c.Old.Get("backupRetention").Number(), c.Desired.Get("backupRetention").Number()
	switch {
	case slices.Contains(c.Changed, "backupRetention") && wanted == 0:
		return "the automated backups are deleted"
	case slices.Contains(c.Changed, "backupRetention") && wanted < was:
		return fmt.Sprintf("automated backups older than %vd are deleted", wanted)
	}
	if slices.Contains(c.Changed, "parameterGroup") && !slices.Contains(c.Changed, "engineVersion") {
		return "parameters of the new group wait for a reboot"
	}
	return ""
}

// groupConsequence is that of a change of a parameter group.
func groupConsequence(c resource.Change) plan.Consequence {
	if len(waitsForReboot(c.Old, c.Desired)) > 0 {
		return plan.Reboot
	}
	return plan.InPlace
}
