package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/proxy"
	"github.com/company/deployer/e2e/testkit/service"
	"github.com/company/deployer/e2e/testkit/tally"
)

// crashSite is a stack in an account of its own, that is deployed over and over again.
type crashSite struct {
	*testkit.Env
	stack crashStack
	local bool // state and locks are files
	// The locks are in the bucket, not in a table.
	locksInBucket bool
	env           []string // of the binary, besides what each deployment gives it
	repo          string
	want          [2][]inventory.Object // what AWS holds after an undisturbed apply of each version
	// of undisturbed runs: a first apply, from the first version to the second, a destroy
	apply, change, destruction calls
	deployments                int
}

// newSite makes the stack's repository and backend.
func newSite(t *testing.T, stack crashStack, local bool) *crashSite {
	s := &crashSite{Env: testkit.Start(t), stack: stack, local: local, repo: t.TempDir()}
	for name, text := range stack.files {
		path := filepath.Join(s.repo, "stacks", "shop", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	out, code := s.deployment(t).run(t, nil, "backend", "create", "--bucket", s.bucket(), "--table", "locks",
		"--region", s.Region)
	require.Zero(t, code, out)
	return s
}

// newCrashSite is newSite with what undisturbed runs do there.
func newCrashSite(t *testing.T, stack crashStack, local bool, options ...func(*crashSite)) *crashSite {
	s := newSite(t, stack, local)
	for _, option := range options {
		option(s)
	}
	require.Empty(t, s.inventory(t))
	d := s.deployment(t)
	counted := func(command string) (c calls) {
		s.Proxy.ResetRecords()
		d.must(t, command)
		c.changing = s.Proxy.Count(proxy.Filter{Mutating: true})
		seen := map[string]int{}
		for _, rec := range s.Proxy.Records() {
			if of := s.backendCalls(rec); of.Service != "" {
				seen[of.Operation]++
				c.backend = append(c.backend, spot{of, seen[of.Operation]})
			}
		}
		return c
	}
	s.apply = counted("apply")
	s.want[0] = s.inventory(t)
	require.NotEmpty(t, s.want[0])
	d.verify(t)
	d.version++
	s.change = counted("apply")
	s.want[1] = s.inventory(t)
	require.NotEqual(t, s.want[0], s.want[1])
	d.verify(t)
	d.version--
	d.must(t, "apply")
	d.verifyObjects(t)
	s.destruction = counted("destroy")
	d.gone(t)
	t.Logf("%d calls to apply, %d to change, %d to destroy, %d objects", s.apply.changing, s.change.changing,
		s.destruction.changing, len(s.want[0]))
	return s
}

// calls are those of an undisturbed run.
type calls struct {
	changing int    // how many change something
	backend  []spot // those to the state and the locks
}

// backendCalls lets calls through that are like one to the state or the locks; an empty filter: it is none.
func (s *crashSite) backendCalls(rec proxy.Record) proxy.Filter {
	switch {
	case rec.Service == "dynamodb":
		return proxy.Filter{Service: "dynamodb", Operation: rec.Operation}
	case rec.Service == "s3" && strings.HasPrefix(rec.Resource, s.bucket()+"/"):
		return proxy.Filter{Service: "s3", Operation: rec.Operation, Resource: s.bucket() + "/*"}
	}
	return proxy.Filter{}
}

// lockInBucket makes this site keep its locks in the bucket.
func (s *crashSite) lockInBucket() {
	s.locksInBucket, s.env = true, append(s.env, "DEPLOYER_LOCKS_TYPE=s3")
}

// lockChanges lets the calls through that change a lock.
func (s *crashSite) lockChanges() proxy.Filter {
	if s.locksInBucket {
		return proxy.Filter{Service: "s3", Operation: "PutObject", Resource: s.bucket() + "/*/locks/*"}
	}
	return proxy.Filter{Service: "dynamodb", Operation: "UpdateItem"}
}

// spot is the n-th call that a filter lets through.
type spot struct {
	proxy.Filter
	nth int
}

func (s spot) String() string {
	if s.Service == "" {
		return fmt.Sprintf("call %d", s.nth)
	}
	return fmt.Sprintf("%s %s %d", s.Service, s.Operation, s.nth)
}

// changing is the k-th of the calls that change something.
func changing(k int) spot { return spot{proxy.Filter{Mutating: true}, k} }

func (s *crashSite) bucket() string { return "crash-" + s.Account }

// struck is one case: a deployment whose apply or destroy is struck at a call, and what follows.
func (s *crashSite) struck(t *testing.T, command string, hit strike, at spot, next sequel) {
	t.Run(fmt.Sprintf("%s/%s %s/%s", command, hit.name, at, next.name), func(t *testing.T) {
		began := time.Now()
		d := s.deployment(t)
		story := command
		switch command {
		case "destroy":
			d.must(t, "apply")
		case "change":
			d.must(t, "apply")
			d.version++
			command = "apply"
		}
		missed := false
		defer func() {
			d.record(t, story+", "+next.name, hit.name, at, began, missed)
			if t.Failed() {
				d.cleanUp(t)
			}
		}()
		v := newVictim()
		fault := hit.fault(v)
		fault.Filter, fault.Nth = at.Filter, at.nth
		before := s.Proxy.Count(at.Filter)
		require.NoError(t, s.Proxy.Inject(fault))
		out, code := d.run(t, v, d.command(command)...)
		s.Proxy.ClearFaults()
		switch {
		// the run that was counted had more to do: revisions of an update, a save in its middle
		case hit.end == dies && code == 0:
			missed = true
			require.Less(t, s.Proxy.Count(at.Filter)-before, at.nth, "%s came, and killed nobody:\n%s", at, out)
		case hit.end == dies && code != killedCode:
			t.Fatalf("%s did not come, exit code %d:\n%s", at, code, out)
		case hit.end == survives && code != 0, hit.end == mayFail && code != 0 && code != 1, hit.end == stops &&
			code != 0 && code != 130:
			t.Fatalf("exit code %d:\n%s", code, out)
		}
		next.run(t, d)
		if !t.Failed() && command == "apply" {
			d.destroy(t)
		}
	})
}

// record puts a case into the table.
func (d *deployment) record(t *testing.T, story, way string, at spot, began time.Time, missed bool) {
	r := tally.Result{Story: story, Way: way, Converged: !t.Failed(), Took: time.Since(began), Missed: missed}
	if at.Service != "" {
		r.Way += ", backend"
	}
	if t.Failed() {
		left, err := service.Inventory(context.Background(), d.Config, d.bucket())
		require.NoError(t, err)
		known := map[string]bool{}
		for _, o := range d.want[d.version] {
			known[o.Kind+" "+o.Name] = true
		}
		for _, o := range left {
			if !known[o.Kind+" "+o.Name] {
				r.Orphans++
			}
		}
	}
	crashTable.Add(r)
}

// crashTable is what became of all cases.
var crashTable tally.Table

// deployment is one life of the stack: with a home and a state of its own.
type deployment struct {
	*crashSite
	home, prefix string
	version      int // the one that is wanted, from 0
}

func (s *crashSite) deployment(t *testing.T) *deployment {
	s.deployments++
	return &deployment{crashSite: s, home: t.TempDir(), prefix: fmt.Sprintf("life-%d", s.deployments)}
}

// command is the full command line of apply, destroy or plan.
func (d *deployment) command(name string) []string {
	args := []string{name, "-e", "dev"}
	if name != "plan" {
		args = append(args, "--parallelism", "1", "--lock-timeout", "0s", "--auto-approve")
	}
	if name == "destroy" {
		return append(args, d.stack.dataLoss...)
	}
	return append(args, d.stack.versions[d.version]...)
}

func (d *deployment) must(t *testing.T, command string) string {
	t.Helper()
	out, code := d.run(t, nil, d.command(command)...)
	if code != 0 {
		t.Fatalf("%s: exit code %d:\n%s", command, code, out)
	}
	return out
}

// verifyObjects makes sure that what is deployed is what an undisturbed run deploys.
func (d *deployment) verifyObjects(t *testing.T) {
	t.Helper()
	require.Equal(t, listed(d.want[d.version]), listed(d.inventory(t)))
	require.Contains(t, d.must(t, "plan"), "No changes")
}

// verify makes sure that the deployment is as an undisturbed one, its history included.
func (d *deployment) verify(t *testing.T) {
	t.Helper()
	d.verifyObjects(t)
	out, code := d.run(t, nil, "history", "-e", "dev")
	require.Zero(t, code, out)
	require.Len(t, regexp.MustCompile(`(?m)^v\d+ `).FindAllString(out, -1), d.version+1, out)
	require.Regexp(t, fmt.Sprintf(`v%d .*succeeded`, d.version+1), out)
	d.unlocked(t)
}

func (d *deployment) unlocked(t *testing.T) {
	t.Helper()
	out, code := d.run(t, nil, "locks", "list")
	require.Zero(t, code, out)
	require.NotContains(t, out, "shop")
}

func (d *deployment) destroy(t *testing.T) {
	t.Helper()
	d.must(t, "destroy")
	d.gone(t)
}

func (d *deployment) gone(t *testing.T) {
	t.Helper()
	require.Empty(t, d.inventory(t))
	require.Contains(t, d.must(t, "destroy"), "nothing to destroy", "a second destroy")
}

// cleanUp keeps a case that failed from failing the next ones.
func (d *deployment) cleanUp(t *testing.T) {
	d.Proxy.ClearFaults()
	for _, command := range []string{"apply", "destroy"} {
		if out, code := d.run(t, nil, d.command(command)...); code != 0 {
			t.Logf("cleaning up, %s: exit code %d:\n%s", command, code, out)
		}
	}
	d.wipe(t)
}

// wipe deletes what the cases can leave behind that the next ones would not expect.
func (s *crashSite) wipe(t *testing.T) {
	ctx := context.Background() // a clean-up comes after the test's own
	left, err := service.Inventory(ctx, s.Config, s.bucket())
	require.NoError(t, err)
	queues, buckets := sqs.NewFromConfig(s.Config), s3.NewFromConfig(s.Config,
		func(o *s3.Options) { o.UsePathStyle = true })
	for _, o := range left {
		switch o.Kind {
		case "queue":
			found, err := queues.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &o.Name})
			require.NoError(t, err)
			_, err = queues.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: found.QueueUrl})
			require.NoError(t, err)
		case "bucket":
			_, err := buckets.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &o.Name})
			require.NoError(t, err)
		}
	}
}

// inventory is what AWS holds, but how many revisions task definitions have: former ones stay, to go back to.
func (s *crashSite) inventory(t *testing.T) []inventory.Object {
	t.Helper()
	out, err := service.Inventory(t.Context(), s.Config, s.bucket())
	require.NoError(t, err)
	for i := range out {
		if out[i].Kind == inventory.TaskDefinition {
			out[i].Facts = ""
		}
	}
	return out
}

// listed is a list that a failed comparison shows well.
func listed(objects []inventory.Object) string {
	var out strings.Builder
	for _, o := range objects {
		out.WriteString(o.String() + "\n")
	}
	return out.String()
}

const killedCode = -1

// run runs the binary and returns what it said and its exit code.
func (d *deployment) run(t *testing.T, v *victim, args ...string) (string, int) {
	t.Helper()
	cmd := d.process(args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	if v != nil {
		v.process = cmd.Process
		close(v.started)
		defer close(v.ended)
	}
	err := cmd.Wait()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// process is a run of the binary that was not started yet.
func (d *deployment) process(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Dir = d.repo
	if d.local && args[0] != "backend" {
		cmd.Env = append(binaryEnvironment(d.Env, d.home, ""), "DEPLOYER_BACKEND_PATH="+filepath.Join(d.repo, d.prefix))
	} else {
		cmd.Env = append(binaryEnvironment(d.Env, d.home, d.bucket()), "DEPLOYER_BACKEND_PREFIX="+d.prefix)
	}
	cmd.Env = append(cmd.Env, d.env...)
	return cmd
}

// victim is a process that is killed in the middle of one of its calls.
type victim struct {
	process        *os.Process
	started, ended chan struct{}
	once           sync.Once
}

func newVictim() *victim { return &victim{started: make(chan struct{}), ended: make(chan struct{})} }

// signal does not wait for what the process makes of it.
func (v *victim) signal(s os.Signal) {
	<-v.started
	_ = v.process.Signal(s) // it may have ended by itself, which the exit code tells
}

// kill returns when the process is gone.
func (v *victim) kill() {
	<-v.started
	v.once.Do(func() { _ = v.process.Kill() }) // it may have ended by itself, which the exit code tells
	<-v.ended
}
