package observe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// summarise describes in sentences what is wrong with a component.
func (e *examination) summarise(c state.Component, r report.Component) string {
	var out []string
	switch {
	case c.Removed && e.alive:
		out = append(out, "It is being deleted.")
	case c.Removed:
		out = append(out, "Its deletion is not complete: "+objects(r.Objects)+
			" left. The next apply or destroy continues.")
	}
	var order []string
	same := map[string][]string{}
	for _, part := range r.Affected {
		key := part.Problem
		if a := e.answers[part.Resource]; a.seen != nil && a.there && part.Problem == a.seen.Problem {
			// an observer's sentences, which need no name
			out = append(out, diag.Sentence(part.Problem))
			continue
		}
		if same[key] == nil {
			order = append(order, key)
		}
		same[key] = append(same[key], strings.TrimPrefix(part.Resource, c.Address+":"))
	}
	for _, key := range order {
		out = append(out, strings.TrimSuffix(key, ".")+": "+names(same[key])+".")
	}
	byOthers := func(p report.Part) bool { return p.Health == report.Changed && p.Problem != begun }
	switch {
	case r.Health == report.Missing:
		out = append(out, "`deployer plan` shows what an apply creates.")
	case r.Health == report.Changed && slices.ContainsFunc(r.Affected, byOthers):
		out = append(out, "`deployer plan --refresh` shows what an apply corrects.")
	}
	return strings.Join(out, "\n")
}

func objects(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

// names lists names, up to a number that people read.
func names(all []string) string {
	const most = 8
	if len(all) > most {
		return strings.Join(all[:most-1], ", ") + fmt.Sprintf(" and %d more", len(all)-most+1)
	}
	return strings.Join(all, ", ")
}
