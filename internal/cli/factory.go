// Package cli is the command line. Each command has one file, with an options struct that flags fill and a run
// function.
//
// In: arguments, environment, terminal. Out: the output of package view, and an exit code. It composes the other
// packages and must not make their decisions. It is the only package that reads the process's environment, clock and
// terminal.
package cli

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/file"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/view"
)

// Factory is what commands are made with: the outside world, injected, and the global flags.
type Factory struct {
	In       io.Reader
	Out, Err io.Writer
	InTTY    bool // questions can be asked
	OutTTY   bool
	ErrTTY   bool
	Size     func() (width, height int)
	Env      map[string]string
	Home     string
	Workdir  string
	Now      func() time.Time
	ReadFile func(path string, limit int64) ([]byte, error)
	// Soft ends at the first signal (start nothing new), Hard at the second (stop now).
	Soft, Hard context.Context
	// OnLock is called before a lock is taken; may be nil.
	OnLock func()

	Args []string // of the command line
	root *cobra.Command

	global globals
	base   *config.Effective // without the settings of a stack
	loaded *config.Effective // the effective settings: with those of the stack, once it is known
	unread diag.List         // problems of the stack's stack.yaml
	log    *slog.Logger      // nil until the configuration is loaded

	logFile *logFile // nil: no log file
	noHome  bool     // the user was told that the home directory is not writable
	given   *given   // the file of --config, read once: it may be a pipe

	answer      *answer       // f.Out of a run
	wantsJSON   bool          // --json was given
	toldUnknown bool          // unknownVariables was called
	aside       diag.List     // warnings of a command that failed, for its JSON
	progress    *lateProgress // of this command; nil without one
	trouble     sync.Mutex
	toldTrouble time.Time          // when the last news about failing calls was shown
	facts       []string           // told by tellFact
	after       func(*view.Writer) // shown after the errors
}

// globals are the flags that every command takes.
type globals struct {
	verbose, quiet, noColor               bool
	configFile, bucket, region, lockTable string
	locks                                 string // of the commands that set up a backend
}

// NewFactory returns a Factory of this process.
func NewFactory() *Factory {
	f := &Factory{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Now: time.Now, ReadFile: file.ReadGiven,
		Env: map[string]string{},
	}
	for _, pair := range os.Environ() {
		key, text, _ := strings.Cut(pair, "=")
		f.Env[key] = text
	}
	f.Home, _ = os.UserHomeDir()
	f.Workdir, _ = os.Getwd()
	f.OutTTY, f.ErrTTY = isatty.IsTerminal(os.Stdout.Fd()), isatty.IsTerminal(os.Stderr.Fd())
	// Questions go to stderr. A question that nobody sees would wait for ever.
	f.InTTY = isatty.IsTerminal(os.Stdin.Fd()) && f.ErrTTY
	// Without TERM, the abilities of the terminal are unknown. Windows does not set it.
	if term := f.Env["TERM"]; term == "dumb" || term == "" && runtime.GOOS != "windows" {
		f.OutTTY, f.ErrTTY = false, false
	}
	f.Size = func() (int, int) {
		for _, fd := range []uintptr{os.Stderr.Fd(), os.Stdout.Fd()} {
			if w, h, err := term.GetSize(int(fd)); err == nil && w > 0 {
				return w, h
			}
		}
		return 80, 24
	}
	f.Soft, f.Hard = context.Background(), context.Background()
	return f
}

// Root returns the repository: the nearest folder at or above the working directory with a stacks folder; "" when there
// is none.
func (f *Factory) Root() string {
	for dir := f.Workdir; ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(filepath.Join(dir, "stacks")); err == nil && info.IsDir() {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// RequireRoot is Root, or an error that says how to make a repository.
func (f *Factory) RequireRoot() (string, error) {
	if root := f.Root(); root != "" {
		return root, nil
	}
	if f.Workdir == "" {
		return "", diag.New(diag.Invalid, "No working directory",
			"The working directory does not exist any more.", "Change to your repository.")
	}
	return "", diag.New(diag.Invalid, "Not in a deployment repository",
		"Neither "+f.Workdir+" nor a folder above it has a folder named stacks.",
		"Change to your repository, or create a first stack here: deployer stack init NAME")
}

// Config returns the effective settings. stack is the layer of the stack's stack.yaml, if there is one.
func (f *Factory) Config(stack ...config.Layer) (*config.Effective, error) {
	if f.base != nil && len(stack) == 0 {
		return f.base, nil
	}
	var layers []config.Layer
	var problems diag.List
	parse := func(name string, data []byte) {
		read, found := manifest.ReadPlain(name, data)
		problems.Add(found...)
		layer, found := config.File(name, read.Tree, read.Locate, f.Env)
		problems.Add(found...)
		layers = append(layers, layer)
	}
	add := func(name, path string) {
		data, err := f.ReadFile(path, manifest.MaxFileSize)
		switch {
		case err == nil:
			parse(name, data)
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR): // a missing file is fine
			problems.Add(diag.From(unreadable("Cannot read the configuration", err))...)
		}
	}
	if f.Home != "" {
		add("~/.deployer/config.yaml", filepath.Join(f.Home, ".deployer", "config.yaml"))
	}
	if root := f.Root(); root != "" {
		add(".deployer/config.yaml", filepath.Join(root, ".deployer", "config.yaml"))
	}
	if f.global.configFile != "" {
		if data, err := f.givenConfig(); err != nil {
			problems.Add(diag.From(err)...)
		} else {
			parse(f.global.configFile, data)
		}
	}
	layers = append(layers, stack...)
	layers = append(layers, config.Environment(f.Env), config.Flags(
		config.Flag{Name: "--backend-bucket", Path: "backend.bucket", Text: f.global.bucket},
		config.Flag{Name: "--backend-region", Path: "backend.region", Text: f.global.region},
		config.Flag{Name: "--backend-region", Path: "locks.region", Text: f.global.region},
		config.Flag{Name: "--lock-table", Path: "locks.table", Text: f.global.lockTable},
		config.Flag{Name: "--locks", Path: "locks.type", Text: f.global.locks},
	))
	effective, found := config.Load(layers...)
	problems.Add(found...)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	f.loaded = effective
	if len(stack) == 0 {
		f.base = effective
	}
	if f.log == nil {
		f.log = f.newLog(effective.Settings.Logging)
		f.log.Info("started", "version", version, "command", f.command())
		f.tellNoLog()
		f.warn(f.unknownVariables())
	}
	return effective, nil
}

// unknownVariables warns once of DEPLOYER_ variables that nothing reads.
func (f *Factory) unknownVariables() diag.List {
	if f.toldUnknown {
		return nil
	}
	f.toldUnknown = true
	return config.UnknownVariables(f.Env, environmentVariable, releasesVariable, manifest.VarPrefix)
}

// given is the content of a file, or why it cannot be read.
type given struct {
	data []byte
	err  error
}

// givenConfig reads the file of --config.
func (f *Factory) givenConfig() ([]byte, error) {
	if f.given == nil {
		data, err := f.ReadFile(f.global.configFile, manifest.MaxFileSize)
		if err != nil {
			err = unreadable("Cannot read the configuration", err)
		}
		f.given = &given{data, err}
	}
	return f.given.data, f.given.err
}

// command is the command of the command line, without flags and their values.
func (f *Factory) command() string {
	cmd, _, err := f.root.Find(f.Args)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), f.root.Name()), " ")
}

// colour reports whether a stream gets colours.
func (f *Factory) colour(tty bool) bool {
	if f.global.noColor || f.Env["NO_COLOR"] != "" || !tty {
		return false
	}
	return f.loaded == nil || f.loaded.Settings.Preferences.ColorOutput
}

// Stdout returns a writer for results.
func (f *Factory) Stdout() *view.Writer {
	width, _ := f.Size()
	w := view.NewWriter(f.Out, f.colour(f.OutTTY), width)
	w.Full = f.global.verbose
	return w
}

// Stderr returns a writer for progress and problems.
func (f *Factory) Stderr() *view.Writer {
	width, _ := f.Size()
	w := view.NewWriter(f.Err, f.colour(f.ErrTTY), width)
	w.Full = f.global.verbose
	return w
}

// warn shows warnings, except with --quiet.
func (f *Factory) warn(warnings diag.List) { view.Diagnostics(f.Stderr(), f.worth(warnings)) }

// worth is the list of diagnostics to show: with --quiet, no warnings.
func (f *Factory) worth(found diag.List) diag.List {
	if !f.global.quiet {
		return found
	}
	return slices.DeleteFunc(slices.Clone(found), func(d *diag.Diagnostic) bool { return d.Severity == diag.Warning })
}

// Progress returns the display of a run's events: nothing when quiet, a live tree on a terminal, plain lines elsewhere.
func (f *Factory) Progress() view.Progress {
	switch {
	case f.global.quiet:
		return view.Quiet{W: f.Stderr()}
	case f.ErrTTY && !f.global.verbose && (f.loaded == nil || f.loaded.Settings.Preferences.ProgressBar):
		return view.NewLive(f.Stderr(), f.Now, f.Size)
	}
	return view.NewPlain(f.Stderr(), f.Now)
}
