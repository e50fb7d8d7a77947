package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/rollout"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/applicationautoscaling"
	"github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

// Status asks AWS about everything that the state has of a stack, or of the one component of that address. State, account and lock are read side
// by side, then all objects.
func (r *Road) Status(ctx context.Context, key state.Key, address string) (*report.Status, error) {
	var stored *Stored
	var holder lock.Record
	var first errgroup.Group
	first.Go(func() (err error) { stored, err = r.Read(ctx, key); return err })
	if r.world.Settings.Backend.Type == "s3" {
		first.Go(func() error { r.caller(ctx); return nil }) // placeOfState asks the same session, which knows the answer then
	}
	first.Go(func() error {
		// Who may not read locks sees all the rest; a run under way counts as interrupted then.
		holder, _ = r.locker.Inspect(ctx, lock.Key(key))
		return nil
	})
	if err := first.Wait(); err != nil {
		return nil, err
	}
	components, err := Select(stored, address)
	if err != nil {
		return nil, err
	}
	where, err := r.placeOfState(ctx, stored.Snapshot.Envelope)
	if err != nil {
		return nil, err
	}
	e := examination{stored: stored, intents: map[string]bool{}, answers: map[string]answer{}}
	if stored.Payload.Status == state.InProgress {
		e.alive = holder.Held() && r.locker.Liveness(holder) != lock.Dead
	}
	for _, i := range stored.Snapshot.Envelope.Intents {
		e.intents[i.Resource] = true
	}
	if err := e.ask(ctx, r.newRun(nil, &resource.Graph{}, where, Request{Key: key}), components); err != nil {
		return nil, err
	}
	return e.report(components), nil
}

// Select returns the components of a state, or only the one of that address.
func Select(s *Stored, address string) ([]state.Component, error) {
	if address == "" {
		return s.Payload.Components, nil
	}
	var addresses []string
	for _, c := range s.Payload.Components {
		if c.Address == address {
			return []state.Component{c}, nil
		}
		addresses = append(addresses, c.Address)
	}
	return nil, diag.New(diag.Invalid, "Unknown component", `The state has no component "`+address+`".`, diag.Candidates(address, addresses))
}

// examination is what is known of a stack: the state, and what AWS answered.
type examination struct {
	stored  *Stored
	alive   bool              // the run that the state says is in progress
	intents map[string]bool   // resource IDs that an unfinished run is about
	answers map[string]answer // by resource ID
}

// answer is what AWS says of one object.
type answer struct {
	there   bool
	differs string          // from what was deployed: in which properties
	err     error           // why AWS could not be asked
	service *rollout.Status // of an ECS service
}

// asking is how many objects are asked about at a time.
const asking = 64

// ask asks AWS about everything that should be there, side by side. It fails only when the context ends.
func (e *examination) ask(ctx context.Context, u *run, components []state.Component) error {
	chosen := map[string]bool{}
	for _, c := range components {
		chosen[c.Address] = true
	}
	var members []engine.StoredResource
	var services []int // of members
	var refs []rollout.Ref
	for _, res := range e.stored.Resources {
		if !chosen[res.Component] || res.Deleting || res.Replacing {
			continue
		}
		if res.Type == ecs.ServiceType {
			services = append(services, len(members))
			refs = append(refs, rollout.Ref{Cluster: res.Inputs.Get("cluster").Str(), Service: res.Inputs.Get("name").Str()})
		}
		members = append(members, res)
	}
	u.lineage = e.stored.Snapshot.Envelope.Lineage
	cfg := u.where.reading()
	catalog, tags := u.road.types(cfg), u.options().Tags
	answers := make([]answer, len(members))
	var all errgroup.Group
	all.SetLimit(asking)
	var found []rollout.Status
	all.Go(func() error {
		found = rollout.New(cfg).Status(ctx, refs...)
		return ctx.Err()
	})
	for i, res := range members {
		all.Go(func() error {
			answers[i] = read(ctx, catalog, res, tags(res.Component))
			return ctx.Err()
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	for i, at := range services {
		answers[at].there, answers[at].err, answers[at].service = found[i].Found, nil, &found[i]
		if !found[i].Found {
			answers[at].err = found[i].Err
		}
	}
	for i, res := range members {
		e.answers[res.ID] = answers[i]
	}
	return nil
}

// read asks about one object, and how it differs from what was deployed.
func read(ctx context.Context, catalog *resource.Catalog, res engine.StoredResource, tags map[string]string) answer {
	behaviour, err := catalog.Behaviour(res.Type)
	if err != nil {
		return answer{err: err}
	}
	is, there, err := behaviour.Read(ctx, resource.Request{
		Resource: res.ID, Type: res.Type, ID: res.AWSID, Inputs: value.NullValue, Tags: tags, Before: res.MovedFrom,
		Old: resource.State{ID: res.AWSID, Inputs: res.Inputs, Outputs: res.Outputs}, Progress: func(string) {},
	})
	a := answer{there: there, err: err}
	if there && err == nil {
		a.differs = strings.Join(resource.Compare(behaviour.Definition(), res.Inputs, is.Inputs).Changed(), ", ")
		if a.differs == "" && is.Repair != "" {
			a.differs = "tags"
		}
	}
	return a
}

// report sums up.
func (e *examination) report(components []state.Component) *report.Status {
	p := e.stored.Payload
	out := &report.Status{
		Stack: p.Stack, Environment: p.Environment, Version: report.Version(p.Deployment), Result: string(p.Status), At: p.At, Healthy: true,
		Components: []report.Component{},
	}
	if p.Status == state.InProgress {
		out.Run = &report.Run{Version: report.Version(p.Deployment + 1), Who: p.Who, Since: p.At, Alive: e.alive}
	}
	members := map[string][]engine.StoredResource{}
	for _, res := range e.stored.Resources {
		members[res.Component] = append(members[res.Component], res)
	}
	for _, c := range components {
		one := e.component(c, members[c.Address], &out.Objects)
		out.Healthy = out.Healthy && one.Healthy
		out.Components = append(out.Components, one)
	}
	return out
}

// component judges one component, and counts its objects in all.
func (e *examination) component(c state.Component, members []engine.StoredResource, all *report.Objects) report.Component {
	out := report.Component{Address: c.Address, Kind: c.Kind, Health: report.Healthy}
	affected := func(id, typ, awsID string, health report.Health, problem string) {
		if e.alive && e.intents[id] && health.Worse(report.Updating) > 0 && health != report.Unknown {
			health = report.Updating
			if problem != notMade && problem != notRemade {
				problem = changing
			}
		}
		out.Affected = append(out.Affected, report.Part{Resource: id, Type: typ, ID: awsID, Health: health, Problem: problem})
	}
	there := map[string]bool{}
	for _, res := range members {
		if res.Deleting {
			affected(res.ID, res.Type, res.AWSID, report.Healthy, oldStays)
			continue
		}
		there[res.ID] = true
		out.Objects++
		if res.Replacing {
			all.Missing++
			affected(res.ID, res.Type, res.AWSID, report.Missing, notRemade)
			continue
		}
		a := e.answers[res.ID]
		switch {
		case a.err != nil:
			all.Unknown++
		case a.there:
			all.There++
		default:
			all.Missing++
		}
		if a.service != nil && a.there {
			out.Service = service(*a.service)
		}
		if health, problem := judge(res, a, members); health != report.Healthy {
			affected(res.ID, res.Type, res.AWSID, health, problem)
		}
	}
	for _, m := range c.Missing {
		if !there[m.Resource] {
			out.Objects++
			all.Missing++
			problem := notMade
			if e.intents[m.Resource] && !e.alive {
				problem = lost
			}
			affected(m.Resource, m.Type, "", report.Missing, problem)
		}
	}
	all.Wanted += out.Objects
	for _, part := range out.Affected {
		if part.Health.Worse(out.Health) > 0 {
			out.Health = part.Health
		}
	}
	if c.Removed {
		out.Health = report.Leftover
		if e.alive {
			out.Health = report.Updating
		}
	}
	out.Healthy, out.Problem = out.Health.Good(), summarise(c, out, e.alive)
	return out
}

// What is said of several objects alike, before their names.
const (
	notMade   = "Wanted and not there yet"
	lost      = "Being made when a run was interrupted; the next apply looks for it"
	gone      = "Not in AWS any more"
	notRemade = "Deleted, and not made anew yet"
	oldStays  = "Replaced, and the old object not deleted yet"
	changed   = "Changed outside of deployer, in "
	changing  = "A run is changing it right now"
	half      = "Made by a run that was interrupted; the next apply completes it"
)

// judge says how one object does.
func judge(res engine.StoredResource, a answer, members []engine.StoredResource) (report.Health, string) {
	if len(res.InitErrors) > 0 && resource.IsRepair(res.InitErrors[0]) {
		res.InitErrors = nil // no failure: the read says whether it still is so
	}
	switch {
	case a.err != nil:
		return report.Unknown, "AWS could not be asked (" + reasonOf(a.err) + ")"
	case !a.there:
		return report.Missing, gone
	case a.service != nil:
		number, fixed := wantedTasks(res, members)
		health, problem := judgeService(res, *a.service, number, fixed)
		if health == report.Healthy && a.differs != "" && len(res.InitErrors) == 0 {
			return report.Changed, changed + a.differs + "."
		}
		return health, problem
	case res.Interrupted():
		return report.Unknown, half
	case len(res.InitErrors) > 0:
		return report.Unhealthy, cause(res)
	case a.differs != "":
		return report.Changed, changed + a.differs
	}
	return report.Healthy, ""
}

// cause is why a resource did not become what was wanted.
func cause(res engine.StoredResource) string {
	return strings.TrimPrefix(strings.Join(res.InitErrors, " "), res.Component+": ")
}

func reasonOf(err error) string {
	var op *resource.OpError
	if errors.As(err, &op) {
		return op.Error()
	}
	return err.Error()
}

// wantedTasks is how many tasks were deployed as the number of a service: all of them where the number is fixed, else the least that autoscaling
// may go down to. 0: nobody can tell.
func wantedTasks(res engine.StoredResource, members []engine.StoredResource) (number int, fixed bool) {
	if count := res.Inputs.Get("desiredCount"); count.Known() && !count.IsNull() {
		return int(count.Number()), true
	}
	for _, other := range members {
		if other.Type == applicationautoscaling.TargetType && !other.Deleting && other.Inputs.Get("byClock").Interface() != true {
			number = int(other.Inputs.Get("min").Number())
		}
	}
	return number, false
}

// judgeService says how a service does that is there.
func judgeService(res engine.StoredResource, s rollout.Status, number int, fixed bool) (report.Health, string) {
	failed := len(res.InitErrors) > 0 && res.Outputs.Get("rollout").Str() == ecs.RolloutFailed
	deployed := ""
	if len(res.InitErrors) == 0 { // else the state says what ran when the run ended
		deployed = res.Inputs.Get("taskDefinition").Str()
	}
	switch {
	case failed:
		return report.Unhealthy, cause(res)
	case s.RolloutState == "FAILED":
		return report.Unhealthy, "The last rollout failed: " + s.RolloutReason
	case s.Desired == 0 && number > 0 && s.Deploying == "":
		return report.Unhealthy, fmt.Sprintf("0 tasks run: the service was set to 0 tasks outside of deployer; wanted: %d.", number)
	case s.Running == 0 && s.Desired > 0:
		return report.Unhealthy, cmp.Or(rolling(s, deployed), fmt.Sprintf("0 of %d tasks run.", s.Desired))
	}
	for _, t := range s.Targets {
		if t.Healthy == 0 && s.Desired > 0 {
			return report.Unhealthy, fmt.Sprintf("0 of %d targets are healthy: %s", max(t.Total, s.Desired), cmp.Or(t.Reason, "none is registered."))
		}
	}
	switch {
	case s.Deploying != "":
		return report.Updating, rolling(s, deployed)
	case s.Running < s.Desired && s.Running+s.Pending >= s.Desired && s.FailedTasks == 0:
		return report.Updating, fmt.Sprintf("%d of %d tasks run, %d starting.", s.Running, s.Desired, s.Pending)
	case s.Running < s.Desired:
		return report.Unhealthy, fmt.Sprintf("%d of %d tasks run.", s.Running, s.Desired)
	case slices.ContainsFunc(s.Images, func(i rollout.Image) bool { return i.Unhealthy > 0 }):
		return report.Unhealthy, "Some containers fail their health check."
	}
	for _, t := range s.Targets {
		if t.Healthy < t.Total || t.Healthy < s.Desired {
			return report.Unhealthy, fmt.Sprintf("%d of %d targets are healthy: %s", t.Healthy, max(t.Total, s.Desired), t.Reason)
		}
	}
	switch {
	case deployed != "" && s.TaskDefinition != "" && !rollout.SameRevision(deployed, s.TaskDefinition):
		return report.Changed, fmt.Sprintf("Revision %s runs, revision %s was deployed: somebody changed it outside of deployer.", s.Revision, revisionOf(deployed))
	case fixed && len(res.InitErrors) == 0 && s.Desired != number:
		return report.Changed, fmt.Sprintf("ECS wants %d tasks, %d were deployed: somebody changed it outside of deployer.", s.Desired, number)
	case !fixed && s.Desired < number:
		return report.Changed, fmt.Sprintf("ECS wants %d tasks, the least is %d: somebody changed it outside of deployer.", s.Desired, number)
	case s.Err != nil:
		return report.Unknown, "AWS could not be asked about its tasks or targets: " + reasonOf(s.Err)
	case s.Running > s.Desired || s.Pending > 0:
		return report.Updating, fmt.Sprintf("%d tasks run, %d are wanted.", s.Running, s.Desired)
	}
	return report.Healthy, ""
}

// rolling says how a rollout in progress does; "" when there is none.
func rolling(s rollout.Status, deployed string) string {
	if s.Deploying == "" {
		return ""
	}
	text := fmt.Sprintf("A rollout of revision %s is in progress: %d of %d tasks run", revisionOf(s.Deploying), s.Running, s.Desired)
	if s.FailedTasks > 0 {
		text += fmt.Sprintf(", %d failed", s.FailedTasks)
	}
	text += "."
	if deployed != "" && !rollout.SameRevision(deployed, s.Deploying) {
		text += " Revision " + revisionOf(deployed) + " was deployed last."
	}
	return text
}

func revisionOf(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

// summarise says in sentences what is wrong with a component.
func summarise(c state.Component, r report.Component, alive bool) string {
	var out []string
	switch {
	case c.Removed && alive:
		out = append(out, "It is being deleted.")
	case c.Removed:
		out = append(out, "It was to be deleted. Left of it: "+objects(r.Objects)+". The next apply or destroy goes on.")
	}
	var order []string
	same := map[string][]string{}
	for _, part := range r.Affected {
		key := part.Problem
		if part.Type == ecs.ServiceType && r.Service != nil { // there is one, and the sentence is about it
			out = append(out, sentence(part.Problem))
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
	switch r.Health {
	case report.Missing:
		out = append(out, "`deployer plan` shows what an apply makes.")
	case report.Changed:
		out = append(out, "`deployer plan --refresh` shows what an apply changes back.")
	}
	return strings.Join(out, "\n")
}

func objects(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

// names lists names, not more than people read.
func names(all []string) string {
	const most = 8
	if len(all) > most {
		return strings.Join(all[:most-1], ", ") + fmt.Sprintf(" and %d more", len(all)-most+1)
	}
	return strings.Join(all, ", ")
}

func service(s rollout.Status) *report.Service {
	out := &report.Service{
		Name: s.Service, Cluster: s.Cluster, Desired: s.Desired, Running: s.Running, Pending: s.Pending, Revision: s.Revision,
		Rollout: s.RolloutState, Since: s.Since, Images: []report.Image{}, Events: []report.Event{},
	}
	for _, i := range s.Images {
		out.Images = append(out.Images, report.Image{Container: i.Container, Image: i.Image, Digest: i.Digest, Tasks: i.Tasks})
	}
	for _, t := range s.Targets {
		out.Targets = append(out.Targets, report.Targets{Healthy: t.Healthy, Total: t.Total, Reason: t.Reason})
	}
	for _, e := range s.Events {
		out.Events = append(out.Events, report.Event(e))
	}
	return out
}
