package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// Kept is one present or earlier content of a state.
type Kept struct {
	report.StateVersion
	Stored *state.Stored // nil: it cannot be restored
}

// Past returns what can be restored: first the history, newest first, then object versions, newest first, at most limit
// of each (0: all). The history comes first because people know its names. unseen is why some contents could not be
// looked at; the others are returned anyway.
func (b *Backend) Past(ctx context.Context, key state.Key, limit int) (all []Kept, unseen, err error) {
	store := b.Store(key)
	history, err := state.ReadHistory(ctx, store, limit)
	if err != nil {
		return nil, nil, err
	}
	named := map[string]bool{}
	for _, p := range history {
		k := Kept{StateVersion: report.StateVersion{ID: p.Name, At: p.At}}
		k.fill(key, p.Snapshot, p.Err)
		// If an earlier life of the stack has the same number, the number means the newer one.
		if k.Stored != nil && !named[VersionOf(k.Stored)] {
			k.ID = VersionOf(k.Stored)
			named[k.ID] = true
		}
		if unseen == nil && unread(p.Err) {
			unseen = p.Err
		}
		all = append(all, k)
	}
	objects, unlisted := objectVersions(ctx, key, store, limit)
	if unlisted != nil {
		unseen = unlisted
	}
	for _, o := range objects {
		same := func(k Kept) bool {
			return k.Stored != nil && o.Stored != nil &&
				k.Stored.Snapshot.Envelope.Writer == o.Stored.Snapshot.Envelope.Writer
		}
		if at := slices.IndexFunc(all, same); at >= 0 { // it already has a better name
			all[at].Current = all[at].Current || o.Current
			continue
		}
		all = append(all, o)
	}
	return all, unseen, ctx.Err()
}

// unread reports whether a content could not be looked at. A damaged content is not unread.
func unread(err error) bool {
	var damaged *state.CorruptError
	var newer *state.FormatError
	return err != nil && !errors.As(err, &damaged) && !errors.As(err, &newer) && !errors.Is(err, state.ErrNotFound)
}

// objectVersions reads the contents that the bucket keeps of state.json. The error may be about one content only.
func objectVersions(ctx context.Context, key state.Key, store state.Store, limit int) ([]Kept, error) {
	versioned, ok := store.(state.Versioned)
	if !ok {
		return nil, nil
	}
	list, err := versioned.ListVersions(ctx, limit)
	if err != nil {
		return nil, err
	}
	out, failed := make([]Kept, len(list)), make([]error, len(list))
	var all sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i, v := range list {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			out[i].StateVersion = report.StateVersion{ID: v.ID, At: v.At, Current: v.Current}
			snapshot, err := versioned.GetVersion(ctx, v.ID)
			out[i].fill(key, snapshot, err)
			failed[i] = err
		})
	}
	all.Wait()
	if at := slices.IndexFunc(failed, unread); at >= 0 {
		return out, failed[at]
	}
	return out, nil
}

// fill sets what a content is, or why it is not usable.
func (k *Kept) fill(key state.Key, s *state.Snapshot, err error) {
	var stored *state.Stored
	if err == nil {
		stored, err = state.Load(key, s.Envelope)
	}
	var resources []engine.StoredResource
	if err == nil {
		resources, err = engine.Resources(stored.Payload.Engine)
	}
	if err != nil {
		k.Problem = reason(err)
		return
	}
	p := stored.Payload
	k.Serial, k.Version, k.Result, k.Who, k.Resources, k.Stored = s.Envelope.Serial, report.Version(p.Deployment),
		string(p.Status), p.Who, len(resources), stored
}

// reason is a short form of an error.
func reason(err error) string {
	var d *diag.Diagnostic
	if errors.As(err, &d) {
		return d.Summary
	}
	return err.Error()
}

// Newest returns the last content that can be restored, of that lineage if possible; nil when there is none. Serials
// order contents only within one lineage. If the lineage is "" or has no content, the last written content of all
// counts.
func Newest(all []Kept, lineage string) *Kept {
	whole := slices.DeleteFunc(slices.Clone(all), func(k Kept) bool { return k.Stored == nil })
	if len(whole) == 0 {
		return nil
	}
	of := func(k Kept) string { return k.Stored.Snapshot.Envelope.Lineage }
	if !slices.ContainsFunc(whole, func(k Kept) bool { return of(k) == lineage }) {
		lineage = of(slices.MaxFunc(whole, func(a, b Kept) int {
			return WrittenAt(a.Stored).Compare(WrittenAt(b.Stored))
		}))
	}
	whole = slices.DeleteFunc(whole, func(k Kept) bool { return of(k) != lineage })
	// Of equal ones MaxFunc returns the first, which has the better name.
	best := slices.MaxFunc(whole, func(a, b Kept) int { return cmp.Compare(a.Serial, b.Serial) })
	return &best
}

// WrittenAt is when a state was written, from its own content: a copy put back by hand does not become new.
func WrittenAt(s *state.Stored) time.Time {
	if e := s.Payload.Edited; e != nil && e.At.After(s.Payload.At) {
		return e.At
	}
	return s.Payload.At
}

var deploymentName = regexp.MustCompile(`^v([0-9]+)$`)

// Find returns the content with that version name: "v3", the name of a history file, or the id of an object version.
func (b *Backend) Find(ctx context.Context, key state.Key, version string) (*Named, error) {
	store := b.Store(key)
	unknown := func(what string) error {
		return diag.New(diag.Invalid, "Unknown version", fmt.Sprintf("%s has no %s.", key, what),
			"Nothing was changed. There are:\n"+b.CommandLine(key, "state restore"))
	}
	if m := deploymentName.FindStringSubmatch(version); m != nil {
		number, _ := strconv.Atoi(m[1])
		past, err := state.ReadHistory(ctx, store, 0)
		if err != nil {
			return nil, err
		}
		damaged, unseen := 0, error(nil)
		for _, p := range past {
			switch {
			case unread(p.Err):
				unseen = p.Err
				continue
			case p.Err != nil:
				damaged++
				continue
			}
			if s, err := state.Load(key, p.Snapshot.Envelope); err == nil && s.Payload.Deployment == number {
				return &Named{version, s}, nil
			}
		}
		if unseen != nil {
			return nil, unseen // that may be the wanted one
		}
		what := "version " + version + " in its history"
		if damaged > 0 {
			what += fmt.Sprintf(" (%d of %d files there are damaged)", damaged, len(past))
		}
		return nil, unknown(what)
	}
	var snapshot *state.Snapshot
	var err error
	name := strings.TrimSuffix(path.Base(version), ".json")
	if _, ok := state.ParseHistoryName(name); ok {
		snapshot, err = store.GetHistory(ctx, name)
	} else if versioned, ok := store.(state.Versioned); ok {
		name = version
		snapshot, err = versioned.GetVersion(ctx, version)
	} else {
		return nil, unknown("version " + version)
	}
	switch {
	case errors.Is(err, state.ErrNotFound):
		return nil, unknown("version " + version)
	case err != nil:
		return nil, err
	}
	s, err := state.Load(key, snapshot.Envelope)
	if err != nil {
		return nil, err
	}
	return &Named{name, s}, nil
}
