package cli

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/value"
	"github.com/company/deployer/internal/view"
)

type logsOptions struct {
	target
	components                               []string
	since, until, pattern, task, container   string
	include, exclude, highlight              []string
	tail                                     int
	follow, live, previous, timestamps, json bool
	output                                   string
	given                                    func(flag string) bool
}

// usualTail is how many lines of each component are shown when nothing says which.
const usualTail = 100

func newLogs(f *Factory) *cobra.Command {
	o := &logsOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "logs [ADDRESS...]",
		Short: "Show and follow the logs of components",
		Long: "Show the logs of the named components, or of all, in the order of time. Without --since and --tail, " +
			"these are the last 100 lines of each component. On a terminal each component has a colour, and each of " +
			"its tasks a shade of it. Lines between them say where a version begins, and why a task stopped. " +
			"Times without a zone are UTC.",
		RunE: func(cmd *cobra.Command, args []string) error {
			o.components, o.given = args, cmd.Flags().Changed
			return logsRun(o)
		},
	}
	o.target.flags(cmd)
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return o.addresses(), cobra.ShellCompDirectiveNoFileComp
	}
	flags := cmd.Flags()
	flags.BoolVarP(&o.follow, "follow", "f", false, "then show what is added, until interrupted")
	flags.StringVar(&o.since, "since", "", "from `when` on: a duration such as 1h30m or 2d, or a time such as "+
		"2024-01-15T10:00")
	flags.StringVar(&o.until, "until", "", "until `when`, in the same forms")
	flags.IntVar(&o.tail, "tail", usualTail, "only the last `n` lines of each component; with --since: all lines")
	flags.StringArrayVar(&o.include, "include", nil, "only lines that match this `regexp` (repeatable: any of them)")
	flags.StringArrayVar(&o.exclude, "exclude", nil, "no lines that match this `regexp` (repeatable)")
	flags.StringArrayVar(&o.highlight, "highlight", nil, "mark what matches this `regexp` (repeatable)")
	flags.StringVar(&o.pattern, "filter", "",
		"only lines that fit this filter `pattern` of CloudWatch, which AWS applies")
	flags.StringVar(&o.task, "task", "", "only tasks whose `id` begins so")
	flags.StringVar(&o.container, "container", "", "only this container: its `name`")
	flags.BoolVar(&o.previous, "previous", false, "only the tasks that stopped last: at most 5 of each component, "+
		"as long as ECS knows them")
	flags.BoolVar(&o.live, "live", false, "only what is added, by CloudWatch's live tail: a second after it is "+
		"written, but AWS samples it beyond 500 lines a second, and it has a price")
	flags.BoolVar(&o.timestamps, "timestamps", false, "show the time of each line")
	flags.StringVarP(&o.output, "output", "o", "", "`format` of a line: raw, or template=... in Go's syntax, with "+
		"the fields At, Component, Container, Task, Version, Revision, Message, Group, Stream and ID")
	flags.BoolVar(&o.json, "json", false, "print JSON: an object per line")
	return cmd
}

// request parses the flags, and reports all problems at once.
func (o *logsOptions) request() (observe.LogRequest, view.LogFormat, error) {
	var problems diag.List
	wrong := func(summary, detail, next string) {
		problems.Add(diag.New(diag.Invalid, summary, detail, next))
	}
	now := o.factory.Now()
	req := observe.LogRequest{
		Components: o.components, Tail: o.tail, Follow: o.follow, Live: o.live, Previous: o.previous,
		Task: o.task, Container: o.container, Pattern: o.pattern,
	}
	req.Task = req.Task[strings.LastIndexByte(req.Task, '/')+1:] // of an ARN
	req.From, req.To = moment(&problems, "--since", o.since, now), moment(&problems, "--until", o.until, now)
	if !req.From.IsZero() && !req.To.IsZero() && !req.From.Before(req.To) {
		wrong("Invalid --until", "--until is not after --since.", "Exchange them.")
	}
	if req.From.After(now) {
		wrong("Invalid --since", "That time is in the future.", "For instance: --since 1h30m")
	}
	if o.given != nil && o.given("tail") {
		if o.tail < 0 {
			wrong("Invalid --tail", "A number of lines cannot be negative.", "For instance: --tail 100")
		}
	} else if o.since != "" {
		req.Tail = -1
	}
	for _, two := range [][2]string{
		{"follow", "until"},
		{"follow", "previous"},
		{"live", "since"},
		{"live", "until"},
		{"live", "tail"},
		{"live", "previous"},
		{"json", "output"},
		{"json", "timestamps"},
		{"json", "highlight"},
		{"output", "timestamps"},
		{"output", "highlight"},
	} {
		if o.given != nil && o.given(two[0]) && o.given(two[1]) {
			wrong("Flags exclude each other", fmt.Sprintf("--%s and --%s cannot be given together.", two[0], two[1]),
				"Leave one of them out.")
		}
	}
	include, exclude := patterns(&problems, "--include", o.include), patterns(&problems, "--exclude", o.exclude)
	if len(include)+len(exclude) > 0 {
		req.Keep = func(text string) bool {
			return (len(include) == 0 || matches(include, text)) && !matches(exclude, text)
		}
	}
	format := view.LogFormat{
		JSON: o.json, Timestamps: o.timestamps, Highlight: patterns(&problems, "--highlight", o.highlight),
	}
	text, templated := strings.CutPrefix(o.output, "template=")
	switch {
	case templated:
		var err error
		if format.Template, err = view.ParseLogTemplate(text); err != nil {
			wrong("Invalid --output", diag.Sentence(err.Error()), "For instance: -o 'template={{.At}} {{.Message}}'")
		}
	case o.output == "raw":
		format.Raw = true
	case o.output != "":
		wrong("Invalid --output", fmt.Sprintf("%q is neither raw nor template=...", o.output), "For instance: -o raw")
	}
	return req, format, problems.Err()
}

// moment parses a time, or a duration before now. "" is the zero time.
func moment(problems *diag.List, flag, text string, now time.Time) time.Time {
	if text == "" {
		return time.Time{}
	}
	var before value.Duration
	if before.UnmarshalText([]byte(text)) == nil {
		return now.Add(-time.Duration(before))
	}
	for _, layout := range []string{
		time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04",
		"2006-01-02 15:04", time.DateOnly,
	} {
		if at, err := time.Parse(layout, text); err == nil {
			return at
		}
	}
	problems.Add(diag.New(diag.Invalid, "Invalid "+flag,
		fmt.Sprintf("%q is neither a duration nor a time.", text),
		"For instance: "+flag+" 1h30m, "+flag+" 2d, "+flag+" 2024-01-15T10:00"))
	return time.Time{}
}

func patterns(problems *diag.List, flag string, texts []string) []*regexp.Regexp {
	var out []*regexp.Regexp
	for _, text := range texts {
		p, err := regexp.Compile(text)
		if err != nil {
			problems.Add(diag.New(diag.Invalid, "Invalid "+flag, diag.Sentence(err.Error()),
				"It is a regular expression of Go; for a plain text, put \\ before . * + ? ( ) [ ] { } | ^ $ and \\."))
			continue
		}
		out = append(out, p)
	}
	return out
}

func matches(all []*regexp.Regexp, text string) bool {
	for _, p := range all {
		if p.MatchString(text) {
			return true
		}
	}
	return false
}

func logsRun(o *logsOptions) error {
	f := o.factory
	req, format, err := o.request()
	if err != nil {
		return err
	}
	key, back, err := o.open()
	if err != nil {
		return err
	}
	lines := view.NewLogs(f.Stdout(), f.Out, format)
	req.Begin, req.Show = lines.Begin, lines.Show
	req.Tell = func(component, text string) {
		if !f.global.quiet {
			view.LogNote(f.Stderr(), component, text)
		}
	}
	return o.slip(observe.Logs(f.Soft, back, key, req))
}
