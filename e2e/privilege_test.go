package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/moto"
	"github.com/company/deployer/e2e/testkit/proxy"
	"github.com/company/deployer/e2e/testkit/service"
)

// pipeline is a stack in a repository of its own, and somebody who deploys it.
type pipeline struct {
	t    *testing.T
	aws  *testkit.Env
	repo string
	name string // of the stack
	home string
	env  []string // credentials of the administrator
	user []string // credentials of the user whom the policy is for
	key  string   // their access key

	logins int
}

func newPipeline(t *testing.T, env *testkit.Env) *pipeline {
	t.Helper()
	return pipelineOf(t, env, "user-platform", "../examples/user-platform")
}

func pipelineOf(t *testing.T, env *testkit.Env, name, folder string) *pipeline {
	t.Helper()
	d := &pipeline{t: t, aws: env, repo: t.TempDir(), name: name, home: t.TempDir(), env: env.Environ()}
	d.user = d.env
	if err := os.CopyFS(filepath.Join(d.repo, "stacks", name), os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	d.edit("stack.yaml", "region: us-east-1", "region: "+env.Region)
	return d
}

func (d *pipeline) edit(file, old, changed string) {
	d.t.Helper()
	path := filepath.Join(d.repo, "stacks", d.name, file)
	text, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		d.t.Fatalf("%s has no %q", file, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, changed, 1)), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

// run runs the binary and returns what it printed on both streams; want is the exit code.
func (d *pipeline) run(credentials []string, want int, args ...string) (stdout, stderr string) {
	d.t.Helper()
	cmd := d.command(credentials, args...)
	var out, problems strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &problems
	started := time.Now()
	err := cmd.Run()
	d.t.Logf("%5.1f s  deployer %s", time.Since(started).Seconds(), strings.Join(args, " "))
	if code := cmd.ProcessState.ExitCode(); code != want {
		d.t.Fatalf("deployer %s: exit %d, want %d (%v)\n%s%s", strings.Join(args, " "), code, want, err, out.String(),
			problems.String())
	}
	return out.String(), problems.String()
}

func (d *pipeline) command(credentials []string, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Dir = d.repo
	cmd.Env = append(slices.Clone(credentials), "PATH="+os.Getenv("PATH"), "HOME="+d.home, "NO_COLOR=1", "CI=")
	return cmd
}

// do runs a command as the user.
func (d *pipeline) do(want int, args ...string) string {
	d.t.Helper()
	stdout, stderr := d.run(d.user, want, args...)
	return stdout + stderr
}

// policies are the managed policies that the binary prints for the stack.
func (d *pipeline) policies(args ...string) [][]byte {
	d.t.Helper()
	stdout, _ := d.run(d.env, 0, append([]string{"iam", "policy", "--json", "--account", d.aws.Account}, args...)...)
	var documents []json.RawMessage
	if err := json.Unmarshal([]byte(stdout), &documents); err != nil {
		d.t.Fatalf("%v in:\n%s", err, stdout)
	}
	var out [][]byte
	for _, document := range documents {
		out = append(out, document)
	}
	return out
}

// login makes an IAM user with the policies, and its access key the one of the user.
func (d *pipeline) login(documents [][]byte) (accessKey string) {
	d.t.Helper()
	d.logins++
	client, ctx, name := iam.NewFromConfig(d.aws.Config), d.t.Context(),
		aws.String(fmt.Sprintf("pipeline-%d", d.logins))
	if _, err := client.CreateUser(ctx, &iam.CreateUserInput{UserName: name}); err != nil {
		d.t.Fatal(err)
	}
	for i, document := range documents {
		document, err := widened(document)
		if err != nil {
			d.t.Fatal(err)
		}
		made, err := client.CreatePolicy(ctx, &iam.CreatePolicyInput{
			PolicyName: aws.String("deploy-" + string(rune('a'+i))), PolicyDocument: aws.String(string(document)),
		})
		if err != nil {
			d.t.Fatalf("IAM refuses the policy: %v\n%s", err, document)
		}
		if _, err := client.AttachUserPolicy(ctx,
			&iam.AttachUserPolicyInput{UserName: name, PolicyArn: made.Policy.Arn}); err != nil {
			d.t.Fatal(err)
		}
	}
	key, err := client.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})
	if err != nil {
		d.t.Fatal(err)
	}
	d.user = testkit.Environment(d.aws.Endpoint, d.aws.Region, testkit.Credentials{
		AccessKeyID: *key.AccessKey.AccessKeyId, SecretAccessKey: *key.AccessKey.SecretAccessKey,
	})
	d.key = *key.AccessKey.AccessKeyId
	return d.key
}

// guarded starts a world in which the user may do what the printed policy allows, and no more.
func guarded(t *testing.T, options ...testkit.Option) (*pipeline, *access.Guard, *access.Policy) {
	t.Helper()
	d := newPipeline(t, testkit.Start(t, options...))
	guard, policy := d.guard("dev")
	return d, guard, policy
}

// guard makes the backend, and lets the user do what the policy that is printed for an environment allows, and no more.
func (d *pipeline) guard(environment string) (*access.Guard, *access.Policy) {
	d.t.Helper()
	bucket := "state-" + d.aws.Account
	// neither is there yet
	d.run(d.env, 3, "init", "--yes", "--region", d.aws.Region, "--bucket", bucket, "--table", "locks")
	d.run(d.env, 0, "backend", "create", "--bucket", bucket, "--table", "locks")
	documents := d.policies("-e", environment)
	policy, err := access.ReadPolicy(documents...)
	if err != nil {
		d.t.Fatal(err)
	}
	return access.Install(d.aws.Proxy, service.Rules, d.aws.Account, d.login(documents), policy), policy
}

// The life of the example with the printed policy and nothing else, every call decided as IAM would. The whole life,
// and what comes of it for the policy, is in make least-privilege.
func TestLeastPrivilege(t *testing.T) {
	t.Parallel()
	d, guard, policy := guarded(t)
	judge := d.transcribe()
	whole := os.Getenv(privilegeVariable) == "all"
	d.story(whole, func(flag string, do func()) {
		other, err := access.ReadPolicy(d.policies("-e", "dev", flag)...)
		if err != nil {
			t.Fatal(err)
		}
		guard.Use(other)
		do()
		guard.Use(policy)
	})
	for _, r := range guard.Refused() {
		t.Errorf("refused: %s", r)
	}
	asked := guard.Asked()
	// Without any action that was asked for, something would have been refused: the guard is no rubber stamp.
	for _, action := range actionsOf(asked) {
		without := policy.Without(action)
		if !slices.ContainsFunc(asked, func(r access.Request) bool { return !without.Allows(r) }) {
			t.Errorf("nothing needs %s", action)
		}
	}
	t.Logf("%d different requests with %d actions; the policy has %d", len(asked), len(actionsOf(asked)),
		len(policy.Actions()))
	if whole {
		superfluous(t, policy, asked)
	}
	judge(guard)
}

// The same with the emulator's own enforcement of the user's attached policies, which is another reading of the same
// policy. It knows no conditions, and resources for S3 only, and it cannot decide about calls that a fake answers.
func TestLeastPrivilegeByTheEmulator(t *testing.T) {
	if os.Getenv(privilegeVariable) != "all" {
		t.Skip("see make least-privilege")
	}
	server, err := moto.Start(context.Background(), moto.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	d, guard, policy := guarded(t, testkit.OnEmulator(server))
	e := &enforcement{t: t, url: server.URL(), allowed: map[string]bool{}, refused: map[string]string{}}
	d.aws.Proxy.Authorize(func(c *proxy.Call) *proxy.Response {
		if refusal := guard.Decide(c); refusal != nil || c.AccessKey != d.key || c.Faked() {
			return refusal
		}
		return e.forward(c)
	})
	d.story(false, func(flag string, do func()) {
		if flag == "--read-only" { // what it allows, the user may do anyway
			do()
		}
	})
	t.Logf("the emulator allowed %d operations; the policy has %d actions", len(e.allowed), len(policy.Actions()))
	if len(e.allowed) < 50 {
		t.Errorf("only %d operations were allowed by the emulator", len(e.allowed))
	}
	for operation, answer := range e.refused { // mistaken ones went on
		if service.Mistaken()[operation] == "" {
			t.Errorf("the emulator refuses %s: %s", operation, answer)
		}
	}
	// And it does enforce: a user without a policy gets nowhere.
	e.strict = true
	d.login(nil)
	d.aws.Proxy.Authorize(func(c *proxy.Call) *proxy.Response {
		if c.AccessKey != d.key || c.Faked() {
			return nil
		}
		return e.forward(c)
	})
	if out := d.do(3, "plan", "-e", "dev", "--var", "VERSION=1.0.0"); !strings.Contains(out, "iam policy") {
		t.Errorf("a plan that may not read the bucket says:\n%s", out)
	}
}

// enforcement turns the emulator's enforcement on around single calls: those that its fakes make on the way are not
// signed.
type enforcement struct {
	t       *testing.T
	url     string
	allowed map[string]bool
	refused map[string]string // what it says
	strict  bool              // a refusal is one
}

func (e *enforcement) forward(c *proxy.Call) *proxy.Response {
	e.after("0")
	answer, err := c.Forward()
	e.after("inf")
	if err != nil {
		e.t.Error(err)
		return nil
	}
	operation := c.Service + ":" + c.Operation
	if answer.Status != http.StatusForbidden {
		e.allowed[operation] = true
		return answer
	}
	e.refused[operation] = string(answer.Body)
	if e.strict {
		return answer
	}
	return nil // the guard allowed it: who is right is looked at in the end
}

// after lets the emulator enforce after so many calls.
func (e *enforcement) after(calls string) {
	answer, err := http.Post(e.url+"/moto-api/reset-auth", "text/plain", strings.NewReader(calls))
	if err != nil {
		e.t.Error(err)
		return
	}
	_ = answer.Body.Close()
}

// widened is the policy as the emulator reads it: it compares ARNs for S3 only, and the others with "*".
func widened(document []byte) ([]byte, error) {
	policy, err := access.ReadPolicy(document)
	if err != nil {
		return nil, err
	}
	for i, s := range policy.Statements {
		policy.Statements[i].Condition = nil
		if !strings.Contains(s.Resource[0], ":s3:") {
			policy.Statements[i].Resource = access.List{"*"}
		}
	}
	return json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": policy.Statements})
}

const privilegeVariable = "DEPLOYER_LEAST_PRIVILEGE"

func actionsOf(requests []access.Request) []string {
	var out []string
	for _, r := range requests {
		out = append(out, r.Action)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// superfluous finds what the policy has that neither the life of the stack nor a reason asks for: actions, and ARNs.
func superfluous(t *testing.T, policy *access.Policy, asked []access.Request) {
	t.Helper()
	used, withoutCall := actionsOf(asked), service.Unasked()
	for _, action := range policy.Actions() {
		switch reason := withoutCall[action]; {
		case slices.Contains(used, action) && reason == service.ForCaller:
			t.Errorf("%s needs no reason: it was asked for", action)
		case !slices.Contains(used, action) && reason == "":
			t.Errorf("the policy allows %s, which nothing asked for", action)
		}
	}
	for _, s := range policy.Statements {
		if !slices.ContainsFunc(s.Action, func(action string) bool { return withoutCall[action] == "" }) {
			continue
		}
		for _, on := range s.Resource {
			one := &access.Policy{Statements: []access.Statement{
				{Effect: s.Effect, Action: s.Action, Resource: access.List{on}, Condition: s.Condition},
			}}
			if service.UnaskedOn(on) == "" && !slices.ContainsFunc(asked, one.Allows) {
				t.Errorf("the policy has %s, on which nothing was asked for %v", on, s.Action)
			}
		}
	}
}

// story is the life of the stack: everything that a team does with it.
//
// Looking, and acting on what runs, are done by people who may do nothing else: as calls do with the policy of a flag.
func (d *pipeline) story(whole bool, as func(flag string, do func())) {
	dev := func(args ...string) []string { return append(args, "-e", "dev") }
	at := func(version string, args ...string) []string {
		return append(dev(args...), "--var", "VERSION="+version)
	}
	apply := func(version string) []string { return at(version, "apply", "--auto-approve") }
	d.do(0, "init", "--yes", "--region", d.aws.Region, "--bucket", "state-"+d.aws.Account, "--table", "locks")
	d.do(0, "backend", "check")
	d.do(0, "validate")
	d.edit("services/user-service/api.yaml", "  environment:\n", "  exec: true\n  environment:\n")
	d.do(0, at("1.0.0", "plan")...)
	if whole {
		for _, k := range []int{4, 16, 30} { // dead after its k-th change; the next one finds and adopts what it made
			d.die(k, append(apply("1.0.0"), "--parallelism", "1")...)
		}
	}
	d.do(0, apply("1.0.0")...)
	as("--read-only", func() {
		d.do(0, at("1.1.0", "plan", "--refresh")...)
		d.do(0, dev("status")...)
		d.do(0, dev("metrics")...)
		d.do(0, dev("logs")...)
		d.do(0, dev("drift", "detect", "--detailed-exitcode")...)
		d.do(0, dev("outputs")...)
		d.do(0, dev("show")...)
		d.do(0, dev("history")...)
		d.do(0, dev("locks", "show")...)
		d.do(0, "backend", "check")
	})
	as("--operate", func() { d.operate(dev) })
	d.do(0, apply("1.1.0")...)
	if whole {
		d.do(1, apply("1.2.0-crash")...) // and back, with the last words of the container
		d.edit("stack.yaml", "    team: users", "    squad: users")
		d.edit("services/user-service/api.yaml", "path: /healthz", "path: /health")
		d.edit("services/user-service/api.yaml", "    path: / ", "    path: /v2 ")
		d.edit("services/user-service/uploads.yaml", "  versioning: true",
			"  versioning: true\n  cors: [{origins: ['https://example.com'], methods: [GET]}]")
		d.edit("services/user-service/api.yaml", "  environment:\n", overrides+"  environment:\n")
		d.edit("services/user-service/database.yaml", "storage: 20 ", "backupRetention: 3d\n  storage: 30 ")
		d.edit("services/user-service/sessions.yaml", "cache.t4g.micro", "cache.t4g.small")
		d.do(0, apply("1.2.1")...)
		d.object("picture")
	}
	d.do(0, append(dev("destroy", "--auto-approve"), mayGo("user-service/uploads", "user-service/database")...)...)
}

// operate does what the policy of --operate is for.
func (d *pipeline) operate(dev func(...string) []string) {
	d.t.Helper()
	const api = "user-service/api"
	if out := d.do(0, append(dev("exec", api), "--", "echo", "in a container")...); !strings.Contains(out,
		"in a container") {
		d.t.Errorf("exec says:\n%s", out)
	}
	if out := d.do(0, append(dev("run", api), "--", "date")...); !strings.Contains(out, "ready") {
		d.t.Errorf("run says:\n%s", out)
	}
	d.do(0, dev("history", "--commands")...)
	for _, address := range []string{api, "user-service/database"} {
		said, _, err := forwarded(func(words ...string) *exec.Cmd { return d.command(d.user, words...) }, address,
			dev()...)
		if err != nil {
			d.t.Errorf("port-forward: %v\n%s", err, said)
		}
	}
}

// die kills a command right after its n-th call that changes something has taken effect.
func (d *pipeline) die(n int, args ...string) {
	d.t.Helper()
	v := newVictim()
	err := d.aws.Proxy.Inject(proxy.Fault{
		Filter: proxy.Filter{Mutating: true}, Nth: n, Action: proxy.DropAfter, OnEffect: func(*proxy.Call) { v.kill() },
	})
	if err != nil {
		d.t.Fatal(err)
	}
	defer d.aws.Proxy.ClearFaults()
	cmd := d.command(d.user, args...)
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	v.process = cmd.Process
	close(v.started)
	if cmd.Wait() == nil {
		d.t.Fatalf("deployer %s made fewer than %d changes", strings.Join(args, " "), n)
	}
	close(v.ended)
}

// overrides change what no field of the kinds changes in place.
const overrides = `  overrides:
    task-role: {maxSession: 7200}
    log-group: {retentionDays: 0}
    discovery: {ttl: 20}
    from-load-balancer: {description: From the load balancer}
`

// object puts something into the bucket of uploads, so that deleting the bucket has to empty it.
func (d *pipeline) object(key string) {
	d.t.Helper()
	client := s3.NewFromConfig(d.aws.Config, func(o *s3.Options) { o.UsePathStyle = true })
	buckets, err := client.ListBuckets(d.t.Context(), &s3.ListBucketsInput{})
	if err != nil {
		d.t.Fatal(err)
	}
	for _, b := range buckets.Buckets {
		if strings.HasPrefix(*b.Name, "user-platform-dev-") {
			if _, err := client.PutObject(d.t.Context(),
				&s3.PutObjectInput{Bucket: b.Name, Key: &key, Body: strings.NewReader(key)}); err != nil {
				d.t.Fatal(err)
			}
			return
		}
	}
	d.t.Fatal("the stack has no bucket")
}
