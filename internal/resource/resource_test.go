package resource

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/company/deployer/internal/value"
)

func res(component, name string, refs ...string) *Resource {
	props := map[string]value.Value{}
	for _, ref := range refs {
		props["p"+ref] = value.Output(ref, "out")
	}
	return &Resource{Component: component, Name: name, Type: "t/t", Props: value.NewMap(props)}
}

func TestSortPutsNeedsFirst(t *testing.T) {
	g := &Graph{
		Components: []Component{
			{Address: "a/web", DependsOn: []string{"a/job"}},
			{Address: "a/db", Outputs: map[string]value.Value{"out": value.Output("a/db:instance", "address")}},
			{Address: "a/job"},
		},
		Resources: []*Resource{
			res("a/web", "service", "a/db"), res("a/db", "instance", "a/db:group"),
			res("a/db", "group"), res("a/job", "task"),
		},
	}
	require.NoError(t, g.Sort())
	at := map[string]int{}
	for i, r := range g.Resources {
		at[r.ID()] = i
	}
	require.Less(t, at["a/db:group"], at["a/db:instance"])
	require.Less(t, at["a/db:instance"], at["a/web:service"], "through an output of the component")
	require.Less(t, at["a/job:task"], at["a/web:service"], "dependsOn")
	require.NotNil(t, g.Component("a/db"))
	require.Nil(t, g.Component("a/nope"))
}

func TestSortRefusesCyclesAndDanglingReferences(t *testing.T) {
	g := &Graph{Resources: []*Resource{res("a/x", "1", "a/y:1"), res("a/y", "1", "a/x:1")}}
	var cycle *CycleError
	require.ErrorAs(t, g.Sort(), &cycle)
	require.Equal(t, []string{"a/x:1", "a/y:1", "a/x:1"}, cycle.Path)

	g = &Graph{Resources: []*Resource{res("a/x", "1", "a/gone:1")}}
	require.ErrorContains(t, g.Sort(), "no such resource")
	g = &Graph{Resources: []*Resource{res("a/x", "1", "a/gone")}}
	require.ErrorContains(t, g.Sort(), "no such component")
}

func TestSortIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var names []string
		for i := range rapid.IntRange(1, 12).Draw(t, "n") {
			names = append(names, string(rune('a'+i)))
		}
		build := func(order []string) *Graph {
			g := &Graph{}
			for _, n := range order {
				i := strings.Index("abcdefghijkl", n)
				var refs []string
				if i > 0 {
					refs = append(refs, "c/x:"+names[i/2])
				}
				if i > 0 && names[i/2] == n {
					refs = nil
				}
				g.Resources = append(g.Resources, res("c/x", n, refs...))
			}
			return g
		}
		one, two := build(names), build(rapid.Permutation(names).Draw(t, "order"))
		require.NoError(t, one.Sort())
		require.NoError(t, two.Sort())
		for i := range one.Resources {
			require.Equal(t, one.Resources[i].ID(), two.Resources[i].ID())
		}
	})
}

func TestNamesAreShortDistinctAndStable(t *testing.T) {
	require.NotEqual(t, Name(64, nil, "a-b", "c"), Name(64, nil, "a", "b-c"))
	require.NotEqual(t, Name(64, []string{"1"}, "a"), Name(64, []string{"2"}, "a"))
	require.Equal(t, Name(64, nil, "a", "b"), Name(64, nil, "a", "b"))
	require.NotEqual(t, Rename(64, "a-b/c"), Rename(64, "a/b-c"))
	require.Regexp(t, `^a-b-c-[a-z2-7]{8}$`, Rename(64, "a/b-c"))
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.StringMatching(`[a-z][a-z0-9-]{0,30}`), 1, 5).Draw(t, "parts")
		limit := rapid.IntRange(20, 64).Draw(t, "limit")
		name := Name(limit, nil, parts...)
		require.LessOrEqual(t, len(name), limit)
		require.NotContains(t, name, "--"+name[len(name)-hashLength:])
	})
}

type props struct {
	Name  string           `json:"name"`
	Size  int              `json:"size,omitempty"`
	Where value.Of[string] `json:"where,omitempty"`
	Count int              `json:"count,omitempty"`
	Note  string           `json:"note,omitempty"`
}
type outs struct {
	ARN string `json:"arn"`
}

// world is an AWS with one type.
type world struct {
	objects map[string]props
	tags    map[string]map[string]string
	updates int
}

func (w *world) behaviour() *Typed[props, outs] {
	return &Typed[props, outs]{
		Def: Definition{
			Type: "test/thing", ReplaceOn: []string{"where"}, HashedName: "name", NameLimit: 32,
			CreateOnly: []string{"count"},
		}, Taggable: true,
		CreateObject: func(_ context.Context, c Call[props, outs]) (string, outs, error) {
			if _, taken := w.objects[c.Props.Name]; taken {
				return "", outs{}, ErrExists
			}
			w.objects[c.Props.Name], w.tags[c.Props.Name] = c.Props, c.Tags
			return c.Props.Name, outs{ARN: "arn:" + c.Props.Name}, nil
		},
		Find: func(_ context.Context, c Call[props, outs]) (string, map[string]string, error) {
			if _, there := w.objects[c.Props.Name]; !there {
				return "", nil, ErrNotFound
			}
			return c.Props.Name, w.tags[c.Props.Name], nil
		},
		ReadObject: func(_ context.Context, c Call[props, outs]) (props, outs, error) {
			p, there := w.objects[c.ID]
			if !there {
				return p, outs{}, ErrNotFound
			}
			return p, outs{ARN: "arn:" + c.ID}, nil
		},
		UpdateObject: func(_ context.Context, c Call[props, outs]) (outs, error) {
			w.updates++
			w.objects[c.ID] = c.Props
			return c.Out, nil
		},
		DeleteObject: func(_ context.Context, c Call[props, outs]) error {
			if _, there := w.objects[c.ID]; !there {
				return ErrNotFound
			}
			delete(w.objects, c.ID)
			return nil
		},
	}
}

func ours(lineage string) map[string]string {
	return map[string]string{TagStack: "s", TagEnvironment: "e", TagComponent: "c/x", TagLineage: lineage}
}

func TestTypedNamesAdoptionAndRepetition(t *testing.T) {
	w := &world{objects: map[string]props{}, tags: map[string]map[string]string{}}
	b := w.behaviour()
	checked, problems := b.Check(value.Encode(props{Name: "web", Size: 1, Where: value.Lit("vpc-1")}))
	require.Empty(t, problems)
	elsewhere, _ := b.Check(value.Encode(props{Name: "web", Size: 1, Where: value.Lit("vpc-2")}))
	require.NotEqual(t, checked.Get("name"), elsewhere.Get("name"), "both can exist at once")
	unknown, _ := b.Check(value.Encode(props{Name: "web", Where: value.Expr[string](value.NewUnknown())}))
	require.Equal(t, value.Unknown, unknown.Get("name").Kind())

	request := Request{Resource: "c/x:thing", Inputs: checked, Tags: ours("L1"), Progress: func(string) {}}
	first, err := b.Create(context.Background(), request)
	require.NoError(t, err)
	require.Equal(t, "arn:"+first.ID, first.Outputs.Get("arn").Str())

	// The answer of that create was lost and the next run wants another size.
	bigger, _ := b.Check(value.Encode(props{Name: "web", Size: 2, Where: value.Lit("vpc-1")}))
	request.Inputs = bigger
	adopted, err := b.Create(context.Background(), request)
	require.NoError(t, err)
	require.Equal(t, first.ID, adopted.ID)
	require.Equal(t, 2, w.objects[first.ID].Size)
	require.Equal(t, 1, w.updates)

	// An object that is in the state is never adopted a second time, nor is an object of another lineage.
	request.InState = func(id string) bool { return id == first.ID }
	var owned *OwnedError
	_, err = b.Create(context.Background(), request)
	require.ErrorAs(t, err, &owned)
	request.InState, request.Tags = nil, ours("L2")
	_, err = b.Create(context.Background(), request)
	require.ErrorAs(t, err, &owned)
	require.Contains(t, err.Error(), "lineage L1")

	// Without tags it is somebody else's, even if an interrupted run was about to make an object of that name.
	w.tags[first.ID] = nil
	request.Adopt = true
	_, err = b.Create(context.Background(), request)
	require.ErrorAs(t, err, &owned)

	request.ID = first.ID
	require.NoError(t, b.Delete(context.Background(), request))
	require.NoError(t, b.Delete(context.Background(), request))
	_, found, err := b.Read(context.Background(), request)
	require.NoError(t, err)
	require.False(t, found)
}

func TestPartialResultsKeepWhatIsReallyThere(t *testing.T) {
	b := &Typed[props, outs]{
		Def: Definition{Type: "test/thing"},
		CreateObject: func(context.Context, Call[props, outs]) (string, outs, error) {
			return "", outs{}, &Unfinished[props, outs]{
				ID: "id-1", Props: props{Name: "old"},
				Err: errors.New("rolled back"),
			}
		},
	}
	state, err := b.Create(context.Background(),
		Request{Inputs: value.Encode(props{Name: "new"}), Progress: func(string) {}})
	var partial *PartialError
	require.ErrorAs(t, err, &partial)
	require.Equal(t, "id-1", state.ID)
	require.Equal(t, "old", partial.State.Inputs.Get("name").Str())
}

func TestOutputsThatNobodyCouldReadAreReadFirst(t *testing.T) {
	w := &world{objects: map[string]props{}, tags: map[string]map[string]string{}}
	b := w.behaviour()
	create := b.CreateObject
	b.CreateObject = func(ctx context.Context, c Call[props, outs]) (string, outs, error) {
		id, _, err := create(ctx, c)
		require.NoError(t, err)
		return "", outs{}, &Unfinished[props, outs]{ID: id, Props: c.Props, Err: errors.New("made, but not readable")}
	}
	request := Request{
		Resource: "c/x:thing", Inputs: value.Encode(props{Name: "web"}), Tags: ours("L1"),
		Progress: func(string) {},
	}
	state, err := b.Create(context.Background(), request)
	var partial *PartialError
	require.ErrorAs(t, err, &partial)
	require.True(t, state.Outputs.IsNull(), "an empty arn is no arn")
	request.ID, request.Old = state.ID, state
	state, err = b.Update(context.Background(), request)
	require.NoError(t, err)
	require.Equal(t, "arn:web", state.Outputs.Get("arn").Str())
}

func TestCompare(t *testing.T) {
	def := &Definition{ReplaceOn: []string{"where"}, CreateOnly: []string{"count"}}
	old := value.Encode(props{Name: "a", Size: 1, Where: value.Lit("x"), Count: 1})
	require.Empty(t,
		Compare(def, old, value.Encode(props{Name: "a", Size: 1, Where: value.Lit("x"), Count: 9})).Changes)
	d := Compare(def, old, value.Encode(props{Name: "a", Size: 2, Where: value.Lit("y"), Count: 1}))
	require.Equal(t, []string{"size", "where"}, d.Changed())
	require.Equal(t, []string{"where"}, d.Replace)
	d = Compare(def, old,
		value.Encode(props{Name: "a", Size: 1, Where: value.Expr[string](value.NewUnknown()), Count: 1}))
	require.Equal(t, []string{"where"}, d.Replace, "unknown counts as a change")
}

func TestCompareNamesWhatChangedInLists(t *testing.T) {
	list := func(items ...map[string]any) value.Value {
		all := make([]any, len(items))
		for i, item := range items {
			all[i] = item
		}
		v, err := value.From(map[string]any{"containers": all})
		require.NoError(t, err)
		return v
	}
	paths := func(a, b value.Value) []string {
		var out []string
		for _, c := range Compare(&Definition{}, a, b).Changes {
			out = append(out, c.Name())
		}
		return out
	}
	app, log := map[string]any{"name": "app", "image": "x:1"}, map[string]any{"name": "log", "image": "y"}
	newer := map[string]any{"name": "app", "image": "x:2"}
	require.Empty(t, paths(list(app, log), list(app, log)))
	require.Equal(t, []string{"containers.app.image"}, paths(list(app, log), list(newer, log)))
	require.Equal(t, []string{"containers.log"}, paths(list(app), list(app, log)))
	require.Equal(t, []string{"containers.app.image", "containers.log"}, paths(list(app, log), list(newer)))
	require.Equal(t, []string{"containers"}, paths(list(app, log), list(log, app)), "order counts")
	require.Equal(t, []string{"containers.0.port"},
		paths(list(map[string]any{"port": 1}), list(map[string]any{"port": 2})))
	require.Equal(t, []string{"containers"}, paths(list(), list(map[string]any{"port": 2})))
}

func TestDefinitionListsWhatReferencesMayName(t *testing.T) {
	b := (&world{}).behaviour()
	require.Equal(t, []string{"arn", "name", "size", "where", "count", "note"}, b.Definition().Outputs)
	c := NewCatalog([]Behaviour{b}, []Lookup{{Type: "test/found", Outputs: []string{"id"}}})
	require.Contains(t, c.Outputs("test/thing"), "arn")
	require.Equal(t, []string{"id"}, c.Outputs("test/found"))
	require.Empty(t, c.Outputs("test/unknown"))
}

// A property that is added to ReplaceOn after the type was released renames nothing while nobody uses it, and is part
// of the name as soon as somebody does. If the property that forces a replacement is not part of the name, the old
// object is deleted first.
func TestANewPropertyRenamesNothing(t *testing.T) {
	released := (&world{}).behaviour()
	later := (&world{}).behaviour()
	later.Def.ReplaceOn = []string{"where", "note"}
	later.Def.HashedLater = map[string]value.Value{"note": value.NullValue}
	later.Def.Replaces = func(old, desired value.Value) []string {
		if desired.Get("count").Number() < old.Get("count").Number() {
			return []string{"count"}
		}
		return nil
	}
	later.Def.CreateOnly = nil
	before, problems := released.Check(value.Encode(props{Name: "a", Where: value.Lit("here"), Count: 2}))
	require.Empty(t, problems)
	after, _ := later.Check(value.Encode(props{Name: "a", Where: value.Lit("here"), Count: 2}))
	require.Equal(t, before.Get("name").Str(), after.Get("name").Str())
	require.Empty(t, Compare(&later.Def, before, after).Changes)

	used, _ := later.Check(value.Encode(props{Name: "a", Where: value.Lit("here"), Count: 2, Note: "x"}))
	require.NotEqual(t, before.Get("name").Str(), used.Get("name").Str())
	diff := Compare(&later.Def, before, used)
	require.Equal(t, []string{"name", "note"}, diff.Replace)
	require.False(t, later.Def.DeletesFirst(diff.Replace, before, used), "they have different names")

	less, _ := later.Check(value.Encode(props{Name: "a", Where: value.Lit("here"), Count: 1}))
	diff = Compare(&later.Def, before, less)
	require.Equal(t, []string{"count"}, diff.Replace)
	require.True(t, later.Def.DeletesFirst(diff.Replace, before, less), "both would have the same name")
	more, _ := later.Check(value.Encode(props{Name: "a", Where: value.Lit("here"), Count: 3}))
	require.Empty(t, Compare(&later.Def, before, more).Replace)
}
