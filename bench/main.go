// Command bench shows how fast deployer is: as ratios to terraform, measured in the same run, where terraform is on PATH, and absolute
// otherwise. It decides nothing: figures are for people.
//
// In: bin/deployer, terraform, the AWS emulator behind the test proxy. Out: a table on stdout. It must not be used as a test.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	// wait is added to every backend call to count sequential round trips: the run gets longer by a multiple of it.
	wait = 500 * time.Millisecond
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	deployer, terraform string
	work                string
	env                 []string
	proxy               *proxy.Proxy
}

func run() error {
	ctx := context.Background()
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	b := &bench{deployer: filepath.Join(root, "bin", "deployer")}
	info, err := os.Stat(b.deployer)
	if err != nil {
		return fmt.Errorf("%w: run make build first", err)
	}
	b.terraform, _ = exec.LookPath("terraform")
	if b.work, err = os.MkdirTemp("", "deployer-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.work)
	server, err := moto.Start(ctx, moto.Options{Progress: func(s string) { fmt.Fprintln(os.Stderr, s) }})
	if err != nil {
		return err
	}
	defer server.Stop()
	if b.proxy, err = proxy.New(proxy.Options{Upstream: server.URL()}); err != nil {
		return err
	}
	defer b.proxy.Close()
	b.env = append(child.WithoutAWS(os.Environ()), testkit.Environment(b.proxy.URL(), region, testkit.StaticCredentials())...)
	b.env = append(b.env, "HOME="+filepath.Join(b.work, "home"), "NO_COLOR=1", "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1",
		"DEPLOYER_BACKEND_BUCKET="+bucket, "DEPLOYER_LOCKS_TABLE="+table, "DEPLOYER_BACKEND_REGION="+region, "DEPLOYER_LOCKS_REGION="+region)
	if err := b.must(b.work, b.deployer, "backend", "create", "--bucket", bucket, "--table", table, "--region", region); err != nil {
		return err
	}

	b.row("what", "deployer", "terraform", "ratio")
	b.row("binary size", fmt.Sprintf("%.1f MB", float64(info.Size())/1e6), "", "")
	if err := b.start(); err != nil {
		return err
	}
	peer := time.Duration(0)
	if b.terraform != "" {
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
	if err := b.create(root); err != nil {
		return err
	}
	if err := b.roundTrips(); err != nil {
		return err
	}
	return b.safety(root)
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
		"stack.yaml":            fmt.Sprintf("apiVersion: core.deployer.io/v1\nkind: Stack\nmetadata: {name: bench-%d}\nspec:\n  provider: {name: aws, region: %s}\n", n, region),
		"environments/dev.yaml": "apiVersion: core.deployer.io/v1\nkind: Environment\nmetadata: {name: dev}\nspec: {}\n",
	}
	for i := range n / resourcesPerQueue {
		name := fmt.Sprintf("services/jobs/queues-%d.yaml", i/queuesPerFile)
		files[name] += fmt.Sprintf("---\napiVersion: components.deployer.io/v1\nkind: SQS\nmetadata: {name: queue-%d}\nspec:\n  visibilityTimeout: 30s\n", i)
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

func (b *bench) noOpPlan(n int, peer time.Duration) error {
	dir, err := b.repository(n)
	if err != nil {
		return err
	}
	applied, err := b.exec(dir, b.deployer, "apply", "-q", "--auto-approve", "--parallelism", "20")
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
