package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// inside runs one of the project's own benchmarks, for what cannot be seen from outside, and returns the time of one
// operation.
func inside(root, folder, name string) (time.Duration, error) {
	pattern := ""
	for _, part := range regexp.MustCompile(`[^/]+`).FindAllString(name, -1) {
		pattern += "/^" + part + "$"
	}
	cmd := exec.Command("go", "test", "-run", "^$", "-bench", pattern[1:], "-benchtime", "5x", "./"+folder)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%w\n%s", err, out)
	}
	m := regexp.MustCompile(regexp.QuoteMeta("Benchmark"+name[len("Benchmark"):]) +
		`\S*\s+\d+\s+(\d+) ns/op`).FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("no figure of %s in:\n%s", name, out)
	}
	ns, err := strconv.ParseInt(string(m[1]), 10, 64)
	return time.Duration(ns), err
}

// create times the engine with an instant provider, as terraform_data is one. It leaves out what a process and a
// backend cost; the rows above say how much that is.
func (b *bench) create() error {
	took, err := inside(b.root, "internal/engine", "BenchmarkCreate/1000")
	if err != nil {
		return err
	}
	peer := ""
	if b.created > 0 {
		peer = ms(b.created)
	}
	b.row("create of 1000, instant provider (engine alone)", ms(took), peer, ratio(took, b.created))
	return nil
}

// safety shows what lock, fence, claim, guard, journal, saves, history and release cost.
func (b *bench) safety() error {
	b.row("", "", "", "")
	b.row("the safety machinery", "with", "without", "ratio")
	for _, what := range []struct{ title, name string }{
		{"create of 1000, instant AWS and backend", "BenchmarkSafetyCreate"},
		{"no-op apply of 1000, instant AWS and backend", "BenchmarkSafetyNothing"},
	} {
		with, err := inside(b.root, "internal/deploy", what.name+"/with")
		if err != nil {
			return err
		}
		without, err := inside(b.root, "internal/deploy", what.name+"/without")
		if err != nil {
			return err
		}
		b.row(what.title, ms(with), ms(without), ratio(with, without))
	}
	dir, _, err := b.applied(1000) // changes nothing after the part of plans
	if err != nil {
		return err
	}
	with, err := b.median(dir, b.deployer, "apply", "--auto-approve")
	if err != nil {
		return err
	}
	without, err := b.median(dir, b.deployer, "plan")
	if err != nil {
		return err
	}
	b.row("no-op apply (against plan) of 1000, the whole process", ms(with.wall), ms(without.wall),
		ratio(with.wall, without.wall))
	return nil
}
