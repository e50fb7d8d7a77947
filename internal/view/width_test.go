package view

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

var squeeze = regexp.MustCompile(`\s+|\x1b\[2K`)

// At 80 columns, and at 40, no view cuts an address, a cause or an id. Each is complete, or, if longer than a line,
// complete in its parts.
func TestNothingThatHasToBeReadIsCut(t *testing.T) {
	long := func(name string) string { return strings.TrimSuffix(strings.Repeat(name+"-", 30/len(name)), "-") }
	address := long("service") + "/" + long("component")
	id := address + ":a-resource-of-it"
	arn := "arn:aws:ecs:us-east-1:123456789012:service/" + long("cluster") + "/" + long("name")
	who := "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_AdministratorAccess_0123456789abcdef/ada@example.com"
	cause := strings.TrimSuffix(strings.Repeat("it did not come up because of this and that, ", 5), ", ") + " the-end"
	old, now := "1.0.0", "1.0.0-"+long("build")
	resources := []report.ResourceDetail{{Resource: id, Type: "ecs/service", ID: arn, Problems: []string{cause}}}
	step := []plan.Step{{Resource: id, Action: plan.Create, Reason: address + ":role, which it needs, failed"}}
	views := map[string]struct {
		show func(*Writer)
		want []string
	}{
		"history": {func(w *Writer) {
			History(w, state.Key{},
				[]report.Deployment{{
					Version: 12, At: noon, Result: "interrupted", Who: who, Commit: "0123456789",
					Changed: []report.VariableChange{{Name: "VERSION", Old: &old, New: &now}},
				}, {Problem: cause}})
		}, []string{who, now, "the-end"}},
		"states": {func(w *Writer) {
			States(w, "", []report.State{{Stack: long("stack"), Environment: long("env"), Modified: noon}})
		}, []string{long("stack"), long("env")}},
		"locks": {func(w *Writer) {
			Locks(w, []report.Lock{{Stack: long("stack"), Environment: long("env"), ID: arn, By: who, At: noon}}, noon)
		}, []string{arn, who}},
		"stacks": {func(w *Writer) {
			Stacks(w,
				[]report.StackEntry{{
					Stack: long("stack"), Path: "x",
					Environments: []report.Environment{{Name: long("env"), Problem: cause}},
				}}, noon)
		}, []string{long("env"), "the-end"}},
		"details": {func(w *Writer) {
			Details(w,
				&report.Details{Components: []report.ComponentDetail{
					{Address: address, Outputs: map[string]any{"arn": arn}, Resources: resources},
				}})
		}, []string{address, "a-resource-of-it", "arn = " + arn, "the-end"}},
		"state": {func(w *Writer) {
			State(w, report.StateSummary{Resources: resources, Intents: []string{"create " + id}})
		}, []string{id, arn}},
		"versions": {func(w *Writer) {
			StateVersions(w, state.Key{}, []report.StateVersion{{ID: long("version"), At: noon, Who: who}})
		}, []string{who, long("version")}},
		"comparison": {func(w *Writer) {
			StateComparison(w, &report.StateComparison{Resources: []report.StateDifference{
				{Resource: id, Where: report.OnlyInFile, FileID: arn},
				{Resource: id, Where: report.Differs, Properties: []string{long("property"), long("another")}},
			}})
		}, []string{id, arn, long("another")}},
		"graph": {func(w *Writer) {
			GraphText(w,
				&Graph{Components: []GraphNode{
					{Address: address, Kind: "MicroService"},
					{Address: "b/" + address, Kind: "SQS"},
				}, Edges: []GraphEdge{{From: address, To: "b/" + address}}})
		}, []string{address, "MicroService", "b/" + address}},
		"plan": {func(w *Writer) {
			Plan(w,
				&plan.Plan{Components: []plan.Component{{Address: address, Action: plan.Update, Changes: []plan.Change{{
					Resource: id, Action: plan.Update, Reason: cause,
					Properties: []plan.Property{
						{Path: []string{long("property")}, Old: value.NewString(arn), New: value.NewString(now)},
					},
				}}}}})
		}, []string{address, "the-end", arn, now}},
		"unfinished": {func(w *Writer) {
			Unfinished(w, &plan.Plan{}, 3, &plan.Outcome{Failed: step, NotStarted: step}, "")
		}, []string{id, address + ":role, which it needs, failed"}},
		"diagnostics": {func(w *Writer) {
			Diagnostics(w, diag.List{diag.New(diag.Failed, "X", cause, "").For(address)})
		}, []string{address, "the-end"}},
		"live": {func(w *Writer) {
			l := NewLive(w, func() time.Time { return noon }, sized(w.Width, 24))
			l.Event(plan.Event{Kind: plan.Started, Resource: id})
			l.Event(plan.Event{Kind: plan.Progress, Resource: id, Text: cause})
			l.Close()
		}, []string{address, "a-resource-of-it", "the-end"}},
	}
	for name, v := range views {
		for _, width := range []int{80, 40} {
			out := render(false, width, v.show)
			require.NotContains(t, out, "…", "%s at %d", name, width)
			for _, want := range v.want {
				require.Contains(t, squeeze.ReplaceAllString(out, ""), squeeze.ReplaceAllString(want, ""),
					"%s at %d:\n%s", name, width, out)
				if !strings.Contains(want, " ") && len(want) < width-20 {
					require.Contains(t, out, want, "%s at %d: it fits on a line and is to be copied:\n%s", name, width,
						out)
				}
			}
		}
	}
}
