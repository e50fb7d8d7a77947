package operate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/company/deployer/internal/aws/channel"
	"github.com/company/deployer/internal/aws/task"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/state"
)

// Exec is a command in a container that runs already.
type Exec struct {
	Task      string   // the beginning of its id; "": the newest one
	Container string   // "": the main one
	Command   []string // empty: a shell
}

// Terminal is where an Exec reads and writes.
type Terminal struct {
	In  io.Reader // keys; without Size the command's stdin, to its end. nil: the command's stdin is empty
	Out io.Writer
	// Size is the size of the terminal; nil: there is none, and the output is that of a program, without the changes
	// that a terminal makes.
	Size func() (columns, rows int)
}

// Exec runs a command, or a shell, in a container, and returns its exit code. When stop is closed, the command gets
// Ctrl-C. AWS API: ecs:ListTasks, ecs:DescribeTasks, ecs:ExecuteCommand.
func (c *Component) Exec(
	ctx context.Context, o Exec, t Terminal, stop <-chan struct{}, show Show,
) (code int, err error) {
	container, err := c.container(o.Container)
	if err != nil {
		return 0, err
	}
	m, err := c.ready(ctx, o.Task, container)
	if err != nil {
		return 0, err
	}
	show.Tell("task " + task.Short(m.ARN) + ", container " + container)
	mark := "deployer" + strings.ReplaceAll(c.back.NewID(), "-", "")
	found := newMarked(t.Out, mark, t.Size == nil)
	line, err := script(mark, o.Command, inputOf(t))
	if err != nil {
		return 0, err
	}
	session, err := c.runner.Exec(ctx, c.running, m, container, line, found.write)
	if errors.Is(err, task.ErrNotConnected) {
		return 0, c.notConnected(m, container, err.Error())
	}
	if err != nil {
		return 0, err
	}
	defer session.Close()
	end := c.record(ctx, state.Command{
		What: "exec", Words: o.Command, Task: m.ARN, Container: container,
	}, show.Warn)
	if c.converse(session, t, found, stop) {
		err = diag.New(diag.Failed, "Stdin does not reach the command",
			"The container has no program base64, sed or stty, which deployer needs to pass stdin on.",
			"Redirect stdin from /dev/null, or use an image that has them.").For(c.Address)
		_ = session.Terminate() // it may be gone
		end(nil, err)
		return 0, err
	}
	if n, ok := found.code(); ok {
		_ = session.Terminate() // the command has ended: the session may be gone
		end(&n, nil)
		return n, nil
	}
	err = c.unmarked(session, found)
	end(nil, err)
	return 0, err
}

// converse passes on what is typed, the size of the terminal and Ctrl-C, until the command or the session has ended. It
// returns true when there is something on stdin that cannot be passed on.
func (c *Component) converse(session *channel.Channel, t Terminal, found *marked, stop <-chan struct{}) bool {
	lost := make(chan struct{})
	switch {
	case t.In == nil:
	case t.Size != nil:
		go func() { _, _ = io.Copy(session, t.In) }() // it ends with the session
	default:
		go feed(session, t.In, found, lost)
	}
	resize := time.NewTicker(500 * time.Millisecond)
	defer resize.Stop()
	var columns, rows int
	ready := session.Ready()
	for {
		select {
		case <-found.ended:
			return false
		case <-session.Done():
			return false
		case <-lost:
			return true
		case <-stop:
			stop = nil
			go func() { _, _ = session.Write([]byte{3}) }() // Ctrl-C
			continue
		case <-ready:
			ready = nil
		case <-resize.C:
		}
		// The size is sent once the other side listens, and then when it changes.
		if t.Size == nil || ready != nil {
			continue
		}
		if nowColumns, nowRows := t.Size(); nowColumns != columns || nowRows != rows {
			columns, rows = nowColumns, nowRows
			_ = session.Resize(columns, rows) // a lost connection shows in Done
		}
	}
}

// feed passes on stdin once the command has begun, and then tells its end. A terminal has no way to carry any bytes to
// their end, because some of them are keys: they go as lines of base64, and a line with a dot is the end. Without a
// decoder at the other side, feed closes lost as soon as there is something to pass on.
func feed(session io.Writer, in io.Reader, found *marked, lost chan<- struct{}) {
	<-found.started
	if !found.takes {
		if n, _ := io.ReadFull(in, make([]byte, 1)); n > 0 {
			close(lost)
		}
		return
	}
	chunk := make([]byte, inputChunk)
	for {
		n, err := in.Read(chunk)
		if n > 0 {
			line := base64.StdEncoding.AppendEncode(nil, chunk[:n])
			if _, err := session.Write(append(line, '\n')); err != nil {
				return // the session shows it
			}
		}
		if err != nil {
			_, _ = session.Write([]byte(".\n")) // the session shows it
			return
		}
	}
}

// inputChunk makes lines that fit into a message. A terminal cuts lines of more than 4,095 bytes.
const inputChunk = 720

// unmarked explains a session that ended before the command said how it ended.
func (c *Component) unmarked(session *channel.Channel, found *marked) error {
	err := session.Err()
	said := strings.TrimSpace(session.Said() + " " + found.rest())
	switch {
	case err != nil && !errors.Is(err, context.Canceled):
		return diag.New(diag.Failed, "Connection lost", sentence(err.Error())+" The command may still run.",
			"Run it again, or look at the component's log.").For(c.Address)
	case err != nil:
		return err
	}
	detail := "The session ended, and the command did not say how it ended."
	if said != "" {
		detail += " The agent said: " + strings.TrimRight(said, ".") + "."
	}
	return diag.New(diag.Failed, "No exit code", detail,
		"The container needs the program sh. Or the task was stopped: "+c.back.CommandLine(c.key, "status")).
		For(c.Address)
}

// ready returns a task whose container takes commands, or says what is missing.
func (c *Component) ready(ctx context.Context, wanted, container string) (task.Member, error) {
	members, err := c.runner.Members(ctx, c.running)
	if err != nil {
		return task.Member{}, err
	}
	var chosen []task.Member
	var ids []string
	for _, m := range members {
		ids = append(ids, task.Short(m.ARN))
		if strings.HasPrefix(task.ID(m.ARN), wanted) {
			chosen = append(chosen, m)
		}
	}
	switch {
	case len(members) == 0:
		return task.Member{}, diag.New(diag.Failed, "No task runs", "The service has no running task.",
			"See why: "+c.back.CommandLine(c.key, "status", "--component", c.Address)).For(c.Address)
	case len(chosen) == 0:
		return task.Member{}, diag.New(diag.Invalid, "Unknown task",
			fmt.Sprintf("No running task has an id that begins with %q.", wanted),
			"These run: "+strings.Join(ids, ", ")).For(c.Address)
	}
	if !c.running.Exec {
		return task.Member{}, diag.New(diag.Failed, "ECS Exec is off",
			"The service does not allow commands in its containers.",
			"Set `exec: true` in the component and apply: new tasks allow it.").For(c.Address)
	}
	var why []error
	for _, m := range chosen {
		one, there := m.Container(container)
		switch {
		case !m.Exec:
			why = append(why, diag.New(diag.Failed, "ECS Exec is off",
				"Task "+task.Short(m.ARN)+" was started before ECS Exec was switched on.",
				"Wait until the rollout is complete, or name another task with --task.").For(c.Address))
		case !there || !one.Running:
			why = append(why, diag.New(diag.Failed, "Container does not run",
				"Container "+container+" of task "+task.Short(m.ARN)+" is not running.",
				"Name another container or task: --container, --task.").For(c.Address))
		case one.Agent == "PENDING":
			why = append(why, diag.New(diag.Failed, "Agent is starting",
				"The agent of ECS Exec in task "+task.Short(m.ARN)+" is still starting.", "Try again in a moment.").
				For(c.Address))
		case one.Agent != task.Running:
			why = append(why, c.notConnected(m, container, one.Reason))
		default:
			return m, nil
		}
	}
	return task.Member{}, why[0]
}

// notConnected says what keeps the agent from running: in nearly all cases a permission or a route.
func (c *Component) notConnected(m task.Member, container, reason string) error {
	detail := "The agent of ECS Exec does not run in container " + container + " of task " + task.Short(m.ARN) + "."
	if reason != "" {
		detail += " AWS says: " + strings.TrimRight(reason, ".") + "."
	}
	role := cmp.Or(c.running.TaskRole, "none")
	return diag.New(diag.Failed, "Agent is not running", detail,
		"Check that the task role ("+role+") allows ssmmessages:CreateControlChannel, CreateDataChannel, "+
			"OpenControlChannel and OpenDataChannel, that the subnets have a route to the endpoint of ssmmessages, "+
			"and that the container's file system is writable. Then replace the task.").For(c.Address)
}

func sentence(text string) string {
	return strings.ToUpper(text[:1]) + strings.TrimRight(text[1:], ".") + "."
}

// longest is how many characters a command of ECS Exec may have. AWS documents no limit: this fits into a message.
const longest = 8192

// input is what a command reads.
type input int

const (
	keys     input = iota // what is typed on a terminal
	nothing               // it reads the end of its stdin at once
	anything              // what feed passes on
)

func inputOf(t Terminal) input {
	switch {
	case t.Size != nil:
		return keys
	case t.In == nil:
		return nothing
	}
	return anything
}

// script is the command line for ECS Exec: a shell that prints the mark, runs the words and then prints the mark and
// the exit code. ECS Exec itself does not tell exit codes. Everything runs on a terminal; where there is none at our
// side, the script switches off what it would change. Between colons it says whether the terminal still changes the
// output (1), and whether it decodes its input (i).
func script(mark string, words []string, reads input) (string, error) {
	run := "if command -v bash >/dev/null 2>&1; then bash; else sh; fi"
	if len(words) > 0 {
		quoted := make([]string, len(words))
		for i, word := range words {
			quoted[i] = quote(word)
		}
		run = strings.Join(quoted, " ")
	}
	// Ctrl-C ends the command, and this shell must live to tell the code.
	const alive = "trap : INT; "
	begin := func(what string) string { return "printf '%s' '" + mark + "'\":" + what + ":\"; " }
	end := "; c=$?; printf '%s' '" + mark + "'\"=$c=\""
	text := alive
	switch reads {
	case keys:
		text += begin("1") + run + end
	case nothing:
		text += plainTerminal + begin("$t") + run + " </dev/null" + end
	case anything:
		// The last part tells the code: the others may still wait for input.
		text += plainTerminal + "if [ $t = 0 ] && command -v sed >/dev/null && command -v base64 >/dev/null; then " +
			begin("0i") + `sed -n '/^\.$/q;p' | base64 -d | { ` + alive + run + end + "; }; else " +
			begin("$t") + run + " </dev/null" + end + "; fi"
	}
	line := "sh -c " + quote(text)
	if len(line) > longest {
		return "", diag.New(diag.Invalid, "Command is too long",
			fmt.Sprintf("The command line has %d characters, and ECS Exec gets at most %d.", len(line), longest),
			"Put it into a script in the image.")
	}
	return line, nil
}

// plainTerminal switches off what a terminal changes in what a program writes, and its echo of what it reads.
const plainTerminal = "stty -opost -echo 2>/dev/null && t=0 || t=1; "

// quote makes one word of a shell, also for the splitter of the agent, which knows the same quotes.
func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// marked is the output of a session: what comes between the marks is the command's.
type marked struct {
	out   io.Writer
	mark  []byte
	plain bool // the output should be that of a program

	started  chan struct{}
	ended    chan struct{}
	held     []byte // not passed on yet: it may be the beginning of a mark
	begun    bool
	terminal bool // the terminal changes line ends
	takes    bool // the other side decodes input; known when started is closed
	exit     *int
}

func newMarked(out io.Writer, mark string, plain bool) *marked {
	return &marked{
		out: out, mark: []byte(mark), plain: plain, started: make(chan struct{}), ended: make(chan struct{}),
	}
}

var (
	beginForm = regexp.MustCompile(`^:([01])(i?):`)
	endForm   = regexp.MustCompile(`^=([0-9]{1,3})=`)
)

// write takes output. It holds back what may be part of a mark.
func (m *marked) write(p []byte) error {
	if m.exit != nil {
		return nil
	}
	m.held = append(m.held, p...)
	if !m.begun {
		i := bytes.Index(m.held, m.mark)
		if i < 0 {
			return nil
		}
		after := m.held[i+len(m.mark):]
		found := beginForm.FindSubmatch(after)
		if found == nil {
			return nil
		}
		m.begun, m.terminal, m.takes = true, string(found[1]) == "1", len(found[2]) > 0
		close(m.started)
		m.held = append([]byte{}, after[len(found[0]):]...)
	}
	if i := bytes.Index(m.held, m.mark); i >= 0 {
		found := endForm.FindSubmatch(m.held[i+len(m.mark):])
		if found == nil {
			return nil // the rest of the mark is on its way
		}
		err := m.pass(m.held[:i])
		code, _ := strconv.Atoi(string(found[1])) // the form says that it is a number
		m.exit, m.held = &code, nil
		close(m.ended)
		return err
	}
	keep := partial(m.held, m.mark)
	if m.plain && m.terminal && keep == 0 && bytes.HasSuffix(m.held, []byte("\r")) {
		keep = 1 // of a line end
	}
	now := m.held[:len(m.held)-keep]
	err := m.pass(now)
	m.held = append([]byte{}, m.held[len(now):]...)
	return err
}

// partial is how many bytes at the end of text are the beginning of the mark.
func partial(text, mark []byte) int {
	for n := min(len(mark)-1, len(text)); n > 0; n-- {
		if bytes.HasSuffix(text, mark[:n]) {
			return n
		}
	}
	return 0
}

func (m *marked) pass(p []byte) error {
	if m.plain && m.terminal {
		p = bytes.ReplaceAll(p, []byte("\r\n"), []byte("\n"))
	}
	if len(p) == 0 {
		return nil
	}
	_, err := m.out.Write(p)
	return err
}

// code is the exit code; false: the command has not told it. Only after the session, or after ended.
func (m *marked) code() (int, bool) {
	if m.exit == nil {
		return 0, false
	}
	return *m.exit, true
}

// rest is what came outside of the marks: words of the agent. Only after the session.
func (m *marked) rest() string {
	if m.begun {
		return ""
	}
	return strings.TrimSpace(string(m.held))
}
