package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
)

// commands are what scripts can say beside testscript's own words:
//
//	deployer ARGS...            run the binary; it must exit with 0
//	exits CODE deployer ARGS... run the binary; it must exit with CODE
//	terminal CODE COLUMNSxROWS [TYPED] deployer ARGS...
//	                            the same with stdin, stdout and stderr on a terminal, as of terminalCommand
//	interrupt CODE SIGNAL deployer ARGS...
//	                            the same, with a signal while a call is held, as of interruptCommand
//	follows CODE GROUP STREAM TEXT N deployer ARGS...
//	                            the same, with lines that are logged after it has begun, as of followsCommand
//	clean stdout|stderr         no escape sequences, no line wider than 80 columns
//	[!] json PATH [REGEXP]      the last stdout is JSON and has (not) PATH (such as components.0.address),
//	                            matching as a whole
//	take VARIABLE PATH          what the last stdout, JSON, has at PATH becomes $VARIABLE
//	example NAME                copy examples/NAME to stacks/NAME, or, if it is a repository, here
//	backend                     make bucket and table, and configure them in .deployer/config.yaml
//	replace FILE OLD NEW        replace text in a file
//	repeat FILE TEXT N          append TEXT (with \n and \t) N times to a file
//	flow FILE JOB [NAME=VALUE]  what a job of examples/ci runs, as of flowCommand
//	[!] forward ADDRESS FLAGS... reach a port through port-forward, as of forwardCommand
//	registry ...                as of registryCommand
//	release VERSION             a mirror that has this release
//	proxy ...                   as of proxyCommand
//	aws ...                     as of awsCommand
//	dns ..., elb ..., db ...    as of dnsCommand, elbCommand and dbCommand
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"deployer": func(ts *testscript.TestScript, neg bool, args []string) {
		refuse(ts, neg, "deployer")
		runBinary(ts, 0, append([]string{"deployer"}, args...))
	},
	"exits": func(ts *testscript.TestScript, neg bool, args []string) {
		refuse(ts, neg, "exits")
		if len(args) < 2 {
			ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
		}
		code, err := strconv.Atoi(args[0])
		ts.Check(err)
		runBinary(ts, code, args[1:])
	},
	"terminal":  terminalCommand,
	"interrupt": interruptCommand,
	"follows":   followsCommand,
	"clean":     cleanCommand,
	"json":      jsonCommand,
	"take":      takeCommand,
	"example":   exampleCommand,
	"flow":      flowCommand,
	"backend":   backendCommand,
	"replace":   replaceCommand,
	"repeat":    repeatCommand,
	"pulumi":    pulumiCommand,
	"registry":  registryCommand,
	"release":   releaseCommand,
	"proxy":     proxyCommand,
	"aws":       awsCommand,
	"dns":       dnsCommand,
	"elb":       elbCommand,
	"db":        dbCommand,
	"forward":   forwardCommand,
}

func refuse(ts *testscript.TestScript, neg bool, name string) {
	if neg {
		ts.Fatalf("! %s: say which exit code is expected: exits CODE ...", name)
	}
}

// never are things that no output may hold, whatever the command.
var never = regexp.MustCompile(`(?m)\x1b|^panic: |goroutine \d+ \[|%!\w?\(|^SDK \d{4}/|<nil>|0x[0-9a-f]{8,}`)

func runBinary(ts *testscript.TestScript, want int, args []string) {
	err := ts.Exec(args[0], args[1:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	for _, stream := range []string{"stdout", "stderr"} {
		if bad := never.FindString(ts.ReadFile(stream)); bad != "" {
			ts.Fatalf("%s holds %q", stream, bad)
		}
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func cleanCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "clean")
	for _, stream := range args {
		for _, line := range strings.Split(ts.ReadFile(stream), "\n") {
			if n := utf8.RuneCountInString(line); n > 80 {
				ts.Fatalf("%s has a line of %d columns: %s", stream, n, line)
			}
			if strings.TrimRight(line, " \t") != line {
				ts.Fatalf("%s has blanks at the end of a line: %q", stream, line)
			}
		}
	}
}

func jsonCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 || neg && len(args) != 1 {
		ts.Fatalf("usage: [!] json PATH [REGEXP]")
	}
	var document any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &document); err != nil {
		ts.Fatalf("stdout is not JSON: %v", err)
	}
	found, ok := at(document, args[0])
	switch {
	case ok && neg:
		ts.Fatalf("%s is there: %s", args[0], text(found))
	case !ok && !neg:
		ts.Fatalf("there is no %s", args[0])
	case len(args) == 2:
		wanted, err := regexp.Compile("^(?:" + args[1] + ")$")
		ts.Check(err)
		if !wanted.MatchString(text(found)) {
			ts.Fatalf("%s is %s, want %s", args[0], text(found), args[1])
		}
	}
}

func takeCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "take")
	if len(args) != 2 {
		ts.Fatalf("usage: take VARIABLE PATH")
	}
	jsonCommand(ts, false, args[1:])
	var document any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &document))
	found, _ := at(document, args[1])
	ts.Setenv(args[0], text(found))
}

// at walks a dotted path of keys and indexes; "length" is the number of elements.
func at(document any, path string) (any, bool) {
	if path == "." {
		return document, true
	}
	steps := strings.Split(path, ".")
	for i := 0; i < len(steps); i++ {
		step := steps[i]
		switch have := document.(type) {
		case map[string]any:
			if step == "length" {
				document = float64(len(have))
				continue
			}
			// A key may hold dots itself.
			next, ok := have[step]
			for !ok && i+1 < len(steps) {
				i++
				step += "." + steps[i]
				next, ok = have[step]
			}
			if !ok {
				return nil, false
			}
			document = next
		case []any:
			if step == "length" {
				document = float64(len(have))
				continue
			}
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(have) {
				return nil, false
			}
			document = have[i]
		default:
			return nil, false
		}
	}
	return document, true
}

func text(found any) string {
	if s, ok := found.(string); ok {
		return s
	}
	data, _ := json.Marshal(found) // it came out of JSON
	return string(data)
}

func exampleCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "example")
	if len(args) != 1 {
		ts.Fatalf("usage: example NAME")
	}
	from, err := filepath.Abs(filepath.Join("..", "examples", args[0]))
	ts.Check(err)
	to := filepath.Join("stacks", args[0])
	if _, err := os.Stat(filepath.Join(from, "stacks")); err == nil {
		to = "."
	}
	ts.Check(os.CopyFS(ts.MkAbs(to), os.DirFS(from)))
}

func backendCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "backend")
	region := ts.Getenv("AWS_REGION")
	text := fmt.Sprintf("version: v1\nbackend: {type: s3, region: %[1]s, bucket: %[2]s}\nlocks: {type: dynamodb, "+
		"region: %[1]s, table: %[3]s}\n",
		region, ts.Getenv("BUCKET"), ts.Getenv("TABLE"))
	ts.Check(os.MkdirAll(ts.MkAbs(".deployer"), 0o755))
	ts.Check(os.WriteFile(ts.MkAbs(".deployer/config.yaml"), []byte(text), 0o644))
	runBinary(ts, 0, []string{"deployer", "backend", "create"})
}

func replaceCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "replace")
	if len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	before := ts.ReadFile(args[0])
	if !strings.Contains(before, args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	unquote := strings.NewReplacer(`\n`, "\n", `\t`, "\t")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(before, args[1], unquote.Replace(args[2]))),
		0o644))
}

// repeatCommand appends a text to a file, N times: repeat FILE TEXT N.
func repeatCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "repeat")
	if len(args) != 3 {
		ts.Fatalf("usage: repeat FILE TEXT N")
	}
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	before, err := os.ReadFile(ts.MkAbs(args[0]))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		ts.Check(err)
	}
	unquote := strings.NewReplacer(`\n`, "\n", `\t`, "\t")
	file, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = io.Copy(file, io.MultiReader(strings.NewReader(string(before)),
		strings.NewReader(strings.Repeat(unquote.Replace(args[1]), n))))
	ts.Check(errors.Join(err, file.Close()))
}
