package awstest

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// following are properties that a read rightly takes from the state, by type, each with the reason.
var following = map[string]map[string]string{
	"elbv2/listener-certificates": {"certificateArns": "other certificates of the listener belong to others"},
	"elasticache/cluster":         {"engineVersion": patched},
	"elasticache/replication-group": {
		"engineVersion": patched,
	},
	"rds/cluster":    {"engineVersion": patched},
	"rds/instance":   {"engineVersion": patched},
	"route53/record": {"zoneId": "it says where the record is looked for"},
}

const patched = "AWS installs newer patches of a version by itself, and a note says which one runs"

// A read that copies a property from the state hides every change of it. Here each property is recorded otherwise than
// it is: a read that then returns it as recorded has to say so (Request.Unread), so that drift detect lists it.
func TestReadsSayWhatTheyCopyFromTheState(t *testing.T) {
	found := map[string]map[string]int{} // objects, by type and property
	count := 0
	for _, lt := range liveTypes {
		text, err := os.ReadFile(filepath.Join("testdata", "live", lt.file+".json"))
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		var objects []live
		require.NoError(t, json.Unmarshal(text, &objects), lt.file)
		for _, l := range objects {
			for _, name := range lt.copied(t, l, &count) {
				if following[lt.typ][name] != "" {
					continue
				}
				if found[lt.typ] == nil {
					found[lt.typ] = map[string]int{}
				}
				found[lt.typ][name]++
			}
		}
	}
	for _, typ := range slices.Sorted(maps.Keys(found)) {
		for _, name := range slices.Sorted(maps.Keys(found[typ])) {
			t.Errorf("%s takes %s from the state, and does not say so (%d objects)", typ, name, found[typ][name])
		}
	}
	t.Logf("%d properties were recorded otherwise", count)
}

// copied are the properties of an object that a read returns as the state has them, without saying so.
func (lt liveType) copied(t *testing.T, l live, count *int) []string {
	t.Helper()
	props, id, why := lt.props(l)
	if why != "" {
		return nil
	}
	b, err := catalog.New(answering(lt.typ, l)).Behaviour(lt.typ)
	require.NoError(t, err)
	def := b.Definition()
	wanted, problems := b.Check(value.Encode(props))
	if len(problems) > 0 {
		return nil
	}
	if def.HashedName != "" {
		wanted = wanted.With(def.HashedName, value.Encode(props).Get(def.HashedName))
	}
	read := func(recorded value.Value) (resource.State, bool) {
		req := request(lt.typ)
		req.ID, req.Inputs, req.Tags = id, value.NullValue, map[string]string{}
		req.Old = resource.State{ID: id, Inputs: recorded, Outputs: value.NullValue}
		state, there, err := b.Read(t.Context(), req)
		return state, there && err == nil // a name that was recorded otherwise leads nowhere
	}
	is, there := read(wanted)
	if !there {
		return nil
	}
	var out []string
	for _, name := range wanted.Keys() {
		other := otherThan(wanted.Get(name))
		if other.IsNull() || slices.Contains(def.WriteOnly, name) || slices.Contains(def.CreateOnly, name) {
			continue
		}
		*count++
		state, there := read(wanted.With(name, other))
		_, said := state.Unread[name]
		if there && !said && value.Equal(state.Inputs.Get(name), other) && !value.Equal(is.Inputs.Get(name), other) {
			out = append(out, name)
		}
	}
	return out
}

// otherThan is a value of the same kind that no object has; Null: there is none.
func otherThan(v value.Value) value.Value {
	switch v.Kind() {
	case value.String:
		if strings.HasPrefix(v.Str(), "{") { // a document
			return value.NullValue
		}
		return value.NewString(v.Str() + "-recorded")
	case value.Number:
		return value.NewNumber(v.Number() + 1)
	case value.Bool:
		return value.NewBool(!v.Bool())
	case value.List:
		if len(v.Items()) > 0 {
			return value.NewList(v.Items()[:len(v.Items())-1]...)
		}
	case value.Map:
		for _, key := range v.Keys() {
			if other := otherThan(v.Get(key)); !other.IsNull() {
				return v.With(key, other)
			}
		}
	}
	return value.NullValue
}
