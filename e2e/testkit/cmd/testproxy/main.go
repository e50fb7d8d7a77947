// Command testproxy starts the AWS emulator behind the test proxy with the fakes, for demos and for trying things out.
//
//	testproxy [flags]
//	testproxy [flags] -exec -- deployer plan --stack examples/user-platform
//
// In: flags. Out: the environment with which programs reach the proxy, as shell exports. It runs until SIGINT or
// SIGTERM.
// With -exec it runs one command in that environment and exits with its code. It must not know the product.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/child"
	"github.com/company/deployer/e2e/testkit/moto"
	"github.com/company/deployer/e2e/testkit/proxy"
	"github.com/company/deployer/e2e/testkit/service"
)

type options struct {
	upstream string
	listen   string
	region   string
	cache    string
	record   string
	envFile  string
	latency  time.Duration
	keepMoto bool
	exec     bool
	command  []string
}

func main() {
	code, err := run(os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testproxy:", err)
	}
	os.Exit(code)
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("testproxy", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.upstream, "moto-upstream", "", "`URL` of a running emulator; without it one is started")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "`address` of the proxy")
	flags.StringVar(&o.region, "region", "eu-central-1", "AWS `region` of the printed environment")
	flags.StringVar(&o.cache, "cache-dir", "", "`directory` for the emulator's virtual environment (default: "+
		".cache/moto of the module)")
	flags.StringVar(&o.record, "record", "", "`file` that gets every request as one JSON line")
	flags.StringVar(&o.envFile, "env-file", "", "`file` that gets the exports too, once everything is ready")
	flags.DurationVar(&o.latency, "latency", 0, "`delay` added to every request")
	flags.BoolVar(&o.keepMoto, "keep-moto", false, "leave the emulator running at exit")
	flags.BoolVar(&o.exec, "exec", false, "run the command after -- in the environment and exit with its code")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.command = flags.Args()
	if o.exec != (len(o.command) > 0) {
		return o, errors.New("-exec and a command after -- belong together")
	}
	return o, nil
}

func run(args []string, stdout, stderr io.Writer) (code int, err error) {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0, nil
	}
	if err != nil {
		return 2, err
	}
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if o.exec {
		// Ctrl-C on the terminal also reaches the command directly. This process catches the signal. If it ignored it,
		// the command would inherit that.
		signal.Notify(make(chan os.Signal, 1), os.Interrupt)
		signals = signals[1:]
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()

	proxyOptions := proxy.Options{Upstream: o.upstream, Listen: o.listen, Latency: o.latency}
	var exited <-chan struct{}
	if o.upstream == "" {
		server, err := startMoto(o, stderr)
		if err != nil {
			return 1, err
		}
		if !o.keepMoto {
			defer server.Stop()
		}
		proxyOptions.Upstream, proxyOptions.UpstreamLog, exited = server.URL(), server.Log, server.Exited()
	}
	if o.record != "" {
		file, createErr := os.Create(o.record)
		if createErr != nil {
			return 1, createErr
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		proxyOptions.Dump = file
	}
	p, err := proxy.New(proxyOptions)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	service.Install(p)

	env := testkit.Environment(p.URL(), o.region, testkit.StaticCredentials())
	if o.envFile != "" {
		if err := writeFile(o.envFile, exports(env)); err != nil {
			return 1, err
		}
	}
	if o.exec {
		return execute(ctx, o.command, env)
	}
	if _, err := io.WriteString(stdout, exports(env)); err != nil {
		return 1, err
	}
	select {
	case <-ctx.Done():
		return 0, nil
	case <-exited:
		return 1, errors.New("the emulator ended by itself")
	}
}

func startMoto(o options, stderr io.Writer) (*moto.Server, error) {
	options := moto.Options{
		CacheDir: o.cache,
		Progress: func(s string) { _, _ = fmt.Fprintln(stderr, "testproxy:", s) }, // progress only
	}
	if o.keepMoto {
		options.Detach = true
		options.DetachedLog = filepath.Join(os.TempDir(), fmt.Sprintf("moto-%d.log", os.Getpid()))
	}
	// The signal that ends this program does not end the emulator: run stops everything in order.
	server, err := moto.Start(context.Background(), options)
	if err == nil && o.keepMoto {
		_, _ = fmt.Fprintf(stderr, "testproxy: the emulator stays: %s, process %d, log %s\n", server.URL(),
			server.Pid(), options.DetachedLog)
	}
	return server, err
}

// execute runs the command and passes a SIGTERM to this program on to it.
func execute(ctx context.Context, command, env []string) (int, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the user's own command
	cmd.Env = append(child.WithoutAWS(os.Environ()), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if exit.ExitCode() < 0 { // ended by a signal
			return 1, err
		}
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}

func exports(env []string) string {
	var b strings.Builder
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		fmt.Fprintf(&b, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
	}
	return b.String()
}

// writeFile writes the whole file atomically, for scripts that wait for it.
func writeFile(path, content string) error {
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
