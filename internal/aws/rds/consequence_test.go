package rds

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// What a plan says of a change is what AWS's documentation says of it.
func TestConsequences(t *testing.T) {
	alone, aurora := newInstance(newAPI(aws.Config{})), newCluster(newAPI(aws.Config{}))
	number, text := value.NewNumber, value.NewString
	single := map[string]value.Value{
		"engine": text("postgres"), "engineVersion": text("16.3"), "class": text("db.t4g.micro"),
		"storage": number(20), "backupRetention": number(7), "parameterGroup": text("a"),
		"multiAz": value.NewBool(false),
	}
	standby := map[string]value.Value{
		"engine": text("postgres"), "engineVersion": text("16.3"), "class": text("db.t4g.micro"),
		"multiAz": value.NewBool(true),
	}
	for name, c := range map[string]struct {
		of       resource.Behaviour
		old      map[string]value.Value
		property string
		to       value.Value
		means    plan.Consequence
		lasts    string
	}{
		"more storage":     {alone, single, "storage", number(30), plan.InPlace, ""},
		"class":            {alone, single, "class", text("db.m7g.large"), plan.Downtime, someMinutes},
		"class, standby":   {alone, standby, "class", text("db.m7g.large"), plan.Downtime, failover},
		"minor version":    {alone, single, "engineVersion", text("16.4"), plan.Downtime, someMinutes},
		"no minor version": {alone, single, "engineVersion", text("16"), plan.InPlace, ""},
		"major version":    {alone, standby, "engineVersion", text("17.1"), plan.Downtime, majorUpgrade},
		"port":             {alone, single, "listenPort", number(5433), plan.Restart, ""},
		"parameter group":  {alone, single, "parameterGroup", text("b"), plan.Reboot, ""},
		"fewer backups":    {alone, single, "backupRetention", number(3), plan.InPlace, ""},
		"no backups":       {alone, single, "backupRetention", number(0), plan.Downtime, someMinutes},
		"cluster, minor":   {aurora, single, "engineVersion", text("16.4"), plan.Downtime, someMinutes},
		"cluster, port":    {aurora, single, "listenPort", number(5433), plan.Restart, ""},
		"cluster, backups": {aurora, single, "backupRetention", number(3), plan.InPlace, ""},
	} {
		t.Run(name, func(t *testing.T) {
			old := value.NewMap(c.old)
			change := resource.Change{Changed: []string{c.property}, Old: old, Desired: old.With(c.property, c.to)}
			d := c.of.Definition()
			require.Equal(t, c.means, d.Meaning(change))
			require.Equal(t, c.lasts, d.Duration(c.means, change))
		})
	}
}

func TestParametersThatWait(t *testing.T) {
	group := func(name, v string) value.Value {
		return value.NewMap(map[string]value.Value{
			"family":     value.NewString("postgres16"),
			"parameters": value.NewMap(map[string]value.Value{name: value.NewString(v)}),
		})
	}
	change := func(name string) resource.Change {
		return resource.Change{Changed: []string{"parameters"}, Old: group(name, "1"), Desired: group(name, "2")}
	}
	require.Equal(t, plan.InPlace, groupConsequence(change("work_mem")))
	require.Equal(t, plan.Reboot, groupConsequence(change("max_connections")))
}
