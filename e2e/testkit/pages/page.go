// Package pages reads a page of the docs as a story: files that are written and commands that are run, in the order of
// the page, each with the output that the page shows.
//
// In: the text of a page. Out: its steps, what differs between the output on the page and the real one, and the page
// with other outputs. It must not run anything.
package pages

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Page is one page of the docs.
type Page struct {
	Steps []Step
	lines []string
}

// Step is something that the reader, or the test, does.
type Step struct {
	Line int    // of the page, from 1
	Path string // a file that is written with Text, else empty
	// Command is what the reader types. It is empty for files and directives.
	Command string
	// Directive is a line for the test, which readers do not see.
	Directive string
	Text      string
	Want      []string // the output on the page
	Exit      int      // the exit code of the command
	Typed     []string // the answers to the questions of the command, which then has a terminal
	from, to  int      // the lines of the output, from 0, to excluded
}

var (
	fence = regexp.MustCompile("^( *)(`{3,})([A-Za-z]*).*$")
	// A block of a file names it in a comment on its first line.
	named = regexp.MustCompile(`^(?:#|//) ((?:stacks|\.deployer|\.github)/\S+)(?:,.*)?$`)
	// Blocks in these languages are no commands.
	shown = []string{"text", "json", "mermaid", "diff", "hcl"}
)

// reader is the state of Parse.
type reader struct {
	page     Page
	problems []error
	at       int
	notRun   bool // the next block
	exit     int  // of the last command of the next block
	typed    []string
}

// Parse finds the steps of a page.
//
// A block in the language console has lines that begin with "$ ", each followed by its output. A block of yaml whose
// first line is a comment with a path is a file. Everything else that a reader could run is an error, so that no
// command of a page is left out by mistake. A comment <!-- test: LINE --> (or several lines between "<!-- test" and
// "-->") is for the test: "exit CODE" and "type ANSWER" belong to the last command of the next block, "not run: REASON"
// to the next block, and every other line is a directive.
func Parse(text string) (*Page, error) {
	r := &reader{page: Page{lines: strings.Split(text, "\n")}}
	for r.at < len(r.page.lines) {
		line := r.page.lines[r.at]
		switch {
		case strings.HasPrefix(line, "<!-- test"):
			r.comment(line)
		case fence.MatchString(line):
			r.block(fence.FindStringSubmatch(line))
		default:
			r.at++
		}
	}
	return &r.page, errors.Join(r.problems...)
}

func (r *reader) problem(line int, format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf("line %d: %s", line+1, fmt.Sprintf(format, args...)))
}

func (r *reader) comment(first string) {
	if rest, ok := strings.CutPrefix(first, "<!-- test: "); ok {
		rest, closed := strings.CutSuffix(rest, " -->")
		if !closed {
			r.problem(r.at, "the comment does not end on its line")
		}
		r.directive(rest)
		r.at++
		return
	}
	for r.at++; r.at < len(r.page.lines) && r.page.lines[r.at] != "-->"; r.at++ {
		r.directive(r.page.lines[r.at])
	}
	r.at++
}

func (r *reader) directive(line string) {
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case word == "exit":
		code, err := strconv.Atoi(rest)
		if err != nil {
			r.problem(r.at, "exit CODE: %v", err)
		}
		r.exit = code
	case word == "type":
		r.typed = append(r.typed, rest)
	case strings.HasPrefix(line, "not run: "):
		r.notRun = true
	default:
		r.page.Steps = append(r.page.Steps, Step{Line: r.at + 1, Directive: line})
	}
}

func (r *reader) block(opening []string) {
	indent, ticks, language, begin := opening[1], opening[2], opening[3], r.at
	end := begin + 1
	for end < len(r.page.lines) && strings.TrimSpace(r.page.lines[end]) != ticks {
		end++
	}
	body := r.page.lines[begin+1 : min(end, len(r.page.lines))]
	r.at = end + 1
	switch {
	case r.notRun || slices.Contains(shown, language):
	case indent != "":
		r.problem(begin, "the block is indented")
	case language == "console":
		r.commands(begin+1, body)
	case language == "yaml" && len(body) > 0 && named.MatchString(body[0]):
		r.page.Steps = append(r.page.Steps, Step{
			Line: begin + 1, Path: named.FindStringSubmatch(body[0])[1], Text: strings.Join(body, "\n") + "\n",
		})
	default:
		r.problem(begin, "a block of %q that the test does not run: use console, or yaml whose first line is # PATH",
			language)
	}
	r.notRun, r.exit, r.typed = false, 0, nil
}

func (r *reader) commands(at int, body []string) {
	var found []Step
	for i := 0; i < len(body); i++ {
		command, ok := strings.CutPrefix(body[i], "$ ")
		if !ok && len(found) == 0 {
			r.problem(at+i, "output without a command")
			return
		}
		if !ok {
			last := &found[len(found)-1]
			last.Want, last.to = append(last.Want, body[i]), at+i+1
			continue
		}
		step := Step{Line: at + i + 1}
		for strings.HasSuffix(command, `\`) && i+1 < len(body) {
			i++
			command += "\n" + body[i]
		}
		step.Command, step.from, step.to = command, at+i+1, at+i+1
		found = append(found, step)
	}
	if len(found) == 0 {
		r.problem(at-1, "a block without a command")
		return
	}
	last := &found[len(found)-1]
	last.Exit, last.Typed = r.exit, r.typed
	r.page.Steps = append(r.page.Steps, found...)
}

// With is the page with other outputs of its commands, by the index of the step.
func (p *Page) With(outputs map[int][]string) string {
	var out []string
	at := 0
	for i, step := range p.Steps {
		output, ok := outputs[i]
		if !ok || step.Command == "" {
			continue
		}
		out = append(append(out, p.lines[at:step.from]...), output...)
		at = step.to
	}
	return strings.Join(append(out, p.lines[at:]...), "\n")
}
