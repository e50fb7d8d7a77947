//go:build unix

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	hostileMemory = 256 << 20 // bytes that refusing may take
	hostileTime   = 2 * time.Minute
)

// measureVariable makes the test binary run its arguments and write their usage to file descriptor 3, instead of tests.
const measureVariable = "DEPLOYER_TEST_MEASURE"

// usage is what a process took.
type usage struct {
	Bytes int64 // at its peak, resident
	Time  time.Duration
	CPU   time.Duration // of all cores; it depends less on what else the machine does
}

// measured runs the program of the arguments if this process was started for that. Linux counts the memory of the
// process that starts another as that one's peak; so it is started by a process that has done nothing before, not by
// the one with all the tests.
func measured() (code int, ran bool) {
	if os.Getenv(measureVariable) == "" {
		return 0, false
	}
	_ = os.Unsetenv(measureVariable)
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	begun := time.Now()
	err := cmd.Run()
	u := usage{Time: time.Since(begun)}
	if cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, err)
		return 127, true
	}
	u.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	u.Bytes = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS == "linux" {
		u.Bytes <<= 10
	}
	if err := json.NewEncoder(os.NewFile(3, "usage")).Encode(u); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 127, true
	}
	return cmd.ProcessState.ExitCode(), true
}

// hostile is one attack.
type hostile struct {
	args []string // after the binary's name; $ is the folder of the attack
	code int
	says string // regular expression on stderr
	make func(t *testing.T, at func(string) string)
}

const (
	hostileManifest = "repo/stacks/web/services/jobs/bad.yaml"
	hostileHead     = "apiVersion: components.deployer.io/v1\nkind: SQS\nmetadata: {name: bad}\nspec: "
	hostileState    = `{"formatVersion":2,"minReader":2,"lineage":"l","serial":1,"sha256":"x",`
	hostileBomb     = "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, " +
		"*b, *b, *b, *b, *b, *b, *b]\n" +
		"d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: &f [*e, *e, *e, " +
		"*e, *e, *e, *e, *e, *e]\n" +
		"g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f]\nh: &h [*g, *g, *g, *g, *g, *g, *g, *g, *g]\n"
)

// stream writes parts, each so many times, without holding the whole: name, then text and number in turns.
func stream(name string, parts ...any) func(*testing.T, func(string) string) {
	return func(t *testing.T, at func(string) string) {
		t.Helper()
		require.NoError(t, os.MkdirAll(filepath.Dir(at(name)), 0o755))
		file, err := os.Create(at(name))
		require.NoError(t, err)
		w := bufio.NewWriter(file)
		for i := 0; i < len(parts); i += 2 {
			for range parts[i+1].(int) {
				_, _ = w.WriteString(parts[i].(string)) // Flush tells
			}
		}
		require.NoError(t, errors.Join(w.Flush(), file.Close()))
	}
}

func manifest(parts ...any) func(*testing.T, func(string) string) {
	return stream(hostileManifest, parts...)
}

// sparse makes a file that is large without taking a place on the disk.
func sparse(name string, size int64) func(*testing.T, func(string) string) {
	return func(t *testing.T, at func(string) string) {
		t.Helper()
		stream(name, "a: 1\n", 1)(t, at)
		require.NoError(t, os.Truncate(at(name), size))
	}
}

func pipe(name string) func(*testing.T, func(string) string) {
	return func(t *testing.T, at func(string) string) {
		t.Helper()
		require.NoError(t, os.MkdirAll(filepath.Dir(at(name)), 0o755))
		require.NoError(t, syscall.Mkfifo(at(name), 0o644))
	}
}

func numbered(n int, name, text string) func(*testing.T, func(string) string) {
	return func(t *testing.T, at func(string) string) {
		t.Helper()
		for i := range n {
			path := at(fmt.Sprintf(name, i))
			require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(text, "%d", strconv.Itoa(i))), 0o644))
		}
	}
}

func link(target, name string) func(*testing.T, func(string) string) {
	return func(t *testing.T, at func(string) string) {
		t.Helper()
		require.NoError(t, os.MkdirAll(filepath.Dir(at(name)), 0o755))
		require.NoError(t, os.Symlink(target, at(name)))
	}
}

// attacks are known ones: what they are made of, and how they must be refused.
func attacks() map[string]hostile {
	validate, show, push := []string{"validate"}, []string{"config", "show"},
		[]string{"state", "push", "$/state.json", "--stack", "web", "-e", "dev"}
	var (
		queue = "apiVersion: components.deployer.io/v1\nkind: SQS\nmetadata: {name: q%d}\nspec: {}\n"
		mb50  = []any{"# a comment that goes on and on and on and on, and on\n", 1 << 20}
		wide  = "[" + strings.Repeat("{}, ", 1000) + "{}]"
	)
	out := map[string]hostile{
		"alias bomb": {validate, 3, `(?i)alias`, manifest(hostileBomb, 1)},
		"alias bomb in a spec": {
			validate, 3, `bad\.yaml`,
			manifest(hostileHead+"\n  "+strings.ReplaceAll(strings.TrimSpace(hostileBomb), "\n", "\n  ")+"\n", 1),
		},
		"anchor in a loop": {validate, 3, `bad\.yaml`, manifest(hostileHead+"&a\n  tags: *a\n", 1)},
		"deep lists":       {validate, 3, `bad\.yaml`, manifest(hostileHead, 1, "[", 20000)},
		"deep maps":        {validate, 3, `bad\.yaml`, manifest(hostileHead, 1, "{a: ", 20000)},
		"deep block lists": {validate, 3, `bad\.yaml`, manifest(hostileHead+"\n  ", 1, "- ", 100_000)},
		"deep expression": {
			validate, 3, `bad\.yaml`,
			manifest(hostileHead+"\n  fifo: \"${", 1, "(", 100_000, "}\"\n", 1),
		},
		"deep expressions": {
			validate, 3, `bad\.yaml`,
			manifest(hostileHead+"\n  fifo: \"", 1, "${\"", 2000, "\"\n", 1),
		},
		"many expressions": {
			validate, 3, `bad\.yaml`,
			manifest(hostileHead+"\n  encryption: \"", 1, "${stack.name}", 15_000, "\"\n", 1),
		},
		"huge scalar": {validate, 3, `bad\.yaml`, manifest(hostileHead+"{fifo: ", 1, "x", 900_000, "}\n", 1)},
		"huge key":    {validate, 3, `bad\.yaml`, manifest(hostileHead+"{", 1, "x", 200_000, ": 1}\n", 1)},
		"50 MB":       {validate, 3, `bad\.yaml`, manifest(mb50...)},
		"100 MB":      {validate, 3, `bad\.yaml`, sparse(hostileManifest, 100<<20)},
		"files": {
			validate, 3, `more than 10000\s+files`,
			numbered(10_001, "repo/stacks/web/services/jobs/q%d.yaml", ""),
		},
		"16 files of 1 MiB": {
			validate, 3, `q\d+\.yaml`,
			numbered(16, "repo/stacks/web/services/jobs/q%d.yaml",
				"# %d"+strings.Repeat(" ", 1<<19)+"\na: "+wide+"\n"),
		},
		"documents": {validate, 3, `more\s+than\s+2000\s+documents`, manifest("a: 1\n---\n", 30_000)},
		"documents of files": {
			validate, 3, `(?i)too many problems`,
			numbered(9, "repo/stacks/web/services/jobs/q%d.yaml", strings.Repeat("a: 1\n---\n", 1000)),
		},
		"keys": {validate, 3, `bad\.yaml`, func(t *testing.T, at func(string) string) {
			parts := []any{hostileHead + "\n", 1}
			for i := range 12_000 {
				parts = append(parts, fmt.Sprintf("  k%d: 1\n", i), 1)
			}
			manifest(parts...)(t, at)
		}},
		"the same key":          {validate, 3, `bad\.yaml`, manifest(hostileHead+"\n", 1, "  k: 1\n", 4000)},
		"link out of the stack": {validate, 3, `(?i)link leads out of`, link("/etc/passwd", hostileManifest)},
		"link to a device":      {validate, 3, `(?i)link leads out of`, link("/dev/zero", hostileManifest)},
		"link to itself":        {validate, 3, `bad\.yaml`, link("bad.yaml", hostileManifest)},
		"folder that is a link": {validate, 3, `(?i)link`, link("/", "repo/stacks/web/services/root")},
		"pipe":                  {validate, 3, `(?i)regular`, pipe(hostileManifest)},
		"pipe as variables":     {append(validate, "--var-file", "$/pipe"), 3, `(?i)regular`, pipe("pipe")},
		"100 MB of variables": {
			append(validate, "--var-file", "$/vars"), 3, `(?i)too\s+large`,
			sparse("vars", 100<<20),
		},
		"bomb as variables": {
			append(validate, "--var-file", "$/vars.yaml"), 3, `vars\.yaml`,
			stream("vars.yaml", hostileBomb, 1),
		},
		"NUL bytes":      {validate, 3, `bad\.yaml`, manifest(hostileHead+"{fifo: \"\x00\x00\"}\n", 1)},
		"NUL bytes only": {validate, 3, `bad\.yaml`, manifest("\x00", 100_000)},
		"UTF-16":         {validate, 3, `UTF-8`, manifest("\xff\xfea\x00:\x00 \x001\x00\n\x00", 1)},
		"escapes in names": {
			validate, 3, `bad\.yaml`,
			manifest("apiVersion: components.deployer.io/v1\nkind: SQS\nmetadata: {name: "+
				"\"\\e]0;mine\\a\\e[2J\"}\nspec: {\"\\e[31m\": 1, fifo: \"\\u009b2J\"}\n", 1),
		},
		"escapes in file names": {
			validate, 3, `(?i)cannot\s+be\s+shown`,
			stream("repo/stacks/web/services/jobs/\x1b]0;mine\x07.yaml", queue, 1),
		},
		"escapes in folders": {
			validate, 3, `(?i)cannot\s+be\s+shown`,
			stream("repo/stacks/web/services/\x1b[2J/a.yaml", queue, 1),
		},
		"state of 100 MB":      {push, 3, `(?i)too\s+large`, sparse("state.json", 100<<20)},
		"state that is a pipe": {push, 3, `(?i)regular`, pipe("state.json")},
		"deep state": {
			push, 5, `is incomplete or was edited`,
			stream("state.json", hostileState+`"payload":`, 1, "[", 30<<20),
		},
		"deep state that closes": {
			push, 5, `is incomplete or was edited`,
			stream("state.json", hostileState+`"payload":`, 1, "[", 9000, "]", 9000, "}", 1),
		},
		"state of lists": {
			push, 3, `values`,
			stream("state.json", hostileState+`"payload":[1`, 1, ",1", 15<<20, "]}", 1),
		},
		"state of intents": {
			push, 3, `intents`,
			stream("state.json", hostileState+`"payload":{},"intents":[{}`, 1, ",{}", 10<<20, "]}", 1),
		},
		"state of one intent": {
			push, 3, `values`,
			stream("state.json", hostileState+`"payload":{},"intents":[{"a":0`, 1, `,"a":0`, 5<<20, "}]}", 1),
		},
		"state of components": {
			push, 3, `components`,
			stream("state.json", hostileState+`"payload":{"components":[{}`, 1, ",{}", 10<<20, "]}}", 1),
		},
		"state of outputs": {
			push, 3, `values`,
			stream("state.json", hostileState+`"payload":{"components":[{"outputs":{"a":[[]`, 1, ",[]", 10<<20,
				"]}}]}}", 1),
		},
		"state of a long name": {
			push, 3, `besides\s+intents`,
			stream("state.json", hostileState+`"payload":{},"writer":{"lockId":"`, 1, "x", 30<<20, `"}}`, 1),
		},
		"state of keys": {
			push, 3, `besides\s+intents`,
			stream("state.json", hostileState+`"payload":{}`, 1, `,"":0`, 6<<20, `}`, 1),
		},
		"state of white space": {
			push, 5, `is incomplete or was edited`,
			stream("state.json", hostileState+`"payload":[`, 1, " ", 31<<20, `]}`, 1),
		},
		"state of one text": {
			push, 5, `is incomplete or was edited`,
			stream("state.json", hostileState+`"payload":"`, 1, "<", 30<<20, `"}`, 1),
		},
		"state of NUL bytes": {push, 5, `is incomplete or was edited`, stream("state.json", "\x00", 1<<20)},
	}
	for where, c := range map[string]struct {
		file string
		args []string
		only *regexp.Regexp // of the attacks: all are read by the same code
	}{
		"the repository's configuration": {"repo/.deployer/config.yaml", show, regexp.MustCompile("")},
		"the user's configuration": {
			"home/.deployer/config.yaml", show,
			regexp.MustCompile("alias bomb|100 MB|pipe|device"),
		},
		"a given configuration": {
			"given.yaml", append(show, "--config", "$/given.yaml"),
			regexp.MustCompile("alias bomb|100 MB|pipe|device"),
		},
	} {
		for name, make := range map[string]func(*testing.T, func(string) string){
			"alias bomb":  stream(c.file, hostileBomb, 1),
			"loop":        stream(c.file, "backend: &a {prefix: *a}\n", 1),
			"deep lists":  stream(c.file, "backend: ", 1, "[", 100_000),
			"deep maps":   stream(c.file, "{a: ", 20_000),
			"huge scalar": stream(c.file, "backend: {bucket: ", 1, "x", 900_000, "}\n", 1),
			"100 MB":      sparse(c.file, 100<<20),
			"documents":   stream(c.file, "---\na: 1\n", 50_000),
			"pipe":        pipe(c.file),
			"device":      link("/dev/zero", c.file),
			"NUL bytes":   stream(c.file, "\x00", 1000),
			"UTF-16":      stream(c.file, "\xff\xfea\x00:\x00 \x001\x00\n\x00", 1),
			"escapes":     stream(c.file, "\"\\e]0;mine\\a\": \"\\e[2J\"\n", 1),
		} {
			if !c.only.MatchString(name) {
				continue
			}
			out[name+" as "+where] = hostile{c.args, 3, regexp.QuoteMeta(filepath.Base(c.file)), make}
		}
	}
	return out
}

// TestHostile lets the binary read what somebody made to hurt it. The time is told, but decides nothing: machines
// differ.
func TestHostile(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	run := func(t *testing.T, dir string, args ...string) (code int, stdout, stderr string, used usage) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), hostileTime)
		defer cancel()
		in, out, err := os.Pipe()
		require.NoError(t, err)
		defer in.Close()
		var said, complained bytes.Buffer
		cmd := exec.CommandContext(ctx, self, append([]string{binary}, args...)...)
		cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = filepath.Join(dir, "repo"), &said, &complained,
			[]*os.File{out}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the binary dies with the process that measures it
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		cmd.Env = []string{
			measureVariable + "=1", "HOME=" + filepath.Join(dir, "home"), "PATH=" + os.Getenv("PATH"), "NO_COLOR=1",
			// nobody is there
			"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none",
			"AWS_ENDPOINT_URL=http://127.0.0.1:1",
		}
		err = cmd.Run()
		require.NoError(t, out.Close())
		var exit *exec.ExitError
		if err != nil {
			require.ErrorAs(t, err, &exit)
		}
		require.NoError(t, ctx.Err(), "it did not end\n%s", complained.String())
		raw, err := io.ReadAll(in)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, &used), complained.String())
		return cmd.ProcessState.ExitCode(), said.String(), complained.String(), used
	}
	prepare := func(t *testing.T) string {
		t.Helper()
		dir := t.TempDir()
		for name, text := range map[string]string{
			"stack.yaml": "apiVersion: core.deployer.io/v1\nkind: Stack\nmetadata: {name: web}\nspec: {}\n",
			"environments/dev.yaml": "apiVersion: core.deployer.io/v1\nkind: Environment\nmetadata: {name: " +
				"dev}\nspec: {}\n",
			"services/jobs/queue.yaml": "apiVersion: components.deployer.io/v1\nkind: SQS\nmetadata: {name: " +
				"queue}\nspec: {}\n",
		} {
			stream("repo/stacks/web/"+name, text, 1)(t, func(name string) string { return filepath.Join(dir, name) })
		}
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "home"), 0o755))
		return dir
	}
	tell := func(t *testing.T, used usage) {
		t.Helper()
		t.Logf("%3d MB %5d ms %5d ms CPU", used.Bytes>>20, used.Time.Milliseconds(), used.CPU.Milliseconds())
	}

	t.Run("nothing", func(t *testing.T) {
		// The measure itself: without an attack all is well, and a program takes something, but not what this process
		// has.
		code, _, stderr, used := run(t, prepare(t), "validate")
		require.Zero(t, code, stderr)
		require.Greater(t, used.Bytes, int64(8<<20))
		tell(t, used)
	})
	for name, attack := range attacks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := prepare(t)
			attack.make(t, func(name string) string { return filepath.Join(dir, name) })
			args := make([]string, len(attack.args))
			for i, arg := range attack.args {
				args[i] = strings.Replace(arg, "$", dir, 1)
			}
			code, stdout, stderr, used := run(t, dir, args...)
			tell(t, used)
			start := stderr[:min(len(stderr), 2000)]
			require.Equal(t, attack.code, code, start)
			require.Regexp(t, `(?m)^Error: \S`, start, "a diagnostic has a summary")
			require.Regexp(t, attack.says, stderr)
			require.Empty(t, never.FindString(stdout+stderr), start)
			require.Less(t, used.Bytes, int64(hostileMemory), "bytes of memory")
		})
	}
}
