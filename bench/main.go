// Command bench shows how fast deployer is: as ratios to terraform, measured in the same run, where terraform is on
// PATH, and absolute otherwise. It decides nothing: figures are for people.
//
// In: bin/deployer, terraform, the AWS emulator behind the test proxy; as arguments the parts to run, all without any.
// Out: a table on stdout. It must not be used as a test.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/child"
	"github.com/company/deployer/e2e/testkit/moto"
	"github.com/company/deployer/e2e/testkit/proxy"
)

const (
	bucket = "bench-deployer-state"
	table  = "bench-deployer-locks"
	region = "us-east-1"
	runs   = 5
	// wait is added to calls to count those in sequence: the run gets longer by a multiple of it.
	wait = 500 * time.Millisecond
)

// parts are the groups of rows, in the order of the table.
var parts = []struct {
	name string
	run  func(b *bench) error
}{
	{"start", (*bench).start},
	{"plan", (*bench).plans},
	{"create", (*bench).create},
	{"trips", (*bench).roundTrips},
	{"sequence", (*bench).sequences},
	{"safety", (*bench).safety},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	deployer, terraform string
	root, work          string // the module, and a temporary folder
	env                 []string
	emulator            string // URL of moto, behind the proxies
	proxy               *proxy.Proxy
	created             time.Duration // terraform's create of 1,000, for the row of create
}

func run(chosen []string) error {
	var names []string
	for _, part := range parts {
		names = append(names, part.name)
	}
	for _, name := range chosen {
		if !slices.Contains(names, name) {
			return fmt.Errorf("there is no part %q; there are: %s", name, strings.Join(names, ", "))
		}
	}
	ctx := context.Background()
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	b := &bench{root: root, deployer: filepath.Join(root, "bin", "deployer")}
	info, err := os.Stat(b.deployer)
	if err != nil {
		return fmt.Errorf("%w: run make build first", err)
	}
	b.terraform, _ = exec.LookPath("terraform")
	if b.work, err = os.MkdirTemp("", "deployer-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.work)
	server, err := moto.Start(ctx, moto.Options{
		Progress: func(s string) { fmt.Fprintln(os.Stderr, s) },
		Env:      []string{"MOTO_ACM_VALIDATION_WAIT=0"}, // a requested certificate is issued at once
	})
	if err != nil {
		return err
	}
	defer server.Stop()
	b.emulator = server.URL()
	if b.proxy, err = proxy.New(proxy.Options{Upstream: server.URL()}); err != nil {
		return err
	}
	defer b.proxy.Close()
	b.env = b.environment(b.proxy)
	if err := b.must(b.work, b.deployer, "backend", "create", "--bucket", bucket, "--table", table, "--region",
		region); err != nil {
		return err
	}

	b.row("what", "deployer", "terraform", "ratio")
	b.row("binary size", fmt.Sprintf("%.1f MB", float64(info.Size())/1e6), "", "")
	for _, part := range parts {
		if len(chosen) > 0 && !slices.Contains(chosen, part.name) {
			continue
		}
		if err := part.run(b); err != nil {
			return err
		}
	}
	return nil
}

// environment is what a process needs to reach AWS and the backend through a proxy.
func (b *bench) environment(p *proxy.Proxy) []string {
	return append(append(child.WithoutAWS(os.Environ()),
		testkit.Environment(p.URL(), region, testkit.StaticCredentials())...),
		"HOME="+filepath.Join(b.work, "home"), "NO_COLOR=1", "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1",
		"DEPLOYER_BACKEND_BUCKET="+bucket, "DEPLOYER_LOCKS_TABLE="+table,
		"DEPLOYER_BACKEND_REGION="+region, "DEPLOYER_LOCKS_REGION="+region)
}

func (b *bench) plans() error {
	peer := time.Duration(0)
	if b.terraform != "" {
		var err error
		if peer, err = b.terraformPlan(1000); err != nil {
			return err
		}
	}
	for _, n := range []int{100, 1000, 5000} {
		other := time.Duration(0)
		if n == 1000 {
			other = peer
		}
		if err := b.noOpPlan(n, other); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) row(what, own, peer, ratio string) {
	fmt.Println(strings.TrimRight(fmt.Sprintf("%-54s %10s %10s %6s", what, own, peer, ratio), " "))
}

func (b *bench) start() error {
	own, err := b.median(b.work, b.deployer, "version")
	if err != nil {
		return err
	}
	if b.terraform == "" {
		b.row("version", ms(own.wall), "", "")
		return nil
	}
	peer, err := b.median(b.work, b.terraform, "version")
	if err != nil {
		return err
	}
	b.row("version", ms(own.wall), ms(peer.wall), ratio(own.wall, peer.wall))
	return nil
}

// repository makes a stack of n resources: queues of which each is one resource.
func (b *bench) repository(n int) (string, error) {
	dir := filepath.Join(b.work, fmt.Sprintf("repo-%d", n))
	stack := filepath.Join(dir, "stacks", fmt.Sprintf("bench-%d", n))
	for _, sub := range []string{"environments", "services/jobs"} {
		if err := os.MkdirAll(filepath.Join(stack, sub), 0o755); err != nil {
			return "", err
		}
	}
	files := map[string]string{
		"stack.yaml": fmt.Sprintf("apiVersion: core.deployer.io/v1\nkind: Stack\nmetadata: {name: "+
			"bench-%d}\nspec:\n  provider: {name: aws, region: %s}\n", n, region),
		"environments/dev.yaml": "apiVersion: core.deployer.io/v1\nkind: Environment\nmetadata: {name: " +
			"dev}\nspec: {}\n",
	}
	for i := range n / resourcesPerQueue {
		name := fmt.Sprintf("services/jobs/queues-%d.yaml", i/queuesPerFile)
		files[name] += fmt.Sprintf("---\napiVersion: components.deployer.io/v1\nkind: SQS\nmetadata: {name: "+
			"queue-%d}\nspec:\n  visibilityTimeout: 30s\n", i)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(stack, name), []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// resourcesPerQueue is what the kind SQS makes without a dead-letter queue: queue and policy.
const resourcesPerQueue = 2

const queuesPerFile = 500

// applied makes a stack of n resources and applies it.
func (b *bench) applied(n int) (string, result, error) {
	dir, err := b.repository(n)
	if err != nil {
		return "", result{}, err
	}
	r, err := b.exec(dir, b.deployer, "apply", "-q", "--auto-approve", "--parallelism", "20")
	return dir, r, err
}

func (b *bench) noOpPlan(n int, peer time.Duration) error {
	dir, applied, err := b.applied(n)
	if err != nil {
		return err
	}
	r, err := b.median(dir, b.deployer, "plan")
	if err != nil {
		return err
	}
	if !strings.Contains(r.out, "No changes") {
		return fmt.Errorf("the plan of %d resources is not empty:\n%s", n, r.out)
	}
	other := ""
	if peer > 0 {
		other = ms(peer)
	}
	b.row(fmt.Sprintf("no-op plan, %d resources", n), ms(r.wall), other, ratio(r.wall, peer))
	b.row(fmt.Sprintf("  its peak memory, %d resources", n), fmt.Sprintf("%d MB", r.memory/1e6), "", "")
	b.row(fmt.Sprintf("  first apply through the emulator, %d", n), ms(applied.wall), "", "")
	return nil
}
