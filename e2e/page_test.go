package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/service"
)

// The policy that docs/BACKEND_SETUP.md prints is enough for state and locks: beside it, this user may only use queues.
func TestBackendPolicyOfThePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/BACKEND_SETUP.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "State and locks alone need this.")
	found := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(rest)
	if found == nil {
		t.Fatal("the page has no policy")
	}
	folder := t.TempDir()
	for file, text := range map[string]string{
		"stack.yaml": "apiVersion: core.deployer.io/v1\nkind: Stack\nmetadata: {name: shop}\n" +
			"spec: {provider: {name: aws, region: us-east-1}}\n",
		"environments/production.yaml": "apiVersion: core.deployer.io/v1\nkind: Environment\n" +
			"metadata: {name: production}\nspec: {}\n",
		"services/web/queue.yaml": "apiVersion: components.deployer.io/v1\nkind: SQS\n" +
			"metadata: {name: jobs}\nspec: {}\n",
	} {
		path := filepath.Join(folder, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d := pipelineOf(t, testkit.Start(t), "shop", folder)
	bucket := "state-" + d.aws.Account
	// neither is there yet
	d.run(d.env, 3, "init", "--yes", "--region", d.aws.Region, "--bucket", bucket, "--table", "locks")
	d.run(d.env, 0, "backend", "create", "--bucket", bucket, "--table", "locks")
	document := strings.NewReplacer("company-deployer-state", bucket, "company-deployer-locks", "locks",
		"us-east-1", d.aws.Region, "123456789012", d.aws.Account).Replace(found[1])
	queues := []byte(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*",
		"Action": ["sqs:*", "tag:GetResources"]}]}`)
	policy, err := access.ReadPolicy([]byte(document), queues)
	if err != nil {
		t.Fatal(err)
	}
	user := d.login([][]byte{[]byte(document), queues})
	guard := access.Install(d.aws.Proxy, service.Rules, d.aws.Account, user, policy)
	for _, args := range [][]string{
		{"plan"},
		{"apply", "--auto-approve"},
		{"status"},
		{"history"},
		{"locks", "show"},
		{"state", "restore", "v1", "--auto-approve"},
		{"destroy", "--auto-approve", "--allow-data-loss", "web/jobs"},
	} {
		d.do(0, args...)
	}
	for _, r := range guard.Refused() {
		t.Errorf("refused: %s", r)
	}
	asked := guard.Asked()
	for _, action := range policy.Actions() {
		without := policy.Without(action)
		needed := false
		for _, r := range asked {
			needed = needed || !without.Allows(r)
		}
		if !needed && !strings.HasPrefix(action, "tag:") {
			t.Errorf("the page allows %s, which nothing needs", action)
		}
	}
}
