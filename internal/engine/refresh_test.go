package engine

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/company/deployer/internal/value"
)

func TestRefresh(t *testing.T) {
	c := newCloud()
	o := c.options()
	state := apply(t, chain(t, "a", "v1"), nil, o).State
	same, err := Refresh(t.Context(), state, o)
	if err != nil || same.Changed || len(same.Drift) != 0 {
		t.Fatalf("nothing has changed, but: %v %+v", err, same.Drift)
	}
	delete(c.objects, single+" db")
	service := c.objects[thing+" id-3"]
	service.inputs = service.inputs.With("image", value.NewString("hacked"))
	c.objects[thing+" id-3"] = service
	found, err := Refresh(t.Context(), state, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Drift) != 2 || !found.Drift[1].Gone || found.Drift[0].Properties[0].New.Str() != "hacked" {
		t.Fatalf("drift: %+v", found.Drift)
	}
	want(t, "state", ids(t, found.State), "infra/net:vpc web/api:service")
	want(t, "plan", planned(t, chain(t, "a", "v1"), found.State, o),
		"update web/api:service (change in db, image) [rolling]\ncreate web/db:instance (new)")

	o.Targets = []string{"infra/net:vpc"}
	if found, err = Refresh(t.Context(), state, o); err != nil || found.Changed {
		t.Errorf("only the network was to be read: %v %+v", err, found.Drift)
	}
	c.fail["read infra/net:vpc"] = errors.New("throttled")
	if found, err = Refresh(t.Context(), state, o); err == nil || len(found.Failed) != 1 || found.Changed {
		t.Errorf("a read that failed: %v %+v", err, found)
	}
}

// One wrong answer of AWS is not enough to call an object deleted.
func TestObjectsThatSeemDeletedAreReadTwice(t *testing.T) {
	c := newCloud()
	o := c.options()
	state := apply(t, chain(t, "a", "v1"), nil, o).State
	all := maps.Clone(c.objects)
	delete(all, thing+" id-1")
	var mu sync.Mutex
	reads := map[string]int{}
	hide := func() {
		clear(reads)
		c.objects = map[string]object{} // the first read of each object finds nothing
		c.before = func(_ context.Context, action, id string) error {
			mu.Lock()
			defer mu.Unlock()
			if reads[id]++; reads[id] == 2 && action == "read" {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.objects = all
			}
			return nil
		}
	}
	hide()
	found, err := Refresh(t.Context(), state, o)
	if err != nil || len(found.Drift) != 3 {
		t.Fatalf("without a second look, the first answer counts: %v %+v", err, found.Drift)
	}
	o.SecondLook = time.Nanosecond
	hide()
	found, err = Refresh(t.Context(), state, o)
	if err != nil || len(found.Drift) != 1 || !found.Drift[0].Gone || reads[found.Drift[0].Resource] != 2 {
		t.Errorf("one object is really gone: %v %+v %v", err, found.Drift, reads)
	}
}
