package resource

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/value"
)

type lostProps struct {
	Name   string           `json:"name"`
	Parent value.Of[string] `json:"parent"`
}

// What Locate finds depends on what the intent of the killed run knows.
func TestLocateByNameElseByTags(t *testing.T) {
	tags := map[string]string{
		TagStack: "shop", TagEnvironment: "dev", TagComponent: "web/api",
		TagLineage: "l",
	}
	made := maps.Clone(tags)
	made[TagResource] = "web/api:group"
	other := maps.Clone(made)
	other[TagResource] = "web/api:other"
	typed := &Typed[lostProps, struct{}]{
		Def: Definition{Type: "test/lost", FoundBy: []string{"parent"}}, Taggable: true,
		Find: func(context.Context, Call[lostProps, struct{}]) (string, map[string]string, error) {
			return "by-name", made, nil
		},
		ReadObject: func(_ context.Context, c Call[lostProps, struct{}]) (lostProps, struct{}, error) {
			if c.ID == "deleted" {
				return lostProps{}, struct{}{}, ErrNotFound
			}
			return c.Old, struct{}{}, nil
		},
	}
	locate := func(inputs map[string]value.Value) (string, error) {
		state, _, err := typed.Locate(t.Context(), Request{
			Resource: "web/api:group", Tags: tags, Inputs: value.NewMap(inputs),
			InState: func(id string) bool { return id == "recorded" },
		})
		return state.ID, err
	}
	whole := map[string]value.Value{"name": value.NewString("n"), "parent": value.NewString("p")}
	vague := map[string]value.Value{"name": value.NewString("n")}

	id, err := locate(whole)
	require.NoError(t, err)
	require.Equal(t, "by-name", id)
	_, err = locate(vague)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	typed.Marked = func(context.Context, Call[lostProps, struct{}]) ([]Found, error) {
		return []Found{
			{ID: "of-another", Tags: other},
			{ID: "recorded", Tags: made},
			{ID: "deleted", Tags: made},
			{ID: "by-tags", Tags: made},
		}, nil
	}
	id, err = locate(vague)
	require.NoError(t, err)
	require.Equal(t, "by-tags", id)
	id, err = locate(whole)
	require.NoError(t, err)
	require.Equal(t, "by-name", id)
}

// A type whose names are ids needs no Find: a read finds its objects, and says whose they are.
func TestLocateByTheNameThatIsTheID(t *testing.T) {
	ours := map[string]string{TagStack: "shop", TagEnvironment: "dev", TagComponent: "web/api", TagLineage: "l"}
	owner, asked := ours, []string{}
	typed := &Typed[lostProps, struct{}]{
		Def: Definition{Type: "test/named"}, Taggable: true, Named: "name",
		ReadObject: func(_ context.Context, c Call[lostProps, struct{}]) (lostProps, struct{}, error) {
			asked = append(asked, c.ID)
			if c.ID != "n" {
				return lostProps{}, struct{}{}, ErrNotFound
			}
			if c.Seen != nil {
				c.Seen.Tags = owner
			}
			return c.Old, struct{}{}, nil
		},
	}
	locate := func(name string) (string, bool) {
		inputs := value.NewMap(map[string]value.Value{"name": value.NewString(name)})
		state, found, err := typed.Locate(t.Context(),
			Request{Resource: "web/api:group", Tags: ours, Inputs: inputs})
		require.NoError(t, err)
		return state.ID, found
	}
	id, found := locate("n")
	require.True(t, found)
	require.Equal(t, "n", id)
	_, found = locate("m")
	require.False(t, found)
	require.Equal(t, []string{"n", "n", "m"}, asked)
	owner = map[string]string{TagStack: "another"}
	_, found = locate("n")
	require.False(t, found, "it is somebody else's")
}
