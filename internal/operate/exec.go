package operate

import (
	"bytes"
	"cmp"
	"context"
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
	In  io.Reader // nil: nothing is typed
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
	found := &marked{out: t.Out, mark: []byte(mark), plain: t.Size == nil, ended: make(chan struct{})}
	line, err := script(mark, o.Command, t.Size == nil)
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
	c.converse(session, t, found.ended, stop)
	if n, ok := found.code(); ok {
		_ = session.Terminate() // the command has ended: the session may be gone
		end(&n, nil)
		return n, nil
	}
	err = c.unmarked(session, found)
	end(nil, err)
	return 0, err
}

// converse passes on what is typed, the size of the terminal and Ctrl-C, until the command or the session has ended.
func (c *Component) converse(session *channel.Channel, t Terminal, ended <-chan struct{}, stop <-chan struct{}) {
	if t.In != nil {
		go func() { _, _ = io.Copy(session, t.In) }() // it ends with the session
	}
	resize := time.NewTicker(500 * time.Millisecond)
	defer resize.Stop()
	var columns, rows int
	for {
		select {
		case <-ended:
			return
		case <-session.Done():
			return
		case <-stop:
			stop = nil
			go func() { _, _ = session.Write([]byte{3}) }() // Ctrl-C
		case <-session.Ready():
			// The size is sent once the other side listens, and then when it changes.
			if t.Size != nil {
				if nowColumns, nowRows := t.Size(); nowColumns != columns || nowRows != rows {
					columns, rows = nowColumns, nowRows
					_ = session.Resize(columns, rows) // a lost connection shows in Done
				}
			}
			select {
			case <-ended:
				return
			case <-session.Done():
				return
			case <-stop:
				stop = nil
				go func() { _, _ = session.Write([]byte{3}) }() // Ctrl-C
			case <-resize.C:
			}
		}
	}
}

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

// script is the command line for ECS Exec: a shell that runs the words and then prints the mark and the exit code. ECS
// Exec itself does not tell exit codes. Everything runs on a terminal; plain switches off what it would change.
func script(mark string, words []string, plain bool) (string, error) {
	run := "if command -v bash >/dev/null 2>&1; then bash; else sh; fi"
	if len(words) > 0 {
		quoted := make([]string, len(words))
		for i, word := range words {
			quoted[i] = quote(word)
		}
		run = strings.Join(quoted, " ")
	}
	terminal := "t=1"
	if plain {
		terminal = "stty -opost -echo 2>/dev/null && t=0 || t=1"
	}
	// Ctrl-C ends the command, and this shell must live to tell the code.
	text := terminal + "; trap : INT; printf '%s' '" + mark + "'\":$t:\"; " + run + "; c=$?; printf '%s' '" +
		mark + "'\"=$c=\""
	line := "sh -c " + quote(text)
	if len(line) > longest {
		return "", diag.New(diag.Invalid, "Command is too long",
			fmt.Sprintf("The command line has %d characters, and ECS Exec gets at most %d.", len(line), longest),
			"Put it into a script in the image.")
	}
	return line, nil
}

// quote makes one word of a shell, also for the splitter of the agent, which knows the same quotes.
func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// marked is the output of a session: what comes between the marks is the command's.
type marked struct {
	out   io.Writer
	mark  []byte
	plain bool // the output should be that of a program

	ended    chan struct{}
	held     []byte // not passed on yet: it may be the beginning of a mark
	begun    bool
	terminal bool // the terminal changes line ends
	exit     *int
}

var (
	beginForm = regexp.MustCompile(`^:([01]):`)
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
		m.begun, m.terminal = true, string(found[1]) == "1"
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
