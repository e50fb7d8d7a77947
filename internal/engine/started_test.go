package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/company/deployer/internal/resource"
)

type (
	slowProps struct {
		Size int    `json:"size"`
		Zone string `json:"zone,omitempty"`
	}
	slowOutputs struct {
		Endpoint string `json:"endpoint,omitempty"`
	}
	slowCall = resource.Call[slowProps, slowOutputs]
)

// slow is a type whose objects take long to become ready, and whose ids AWS generates: an object whose id is lost
// cannot be found.
type slow struct {
	log   []string
	made  int
	ready map[string]bool
	await func(id string) error
}

func (s *slow) behaviour() resource.Behaviour {
	return &resource.Typed[slowProps, slowOutputs]{
		Def: resource.Definition{Type: "fake/slow", ReplaceOn: []string{"zone"}},
		CreateObject: func(context.Context, slowCall) (string, slowOutputs, error) {
			s.made++
			id := fmt.Sprint("db-", s.made)
			s.log = append(s.log, "create "+id)
			return id, slowOutputs{}, nil
		},
		AwaitReady: func(_ context.Context, c slowCall) (slowOutputs, error) {
			s.log = append(s.log, "await "+c.ID)
			if err := s.await(c.ID); err != nil {
				return slowOutputs{}, err
			}
			s.ready[c.ID] = true
			return slowOutputs{Endpoint: c.ID + ".example.com"}, nil
		},
		ReadObject: func(_ context.Context, c slowCall) (slowProps, slowOutputs, error) { return c.Old, c.Out, nil },
		UpdateObject: func(_ context.Context, c slowCall) (slowOutputs, error) {
			s.log = append(s.log, "update "+c.ID)
			return c.Out, nil
		},
		DeleteObject: func(_ context.Context, c slowCall) error {
			s.log = append(s.log, "delete "+c.ID)
			return nil
		},
	}
}

// A run dies while it waits for an object that AWS is still making. The object's id is in the state: the next run goes
// on waiting, and makes nothing again. This holds for the first object of a resource and for a replacement.
func TestARunThatDiesWhileItWaitsKeepsTheObject(t *testing.T) {
	for name, test := range map[string]struct {
		before, desired *resource.Graph
		log, plan, next string
	}{
		"the first object": {
			desired: graph(t, res("a/db:db", "fake/slow", "size", 1)),
			log:     "create db-1, await db-1",
			plan:    "update a/db:db (the run that created it was interrupted) [in place]",
			next:    "update db-1, await db-1",
		},
		"a replacement": {
			before:  graph(t, res("a/db:db", "fake/slow", "size", 1, "zone", "1")),
			desired: graph(t, res("a/db:db", "fake/slow", "size", 1, "zone", "2")),
			log:     "create db-2, await db-2",
			plan: "update a/db:db (the run that created it was interrupted) [in place]\ndelete a/db:db " +
				"(its replacement was interrupted)",
			next: "update db-2, await db-2, delete db-1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &slow{ready: map[string]bool{}, await: func(string) error { return nil }}
			o := newCloud().options()
			o.Catalog = resource.NewCatalog([]resource.Behaviour{s.behaviour()}, nil)
			var state []byte
			if test.before != nil {
				state = apply(t, test.before, nil, o).State
			}
			s.log = nil
			var mu sync.Mutex
			var journal, kept [][]byte
			o.Journal = func(line []byte, _ bool) error {
				mu.Lock()
				defer mu.Unlock()
				journal = append(journal, append([]byte(nil), line...))
				return nil
			}
			s.await = func(string) error {
				mu.Lock()
				defer mu.Unlock()
				kept = journal[:len(journal):len(journal)] // all that there is of the run, should it die here
				return errors.New("nobody is left")
			}
			_, err := Apply(t.Context(), test.desired, state, o)
			if err == nil {
				t.Fatal("the wait failed, but not the run")
			}
			want(t, "calls", strings.Join(s.log, ", "), test.log)
			o.Journal, s.log = nil, nil

			left, err := Replay(state, kept)
			if err != nil {
				t.Fatal(err)
			}
			if pending, err := Pending(left); err != nil || len(pending) > 0 {
				t.Errorf("pending: %v, %v", pending, err)
			}
			want(t, "plan", planned(t, test.desired, left, o), test.plan)
			s.await = func(string) error { return nil }
			done := apply(t, test.desired, left, o)
			want(t, "calls of the next run", strings.Join(s.log, ", "), test.next)
			stored, err := Resources(done.State)
			if err != nil || len(stored) != 1 || len(stored[0].InitErrors) > 0 ||
				stored[0].Outputs.Get("endpoint").Str() != stored[0].AWSID+".example.com" {
				t.Errorf("state: %+v, %v", stored, err)
			}
			s.log = nil
			apply(t, test.desired, done.State, o)
			want(t, "calls when there is nothing to do", strings.Join(s.log, ", "), "")
		})
	}
}
