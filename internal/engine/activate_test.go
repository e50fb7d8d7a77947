package engine

import (
	"context"
	"errors"
	"testing"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

type hostProps struct {
	Host string `json:"host"`
}

type hostOutputs struct{}

// lateHost is a type whose object takes its host when everything else is done.
type lateHost struct {
	*resource.Typed[hostProps, hostOutputs]
	host   string // that the object really has
	refuse bool   // AWS refuses the activation
	lose   bool   // the activation takes effect, and its answer is lost
}

func newLateHost() *lateHost {
	l := &lateHost{}
	type hostCall = resource.Call[hostProps, hostOutputs]
	l.Typed = &resource.Typed[hostProps, hostOutputs]{
		Def: resource.Definition{Type: "fake/late-host"},
		CreateObject: func(_ context.Context, c hostCall) (string, hostOutputs, error) {
			l.host = c.Props.Host
			return "id of " + c.Resource, hostOutputs{}, nil
		},
		ReadObject: func(context.Context, hostCall) (hostProps, hostOutputs, error) {
			return hostProps{l.host}, hostOutputs{}, nil
		},
	}
	return l
}

func (l *lateHost) Update(_ context.Context, req resource.Request) (resource.State, error) {
	return req.Old, nil
}

func (l *lateHost) Activate(ctx context.Context, req resource.Request) (resource.State, error) {
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
