package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// slowDown makes every call of a service wait.
func (b *bench) slowDown(service string) error {
	return b.proxy.Inject(proxy.Fault{
		Filter: proxy.Filter{Service: service}, Times: -1, Action: proxy.Delay,
		Delay: proxy.Duration(wait),
	})
}

// roundTrips measures how many calls to the backend happen one after the other: each waits, and the run gets longer by
// that.
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
		text := fmt.Sprintf("apiVersion: core.deployer.io/v1\nkind: Environment\nmetadata: {name: dev}\nspec: "+
			"{}\n---\napiVersion: components.deployer.io/v1\nkind: SQS\nmetadata: {name: queue-0, service: "+
			"jobs}\nspec: {visibilityTimeout: %ds}\n", seconds)
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
