package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

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
		{
			"POST", "/", "DynamoDB_20120810.CreateTable",
			fmt.Sprintf(
				`{"TableName":%q,"BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"LockID","AttributeType":"S"}],"KeySchema":[{"AttributeName":"LockID","KeyType":"HASH"}]}`, table+"-tf"),
		},
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
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/"+region+"/"+service+
			"/aws4_request, SignedHeaders=host, Signature=0")
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
	b.created = r.wall
	planned, err := b.median(dir, b.terraform, "plan", "-input=false")
	return planned.wall, err
}
