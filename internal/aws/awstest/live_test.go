package awstest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// liveVariable names a folder with more objects, in the form of testdata/live.
const liveVariable = "DEPLOYER_LIVE_OBJECTS"

// live is an object as somebody declared it and as AWS returns it, both in CloudFormation's shape.
type live struct {
	Declared object `json:"declared"`
	Live     object `json:"live"`
}

// liveType says how the objects of one CloudFormation type become objects of one of our types.
type liveType struct {
	file string // the CloudFormation type
	typ  string // ours
	// props returns our properties for the declared ones, or else the reason why our type has none.
	props func(l live) (props any, id string, why string)
	// explicit are properties that our create always sets. If they are not declared, AWS's default does not count.
	explicit []string
}

// liveTypes are those of all services, and answers what their APIs answer. The file <service>_live_test.go of each
// service adds its own.
var (
	liveTypes []liveType
	answers   []func(l object, parameters any) (any, error)
)

// liveObjects adds the types of a service, and the answers of the service's own API for an object that CloudFormation
// shows as l: nil for calls of other services.
func liveObjects(answer func(l object, parameters any) (any, error), types ...liveType) bool {
	answers = append(answers, answer)
	liveTypes = append(liveTypes, types...)
	return true
}

// otherwise lists the objects of the further folder that somebody changed after they were declared, by the ends of ids.
// Each has the properties that rightly differ.
var otherwise = map[string][]string{
	"-MatrixQueueEEAE6F08-Df0ZjowYewgM":           {"visibilityTimeout"},
	"-MatrixLogsDDD521D9-Zn23SPxJoN6J":            {"retentionDays"},
	"-TestRole6C9272DF-tZZ2sot0XbeC":              {"permissionsBoundary"},
	"/CdkrdI-Edge7-ivPMKfmp3Fts/6d19553c7d7ef1c8": {"idleTimeout"},
	"-bucket83908e77-ltlblakxxmol":                {"cors", "lifecycle"},
	// Tags of its stack, not declared in this template.
	"/CdkrdH-DsAlb-HesW4mhrjLmx/ad792ca18e21d9e6/b1bf2f121a76a2d8": {"tags"},
}

func isOtherwise(id, property string) bool {
	for end, properties := range otherwise {
		if strings.HasSuffix(id, end) {
			return slices.Contains(properties, property)
		}
	}
	return false
}

// AWS returns for a new object what was declared, plus AWS's defaults: any other difference would be drift in the first
// plan.
func TestLiveObjects(t *testing.T) {
	folders := []string{filepath.Join("testdata", "live")}
	if more := os.Getenv(liveVariable); more != "" {
		folders = append(folders, more)
	} else {
		t.Logf("%s names no folder with further objects", liveVariable)
	}
	read, differences, without := 0, 0, map[string]int{}
	for _, lt := range liveTypes {
		found := 0
		for _, folder := range folders {
			text, err := os.ReadFile(filepath.Join(folder, lt.file+".json")) //nolint:gosec // a test's data
			if os.IsNotExist(err) {
				continue
			}
			require.NoError(t, err)
			var objects []live
			require.NoError(t, json.Unmarshal(text, &objects), lt.file)
			for i, l := range objects {
				why, changes := lt.read(t, l)
				name := fmt.Sprintf("%s %d (%s)", lt.file, i, filepath.Base(folder))
				switch {
				case why != "" && folder == folders[0]:
					t.Errorf("%s: %s", name, why)
				case why != "":
					without[lt.typ+": "+why]++
				default:
					found++
					read++
					differences += len(changes)
				}
				for _, c := range changes {
					t.Errorf("%s as %s: %s", name, lt.typ, c)
				}
			}
		}
		if found == 0 {
			t.Errorf("no object of %s was read as %s", lt.file, lt.typ)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(without)) {
		t.Logf("not of our model: %d × %s", without[why], why)
	}
	t.Logf("%d live objects read, %d differences", read, differences)
}

// unlive are types without objects in AWS, each with the reason.
var unlive = map[string]string{"ecs/release": "a task that has ended: AWS forgets it within the hour"}

// Every type has at least one object to read.
func TestLiveObjectsOfEveryType(t *testing.T) {
	for _, d := range catalog.New(aws.Config{}).Definitions() {
		if unlive[d.Type] != "" {
			continue
		}
		if !slices.ContainsFunc(liveTypes, func(lt liveType) bool { return lt.typ == d.Type }) {
			t.Errorf(
				"no live object is read as %s: add one to testdata/live, and how it is read to the service's file",
				d.Type,
			)
		}
	}
}

// read reads the object with our type, and compares.
func (lt liveType) read(t *testing.T, l live) (why string, changes []string) {
	t.Helper()
	if _, shown := l.Live["Tags"]; !shown { // some types have no tags
		l.Live["Tags"] = l.Declared["Tags"]
	}
	props, id, why := lt.props(l)
	if why != "" {
		return why, nil
	}
	b, err := catalog.New(answering(lt.typ, l)).Behaviour(lt.typ)
	require.NoError(t, err)
	def := b.Definition()
	given := value.Encode(props)
	wanted, problems := b.Check(given)
	if len(problems) > 0 {
		return problems[0].Error(), nil
	}
	if def.HashedName != "" { // its maker made its name by other rules
		wanted = wanted.With(def.HashedName, given.Get(def.HashedName))
	}
	req := request(lt.typ)
	req.ID, req.Inputs, req.Tags = id, value.NullValue, map[string]string{}
	req.Old = resource.State{ID: id, Inputs: wanted, Outputs: value.NullValue}
	state, found, err := b.Read(t.Context(), req)
	if err != nil || !found {
		return "", []string{fmt.Sprintf("%s is not read: %v", id, err)}
	}
	for _, name := range lt.explicit {
		wanted = undeclared(given, wanted, state.Inputs, strings.Split(name, "."))
	}
	for _, c := range resource.Compare(def, state.Inputs, wanted).Changes {
		if isOtherwise(id, c.Path[0]) {
			continue
		}
		changes = append(changes, fmt.Sprintf("%s: AWS has %s, declared is %s", strings.Join(c.Path, "."), c.Old,
			c.New))
	}
	return "", changes
}

// undeclared copies from AWS a property that nobody declared.
func undeclared(given, wanted, actual value.Value, path []string) value.Value {
	name := path[0]
	switch {
	case len(path) > 1:
		return wanted.With(name, undeclared(given.Get(name), wanted.Get(name), actual.Get(name), path[1:]))
	case given.Get(name).IsNull():
		return wanted.With(name, actual.Get(name))
	}
	return wanted
}

// answering is an AWS with one object.
func answering(typ string, l live) aws.Config {
	one := func(stack *middleware.Stack) error {
		step := middleware.InitializeMiddlewareFunc("live", func(
			_ context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			for _, answer := range answers {
				if out, err := answer(l.Live, in.Parameters); out != nil || err != nil {
					return middleware.InitializeOutput{Result: out}, middleware.Metadata{}, err
				}
			}
			return middleware.InitializeOutput{}, middleware.Metadata{},
				fmt.Errorf("no answer to %T of %s", in.Parameters, typ)
		})
		return stack.Initialize.Add(step, middleware.After)
	}
	return aws.Config{Region: "us-east-1", APIOptions: []func(*middleware.Stack) error{one}}
}

// object is JSON with helpers for its readers.
type object map[string]any

func (o object) text(key string) string {
	switch v := o[key].(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

func (o object) number(key string) *int {
	switch v := o[key].(type) {
	case float64:
		n := int(v)
		return &n
	case string:
		var n int
		if _, err := fmt.Sscan(v, &n); err == nil {
			return &n
		}
	}
	return nil
}

func (o object) int(key string) int { return aws.ToInt(o.number(key)) }

func (o object) is(key string) bool {
	b, _ := o[key].(bool)
	return b || o[key] == "true"
}

func (o object) at(path ...string) object {
	for _, key := range path {
		next, _ := o[key].(map[string]any)
		o = next
	}
	return o
}

func (o object) list(key string) []object {
	var out []object
	items, _ := o[key].([]any)
	for _, item := range items {
		next, _ := item.(map[string]any)
		out = append(out, next)
	}
	return out
}

func (o object) texts(key string) []string {
	var out []string
	items, _ := o[key].([]any)
	for _, item := range items {
		out = append(out, fmt.Sprint(item))
	}
	return out
}

// pairs is a list of keys and values as a map: tags, attributes.
func (o object) pairs(list, key, text string) map[string]string {
	var out map[string]string
	for _, pair := range o.list(list) {
		if out == nil {
			out = map[string]string{}
		}
		out[pair.text(key)] = pair.text(text)
	}
	return out
}

func (o object) tags() map[string]string { return o.pairs("Tags", "Key", "Value") }

// document is a policy, which CloudFormation shows as JSON.
func (o object) document(key string) value.Value {
	text, err := json.Marshal(o[key])
	if err != nil {
		panic(err)
	}
	return value.NewString(string(text))
}

// into converts the object to a structure of the SDK. The names of members differ only in case.
func into[T any](o any) T {
	var out T
	text, err := json.Marshal(o)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		panic(fmt.Sprintf("%T: %v", out, err))
	}
	return out
}

func lit(text string) value.Of[string] {
	if text == "" {
		return value.Of[string]{}
	}
	return value.Lit(text)
}
