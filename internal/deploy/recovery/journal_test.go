package recovery

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/state"
)

const ended = `{"step":1,"set":[{"slot":0,"resource":{"urn":"urn:pulumi:dev::shop::deployer:fake:single::web/a:a","custom":true,"id":"a","type":"deployer:fake:single"}}]}`

func TestReplay(t *testing.T) {
	const head = `{"lineage":"L","lockId":"run","base":null}` + "\n"
	of := &state.Envelope{Lineage: "L", Writer: state.Writer{LockID: "run"}}
	saved := engineState("web/saved:s")
	for name, c := range map[string]struct{ journal, want string }{
		"whole":              {head + ended + "\n", "web/a:a"},
		"torn":               {head + ended + "\n" + `{"step":2,"set":[{"sl`, "web/a:a"},
		"torn at once":       {head + ended[:20], ""},
		"torn header":        {head[:20], "web/saved:s"},
		"of another run":     {`{"lineage":"L","lockId":"other","base":null}` + "\n" + ended + "\n", "web/saved:s"},
		"of another lineage": {`{"lineage":"M","lockId":"run","base":null}` + "\n" + ended + "\n", "web/saved:s"},
		"damaged":            {head + "\x00\x00\x00" + "\n" + ended + "\n", "web/saved:s"},
		"empty":              {"", "web/saved:s"},
	} {
		t.Run(name, func(t *testing.T) {
			resources, err := engine.Resources(Replay([]byte(c.journal), of, saved))
			require.NoError(t, err)
			if c.want == "" {
				require.Empty(t, resources)
				return
			}
			require.Len(t, resources, 1)
			require.Equal(t, c.want, resources[0].ID)
		})
	}
	require.Equal(t, saved, Replay(nil, of, saved), "none")
}
