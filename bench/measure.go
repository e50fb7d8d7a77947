package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

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
