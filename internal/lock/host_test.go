package lock_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/lock"
)

// holderOn is the record of a process of that host.
func holderOn(h lock.Host, pid, start string) lock.Record {
	return lock.Record{
		ID: "x", BootID: h.BootID, PIDNamespace: h.PIDNamespace, ProcessStart: start,
		Metadata: map[string]string{"pid": pid},
	}
}

func TestThisProcessIsAliveAndAnEndedOneIsNot(t *testing.T) {
	h := lock.ThisHost()
	if h.BootID == "" {
		t.Skip("this system does not tell processes of different boots apart")
	}
	require.Equal(t, os.Getpid(), h.PID)
	require.NotEmpty(t, h.Hostname)
	start, running := h.Started(h.PID)
	require.True(t, running)
	require.Equal(t, h.ProcessStart, start)

	child := exec.Command("sleep", "60")
	require.NoError(t, child.Start())
	start, running = h.Started(child.Process.Pid)
	require.True(t, running)
	require.NotEmpty(t, start)
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	_, running = h.Started(child.Process.Pid)
	require.False(t, running)
}

func TestDied(t *testing.T) {
	h := lock.Host{BootID: "b", PIDNamespace: "n", Started: func(pid int) (string, bool) {
		switch pid {
		case 1:
			return "100", true
		case 2:
			return "", true // of another user, and hidden
		}
		return "", false
	}}
	elsewhere := lock.Host{BootID: "b", PIDNamespace: "container"}
	for name, test := range map[string]struct {
		holder lock.Record
		died   bool
	}{
		"runs":                       {holderOn(h, "1", "100"), false},
		"is gone":                    {holderOn(h, "3", "100"), true},
		"its id was given away":      {holderOn(h, "1", "50"), true},
		"runs, but hidden":           {holderOn(h, "2", "100"), false},
		"other container, same boot": {holderOn(elsewhere, "3", "100"), false},
		"other boot":                 {holderOn(lock.Host{BootID: "c", PIDNamespace: "n"}, "3", "100"), false},
		"unknown id":                 {holderOn(h, "", "100"), false},
		"unknown start":              {holderOn(h, "3", ""), false},
		"unknown place":              {holderOn(lock.Host{}, "3", "100"), false},
	} {
		require.Equal(t, test.died, h.Died(test.holder), name)
	}
	require.False(t, lock.Host{}.Died(holderOn(lock.Host{}, "3", "100")), "a host that knows nothing of itself")
}
