package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/deploy/recovery"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/repair"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// tooMuch is an engine's state that is larger than a state may be.
func tooMuch() []byte {
	return []byte(strings.Replace(string(engineState("web/a:a")), `"custom":true`,
		`"custom":true,"inputs":{"text":"`+strings.Repeat("a", state.MaxSize)+`"}`, 1))
}

// A run has made more than a state may hold. The file has it all, and a push of it says so. The next run does not start
// from what cannot be written.
func TestRescueOfWhatNoStateMayHold(t *testing.T) {
	t.Parallel()
	a, home := newAccount(), t.TempDir()
	p := a.start(home, 0, false)
	u, held, payload := claimed(t, p)
	claim := held.State()
	newJournal(p.Backend, held, tooMuch()).close()

	err := u.save(held, payload, &engine.Result{State: tooMuch()}, nil, &Applied{}, true)
	var found diag.List
	require.ErrorAs(t, err, &found)
	last := found[len(found)-1]
	require.Equal(t, "State was not saved", last.Summary)
	require.Contains(t, last.Detail, "is larger than the limit")
	require.NotContains(t, last.Next, "state push")
	raw := rescued(t, home)
	require.Greater(t, len(raw), state.MaxSize)
	require.Contains(t, string(raw[len(raw)-1000:]), "aws-web/a:a")

	_, err = repair.Push(t.Context(), p.Backend, wish(), "file", raw, true)
	var d *diag.Diagnostic
	require.ErrorAs(t, err, &d)
	require.Equal(t, "File is too large for a state", d.Summary)
	require.Equal(t, diag.Invalid, d.Code)

	next := newRun(p.Backend, nil, &resource.Graph{}, u.where, request())
	stored, err := state.Load(shop, claim)
	require.NoError(t, err)
	require.Greater(t, len(recovery.Replay(p.Journal(stored), claim, nil)), state.MaxSize)
	next.from(stored, claim.Lineage)
	require.Empty(t, next.Engine)
	require.True(t, next.Adopt["web/a:a"])
}

// Two states of one name, of two buckets, could not be saved: neither file replaces the other.
func TestRescueFilesDoNotReplaceEachOther(t *testing.T) {
	home := t.TempDir()
	for range 3 {
		p := newAccount().start(home, 0, false)
		p.refuse = refusingPuts(1)
		_, err := p.run(t.Context(), first(t))
		require.Error(t, err)
	}
	files, err := os.ReadDir(filepath.Join(home, ".deployer", "rescue"))
	require.NoError(t, err)
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
		info, err := f.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	require.Equal(t, []string{"shop-dev-2-2.json", "shop-dev-2-3.json", "shop-dev-2.json"}, names)
}
