package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

type hostProps struct {
	Host string `json:"host"`
	Zone string `json:"zone,omitempty"`
}

type hostOutputs struct{}

// lateHost is a type whose object takes its host when everything else is done.
type lateHost struct {
	*resource.Typed[hostProps, hostOutputs]
	host   string // that the object really has
	refuse bool   // AWS refuses the activation
	order  []string
	others []resource.Other // of the last create
	lose   bool             // the activation takes effect, and its answer is lost
}

func newLateHost() *lateHost {
	l := &lateHost{}
	type hostCall = resource.Call[hostProps, hostOutputs]
	l.Typed = &resource.Typed[hostProps, hostOutputs]{
		Def: resource.Definition{Type: "fake/late-host"},
		CreateObject: func(_ context.Context, c hostCall) (string, hostOutputs, error) {
			l.host = c.Props.Host
			l.others = c.Others()
			return "id of " + c.Resource + c.Props.Zone, hostOutputs{}, nil
		},
		DeleteObject: func(context.Context, hostCall) error { return nil },
		ReadObject: func(context.Context, hostCall) (hostProps, hostOutputs, error) {
			return hostProps{Host: l.host}, hostOutputs{}, nil
		},
	}
	return l
}

func (l *lateHost) Update(_ context.Context, req resource.Request) (resource.State, error) {
	return req.Old, nil
}

func (l *lateHost) Activate(ctx context.Context, req resource.Request) (resource.State, error) {
	l.order = append(l.order, req.Resource)
	effects := resource.EffectsOf(ctx)
	effects.Call()
	effects.Sent(l.refuse)
	if l.refuse {
		return resource.State{}, errors.New("refused")
	}
	l.host = req.Inputs.Get("host").Str()
	if l.lose {
		return resource.State{}, errors.New("no answer")
	}
	return resource.State{ID: req.ID, Inputs: req.Inputs, Outputs: req.Old.Outputs}, nil
}

func (l *lateHost) Turn(inputs value.Value) int {
	n, _ := strconv.Atoi(inputs.Get("host").Str())
	return n
}

func (l *lateHost) Overtakes(_, _ value.Value, _ []resource.Other) string { return "" }

// An activation whose answer is lost is read anew by the next run, also when that run wants what the state says.
func TestALostActivationIsReadAnew(t *testing.T) {
	for name, refused := range map[string]bool{"lost": false, "refused": true} {
		t.Run(name, func(t *testing.T) {
			l := newLateHost()
			o := newCloud().options()
			o.Catalog = resource.NewCatalog([]resource.Behaviour{l}, nil)
			before := graph(t, res("a/web:rule", "fake/late-host", "host", "a"))
			state := apply(t, before, nil, o).State
			l.refuse, l.lose = refused, !refused
			failed, err := Apply(t.Context(), graph(t, res("a/web:rule", "fake/late-host", "host", "b")), state, o)
			if err == nil {
				t.Fatal("the activation failed, but not the run")
			}
			pending, err := Pending(failed.State)
			if err != nil || (len(pending) == 0) != refused {
				t.Errorf("pending: %v, %v", pending, err)
			}
			l.refuse, l.lose = false, false
			apply(t, before, failed.State, o)
			want(t, "host", l.host, "a")
		})
	}
}

// displacing is a late host that another object makes way for. The run then fails.
type displacing struct{ *lateHost }

func (d displacing) Activate(_ context.Context, req resource.Request) (resource.State, error) {
	to := value.NewMap(map[string]value.Value{"host": value.NewString("behind")})
	if err := req.Displace("id of a/old:rule", to, func() error { return nil }); err != nil {
		return resource.State{}, err
	}
	return resource.State{}, errors.New("no answer")
}

// The state says where an object is that has made way, should the run end before it deletes or changes that object, or
// should the run leave it alone.
func TestADisplacedObjectIsRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		old     *resource.Resource // what the run wants of it; nil: its deletion
		targets []string
	}{
		"it goes":            {},
		"it stays":           {old: res("a/old:rule", "fake/late-host", "host", "a")},
		"it changes":         {old: res("a/old:rule", "fake/late-host", "host", "c")},
		"it is not targeted": {old: res("a/old:rule", "fake/late-host", "host", "a"), targets: []string{"a/web:rule"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newCloud().options()
			o.Catalog = resource.NewCatalog([]resource.Behaviour{displacing{newLateHost()}}, nil)
			state := apply(t, graph(t, res("a/old:rule", "fake/late-host", "host", "a"),
				res("a/web:rule", "fake/late-host", "host", "b")), nil, o).State
			desired := []*resource.Resource{res("a/web:rule", "fake/late-host", "host", "a")}
			if c.old != nil {
				desired = append(desired, c.old)
			}
			o.Targets = c.targets
			failed, err := Apply(t.Context(), graph(t, desired...), state, o)
			if err == nil {
				t.Fatal("the activation failed, but not the run")
			}
			stored, err := Resources(failed.State)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range stored {
				if s.ID == "a/old:rule" {
					want(t, "host", s.Inputs.Get("host").Str(), "behind")
					return
				}
			}
			t.Error("the state has lost the object")
		})
	}
}

// Objects become active in the order of their turns, whatever their names are.
func TestActivationsTakeTurns(t *testing.T) {
	l := newLateHost()
	o := newCloud().options()
	o.Catalog = resource.NewCatalog([]resource.Behaviour{l}, nil)
	two := func(a, b string) *resource.Graph {
		return graph(t, res("a/a:rule", "fake/late-host", "host", a), res("b/b:rule", "fake/late-host", "host", b))
	}
	state := apply(t, two("1", "2"), nil, o).State
	apply(t, two("20", "10"), state, o)
	want(t, "order", strings.Join(l.order, " "), "b/b:rule a/a:rule")
}

// What the run replaces is another object that goes, also for its own replacement.
func TestAReplacedObjectGoes(t *testing.T) {
	l := newLateHost()
	l.Def.ReplaceOn = []string{"zone"}
	o := newCloud().options()
	o.Catalog = resource.NewCatalog([]resource.Behaviour{l}, nil)
	in := func(zone string) *resource.Graph {
		return graph(t, res("a/a:rule", "fake/late-host", "host", "a", "zone", zone),
			res("b/b:rule", "fake/late-host", "host", "b"),
			res("c/c:rule", "fake/late-host", "host", "c", "zone", zone))
	}
	state := apply(t, in("1"), nil, o).State
	apply(t, in("2"), state, o)
	var got []string
	for _, other := range l.others {
		got = append(got, fmt.Sprint(other.Resource, " ", other.Going))
	}
	want(t, "others", strings.Join(got, ", "), "a/a:rule true, b/b:rule false, c/c:rule true")
}
