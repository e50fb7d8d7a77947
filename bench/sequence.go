package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/proxy"
	"github.com/company/deployer/e2e/testkit/service"
)

// lives is how often the stack is made and destroyed, without and with waiting calls. The fastest run of each counts: a
// busy machine makes a run slower, never faster.
const lives = 2

// life is what happens to the stack, in this order.
var life = []struct {
	title string
	args  []string
}{
	{"a first plan", []string{"plan", "--var", "VERSION=1.0.0"}},
	{"a first plan, offline", []string{"plan", "--var", "VERSION=1.0.0", "--offline"}},
	{"creation", []string{"apply", "--var", "VERSION=1.0.0", "--auto-approve"}},
	{"a new version", []string{"apply", "--var", "VERSION=2.0.0", "--auto-approve"}},
	{"an apply with nothing to do", []string{"apply", "--var", "VERSION=2.0.0", "--auto-approve"}},
	{"a plan with nothing to do", []string{"plan", "--var", "VERSION=2.0.0"}},
	{"a status", []string{"status"}},
	{"a search for drift", []string{"drift", "detect"}},
	{"destruction", []string{
		"destroy", "--auto-approve", "--allow-data-loss", "infra/ingress",
		"--allow-data-loss", "user-service/jobs", "--allow-data-loss", "user-service/uploads",
		"--allow-data-loss", "user-service/database", "--allow-data-loss", "user-service/sessions",
	}},
}

// sequences measures how many AWS calls of a command happen one after the other: when every call waits, each of them
// makes the run longer by that. Calls side by side count once.
func (b *bench) sequences() error {
	p, err := proxy.New(proxy.Options{Upstream: b.emulator})
	if err != nil {
		return err
	}
	defer p.Close()
	service.Install(p)
	dir, err := b.example(p)
	if err != nil {
		return err
	}
	on := *b
	on.env, on.proxy = b.environment(p), p

	plain, slow, calls := make([]time.Duration, len(life)), make([]time.Duration, len(life)), make([]int, len(life))
	size := ""
	for range lives {
		for _, fastest := range [][]time.Duration{plain, slow} {
			if &fastest[0] == &slow[0] {
				p.SetLatency(wait)
			}
			for i, step := range life {
				before := p.Count(proxy.Filter{})
				r, err := on.exec(dir, b.deployer, append(step.args, "-e", "production")...)
				if err != nil {
					return err
				}
				calls[i] = p.Count(proxy.Filter{}) - before
				if fastest[i] == 0 || r.wall < fastest[i] {
					fastest[i] = r.wall
				}
				if m := regexp.MustCompile(`\d+ resources deleted`).FindString(r.out); m != "" {
					size = strings.TrimSuffix(m, " deleted")
				}
			}
			p.SetLatency(0)
		}
	}
	b.row("", "", "", "")
	b.row(fmt.Sprintf("AWS calls of user-platform/production, %s", size), "sequence", "in all", "")
	for i, step := range life {
		b.row(step.title, fmt.Sprintf("%.1f", float64(slow[i]-plain[i])/float64(wait)), fmt.Sprint(calls[i]), "")
	}
	return nil
}

// example copies the example without its bake time, which is nothing but waiting, and makes what its production expects
// to find: certificates and a secret.
func (b *bench) example(p *proxy.Proxy) (string, error) {
	dir := filepath.Join(b.work, "example")
	stack := filepath.Join(dir, "stacks", "user-platform")
	if err := os.CopyFS(stack, os.DirFS(filepath.Join(b.root, "examples", "user-platform"))); err != nil {
		return "", err
	}
	path := filepath.Join(stack, "environments", "production.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	const bake, harmless = "bake: 5m", "circuitBreaker: true"
	if !strings.Contains(string(text), bake) {
		return "", fmt.Errorf("%s has no %q any more", path, bake)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), bake, harmless, 1)), 0o644); err != nil {
		return "", err
	}
	ctx := context.Background()
	config := aws.Config{
		Region: region, BaseEndpoint: aws.String(p.URL()),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
	for _, host := range []string{"api.users.example.com", "api.example.com"} {
		if _, err := testkit.ImportCertificate(ctx, config, host); err != nil {
			return "", err
		}
	}
	_, err = ssm.NewFromConfig(config).PutParameter(ctx, &ssm.PutParameterInput{
		Name: aws.String("/user-platform/production/mail-api-key"), Type: types.ParameterTypeSecureString,
		Value: aws.String("x"),
	})
	return dir, err
}
