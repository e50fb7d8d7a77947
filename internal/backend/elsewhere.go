package backend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// Signs show that a stack was deployed before, although the run's state has no object.
type Signs struct {
	Deployments int               // in the history
	Objects     []resource.Tagged // with the stack's tags and a lineage that is not the state's
	Unasked     diag.List         // what could not be asked, as warnings
}

// Lineages are the lineages of the objects, each once.
func (s *Signs) Lineages() []string {
	var out []string
	for _, o := range s.Objects {
		if lineage := o.Tags[resource.TagLineage]; !slices.Contains(out, lineage) {
			out = append(out, lineage)
		}
	}
	return out
}

// lookedAt is how many objects of the tag index are looked at: one page.
const lookedAt = 100

// SignsOf asks history and tag index, in parallel. own are the lineages whose objects are no sign. history: without a
// state, the history counts. If the tag index denies access or does not answer in time, the run goes on and says so.
func (b *Backend) SignsOf(ctx context.Context, key state.Key, where Place, own []string, history bool) (*Signs, error) {
	ctx, cancel := context.WithTimeout(ctx, looking)
	defer cancel()
	out, listed := &Signs{}, make(chan error, 1)
	go func() {
		var past []state.HistoryEntry
		var err error
		if history {
			past, err = b.Store(key).ListHistory(ctx)
		}
		out.Deployments = len(past)
		listed <- err
	}()
	objects, err := b.tagged(ctx, where, key)
	for _, o := range objects {
		if lineage := o.Tags[resource.TagLineage]; lineage != "" && !slices.Contains(own, lineage) {
			out.Objects = append(out.Objects, o)
		}
	}
	if err != nil {
		w := &diag.Diagnostic{
			Severity: diag.Warning, Code: diag.Failed, Summary: "AWS was not asked for objects of other states",
			Detail: fmt.Sprintf("It is not known whether AWS has objects of %s that are not in this state: %s.",
				key, strings.TrimSuffix(err.Error(), ".")),
		}
		var op *resource.OpError
		if errors.As(err, &op) && op.Denied() {
			w.Next = resource.DeniedAdvice(op.Operation, op.Message)
		}
		out.Unasked.Add(w)
	}
	return out, <-listed
}

// tagged are objects that carry the tags of a stack and environment.
func (b *Backend) tagged(ctx context.Context, where Place, key state.Key) ([]resource.Tagged, error) {
	if where.Survey != nil { // it has asked already
		return where.Survey.First(ctx)
	}
	if where.Session == nil || where.Region == "" {
		return nil, errors.New("the region is not known")
	}
	return b.World.Index(ctx, where.Reading(),
		map[string]string{resource.TagStack: key.Stack, resource.TagEnvironment: key.Environment}, lookedAt)
}

// Missing is the error of a stack without a state that has a history.
func (b *Backend) Missing(ctx context.Context, key state.Key, past int) error {
	ctx, cancel := context.WithTimeout(ctx, looking)
	defer cancel()
	return diag.New(diag.Conflict, "State is missing",
		fmt.Sprintf("There is no state of %s in %s, but there is a history of %s: somebody deleted state.json, or "+
			"moved it away.", key, b.Location(), deployments(past)),
		"Nothing was changed. "+b.remedy(ctx, key, ""))
}

func deployments(n int) string {
	if n == 1 {
		return "1 deployment"
	}
	return fmt.Sprintf("%d deployments", n)
}

// TellingOnly leaves out objects that AWS keeps in the tag index for hours after their deletion, or for ever.
func TellingOnly(objects []resource.Tagged) []resource.Tagged {
	return slices.DeleteFunc(slices.Clone(objects), func(o resource.Tagged) bool {
		parts := strings.SplitN(o.ARN, ":", 6)
		return len(parts) == 6 && (parts[2] == "ecs" || parts[2] == "elasticloadbalancing" &&
			strings.HasPrefix(parts[5], "listener"))
	})
}

func indexed(n int) string {
	if n == 1 {
		return "1 object"
	}
	if n >= lookedAt {
		return fmt.Sprintf("%d objects and more", n)
	}
	return fmt.Sprintf("%d objects", n)
}

// some names a few objects.
func some(objects []resource.Tagged) string {
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

// OthersObjects warns of objects that carry the tags of a stack and that its state does not know; nil: there are none.
func OthersObjects(key state.Key, objects []resource.Tagged) *diag.Diagnostic {
	if len(objects) == 0 {
		return nil
	}
	return &diag.Diagnostic{
		Severity: diag.Warning, Code: diag.Conflict, Summary: "Objects of another state",
		Detail: fmt.Sprintf("AWS's tag index has %s with the tags of %s that are not in this state: %s. "+
			"Their names differ from those in this plan, or they were deleted a short time ago.", indexed(len(objects)),
			key,
			some(objects)),
		Next: "If the stack was deployed with another backend, use that one. If nobody needs the objects, delete " +
			"them in AWS.",
	}
}

// Elsewhere says that the state of a stack is not in this backend, or not at its place there, and how to reach it.
// replaced: another state is at that place.
func (b *Backend) Elsewhere(ctx context.Context, key state.Key, found *Signs, replaced bool) *diag.Diagnostic {
	lineages := found.Lineages()
	none := "has no state of the stack"
	if replaced {
		none = "has a state of the stack that does not have them"
	}
	return diag.New(diag.Conflict, "State is in another backend",
		fmt.Sprintf("AWS has %s of %s with the lineage %s: %s. This stack's state is in another backend: %s %s.",
			indexed(len(found.Objects)), key, strings.Join(lineages, ", "), some(found.Objects), b.Location(), none),
		"Nothing was changed. "+b.wayTo(ctx, key, lineages, replaced))
}

// wayTo says how to reach the state of one of the lineages: in this backend's history, on this machine, or in another
// backend.
func (b *Backend) wayTo(ctx context.Context, key state.Key, lineages []string, replaced bool) string {
	ctx, cancel := context.WithTimeout(ctx, looking)
	defer cancel()
	all, _, _ := b.Past(ctx, key, 0) // what cannot be read cannot be suggested
	of := func(k Kept) bool {
		return k.Stored == nil || !slices.Contains(lineages, k.Stored.Snapshot.Envelope.Lineage)
	}
	if best := Newest(slices.DeleteFunc(slices.Clone(all), of), ""); best != nil {
		var flags []string
		if last := Newest(all, ""); replaced ||
			last.Stored.Snapshot.Envelope.Lineage != best.Stored.Snapshot.Envelope.Lineage {
			flags = append(flags, "--force")
		}
		return fmt.Sprintf("Its newest version here is %s (serial %d, %s, by %s). Restore it:\n%s",
			VersionOf(best.Stored), best.Serial,
			WrittenAt(best.Stored).UTC().Format("2006-01-02 15:04:05 UTC"), best.Who,
			b.CommandLine(key, "state restore", append(flags, best.ID)...))
	}
	if b.HasLocalState(key) && slices.Contains(lineages, lineageIn(b.LocalState(key))) {
		return "It is on this machine. Copy it:\n" + b.CommandLine(key, "state push", b.LocalState(key))
	}
	if b.World.Settings.Backend.Type != "s3" {
		return "The state is kept on this machine because no bucket is configured. A person who deploys the " +
			"stack finds bucket and table with `deployer config show`: " +
			"give them with `deployer init`, which can also write .deployer/config.yaml for everybody who clones the " +
			"repository, or with --backend-bucket and --lock-table."
	}
	return "`deployer config show --origin` shows where this backend is configured. Compare bucket and prefix with " +
		"those of the people who deploy the stack. " +
		"If that state is lost, delete the objects in AWS, or give the stack or the environment another name."
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

// regionOf returns the region of a stack from its manifests; "" if they cannot be read or name none.
func (b *Backend) regionOf(key state.Key) string {
	bundle, _ := manifest.Load(b.World.Root, key.Stack)
	if bundle == nil {
		return ""
	}
	return bundle.Settings(key.Environment).Provider.Region
}

// LeftBehind is the error of a command without a state, if history or AWS know the stack.
func (b *Backend) LeftBehind(ctx context.Context, key state.Key) (diag.List, error) {
	soon, cancel := context.WithTimeout(ctx, looking)
	where, err := b.PlaceIn(soon, b.regionOf(key))
	cancel()
	if err != nil {
		where = Place{} // without credentials there is still the history
	}
	found, err := b.SignsOf(ctx, key, where, nil, true)
	switch {
	case err != nil:
		return found.Unasked, err
	case found.Deployments > 0:
		return found.Unasked, b.Missing(ctx, key, found.Deployments)
	}
	found.Objects = TellingOnly(found.Objects)
	if len(found.Objects) == 0 {
		return found.Unasked, nil
	}
	return found.Unasked, b.Elsewhere(ctx, key, found, false)
}
