package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/proxy"
	"github.com/company/deployer/e2e/testkit/service"
)

// canaries are secrets that are found nowhere else: whoever writes one into a file, an object, a request or the
// terminal is caught.
type canaries struct {
	*testkit.Env
	home, repo, temp string
	secrets          map[string]string // by where each comes from
	inputs           map[string]bool   // files that the user wrote and that hold one
	env              []string
	said             bytes.Buffer // all that was printed
	runs             int
}

// canaryStack refers to secrets in the ways that are allowed.
var canaryStack = map[string]string{
	"stack.yaml": crashHead + `Stack
metadata: {name: shop}
spec:
  provider: {name: aws}
  variables:
    VERSION: "1.0.0"
    FROM_DEFAULT:
      default: "DEFAULT"
      sensitive: true
    FROM_FLAG: {sensitive: true}
    FROM_FILE: {sensitive: true}
    FROM_ENV: {sensitive: true}
`,
	"environments/dev.yaml": crashHead + "Environment\nmetadata: {name: dev}\n",
	"services/web/jobs.yaml": `apiVersion: components.deployer.io/v1
kind: SQS
metadata: {name: jobs}
---
apiVersion: components.deployer.io/v1
kind: Worker
metadata: {name: worker}
spec:
  image: "public.ecr.aws/company/worker:${VERSION}"
  environment: {QUEUE: "${jobs.url}"}
  secrets: STORED
  uses: {jobs: [receive]}
`,
}

// canaryUses are fields that may not hold a secret (in VAR): each is refused, without showing it. The errors about a
// wrong type, a wrong value, a wrong name and a broken expression are made in different places.
var canaryUses = []string{
	`environment: {A: "${VAR}"}`, `environment: {A: "x-${upper(VAR)}"}`, `environment: {A: "${base64encode(VAR)}"}`,
	`command: ["${VAR}"]`, `cpu: "${VAR}"`,
	`architecture: "${VAR}"`, `deployment: {timeout: "${VAR}"}`, `tags: {a: "${VAR}"}`, `secrets: {A: "${VAR}"}`,
	`uses: {"jobs": ["${VAR}"]}`, `dependsOn: ["${VAR}"]`,
	`environment: {A: "${tonumber(VAR)}"}`, `environment: {A: "${VAR.x}"}`,
	`overrides: {service: {desiredCount: "${VAR}"}}`, `exec: "${VAR}"`,
	`logs: {retention: "${VAR}"}`, `environment: {A: "${jsonencode({a = VAR})}"}`, `scaling: {min: "${VAR}"}`,
}

func newCanaries(t *testing.T) *canaries {
	c := &canaries{
		Env: testkit.Start(t), home: t.TempDir(), repo: t.TempDir(), temp: t.TempDir(),
		secrets: map[string]string{}, inputs: map[string]bool{},
	}
	secret := func(where string) string {
		c.secrets[where] = "c4n4ry" + strings.ReplaceAll(uuid.NewString(), "-", "")
		return c.secrets[where]
	}
	stored, err := service.Canaries(t.Context(), c.Config, secret)
	require.NoError(t, err)
	references, err := json.Marshal(stored)
	require.NoError(t, err)

	for name, text := range canaryStack {
		text = strings.ReplaceAll(text, "DEFAULT\"", secret("the default of a variable")+"\"")
		text = strings.ReplaceAll(text, "STORED", string(references))
		c.write(t, filepath.Join("stacks", "shop", name), text)
	}
	c.inputs[c.write(t, "vars.env", "FROM_FILE="+secret("--var-file")+"\n")] = true
	c.inputs[filepath.Join(c.repo, "stacks", "shop", "stack.yaml")] = true

	c.env = binaryEnvironment(c.Env, c.home, c.bucket())
	for _, pair := range c.env {
		if name, given, _ := strings.Cut(pair, "="); name == "AWS_SECRET_ACCESS_KEY" || name == "AWS_SESSION_TOKEN" {
			c.secrets[name] = given
		}
	}
	secret("--var")
	c.env = append(c.env, "TMPDIR="+c.temp, "DEPLOYER_LOGGING_LEVEL=debug",
		"DEPLOYER_VAR_FROM_ENV="+secret("the environment"),
		"OTHER_PASSWORD="+secret("a variable that is none of its business"))
	return c
}

func (c *canaries) bucket() string { return "canary-" + c.Account }

func (c *canaries) write(t *testing.T, name, text string) string {
	path := filepath.Join(c.repo, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

// variables are the flags that give the sensitive variables.
func (c *canaries) variables() []string {
	return []string{
		"-e", "dev", "--var", "FROM_FLAG=" + c.secrets["--var"], "--var-file",
		filepath.Join(c.repo, "vars.env"),
	}
}

// run runs a command to its end or its death. The terminal of the binary is kept for check.
func (c *canaries) run(t *testing.T, v *victim, args ...string) int {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Env = c.repo, c.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	if v != nil {
		v.process = cmd.Process
		close(v.started)
		defer close(v.ended)
	}
	_ = cmd.Wait() // the exit code tells
	c.runs++
	c.find(t, "terminal of "+args[0], out.Bytes())
	c.said.Write(out.Bytes())
	return cmd.ProcessState.ExitCode()
}

// shapes are the ways in which a secret can be written down.
func shapes(secret string) []string {
	out := []string{secret, strings.ToUpper(secret), hex.EncodeToString([]byte(secret))}
	for pad := range 3 { // base64 of a text that has the secret somewhere
		coded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", pad) + secret))
		out = append(out, coded[4:len(coded)-4])
	}
	return out
}

func (c *canaries) find(t *testing.T, where string, text []byte) {
	t.Helper()
	for from, secret := range c.secrets {
		for _, shape := range shapes(secret) {
			if at := bytes.Index(text, []byte(shape)); at >= 0 {
				hidden := strings.ReplaceAll(string(text[max(0, at-300):at]), secret, "<secret>")
				t.Errorf("%s has the secret from %s, after:\n%s", where, from, hidden)
			}
		}
	}
}

// check greps all that exists: files, objects in all their versions, lock items, and what was sent to AWS.
func (c *canaries) check(t *testing.T) {
	t.Helper()
	for _, dir := range []string{c.home, c.repo, c.temp} {
		require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || c.inputs[path] {
				return err
			}
			text, err := os.ReadFile(path)
			c.find(t, path, text)
			return err
		}))
	}
	objects := s3.NewFromConfig(c.Config, func(o *s3.Options) { o.UsePathStyle = true })
	pages := s3.NewListObjectVersionsPaginator(objects, &s3.ListObjectVersionsInput{Bucket: aws.String(c.bucket())})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		for _, v := range page.Versions {
			object, err := objects.GetObject(t.Context(),
				&s3.GetObjectInput{Bucket: aws.String(c.bucket()), Key: v.Key, VersionId: v.VersionId})
			require.NoError(t, err)
			text, err := io.ReadAll(object.Body)
			require.NoError(t, err)
			c.find(t, "object "+*v.Key, text)
		}
	}
	items, err := dynamodb.NewFromConfig(c.Config).Scan(t.Context(),
		&dynamodb.ScanInput{TableName: aws.String("locks")})
	require.NoError(t, err)
	text, err := json.Marshal(items.Items)
	require.NoError(t, err)
	c.find(t, "lock item", text)
	for _, r := range c.Proxy.Records() {
		c.find(t, "request "+r.Name(), []byte(r.URI+"\n"+r.UserAgent+"\n"+r.Body))
	}
}

func (c *canaries) calls() int { return c.Proxy.Count(proxy.Filter{}) }

// TestSecretsAreWrittenNowhere runs every command, lets calls fail, dies, and greps every byte that was written.
func TestSecretsAreWrittenNowhere(t *testing.T) {
	t.Parallel()
	c := newCanaries(t)
	c.Proxy.ResetRecords() // the test itself has sent secrets
	require.Zero(t, c.run(t, nil, "backend", "create"))

	version := 0
	apply := func() []string {
		version++
		return slices.Concat([]string{
			"apply", "--verbose", "--auto-approve", "--lock-timeout", "0s", "--var",
			fmt.Sprintf("VERSION=1.0.%d", version),
		}, c.variables())
	}
	fixed := func(args ...string) func() []string { return func() []string { return args } }
	with := func(args ...string) func() []string { return fixed(slices.Concat(args, c.variables())...) }
	for _, command := range []func() []string{
		with("validate"), with("validate", "--json"), with("plan", "--verbose"), with("plan", "--json"), apply,
		fixed("status", "-e", "dev", "-v"), fixed("status", "-e", "dev", "--json"), fixed("show", "-e", "dev"),
		fixed("show", "-e", "dev", "--json"),
		fixed("outputs", "-e", "dev"), fixed("outputs", "-e", "dev", "--json"),
		fixed("outputs", "-e", "dev", "--format", "env"),
		with("graph"), with("graph", "--output", "graph.json"), fixed("history", "-e", "dev"),
		fixed("history", "-e", "dev", "--json"),
		fixed("state", "list"), fixed("state", "show", "-e", "dev"), fixed("state", "pull", "-e", "dev"),
		fixed("locks", "list"), fixed("locks", "show", "-e", "dev"),
		fixed("config", "show", "--origin"), fixed("config", "show", "--json"), fixed("stack", "list", "--json"),
		fixed("backend", "check", "-v"),
		fixed("init", "--yes", "--region", c.Region, "--bucket", c.bucket(), "--table", "locks"),
		fixed("version", "--json"), fixed("unlock", "-e", "dev"),
		with("iam", "policy"), fixed("state", "restore", "-e", "dev"),
		fixed("state", "restore", "v1", "-e", "dev", "--auto-approve", "-v"),
		fixed("state", "rm", "web/worker:log-group", "-e", "dev", "--auto-approve", "-v"),
		with("plan", "--refresh", "-v"), fixed("destroy", "-e", "dev", "--auto-approve", "-v"),
	} {
		args := command()
		before := c.calls()
		if code := c.run(t, nil, args...); code != 0 && args[0] != "unlock" { // nothing is locked
			t.Fatalf("%v: exit code %d:\n%s", args[:1], code, c.said.String())
		}
		for _, k := range secrets.sample(c.calls()-before, 1) {
			require.NoError(t, c.Proxy.Inject(proxy.Fault{
				Nth: k, Action: proxy.Fail, Status: http.StatusForbidden, Code: "AccessDeniedException",
				Message: "not authorized to perform this",
			}))
			c.run(t, nil, command()...)
			c.Proxy.ClearFaults()
		}
		c.check(t)
	}

	// A run that dies leaves a journal, and one that cannot save a rescue file.
	v := newVictim()
	fault := killedAfter.fault(v)
	fault.Filter = proxy.Filter{Service: "ecs", Operation: "RegisterTaskDefinition"}
	require.NoError(t, c.Proxy.Inject(fault))
	require.Equal(t, killedCode, c.run(t, v, apply()...))
	c.Proxy.ClearFaults()
	requireFile(t, c.home, "journal")
	c.check(t)
	require.NoError(t, c.Proxy.Inject(proxy.Fault{
		Filter: proxy.Filter{Service: "s3", Operation: "PutObject", Resource: "*state.json"}, Nth: 3, Times: -1,
		Action: proxy.Fail, Status: http.StatusForbidden, Code: "AccessDenied", Message: "no",
	}))
	require.Equal(t, 1, c.run(t, nil, apply()...))
	c.Proxy.ClearFaults()
	rescued := requireFile(t, c.home, "rescue")
	c.check(t)
	require.Zero(t, c.run(t, nil, "state", "push", "-e", "dev", rescued))

	// Where a secret would be stored or shown it is refused, and not shown by what refuses it.
	for _, use := range canaryUses {
		for _, variable := range []string{"FROM_DEFAULT", "FROM_FLAG", "FROM_FILE", "FROM_ENV"} {
			line := strings.ReplaceAll(use, "VAR", variable)
			c.write(t, "stacks/shop/services/web/jobs.yaml",
				"apiVersion: components.deployer.io/v1\nkind: Worker\nmetadata: {name: worker}\nspec:\n"+
					"  image: \"public.ecr.aws/company/worker:1\"\n  "+line+"\n")
			for _, command := range []string{"validate", "plan"} {
				if variable == "FROM_DEFAULT" || secrets.everything() {
					require.Equal(t, 3, c.run(t, nil, slices.Concat([]string{command, "--verbose"}, c.variables())...),
						"%s\n%s", line, c.said.String())
				}
			}
		}
	}
	c.check(t)
	require.NotEmpty(t, c.said.String())
	t.Logf("%d runs, %d calls", c.runs, c.calls())
}

// requireFile returns the newest file in a folder below ~/.deployer.
func requireFile(t *testing.T, home, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(home, ".deployer", folder, "*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	written := func(path string) time.Time {
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info.ModTime()
	}
	return slices.MaxFunc(files, func(a, b string) int { return written(a).Compare(written(b)) })
}
