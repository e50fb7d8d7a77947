package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/service"
)

// The policies that docs/BACKEND_SETUP.md prints are enough for state and locks: beside them, this user may only use
// queues.
func TestBackendPolicyOfThePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/BACKEND_SETUP.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "State and locks alone need this.")
	found := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(rest, 2)
	if len(found) != 2 {
		t.Fatal("the page has no two policies")
	}
	table := found[0][1]
	var inBucket struct{ Version, Statement any }
	if err := json.Unmarshal([]byte(table), &inBucket); err != nil {
		t.Fatal(err)
	}
	statements := inBucket.Statement.([]any)
	if err := json.Unmarshal([]byte(found[1][1]), &statements[len(statements)-1]); err != nil {
		t.Fatal(err)
	}
	bucket, err := json.Marshal(inBucket)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("locks in a table", func(t *testing.T) {
		t.Parallel()
		enough(t, table, "--table", "locks")
	})
	t.Run("locks in the bucket", func(t *testing.T) {
		t.Parallel()
		enough(t, string(bucket), "--locks", "s3")
	})
}

// enough deploys with the policy of the page, and makes sure that the policy allows nothing more.
func enough(t *testing.T, ofPage string, locks ...string) {
	t.Helper()
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
	d.run(d.env, 3, append([]string{"init", "--yes", "--region", d.aws.Region, "--bucket", bucket}, locks...)...)
	d.run(d.env, 0, append([]string{"backend", "create", "--bucket", bucket}, locks...)...)
	document := strings.NewReplacer("company-deployer-state", bucket, "company-deployer-locks", "locks",
		"us-east-1", d.aws.Region, "123456789012", d.aws.Account).Replace(ofPage)
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
