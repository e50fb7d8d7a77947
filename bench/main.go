// Command bench shows how fast deployer is: as ratios to terraform, measured in the same run, where terraform is on PATH, and absolute
// otherwise. It decides nothing: figures are for people.
//
// In: bin/deployer, terraform, the AWS emulator behind the test proxy. Out: a table on stdout. It must not be used as a test.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/company/deployer/e2e/testkit"
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
	out                 *tabwriter.Writer
}

func run() error {
	ctx := context.Background()
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	b := &bench{deployer: filepath.Join(root, "bin", "deployer"), out: tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)}
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
	b.env = append(moto.WithoutAWS(os.Environ()), testkit.Environment(b.proxy.URL(), region, testkit.StaticCredentials())...)
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
	return nil
}

func (b *bench) row(cells ...string) {
	fmt.Fprintln(b.out, strings.Join(cells, "\t"))
	b.out.Flush()
}

// result is one finished process.
type result struct {
	wall   time.Duration
	memory int64 // peak resident bytes
	out    string
}

func (b *bench) exec(dir, program string, args ...string) (result, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = dir, b.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	err := cmd.Run()
	r := result{wall: time.Since(began), out: out.String()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.memory = usage.Maxrss * 1024
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return r, fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), strings.Join(args, " "), err, r.out)
	}
	return r, err
}

func (b *bench) must(dir, program string, args ...string) error {
	_, err := b.exec(dir, program, args...)
	return err
}

// median runs a command several times after a warm-up and returns the run in the middle.
func (b *bench) median(dir, program string, args ...string) (result, error) {
	if err := b.must(dir, program, args...); err != nil {
		return result{}, err
	}
	var all []result
	for range runs {
		r, err := b.exec(dir, program, args...)
		if err != nil {
			return r, err
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(x, y result) int { return int(x.wall - y.wall) })
	return all[len(all)/2], nil
}

func ms(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

func ratio(a, b time.Duration) string {
	if b == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", float64(a)/float64(b))
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
	var docs strings.Builder
	for i := range n / resourcesPerQueue {
		fmt.Fprintf(&docs, "---\napiVersion: components.deployer.io/v1\nkind: SQS\nmetadata: {name: queue-%d}\nspec:\n  visibilityTimeout: 30s\n", i)
	}
	files["services/jobs/queues.yaml"] = docs.String()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(stack, name), []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// resourcesPerQueue is what the kind SQS makes without a dead-letter queue: queue and policy.
const resourcesPerQueue = 2

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

func (b *bench) terraformRepository(n int) (string, error) {
	dir := filepath.Join(b.work, "terraform")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	text := fmt.Sprintf(`terraform {
  backend "s3" {
    bucket         = %q
    key            = "terraform.tfstate"
    region         = %q
    dynamodb_table = %q
    use_path_style = true
    skip_requesting_account_id = true
  }
}
resource "terraform_data" "x" {
  count = %d
  input = "value-${count.index}"
}
`, bucket+"-tf", region, table+"-tf", n)
	return dir, os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o644)
}

// terraformBackend makes terraform's bucket and its table, which has a key of another name.
func (b *bench) terraformBackend() error {
	for _, request := range []struct{ method, path, target, body string }{
		{"PUT", "/" + bucket + "-tf", "", ""},
		{"POST", "/", "DynamoDB_20120810.CreateTable", fmt.Sprintf(`{"TableName":%q,"BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"LockID","AttributeType":"S"}],"KeySchema":[{"AttributeName":"LockID","KeyType":"HASH"}]}`, table+"-tf")},
	} {
		req, err := http.NewRequest(request.method, b.proxy.URL()+request.path, strings.NewReader(request.body))
		if err != nil {
			return err
		}
		service := "s3"
		if request.target != "" {
			service = "dynamodb"
			req.Header.Set("X-Amz-Target", request.target)
			req.Header.Set("Content-Type", "application/x-amz-json-1.0")
		}
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/"+region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s %s: %s", request.method, request.path, answer.Status)
		}
	}
	return nil
}

var created time.Duration // terraform's create of 1,000, for the row of create

func (b *bench) terraformPlan(n int) (time.Duration, error) {
	dir, err := b.terraformRepository(n)
	if err != nil {
		return 0, err
	}
	if err := b.terraformBackend(); err != nil {
		return 0, err
	}
	if err := b.must(dir, b.terraform, "init", "-input=false"); err != nil {
		return 0, err
	}
	r, err := b.exec(dir, b.terraform, "apply", "-input=false", "-auto-approve")
	if err != nil {
		return 0, err
	}
	created = r.wall
	planned, err := b.median(dir, b.terraform, "plan", "-input=false")
	return planned.wall, err
}

var benchLine = regexp.MustCompile(`BenchmarkCreate/1000\S*\s+\d+\s+(\d+) ns/op`)

// create times the engine with an instant provider, as terraform_data is one. It leaves out what a process and a backend cost; the rows
// above say how much that is.
func (b *bench) create(root string) error {
	cmd := exec.Command("go", "test", "-run", "^$", "-bench", "^BenchmarkCreate$/^1000$", "-benchtime", "5x", "./internal/engine")
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	m := benchLine.FindSubmatch(out)
	if m == nil {
		return fmt.Errorf("no figure in:\n%s", out)
	}
	ns, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		return err
	}
	peer := ""
	if created > 0 {
		peer = ms(created)
	}
	b.row("create of 1000, instant provider (engine alone)", ms(time.Duration(ns)), peer, ratio(time.Duration(ns), created))
	return nil
}

// slowDown makes every call of a service wait.
func (b *bench) slowDown(service string) error {
	return b.proxy.Inject(proxy.Fault{Filter: proxy.Filter{Service: service}, Times: -1, Action: proxy.Delay, Delay: proxy.Duration(wait)})
}

// roundTrips measures how many calls to the backend happen one after the other: each waits, and the run gets longer by that.
func (b *bench) roundTrips() error {
	dir, err := b.repository(100)
	if err != nil {
		return err
	}
	measure := func(args ...string) (string, error) {
		plain, err := b.exec(dir, b.deployer, args...)
		if err != nil {
			return "", err
		}
		for _, service := range []string{"s3", "dynamodb"} {
			if err := b.slowDown(service); err != nil {
				return "", err
			}
		}
		defer b.proxy.ClearFaults()
		slow, err := b.exec(dir, b.deployer, args...)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%.1f", float64(slow.wall-plain.wall)/float64(wait)), nil
	}
	plan, err := measure("plan")
	if err != nil {
		return err
	}
	noop, err := measure("apply", "--auto-approve")
	if err != nil {
		return err
	}
	// Two changes, one without and one with waiting.
	flip := func(seconds int) error {
		path := filepath.Join(dir, "stacks", "bench-100", "environments", "dev.yaml")
		text := fmt.Sprintf("apiVersion: core.deployer.io/v1\nkind: Environment\nmetadata: {name: dev}\nspec: {}\n---\napiVersion: components.deployer.io/v1\nkind: SQS\nmetadata: {name: queue-0, service: jobs}\nspec: {visibilityTimeout: %ds}\n", seconds)
		return os.WriteFile(path, []byte(text), 0o644)
	}
	if err := flip(40); err != nil {
		return err
	}
	plain, err := b.exec(dir, b.deployer, "apply", "--auto-approve")
	if err != nil {
		return err
	}
	if err := flip(50); err != nil {
		return err
	}
	for _, service := range []string{"s3", "dynamodb"} {
		if err := b.slowDown(service); err != nil {
			return err
		}
	}
	slow, err := b.exec(dir, b.deployer, "apply", "--auto-approve")
	b.proxy.ClearFaults()
	if err != nil {
		return err
	}
	changing := fmt.Sprintf("%.1f", float64(slow.wall-plain.wall)/float64(wait))
	b.row("backend round trips: plan", plan, "", "")
	b.row("backend round trips: no-op apply", noop, "", "")
	b.row("backend round trips: changing apply", changing, "", "")
	return nil
}
