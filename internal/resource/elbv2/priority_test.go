package elbv2

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestPriorityOrdersBySpecificity(t *testing.T) {
	// Each is more specific than the next.
	order := []struct{ host, path string }{
		{"api.example.com", "/orders/archive"},
		{"api.example.com", "/orders"},
		{"api.example.com", "/o"},
		{"api.example.com", ""},
		{"*.eu.example.com", "/orders"},
		{"*.example.com", "/orders"},
		{"*.eu.example.com", ""},
		{"*.example.com", ""},
		{"", "/orders/archive"},
		{"", "/orders"},
		{"", ""},
	}
	last := ExplicitMax
	for _, o := range order {
		p := Priority(o.host, o.path, "shop/web")
		if p <= last {
			t.Errorf("%q %q has priority %d, not after %d", o.host, o.path, p, last)
		}
		last = p
	}
	if last > 50000 {
		t.Errorf("priority %d is beyond what AWS takes", last)
	}
}

func TestPriorityIsAContract(t *testing.T) {
	// These numbers are in users' load balancers: changing the function moves every rule.
	got := []int{
		Priority("api.example.com", "/orders", "shop/web"), Priority("api.example.com", "", "shop/web"),
		Priority("*.example.com", "", "shop/web"), Priority("", "/orders", "shop/web"), Priority("", "", "shop/web"),
	}
	if diff := cmp.Diff([]int{25245, 35936, 44225, 49619, 49902}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if Priority("API.example.com", "", "a") != Priority("api.example.com", "", "a") {
		t.Error("the case of a host changes its priority")
	}
	if p := Priority("", "/orders/*", "a"); p < pathOnly.start || p >= pathOnly.end() {
		t.Errorf("a path with a wildcard has priority %d, outside the bucket of paths", p)
	}
	if p := Priority("api.example.com", "/", "a"); p < exactHost.start || p >= exactHost.end() {
		t.Errorf("the path / makes a rule more specific than none: priority %d", p)
	}
}

func TestAssignKeepsExplicitAndReportsConflicts(t *testing.T) {
	got, conflicts := Assign([]Rule{
		{Address: "c", Host: "x.example.com", Explicit: 10},
		{Address: "a", Host: "y.example.com", Explicit: 10},
		{Address: "b", Host: "Z.example.com", Path: "/p"},
		{Address: "d", Host: "z.example.com", Path: "/p"},
	})
	if got["a"] != 10 || got["c"] != 10 {
		t.Errorf("explicit priorities are not kept: %v", got)
	}
	want := []Conflict{
		{Addresses: []string{"a", "c"}, Priority: 10},
		{Addresses: []string{"b", "d"}, Host: "z.example.com", Path: "/p"},
	}
	if diff := cmp.Diff(want, conflicts); diff != "" {
		t.Errorf("conflicts (-want +got):\n%s", diff)
	}
}

func TestAssignFillsAStepAndGoesOn(t *testing.T) {
	var rules []Rule
	for i := range 300 { // a path-only step has 40 slots
		rules = append(rules, Rule{Address: fmt.Sprint(i), Path: fmt.Sprintf("/p%03d", i)})
	}
	got, _ := Assign(rules)
	seen := map[int]bool{}
	for address, p := range got {
		if seen[p] || p <= ExplicitMax || p > 50000 {
			t.Fatalf("rule %s has priority %d, which is taken or out of range", address, p)
		}
		seen[p] = true
	}
	if len(got) != 300 {
		t.Fatalf("%d rules of 300 have a priority", len(got))
	}
}

func TestAssignProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		host := rapid.SampledFrom([]string{"", "a.example.com", "b.example.com", "*.example.com", "*.eu.example.com"})
		path := rapid.SampledFrom([]string{"", "/a", "/b", "/a/b", "/c"})
		n := rapid.IntRange(1, 60).Draw(t, "n")
		rules := make([]Rule, n)
		for i := range rules {
			rules[i] = Rule{Address: fmt.Sprintf("s/c%02d", i), Host: host.Draw(t, "host"), Path: path.Draw(t, "path")}
		}
		got, _ := Assign(rules)

		shuffled := rapid.Permutation(rules).Draw(t, "order")
		if again, _ := Assign(shuffled); !cmp.Equal(got, again) {
			t.Fatal("the order of the rules changes their priorities")
		}
		byPriority := map[int]Rule{}
		for _, r := range rules {
			p := got[r.Address]
			if other, twice := byPriority[p]; twice {
				t.Fatalf("%v and %v both have priority %d", r, other, p)
			}
			byPriority[p] = r
		}
		// Without one of them, only rules that collide can move.
		gone := rapid.IntRange(0, n-1).Draw(t, "gone")
		rest := slices.Delete(slices.Clone(rules), gone, gone+1)
		without, _ := Assign(rest)
		for _, r := range rest {
			home := Priority(r.Host, r.Path, r.Address)
			if got[r.Address] == home && without[r.Address] != home {
				t.Fatalf("%v leaves its own priority %d because another rule went away", r, home)
			}
			if got[r.Address] != without[r.Address] && got[r.Address] == home {
				t.Fatalf("%v moves from %d to %d", r, got[r.Address], without[r.Address])
			}
		}
	})
}
