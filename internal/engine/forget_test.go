package engine

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/company/deployer/internal/value"
)

func TestForget(t *testing.T) {
	c := newCloud()
	o := c.options()
	g := graph(t, res("web/db:instance", single, "name", "db"), res("web/db:group", single, "name", "group"),
		res("web/api:service", thing, "image", "v1", "db", value.Output("web/db:instance", "arn"), "group",
			value.Output("web/db:group", "arn")))
	state := apply(t, g, nil, o).State
	c.calls()
	without := func(ids ...string) []byte {
		t.Helper()
		next, err := Forget(state, func(id string) bool {
			return strings.Contains(" "+strings.Join(ids, " ")+" ", " "+id+" ")
		})
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	want(t, "nothing", string(without()), string(state))
	forgotten := without("web/db:instance")
	want(t, "resources", ids(t, forgotten), strings.Replace(ids(t, state), " web/db:instance", "", 1))
	stored, err := Resources(forgotten)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stored {
		if s.ID == "web/api:service" {
			want(t, "dependencies", strings.Join(s.Dependencies, " "), "web/db:group")
		}
	}
	if strings.Contains(string(forgotten), "web/db:instance") {
		t.Errorf("a reference is left: %s", forgotten)
	}
	// The engine accepts that state, and finds the object again.
	again := apply(t, g, forgotten, o)
	want(t, "calls", c.calls(), "create web/db:instance, adopted web/db:instance")
	want(t, "state", ids(t, again.State), ids(t, state))
	if len(c.objects) != 3 {
		t.Errorf("%d objects", len(c.objects))
	}
	// A destroy deletes everything else, but nothing of it.
	if _, err := Destroy(t.Context(), forgotten, o); err != nil {
		t.Fatal(err)
	}
	if len(c.objects) != 1 {
		t.Errorf("%d objects", len(c.objects))
	}
}

func TestForgetWhileAnotherObjectIsMade(t *testing.T) {
	state := `{"manifest":{},"resources":[{"urn":"urn:pulumi:dev::shop::deployer:fake:single::web/a:a","custom":true,"id":"a","type":"deployer:fake:single"}],
		"pending_operations":[{"type":"creating","resource":
			{"urn":"urn:pulumi:dev::shop::deployer:fake:single::web/a:a","custom":true,"type":"deployer:fake:single"}}]}`
	if _, err := Forget([]byte(state), func(string) bool { return true }); err == nil {
		t.Error("an object that may be there was forgotten")
	}
	next, err := Forget([]byte(strings.Replace(state, "creating", "updating", 1)), func(string) bool { return true })
	if err != nil || strings.Contains(string(next), "web/a") {
		t.Errorf("%v: %s", err, next)
	}
}

// The next run looks for resources that an earlier state had and the present one lacks. It adopts the wanted ones,
// deletes the others, and keeps their protection.
func TestSearches(t *testing.T) {
	c := newCloud()
	o := c.options()
	db := res("web/db:db", single, "name", "db")
	db.Protect = true
	g := graph(t, db, res("web/x:x", single, "name", "x"))
	state := apply(t, g, nil, o).State
	c.calls()
	searches, err := Searches(state, func(StoredResource) (bool, bool) { return true, false })
	if err != nil || len(searches) != 2 || IntentResource(searches[0]) != "web/db:db" {
		t.Fatalf("%v %s", err, searches)
	}
	var i intent
	if json.Unmarshal(searches[0], &i) != nil || i.Replaces || strings.Contains(string(i.Resource), "outputs") {
		t.Errorf("%s", searches[0])
	}
	o.Intents = searches
	want(t, "wanted", ids(t, apply(t, g, nil, o).State), ids(t, state))
	c.calls()
	_, err = Apply(t.Context(), graph(t), nil, o)
	want(t, "not wanted", err.Error(), "protected: web/db:db would be deleted or replaced")
	o.AllowDelete = func(string) bool { return true }
	apply(t, graph(t), nil, o)
	if len(c.objects) != 0 {
		t.Errorf("%d objects are left", len(c.objects))
	}
}
