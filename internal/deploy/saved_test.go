package deploy

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
)

// A plan that another version of deployer made is refused, before AWS is asked anything.
func TestSavedByAnotherVersion(t *testing.T) {
	p := newAccount().start(t.TempDir(), 0, false)
	s := &Saved{Key: shop, plan: approved{Deployer: "0.9.0", Stack: "shop", Environment: "dev"}}
	_, err := ApplySaved(t.Context(), p.Backend, s, request())
	found := diag.From(err)
	require.Len(t, found, 1)
	require.Equal(t, diag.Invalid, found[0].Code)
	require.Contains(t, found[0].Detail, "made by deployer 0.9.0")
	require.Zero(t, p.calls.Load())
}

// A first plan would make a second state in another backend.
func TestSavedForAnotherBackend(t *testing.T) {
	p := newAccount().start(t.TempDir(), 0, false)
	s := &Saved{Key: shop, plan: approved{
		Deployer: p.Backend.World.Version, Stack: "shop", Environment: "dev", Backend: "s3://company-state",
	}}
	_, err := ApplySaved(t.Context(), p.Backend, s, request())
	found := diag.From(err)
	require.Len(t, found, 1)
	require.Equal(t, diag.Invalid, found[0].Code)
	require.Equal(t, "Plan of another backend", found[0].Summary)
	require.Contains(t, found[0].Detail, "a state in s3://company-state")
	require.Zero(t, p.calls.Load())
}

// TestSavedDamaged: a file that is not exactly what was saved is refused, wherever it differs.
func TestSavedDamaged(t *testing.T) {
	a := approved{
		Deployer: "1", Stack: "shop", Environment: "dev", Account: "1", Region: "r",
		Components: []frozen{{Address: "web/api", Kind: "SQS"}}, Changes: []approvedComponent{},
	}
	raw, err := json.Marshal(a)
	require.NoError(t, err)
	file, err := (&Saved{Key: shop, raw: raw, plan: a, lineage: "l"}).Encode()
	require.NoError(t, err)
	read, err := ReadSaved("a.plan", file)
	require.NoError(t, err)
	require.Equal(t, shop, read.Key)
	require.Equal(t, hashOf(raw), read.Hash)
	require.Equal(t, "l", read.lineage)

	body := len(file) - 1 // the newline at the end does not matter
	for i := range body {
		for _, change := range [][]byte{
			append(append([]byte{}, file[:i]...), file[i+1:]...),
			append(append(append([]byte{}, file[:i]...), file[i]^1), file[i+1:]...),
			file[:i],
		} {
			_, err := ReadSaved("a.plan", change)
			require.Error(t, err, "byte %d", i)
			for _, d := range diag.From(err) {
				require.Contains(t, []diag.Code{diag.Invalid, diag.Conflict}, d.Code)
				require.NotEmpty(t, d.Next)
			}
		}
	}
	_, err = ReadSaved("a.plan", append(file, '1'))
	require.Error(t, err)
}
