package doctor

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/quota"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/report"
)

func TestClock(t *testing.T) {
	for skew, want := range map[time.Duration]string{
		0: report.Fine, 59 * time.Second: report.Fine, -59 * time.Second: report.Fine,
		2 * time.Minute: report.Wrong, -2 * time.Minute: report.Wrong,
	} {
		got := clock(skew, true)
		require.Equal(t, want, got.Result, skew)
		require.Equal(t, want == report.Wrong, got.Next != "")
	}
	require.Contains(t, clock(2*time.Minute, true).Detail, "2m0s behind AWS")
	require.Contains(t, clock(-time.Hour, true).Detail, "1h0m0s ahead of AWS")
	require.Equal(t, report.Skipped, clock(0, false).Result)
}

func TestQuotas(t *testing.T) {
	got := examineQuotas([]quota.Use{
		{What: "a", Used: 79, Most: 100},
		{What: "b", Used: 80, Most: 100},
		{What: "c", Used: 100, Most: 100},
		{What: "d"},
		{What: "e", Err: errors.New("no answer")},
		{What: "f", Used: 0, Most: 5},
	})
	var results []string
	for _, e := range got {
		results = append(results, e.Result+" "+e.Detail)
	}
	require.Equal(t, []string{
		"ok 79 of 100 a, 0 of 5 f", "advice 80 of 100 b", "fail 100 of 100 c", "skipped d: AWS does not tell the quota",
		"skipped e: no answer",
	}, results)
}

func TestVersions(t *testing.T) {
	for _, test := range []struct {
		now, newest string
		err         error
		want        string
	}{
		{"1.0.0", "1.1.0", nil, report.Advice},
		{"1.1.0", "1.1.0", nil, report.Fine},
		{"dev", "1.1.0", nil, report.Fine},
		{"1.1.0", "", errors.New("no network"), report.Skipped},
	} {
		p := Patient{
			World:  backend.World{Version: test.now},
			Newest: func() (string, error) { return test.newest, test.err },
		}
		require.Equal(t, test.want, p.version().Result, test)
	}
}

func TestEditor(t *testing.T) {
	root := t.TempDir()
	p := Patient{SchemaFolder: ".deployer/schema", Schemas: map[string][]byte{"a.json": []byte("{}")}}
	examine := func(want, detail string) {
		t.Helper()
		got := p.editor()
		require.Len(t, got, 1)
		require.Equal(t, want, got[0].Result)
		require.Contains(t, got[0].Detail, detail)
	}
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	examine(report.Advice, "neither this folder nor one above it")
	p.World.Root = root
	require.NoError(t, os.Mkdir(filepath.Join(root, "stacks"), 0o755))
	examine(report.Advice, "no stack yet")
	write("stacks/web/stack.yaml", "kind: Stack\n")
	examine(report.Advice, "stacks/web/stack.yaml: names no schema")
	write("stacks/web/stack.yaml", "# yaml-language-server: $schema=https://example.com/manifest.json\nkind: Stack\n")
	examine(report.Fine, "name their schema")
	for _, other := range []string{"[]", "{}, and more"} {
		write(".deployer/schema/a.json", other)
		examine(report.Advice, "another version")
	}
	write(".deployer/schema/a.json", "{}")
	examine(report.Fine, "name their schema")
}
