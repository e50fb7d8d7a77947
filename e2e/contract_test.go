package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/company/deployer/e2e/contract"
	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/proxy"
)

// judges are installed with the first test that asks them.
var judges = sync.OnceValues(func() (*contract.Judges, error) {
	return contract.Install(context.Background(), func(line string) { fmt.Println(line) })
})

// ask lets a judge fail the test.
func ask(t *testing.T, judge string, args ...string) {
	t.Helper()
	all, err := judges()
	if err != nil {
		t.Fatal(err)
	}
	report, err := all.Ask(t.Context(), judge, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(judge+":", report)
	for _, violation := range report.Violations {
		t.Error(violation)
	}
}

// transcribe records what AWS is asked from now on. The function that it returns lets AWS's models judge that, the
// policies that the stack's commands print, and what the guard has taken the calls to need.
func (d *pipeline) transcribe() (judge func(*access.Guard)) {
	d.t.Helper()
	file, err := os.Create(filepath.Join(d.t.TempDir(), "transcript.jsonl"))
	if err != nil {
		d.t.Fatal(err)
	}
	transcript := proxy.NewTranscript(file)
	d.aws.Proxy.Transcribe(transcript)
	return func(guard *access.Guard) {
		d.t.Helper()
		d.aws.Proxy.Transcribe(nil)
		if err := errors.Join(transcript.Err(), file.Close()); err != nil {
			d.t.Fatal(err)
		}
		ask(d.t, "requests", file.Name())
		ask(d.t, "carried", file.Name())
		ask(d.t, "template", file.Name())
		ask(d.t, "policies", d.printedPolicies(guard)...)
	}
}

// printedPolicies are files with all policies that the binary prints for the stack, and one with what the guard was
// asked for: it decides by a table of ours, which is judged like a policy.
func (d *pipeline) printedPolicies(guard *access.Guard) []string {
	d.t.Helper()
	dir := d.t.TempDir()
	write := func(name string, documents any) string {
		text, err := json.Marshal(documents)
		if err != nil {
			d.t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			d.t.Fatal(err)
		}
		return path
	}
	var files []string
	for name, args := range map[string][]string{
		"all environments": nil, "read-only": {"--read-only"},
		"own KMS key": {"--state-kms-key", "arn:aws:kms:us-east-1:123456789012:key/1"},
	} {
		var documents []json.RawMessage
		for _, document := range d.policies(args...) {
			documents = append(documents, document)
		}
		files = append(files, write(name, documents))
	}
	var asked []access.Statement
	for _, r := range guard.Asked() {
		on := strings.TrimSuffix(r.Resource, "/new") + strings.Repeat("/*", strings.Count(r.Resource, "/new"))
		asked = append(asked, access.Statement{
			Effect: "Allow", Action: access.List{r.Action},
			Resource: access.List{on},
		})
	}
	return append(files, write("what the guard asks", map[string]any{"Statement": asked}))
}

// The contract stack has what the kinds can do and the example does not show.
func TestContract(t *testing.T) {
	t.Parallel()
	d := pipelineOf(t, testkit.Start(t), "contract", "contract/stack")
	for _, host := range []string{"*.example.com", "api.example.com"} {
		d.aws.Certificate(t, host)
	}
	d.parameter("/contract/key")
	arn := d.secret("contract/password")
	d.edit("services/all/api.yaml", "SECRET_ARN", arn)
	// AWS's end of it has to be looked up
	d.edit("services/all/api.yaml", "SHORT_ARN", arn[:len(arn)-len("-AbCdEf")])
	// The emulator knows no call that takes a key away.
	var keyless atomic.Bool
	d.aws.Proxy.Handle("logs", "DisassociateKmsKey", func(*proxy.Call) *proxy.Response {
		keyless.Store(true)
		return proxy.JSONResponse(map[string]string{})
	})
	key := regexp.MustCompile(`,? *"kmsKeyId": *"[^"]*"`)
	d.aws.Proxy.Handle("logs", "DescribeLogGroups", func(c *proxy.Call) *proxy.Response {
		answer, err := c.Forward()
		if err == nil && keyless.Load() {
			answer.Body = key.ReplaceAll(answer.Body, nil)
			answer.Header.Del("Content-Length")
		}
		return answer
	})
	legacy := &rds.CreateDBInstanceInput{
		DBInstanceIdentifier: aws.String("legacy-database"), DBInstanceClass: aws.String("db.t4g.micro"),
		Engine: aws.String("mariadb"), EngineVersion: aws.String("11.4.7"), StorageType: aws.String("gp3"),
		AllocatedStorage: aws.Int32(20), DBName: aws.String("app"),
		MasterUsername: aws.String("owner"), MasterUserPassword: aws.String("of-nobodys-concern"),
	}
	if _, err := rds.NewFromConfig(d.aws.Config).CreateDBInstance(t.Context(), legacy); err != nil {
		t.Fatal(err)
	}
	acl, err := d.aws.WebACL(t.Context(), "contract")
	if err != nil {
		t.Fatal(err)
	}
	d.edit("infra/ingress.yaml",
		"arn:aws:wafv2:us-east-1:123456789012:regional/webacl/contract/11111111-2222-3333-4444-555555555555",
		acl)
	guard, _ := d.guard("dev")
	judge := d.transcribe()
	approved := func(command string) []string {
		return append([]string{command, "-e", "dev", "--auto-approve"}, mayGo("all/orders", "all/pages", "all/sessions",
			"all/shards", "all/elastic", "all/shared", "all/database", "all/aurora", "infra/ingress")...)
	}
	d.do(0, approved("apply")...)
	for _, step := range []string{"changed", "replaced"} {
		if err := copyOver(filepath.Join(d.repo, "stacks", d.name), filepath.Join("contract", step)); err != nil {
			t.Fatal(err)
		}
		d.do(0, approved("apply")...)
		d.do(0, "plan", "-e", "dev", "--refresh")
		d.noDrift("dev")
	}
	d.do(0, approved("destroy")...)
	for _, r := range guard.Refused() {
		t.Errorf("refused: %s", r)
	}
	judge(guard)
}

// The example in production has more than in dev: HTTPS, a secret, a schedule, deletion protection.
func TestContractOfProduction(t *testing.T) {
	t.Parallel()
	d := newPipeline(t, testkit.Start(t))
	for _, host := range []string{"api.users.example.com", "api.example.com"} {
		d.aws.Certificate(t, host)
	}
	d.parameter("/user-platform/production/mail-api-key")
	d.edit("environments/production.yaml", "bake: 5m", "bake: 1s")
	guard, _ := d.guard("production")
	judge := d.transcribe()
	d.do(0, "apply", "-e", "production", "--var", "VERSION=1.0.0", "--auto-approve")
	d.noDrift("production")
	d.do(0, append([]string{"destroy", "-e", "production", "--auto-approve"},
		mayGo("user-service/jobs", "user-service/uploads", "user-service/database", "user-service/sessions",
			"infra/ingress")...)...)
	for _, r := range guard.Refused() {
		t.Errorf("refused: %s", r)
	}
	judge(guard)
}

// noDrift fails if drift detect finds a difference, or if something could not be compared because a call failed.
func (d *pipeline) noDrift(environment string) {
	d.t.Helper()
	out := d.do(0, "drift", "detect", "-e", environment, "--detailed-exitcode")
	whole := regexp.MustCompile(`(?m)^No drift: (\d+ pending in the manifests, )?\d+ objects? compared\.$`)
	if !whole.MatchString(out) {
		d.t.Errorf("not all was compared:\n%s", out)
	}
	d.t.Log(out[strings.LastIndex(out, "No drift"):])
}

func mayGo(addresses ...string) []string {
	var flags []string
	for _, address := range addresses {
		flags = append(flags, "--allow-data-loss", address)
	}
	return flags
}

func (d *pipeline) parameter(name string) {
	d.t.Helper()
	_, err := ssm.NewFromConfig(d.aws.Config).PutParameter(d.t.Context(), &ssm.PutParameterInput{
		Name: &name, Value: aws.String("key"), Type: ssmtypes.ParameterTypeSecureString,
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *pipeline) secret(name string) (arn string) {
	d.t.Helper()
	made, err := secretsmanager.NewFromConfig(d.aws.Config).CreateSecret(d.t.Context(),
		&secretsmanager.CreateSecretInput{
			Name: &name, SecretString: aws.String(`{"password":"word"}`),
		})
	if err != nil {
		d.t.Fatal(err)
	}
	return *made.ARN
}

// copyOver copies the files of a folder over those of another one.
func copyOver(to, from string) error {
	return filepath.WalkDir(from, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path) //nolint:gosec // below testdata
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), text, 0o600)
	})
}

// scripts is the transcript of all scripts, which are judged together when all of them are through.
var scripts struct {
	once       sync.Once
	file       *os.File
	transcript *proxy.Transcript
	err        error
}

func transcribeScript(p *proxy.Proxy) error {
	if !contract.Newest() {
		return nil
	}
	scripts.once.Do(func() {
		if scripts.file, scripts.err = os.CreateTemp("", "transcript-*.jsonl"); scripts.err == nil {
			scripts.transcript = proxy.NewTranscript(scripts.file)
		}
	})
	p.Transcribe(scripts.transcript)
	return scripts.err
}

// judgeScripts prints what the judges say of the requests of the scripts.
func judgeScripts(out io.Writer) error {
	if scripts.transcript == nil {
		return nil
	}
	defer func() { _ = os.Remove(scripts.file.Name()) }() // a temporary file
	all, err := judges()
	if err := errors.Join(err, scripts.transcript.Err(), scripts.file.Close()); err != nil {
		return err
	}
	for _, judge := range []string{"requests", "carried"} {
		report, err := all.Ask(context.Background(), judge, scripts.file.Name())
		if err != nil {
			return err
		}
		fmt.Fprintln(out, "scripts,", judge+":", report)
		if len(report.Violations) > 0 {
			return errors.New(strings.Join(report.Violations, "\n"))
		}
	}
	return nil
}
