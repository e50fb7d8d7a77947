package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/proxy"
	"github.com/company/deployer/e2e/testkit/service"
)

// organisation has an account, a bucket and a configuration file of its own.
type organisation struct {
	account, config string
	admin           []string
}

// member deploys one stack of an organisation, with the policy that is printed for that and nothing else.
type member struct {
	of    *organisation
	stack string
	env   []string
	key   string
	guard *access.Guard
}

// Two teams share bucket and table, and another organisation has a stack of the same name: nobody touches what others
// have. The repository of the teams is a folder of a Git repository.
func TestTeamsAndOrganisations(t *testing.T) {
	t.Parallel()
	d, commit := teamRepository(t)
	a, b := d.organisation("a"), d.organisation("b")
	d.run(a.admin, 0, "backend", "create", "--config", a.config, "--bucket", "state-"+a.account, "--table", "locks")
	d.run(b.admin, 0, "backend", "create", "--config", b.config, "--bucket", "state-"+b.account, "--locks", "s3")
	web, data, other := d.member(a, "web"), d.member(a, "data"), d.member(b, "web")
	members := []*member{web, data, other}
	d.aws.Proxy.Authorize(func(c *proxy.Call) *proxy.Response {
		for _, m := range members {
			if refusal := m.guard.Decide(c); refusal != nil {
				return refusal
			}
		}
		return nil
	})

	for _, m := range members {
		d.as(m, 0, m, "apply", "--auto-approve")
	}
	for _, m := range members {
		d.as(m, 0, m, "plan", "--refresh", "--detailed-exitcode")
		out := d.as(m, 0, m, "history", "--json")
		require.Contains(t, out, commit, "the commit of the repository around the folder")
		require.Contains(t, d.as(m, 0, m, "locks", "show"), "not locked")
		require.Empty(t, m.guard.Refused(), "the printed policy is enough")
	}
	for _, c := range []struct{ who, whose *member }{{web, data}, {data, web}, {web, other}, {other, web}} {
		d.tryAll(c.who, c.whose)
	}
	// What one destroys is no one else's.
	d.as(web, 0, web, "destroy", "--auto-approve", "--allow-data-loss", "jobs/queue")
	for _, m := range []*member{data, other} {
		d.as(m, 0, m, "plan", "--refresh", "--detailed-exitcode")
	}
	d.as(data, 0, data, "destroy", "--auto-approve", "--allow-data-loss", "jobs/queue")
	d.as(other, 0, other, "plan", "--refresh", "--detailed-exitcode")
	d.as(other, 0, other, "destroy", "--auto-approve", "--allow-data-loss", "jobs/queue")
}

// teamRepository is a Git repository with a folder that holds two stacks. It returns the commit, too.
func teamRepository(t *testing.T) (d *pipeline, commit string) {
	t.Helper()
	d = &pipeline{t: t, aws: testkit.Start(t), home: t.TempDir()}
	whole := t.TempDir()
	d.repo = filepath.Join(whole, "infrastructure", "deploy")
	for _, stack := range []string{"web", "data"} {
		for file, text := range map[string]string{
			"stack.yaml": "apiVersion: core.deployer.io/v1\nkind: Stack\nmetadata: {name: " + stack + "}\nspec: {}\n",
			"environments/production.yaml": "apiVersion: core.deployer.io/v1\nkind: Environment\n" +
				"metadata: {name: production}\nspec: {}\n",
			"services/jobs/queue.yaml": "apiVersion: components.deployer.io/v1\nkind: SQS\n" +
				"metadata: {name: queue}\nspec: {}\n",
		} {
			path := filepath.Join(d.repo, "stacks", stack, file)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		}
	}
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{
			"-C", whole, "-c", "user.name=t", "-c", "user.email=t@example.com",
		}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "stacks")
	return d, git("rev-parse", "HEAD")
}

// organisation makes an account and a configuration file. The first is the test's account.
func (d *pipeline) organisation(name string) *organisation {
	d.t.Helper()
	o := &organisation{account: d.aws.Account, config: name + ".yaml"}
	locks := fmt.Sprintf("{type: dynamodb, region: %s, table: locks}", d.aws.Region)
	if name != "a" {
		o.account, locks = "0"+d.aws.Account[1:], "{type: s3}" // no test's account starts with 0
	}
	o.admin = d.environ(o.account)
	text := fmt.Sprintf("version: v1\nbackend: {type: s3, region: %s, bucket: state-%s}\nlocks: %s\n", d.aws.Region,
		o.account, locks)
	require.NoError(d.t, os.WriteFile(filepath.Join(d.repo, o.config), []byte(text), 0o644))
	return o
}

// environ has new credentials of an account.
func (d *pipeline) environ(account string) []string {
	d.t.Helper()
	credentials, err := testkit.CredentialsFor(d.t.Context(), d.aws.Endpoint, account)
	require.NoError(d.t, err)
	return testkit.Environment(d.aws.Endpoint, d.aws.Region, credentials)
}

func (d *pipeline) member(o *organisation, stack string) *member {
	d.t.Helper()
	m := &member{of: o, stack: stack, env: d.environ(o.account)}
	for _, pair := range m.env {
		if key, found := strings.CutPrefix(pair, "AWS_ACCESS_KEY_ID="); found {
			m.key = key
		}
	}
	printed, _ := d.run(o.admin, 0, "iam", "policy", "--json", "--account", o.account, "--config", o.config, "--stack",
		stack, "-e", "production")
	var parts []json.RawMessage
	require.NoError(d.t, json.Unmarshal([]byte(printed), &parts))
	var documents [][]byte
	for _, part := range parts {
		documents = append(documents, part)
	}
	policy, err := access.ReadPolicy(documents...)
	require.NoError(d.t, err)
	m.guard = access.Install(d.aws.Proxy, service.Rules, o.account, m.key, policy)
	return m
}

// as runs a command with the credentials of one member about the stack of another one.
func (d *pipeline) as(who *member, want int, whose *member, args ...string) string {
	d.t.Helper()
	stdout, stderr := d.run(who.env, want, append(args, "--config", whose.of.config, "--stack", whose.stack, "-e",
		"production")...)
	return stdout + stderr
}

// tryAll tries everything that could touch what somebody else has.
func (d *pipeline) tryAll(who, whose *member) {
	d.t.Helper()
	d.aws.Proxy.ResetRecords()
	for _, args := range [][]string{
		{"plan"},
		{"apply", "--auto-approve"},
		{"destroy", "--auto-approve", "--allow-data-loss", "jobs/queue"},
		{"state", "pull"},
		{"state", "rm", "jobs/queue", "--auto-approve"},
		{"unlock", "--force"},
	} {
		cmd := d.command(who.env, append(args, "--config", whose.of.config, "--stack", whose.stack, "-e",
			"production")...)
		out, err := cmd.CombinedOutput()
		require.Error(d.t, err, "%s of %s was done by %s:\n%s", args, whose.of.config, who.stack, out)
		require.NotContains(d.t, string(out), "panic")
	}
	changes := proxy.Filter{Mutating: true}
	for _, r := range d.aws.Proxy.Select(changes) {
		require.NotEqual(d.t, 200, r.Status, "%s %s was accepted from %s", r.Name(), r.Resource, who.stack)
	}
	require.NotEmpty(d.t, who.guard.Refused())
	d.as(whose, 0, whose, "plan", "--refresh", "--detailed-exitcode")
}
