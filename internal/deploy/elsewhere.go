package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// tagIndex is tagging.Find, or what a test puts in its place.
type tagIndex func(ctx context.Context, cfg sdk.Config, tags map[string]string, limit int) ([]tagging.Object, error)

// signs are what tells that a stack was deployed before, although the state of a run knows of no object.
type signs struct {
	deployments int              // in the history
	objects     []tagging.Object // with the stack's tags and a lineage that is not the state's
	unasked     diag.List        // what could not be asked, as warnings
}

// lineages are those of the objects, each once.
func (s *signs) lineages() []string {
	var out []string
	for _, o := range s.objects {
		if lineage := o.Tags[resource.TagLineage]; !slices.Contains(out, lineage) {
			out = append(out, lineage)
		}
	}
	return out
}

// lookedAt is how many objects of the tag index are looked at: one page.
const lookedAt = 100

// signsOf asks history and tag index, side by side. own are the lineages whose objects are no sign. history: without a state the history counts.
// The tag index may not be asked, or not answer in time: that stops nobody, and is told.
func (r *Road) signsOf(ctx context.Context, key state.Key, where place, own []string, history bool) (*signs, error) {
	ctx, cancel := context.WithTimeout(ctx, looking)
	defer cancel()
	out, listed := &signs{}, make(chan error, 1)
	go func() {
		var past []state.HistoryEntry
		var err error
		if history {
			past, err = r.backend.Store(key).ListHistory(ctx)
		}
		out.deployments = len(past)
		listed <- err
	}()
	objects, err := r.tagged(ctx, where, key)
	for _, o := range objects {
		if lineage := o.Tags[resource.TagLineage]; lineage != "" && !slices.Contains(own, lineage) {
			out.objects = append(out.objects, o)
		}
	}
	if err != nil {
		w := &diag.Diagnostic{
			Severity: diag.Warning, Code: diag.Failed, Summary: "AWS was not asked what is there",
			Detail: fmt.Sprintf("Whether objects of %s exist that this state does not know could not be asked: %s.", key, strings.TrimSuffix(err.Error(), ".")),
		}
		var op *resource.OpError
		if errors.As(err, &op) && op.Denied() {
			w.Next = resource.DeniedAdvice(op.Operation, op.Message)
		}
		out.unasked.Add(w)
	}
	return out, <-listed
}

// tagged are objects that carry the tags of a stack and environment.
func (r *Road) tagged(ctx context.Context, where place, key state.Key) ([]tagging.Object, error) {
	if where.survey != nil { // it has asked already
		return where.survey.First(ctx)
	}
	if where.session == nil || where.region == "" {
		return nil, errors.New("the region is not known")
	}
	return r.index(ctx, where.reading(), map[string]string{resource.TagStack: key.Stack, resource.TagEnvironment: key.Environment}, lookedAt)
}

// missing is the error of a stack without a state that has a history.
func (r *Road) missing(ctx context.Context, key state.Key, past int) error {
	ctx, cancel := context.WithTimeout(ctx, looking)
	defer cancel()
	return diag.New(diag.Conflict, "State is missing",
		fmt.Sprintf("There is no state of %s in %s, but a history of %s: somebody deleted state.json, or moved it away.", key, r.backend.Location(), deployments(past)),
		"Nothing was changed. "+r.remedy(ctx, key, ""))
}

func deployments(n int) string {
	if n == 1 {
		return "1 deployment"
	}
	return fmt.Sprintf("%d deployments", n)
}

// aside looks, while a plan is made, for what a state that knows of no object says nothing of. The function that it returns waits for the answer;
// given how the plan came out, it returns how the run goes on.
func (u *run) aside(ctx context.Context) func(error) error {
	resources, err := engine.Resources(u.engine)
	if err != nil || len(resources) > 0 || u.road.world.Blind {
		return func(err error) error { return err }
	}
	type answer struct {
		*signs
		err error
	}
	answered := make(chan answer, 1)
	go func() {
		s, err := u.road.signsOf(ctx, u.req.Key, u.where, u.lineages(), u.stored == nil)
		answered <- answer{s, err}
	}()
	return func(planned error) error {
		found := <-answered
		u.noticed = found.unasked
		switch {
		case ctx.Err() != nil:
			return errors.Join(planned, ctx.Err())
		case found.err != nil:
			return found.err
		case found.deployments > 0:
			return u.road.missing(ctx, u.req.Key, found.deployments)
		case planned != nil || len(found.objects) == 0:
			return planned
		case u.stack == nil:
			return u.elsewhere(ctx, tellingOnly(found.objects))
		}
		return u.verified(ctx, found.signs)
	}
}

// lineages are those of which objects are the state's.
func (u *run) lineages() []string {
	if u.stored == nil {
		return nil
	}
	return append([]string{u.lineage}, u.former()...)
}

// verified looks for the objects themselves: the tag index knows deleted ones for hours. The names are those of what the plan would create.
func (u *run) verified(ctx context.Context, found *signs) error {
	var there []tagging.Object
	for _, lineage := range found.lineages() {
		o := u.options()
		o.Catalog, o.Former, o.Intents, o.Adopt = u.road.types(u.where.reading()), nil, u.creates, nil
		own := o.Tags
		o.Tags = func(component string) map[string]string {
			tags := own(component)
			tags[resource.TagLineage] = lineage
			return tags
		}
		// What exists of the creations and is not wanted would be deleted.
		preview, err := engine.PreviewApply(ctx, &resource.Graph{}, nil, o)
		if preview == nil {
			return problems(err).Err()
		}
		for _, c := range preview.Plan.Components {
			for _, change := range c.Changes {
				if change.Action == plan.Delete {
					there = append(there, tagging.Object{ARN: change.Resource, Tags: map[string]string{resource.TagLineage: lineage}})
				}
			}
		}
	}
	if len(there) > 0 {
		return u.elsewhere(ctx, there)
	}
	if rest := tellingOnly(found.objects); len(rest) > 0 {
		u.noticed.Add(&diag.Diagnostic{
			Severity: diag.Warning, Code: diag.Conflict, Summary: "Objects of another state",
			Detail: fmt.Sprintf("AWS's tag index has %s that carry the tags of %s and that this state does not know: %s. Their names are not those of this plan, or they were deleted lately.",
				indexed(len(rest)), u.req.Key, some(rest)),
			Next: "If the stack was deployed with another backend, use that one. If nobody needs the objects, delete them in AWS.",
		})
	}
	return nil
}

// tellingOnly leaves out what AWS keeps in the tag index for hours after it was deleted, or for ever.
func tellingOnly(objects []tagging.Object) []tagging.Object {
	return slices.DeleteFunc(slices.Clone(objects), func(o tagging.Object) bool {
		parts := strings.SplitN(o.ARN, ":", 6)
		return len(parts) == 6 && (parts[2] == "ecs" || parts[2] == "elasticloadbalancing" && strings.HasPrefix(parts[5], "listener"))
	})
}

func indexed(n int) string {
	if n >= lookedAt {
		return fmt.Sprintf("%d objects and more", n)
	}
	return objects(n)
}

// some names a few objects.
func some(objects []tagging.Object) string {
	const few = 3
	var names []string
	for _, o := range objects[:min(few, len(objects))] {
		names = append(names, o.ARN)
	}
	text := strings.Join(names, ", ")
	if len(objects) > few {
		text += ", …"
	}
	return text
}

// elsewhere is the error of a run whose state does not know what AWS has of the stack; nil when nothing is there.
func (u *run) elsewhere(ctx context.Context, there []tagging.Object) error {
	if len(there) == 0 {
		return nil
	}
	found := &signs{objects: there}
	return u.road.elsewhere(ctx, u.req.Key, found, u.stored != nil)
}

// elsewhere says that the state of a stack is not in this backend, or not at its place there, and how to reach it. replaced: another state is at
// that place.
func (r *Road) elsewhere(ctx context.Context, key state.Key, found *signs, replaced bool) *diag.Diagnostic {
	lineages := found.lineages()
	none := "has no state of it"
	if replaced {
		none = "has another state of it, which does not know them"
	}
	return diag.New(diag.Conflict, "State is elsewhere",
		fmt.Sprintf("AWS has %s of %s with the lineage %s: %s. This stack's state is elsewhere: %s %s.",
			indexed(len(found.objects)), key, strings.Join(lineages, ", "), some(found.objects), r.backend.Location(), none),
		"Nothing was changed. "+r.wayTo(ctx, key, lineages, replaced))
}

// wayTo says how to reach the state of one of the lineages: in this backend's history, on this machine, or in another backend.
func (r *Road) wayTo(ctx context.Context, key state.Key, lineages []string, replaced bool) string {
	ctx, cancel := context.WithTimeout(ctx, looking)
	defer cancel()
	all, _, _ := r.past(ctx, key, 0) // what cannot be read cannot be offered
	of := func(k kept) bool {
		return k.stored == nil || !slices.Contains(lineages, k.stored.Snapshot.Envelope.Lineage)
	}
	if best := newest(slices.DeleteFunc(slices.Clone(all), of), ""); best != nil {
		var flags []string
		if last := newest(all, ""); replaced || last.stored.Snapshot.Envelope.Lineage != best.stored.Snapshot.Envelope.Lineage {
			flags = append(flags, "--force")
		}
		return fmt.Sprintf("Its newest version here is %s (serial %d, %s, by %s). This brings it back:\n%s", versionOf(best.stored), best.Serial,
			writtenAt(best.stored).UTC().Format("2006-01-02 15:04:05 UTC"), best.Who, r.commandLine(key, "state restore", append(flags, best.ID)...))
	}
	if r.forgotten(key) && slices.Contains(lineages, lineageIn(r.localState(key))) {
		return "It is on this machine: bring it over:\n" + r.commandLine(key, "state push", r.localState(key))
	}
	if r.world.Settings.Backend.Type != "s3" {
		return "State is kept on this machine because no bucket is configured. Whoever deploys the stack finds bucket and table with `deployer config show`: " +
			"give them with `deployer init`, which can also write .deployer/config.yaml for everybody who clones the repository, or with --backend-bucket and --lock-table."
	}
	return "`deployer config show --origin` says where this backend comes from; compare bucket and prefix with what whoever deploys the stack uses. " +
		"If that state is gone for good, delete the objects in AWS, or give stack or environment another name."
}

// lineageIn is the lineage of the state in a file, "" where it cannot be read.
func lineageIn(path string) string {
	raw, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return ""
	}
	e, err := state.Decode(raw, path)
	if err != nil {
		return ""
	}
	return e.Lineage
}

// strange turns the taken names of a run into the one thing that they say, where they are those of the stack's own objects on another state.
func (u *run) strange(ctx context.Context, found diag.List) diag.List {
	var taken signs
	var rest diag.List
	at := -1
	for _, d := range found {
		var owned *resource.OwnedError
		lineage := ""
		if errors.As(d.Cause, &owned) && owned.Tags[resource.TagStack] == u.req.Key.Stack && owned.Tags[resource.TagEnvironment] == u.req.Key.Environment {
			lineage = owned.Tags[resource.TagLineage]
		}
		if lineage == "" || lineage == u.lineage || slices.Contains(u.lineages(), lineage) {
			rest.Add(d)
			continue
		}
		if at < 0 {
			at = len(rest)
		}
		taken.objects = append(taken.objects, tagging.Object{ARN: owned.Name, Tags: owned.Tags})
	}
	if at < 0 {
		return found
	}
	d := u.road.elsewhere(ctx, u.req.Key, &taken, true)
	d.Detail = "Names are taken. " + d.Detail
	d.Next = strings.TrimPrefix(d.Next, "Nothing was changed. ")
	return slices.Insert(rest, at, d)
}

// regionOf is where the manifests say that a stack is, as far as they can be read; "" where they do not.
func (r *Road) regionOf(key state.Key) string {
	bundle, _ := manifest.Load(r.world.Root, key.Stack)
	if bundle == nil {
		return ""
	}
	return bundle.Settings(key.Environment).Provider.Region
}

// leftBehind is the error of a command without a state, where history or AWS know of the stack.
func (r *Road) leftBehind(ctx context.Context, key state.Key) (diag.List, error) {
	soon, cancel := context.WithTimeout(ctx, looking)
	where, err := r.placeIn(soon, r.regionOf(key))
	cancel()
	if err != nil {
		where = place{} // whoever has no credentials still has a history
	}
	found, err := r.signsOf(ctx, key, where, nil, true)
	switch {
	case err != nil:
		return found.unasked, err
	case found.deployments > 0:
		return found.unasked, r.missing(ctx, key, found.deployments)
	}
	found.objects = tellingOnly(found.objects)
	if len(found.objects) == 0 {
		return found.unasked, nil
	}
	return found.unasked, r.elsewhere(ctx, key, found, false)
}
