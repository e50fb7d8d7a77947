package engine

import (
	"errors"
	"fmt"
	"testing"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

func TestReplacementWithTheSameName(t *testing.T) {
	// The old object is deleted, the new one is made, and then the process dies. In the state, the name of the new
	// object is still that of the old one.
	c := newCloud()
	g := func(zone string) *resource.Graph { return graph(t, res("a/a:a", single, "name", "a", "zone", zone)) }
	state := apply(t, g("1"), nil, c.options()).State
	var lines [][]byte
	died := errors.New("died")
	o := c.options()
	o.Journal = func(line []byte, _ bool) error {
		if len(lines) == 3 { // begin and end of the deletion, begin of the creation
			return died
		}
		lines = append(lines, append([]byte(nil), line...))
		return nil
	}
	if _, err := Apply(t.Context(), g("2"), state, o); !errors.Is(err, died) {
		t.Fatal(err)
	}
	crashed, err := Replay(state, lines)
	if err != nil {
		t.Fatal(err)
	}
	stored, _ := Resources(crashed)
	if len(stored) != 1 || !stored[0].Replacing {
		t.Fatalf("%s", crashed)
	}
	// The run that recovers dies too, before it has done anything.
	o = c.options()
	var second [][]byte
	o.Journal = func(line []byte, _ bool) error {
		if len(second) == 1 {
			return died
		}
		second = append(second, append([]byte(nil), line...))
		return nil
	}
	c.fail["update a/a:a"] = died
	if _, err := Apply(t.Context(), g("2"), crashed, o); !errors.Is(err, died) {
		t.Fatal(err)
	}
	delete(c.fail, "update a/a:a")
	if crashed, err = Replay(crashed, second); err != nil {
		t.Fatal(err)
	}
	c.calls()
	want(t, "plan", planned(t, g("2"), crashed, c.options()),
		"update a/a:a (the run that created it was interrupted) [in place]")
	state = apply(t, g("2"), crashed, c.options()).State
	want(t, "calls", c.calls(), "update a/a:a")
	want(t, "plan", planned(t, g("2"), state, c.options()), "")
	want(t, "state", ids(t, state), "a/a:a")
}

func TestBackToWhatIsBeingReplaced(t *testing.T) {
	// A replacement fails when the old object is to be deleted, and then everybody wants the old one back.
	c := newCloud()
	g := func(zone string) *resource.Graph {
		return graph(t, res("a/a:a", hashed, "name", "a-"+zone, "zone", zone))
	}
	state := apply(t, g("1"), nil, c.options()).State
	inUse := errors.New("in use")
	c.fail["delete a/a:a"] = inUse
	result, err := Apply(t.Context(), g("2"), state, c.options())
	if !errors.Is(err, inUse) {
		t.Fatal(err)
	}
	delete(c.fail, "delete a/a:a")
	c.calls()
	state = apply(t, g("1"), result.State, c.options()).State
	want(t, "calls", c.calls(), "create a/a:a, adopted a/a:a, delete a/a:a")
	if _, there := c.objects[hashed+" a-1"]; !there || len(c.objects) != 1 {
		t.Errorf("there are %v", c.objects)
	}
	want(t, "state", ids(t, state), "a/a:a")
	want(t, "plan", planned(t, g("1"), state, c.options()), "")

	// The same, and the process dies at each line of its journal.
	for n := range 6 {
		c := newCloud()
		state := apply(t, g("1"), nil, c.options()).State
		c.fail["delete a/a:a"] = inUse
		result, err := Apply(t.Context(), g("2"), state, c.options())
		if !errors.Is(err, inUse) {
			t.Fatal(err)
		}
		delete(c.fail, "delete a/a:a")
		var lines [][]byte
		o := c.options()
		o.Journal = func(line []byte, _ bool) error {
			if len(lines) == n {
				return errors.New("died")
			}
			lines = append(lines, append([]byte(nil), line...))
			return nil
		}
		if _, err := Apply(t.Context(), g("1"), result.State, o); (err == nil) != (n == 5) {
			t.Fatal(n, err)
		}
		crashed, err := Replay(result.State, lines)
		if err != nil {
			t.Fatal(err)
		}
		state = apply(t, g("1"), crashed, c.options()).State
		if _, there := c.objects[hashed+" a-1"]; !there || len(c.objects) != 1 {
			t.Errorf("dead at line %d, there are %v", n, c.objects)
		}
		want(t, "plan", planned(t, g("1"), state, c.options()), "")
	}
}

func TestBackToWhatWasDeletedForItsReplacement(t *testing.T) {
	for name, kind := range map[string]string{
		"as it was": "1", "as the replacement": "2", "as neither": "3",
		"not at all": "",
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			g := func(zone string) *resource.Graph {
				if zone == "" {
					return graph(t)
				}
				return graph(t, res("a/a:a", single, "name", "a", "zone", zone))
			}
			state := apply(t, g("1"), nil, c.options()).State
			refused := &resource.OpError{Operation: "fake:Call", Code: "Quota", Message: "too many"}
			c.fail["create a/a:a"] = refused
			result, err := Apply(t.Context(), g("2"), state, c.options())
			if !errors.Is(err, refused) || len(c.objects) != 0 {
				t.Fatal(err)
			}
			delete(c.fail, "create a/a:a")
			c.calls()
			state = apply(t, g(kind), result.State, c.options()).State
			want(t, "calls", c.calls(), map[bool]string{true: "create a/a:a"}[kind != ""])
			want(t, "state", ids(t, state), map[bool]string{true: "a/a:a"}[kind != ""])
			want(t, "plan", planned(t, g(kind), state, c.options()), "")
		})
	}
}

// A call of a run that died lands after the next run has made everything as it should be.
func TestWhatTurnsUpTooLateIsDeleted(t *testing.T) {
	g := func(zone string) *resource.Graph {
		return graph(t, res("a/a:a", hashed, "name", "a-"+zone, "zone", zone),
			res("a/b:b", thing, "uses", value.Output("a/a:a", "arn")))
	}
	c := newCloud()
	state := apply(t, g("1"), nil, c.options()).State
	preview, err := PreviewApply(t.Context(), g("2"), state, c.options())
	if err != nil {
		t.Fatal(err)
	}
	c.objects[hashed+" a-2"] = object{
		inputs: m("name", "a-2", "zone", "2"), outputs: m("arn", "arn:a-2"),
		tags: map[string]string{resource.TagComponent: "a/a"},
	}
	c.calls()
	o := c.options()
	o.Intents, o.Surplus = preview.Intents, true
	state = apply(t, g("1"), state, o).State
	want(t, "calls", c.calls(), "delete a/a:a")
	if _, there := c.objects[hashed+" a-1"]; !there || len(c.objects) != 2 {
		t.Errorf("there are %v", c.objects)
	}
	want(t, "plan", planned(t, g("1"), state, c.options()), "")
}

// A run dies after it has made a table and its route, and nobody has its journal. The route is found by the table's id
// only, which no plan knew.
func TestAPartIsFoundByItsParentOfTheSameRun(t *testing.T) {
	without := func() *resource.Graph { return graph(t, res("a/x:x", single, "name", "x")) }
	with := func() *resource.Graph {
		return graph(t, res("a/x:x", single, "name", "x"), res("a/t:table", single, "name", "t"),
			res("a/t:hop", part, "parent", value.Output("a/t:table", "arn")),
			res("a/t:end", part, "parent", value.Output("a/t:hop", "arn")))
	}
	died := func(t *testing.T) (*cloud, []byte, Options) {
		c := newCloud()
		state := apply(t, without(), nil, c.options()).State
		preview, err := PreviewApply(t.Context(), with(), state, c.options())
		if err != nil {
			t.Fatal(err)
		}
		apply(t, with(), state, c.options())
		c.calls()
		o := c.options()
		o.Intents = preview.Intents
		return c, state, o
	}

	t.Run("not wanted", func(t *testing.T) {
		c, state, o := died(t)
		apply(t, without(), state, o)
		want(t, "calls", c.calls(), "delete a/t:end, delete a/t:hop, delete a/t:table")
	})
	t.Run("wanted", func(t *testing.T) {
		c, state, o := died(t)
		state = apply(t, with(), state, o).State
		want(t, "objects", fmt.Sprint(len(c.objects)), "4")
		want(t, "plan", planned(t, with(), state, c.options()), "")
	})
	t.Run("a run took in the parent, and failed", func(t *testing.T) {
		c, state, o := died(t)
		c.fail["locate a/t:hop"] = errors.New("throttled")
		result, err := Apply(t.Context(), without(), state, o)
		var needed *NeededError
		if !errors.As(err, &needed) || needed.By != "a/t:hop" && needed.By != "a/t:end" {
			t.Fatal(err)
		}
		want(t, "state", ids(t, result.State), "a/t:table a/x:x")
		want(t, "calls", c.calls(), "")
		clear(c.fail)
		pending, err := Pending(result.State)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pending {
			if p.Action != plan.Create {
				continue
			}
			o.Intents = append(o.Intents, p.Intent) // as a state records them, without the parents
		}
		apply(t, without(), result.State, o)
		want(t, "calls", c.calls(), "delete a/t:end, delete a/t:hop, delete a/t:table")
	})
	t.Run("a run took in the parent, and AWS answered later about the rest", func(t *testing.T) {
		c, state, o := died(t)
		delete(c.objects, part+" id-2") // the hop
		delete(c.objects, part+" id-3")
		c.fail["locate a/t:hop"] = errOnce
		state = apply(t, without(), state, o).State
		want(t, "calls", c.calls(), "delete a/t:table")
		want(t, "plan", planned(t, without(), state, c.options()), "")
	})
	t.Run("AWS does not answer about the parent", func(t *testing.T) {
		c, state, o := died(t)
		c.fail["locate a/t:table"] = errors.New("throttled")
		result := apply(t, without(), state, o)
		for _, id := range []string{"a/t:table", "a/t:hop", "a/t:end"} {
			if result.Looked[id] {
				t.Errorf("%s counts as looked for", id)
			}
		}
	})
}
