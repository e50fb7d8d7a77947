package e2e

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit/child"
	"github.com/company/deployer/e2e/testkit/yamlls"
)

// editor is the YAML language server in a repository with the schemas of the binary.
type editor struct {
	*yamlls.Server
	t    *testing.T
	root string
}

func newEditor(t *testing.T) *editor {
	t.Helper()
	root := t.TempDir()
	e := &editor{t: t, root: root}
	e.deployer("schema", "--out", ".deployer/schema")
	schema := func(name string) string { return yamlls.URI(filepath.Join(root, ".deployer", "schema", name)) }
	server, err := yamlls.Start(t.Context(), root, map[string][]string{
		schema("manifest.json"): {"stacks/*/stack.yaml", "stacks/*/infra/**", "stacks/*/services/**"},
		schema("overlay.json"):  {"stacks/*/environments/**"},
		schema("config.json"):   {".deployer/config.yaml"},
	}, func(s string) { t.Log(s) })
	if errors.Is(err, child.ErrNoNode) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	e.Server = server
	return e
}

func (e *editor) deployer(args ...string) {
	e.t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Env = e.root, []string{"HOME=" + e.t.TempDir(), "PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	require.NoError(e.t, err, "deployer %s:\n%s", strings.Join(args, " "), out)
}

// open opens a file and returns what is underlined, one problem per line.
func (e *editor) open(path, text string) string {
	e.t.Helper()
	found, err := e.Open(filepath.Join(e.root, path), text)
	require.NoError(e.t, err, path)
	var b strings.Builder
	for _, d := range found {
		b.WriteString(d.Message + "\n")
	}
	return b.String()
}

// Users copy the examples, and begin with what stack init writes: an editor underlines nothing in them.
func TestAnEditorAcceptsTheExamples(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	seen := 0
	check := func(from, to string) {
		require.NoError(t, filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
				return err
			}
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			rel, err := filepath.Rel(from, path)
			require.NoError(t, err)
			require.Empty(t, e.open(filepath.Join(to, rel), string(text)), path)
			seen++
			return nil
		}))
	}
	for _, repository := range []string{"website", "marketplace", "two-stacks"} {
		check(filepath.Join("..", "examples", repository), ".")
	}
	check(filepath.Join("..", "examples", "user-platform"), filepath.Join("stacks", "user-platform"))
	e.deployer("stack", "init", "scaffold", "--template", "web-db")
	for _, kind := range []string{"Worker", "SQS", "S3", "ElastiCache", "Network", "Ingress", "Cluster"} {
		e.deployer("component", "add", kind, "--stack", "scaffold")
	}
	e.deployer("environment", "add", "staging", "--stack", "scaffold")
	check(filepath.Join(e.root, "stacks", "scaffold"), filepath.Join("stacks", "scaffold"))
	require.Greater(t, seen, 50)
}

// What an editor shows of a wrong file, what it offers, and what it says about a word. The schema comes from the
// modeline: nothing else names one for this place.
func TestAnEditorHelps(t *testing.T) {
	t.Parallel()
	e := newEditor(t)
	const line = "# yaml-language-server: $schema=../.deployer/schema/manifest.json\n"
	document := func(spec string) string {
		return line + "apiVersion: components.deployer.io/v1\nkind: SQS\nmetadata:\n  name: queue\nspec:\n" + spec
	}
	for name, c := range map[string]struct{ text, want string }{
		"right":    {document("  retention: 7d\n"), ""},
		"unknown":  {document("  retentoin: 7d\n"), "retentoin is not allowed"},
		"type":     {document("  fifo: maybe\n"), "Must be true or false"},
		"form":     {document("  retention: soon\n"), "duration"},
		"missing":  {document("  deadLetter: {}\n"), "maxReceives"},
		"kind":     {strings.Replace(document("  {}\n"), "SQS", "SQSS", 1), "Value is not accepted"},
		"two keys": {document("  retention: 7d\n  retention: 8d\n"), "unique"},
		"overlay": {
			strings.Replace(document("  deadLetter: {}\n"), "manifest.json", "overlay.json", 1), "",
		},
	} {
		found := e.open(filepath.Join("other", strings.ReplaceAll(name, " ", "-")+".yaml"), c.text)
		if c.want == "" {
			require.Empty(t, found, name)
			continue
		}
		require.Contains(t, found, c.want, name)
	}

	path := filepath.Join(e.root, "other", "typing.yaml")
	text := document("  retention: 7d\n  \n")
	_, err := e.Open(path, text)
	require.NoError(t, err)
	words, err := e.Complete(path, strings.Count(text, "\n")-1, 2)
	require.NoError(t, err)
	require.Contains(t, words, "visibilityTimeout")
	require.Contains(t, words, "deadLetter")
	require.NotContains(t, words, "retention", "it is there")
	require.NotContains(t, words, "scaling", "a field of another kind")
	about, err := e.Hover(path, strings.Count(text, "\n")-2, 4)
	require.NoError(t, err)
	require.Contains(t, about, "How long a message is kept")
}
