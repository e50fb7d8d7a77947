package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

func TestLostProcess(t *testing.T) {
	// For each call that changes something, the process dies right before and right after its effect.
	run := func(c *cloud, o Options, g *resource.Graph, state []byte) (lines [][]byte, result *Result, err error) {
		var mu sync.Mutex
		o.Journal = func(line []byte, _ bool) error {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, append([]byte(nil), line...))
			return nil
		}
		result, err = Apply(t.Context(), g, state, o)
		return lines, result, err
	}
	plan2 := func(t *testing.T) *resource.Graph {
		return graph(t, res("infra/net:vpc", thing, "zone", "b"),
			res("web/db:instance", single, "name", "db", "zone", "b"),
			res("web/api:service", thing, "image", "v2", "db", value.Output("web/db:instance", "arn")),
			res("web/new:new", single, "name", "new"))
	}
	reference := newCloud()
	_, first, err := run(reference, reference.options(), chain(t, "a", "v1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	reference.calls()
	lines, second, err := run(reference, reference.options(), plan2(t), first.State)
	if err != nil {
		t.Fatal(err)
	}
	replayed, err := Replay(first.State, lines)
	if err != nil || string(replayed) != string(second.State) {
		t.Fatalf("the journal tells another story (%v):\n%s\n%s", err, replayed, second.State)
	}
	inventory := func(c *cloud) string { return fmt.Sprint(len(c.objects)) }
	for n := range lines {
		t.Run(fmt.Sprint("line ", n), func(t *testing.T) {
			c := newCloud()
			_, first, _ := run(c, c.options(), chain(t, "a", "v1"), nil)
			full, _, err := run(c, c.options(), plan2(t), first.State)
			if err != nil {
				t.Fatal(err)
			}
			// Die after the n-th line: undo nothing in the cloud beyond what a real run had done by then.
			c2 := newCloud()
			_, first2, _ := run(c2, c2.options(), chain(t, "a", "v1"), nil)
			died := errors.New("died")
			var kept [][]byte
			o := c2.options()
			o.Journal = func(line []byte, _ bool) error {
				if len(kept) > n {
					return died
				}
				kept = append(kept, append([]byte(nil), line...))
				return nil
			}
			if _, err := Apply(t.Context(), plan2(t), first2.State, o); err == nil && n < len(full)-1 {
				t.Fatal("did not die")
			}
			state, err := Replay(first2.State, append(kept, []byte(`{"step":9,"torn`)))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(state, &struct{}{}); err != nil {
				t.Fatal(err)
			}
			result := apply(t, plan2(t), state, c2.options())
			if pending, _ := Pending(result.State); len(pending) != 0 {
				t.Errorf("still pending: %v", pending)
			}
			want(t, "plan after it", planned(t, plan2(t), result.State, c2.options()), "")
			want(t, "objects", inventory(c2), inventory(reference))
			gone, err := Destroy(t.Context(), result.State, c2.options())
			if err != nil || len(c2.objects) != 0 {
				t.Errorf("after a destroy %d objects are left (%v)", len(c2.objects), err)
			}
			_ = gone
		})
	}
	if _, err := Replay([]byte(`{"manifest":{}}`), lines); !errors.Is(err, ErrJournalMismatch) {
		t.Errorf("a journal of another state: %v", err)
	}
}

func TestDestroyAfterLostProcess(t *testing.T) {
	// The process dies right after the n-th call; of its journal nothing is left, only the intents of its plan.
	for n := range 4 {
		for _, desired := range []bool{true, false} {
			c := newCloud()
			o := c.options()
			g := graph(t, res("web/a:a", single, "name", "a"), res("web/b:b", single, "name", "b"),
				res("web/c:c", single, "name", "c"))
			preview, err := PreviewApply(t.Context(), g, nil, o)
			if err != nil || len(preview.Intents) != 3 {
				t.Fatal(err, preview.Intents)
			}
			lost := errors.New("lost")
			o.Journal = func(line []byte, _ bool) error {
				if len(c.objects) == n && !strings.Contains(string(line), `"op"`) {
					return lost
				}
				return nil
			}
			if _, err := Apply(t.Context(), g, nil, o); (err == nil) != (n == 0) {
				t.Fatal(err)
			}
			made := max(n, map[bool]int{true: 3, false: 0}[n == 0])
			o = c.options()
			o.Intents = preview.Intents
			c.calls()
			if !desired {
				g = nil
			}
			result, err := Apply(t.Context(), g, nil, o)
			if err != nil {
				t.Fatal(err)
			}
			if left := len(c.objects); left != map[bool]int{true: 3, false: 0}[desired] {
				t.Errorf("after %d calls, desired %v: %d objects", n, desired, left)
			}
			if calls := c.calls(); strings.Count(calls, "delete") != map[bool]int{true: 0, false: made}[desired] ||
				strings.Contains(calls, "adopted") {
				t.Errorf("after %d calls, desired %v: %s", n, desired, calls)
			}
			if pending, _ := Pending(result.State); len(pending) != 0 {
				t.Errorf("pending: %v", pending)
			}
			want(t, "plan", planned(t, g, result.State, c.options()), "")
		}
	}
}

func TestObjectThatAWSIsStillDeleting(t *testing.T) {
	// A run died after AWS had begun to delete the database. It is gone for those who want it, who make another one.
	// For those who do not, it is deleted before what it uses.
	all := graph(t, res("web/group:group", single, "name", "group"),
		res("web/db:instance", single, "name", "db", "group", value.Output("web/group:group", "arn")))
	for _, wanted := range []bool{true, false} {
		c := newCloud()
		state := apply(t, all, nil, c.options()).State
		c.deleting = map[string]bool{"db": true}
		o := c.options()
		o.Uncertain = []string{"web/db:instance"}
		g := all
		if !wanted {
			g = nil
		}
		c.calls()
		if wanted {
			want(t, "plan", planned(t, g, state, o), "create web/db:instance (new)")
			delete(c.objects, single+" db") // the create waits for that
			delete(c.deleting, "db")
		}
		if _, err := Apply(t.Context(), g, state, o); err != nil {
			t.Fatal(err)
		}
		expected := "create web/db:instance"
		if !wanted {
			expected = "delete web/db:instance, delete web/group:group"
		}
		want(t, fmt.Sprint("calls, wanted: ", wanted), c.calls(), expected)
	}
}

// answered is an HTTP answer of that status, as the SDK reports it.
type answered int

func (a answered) Error() string       { return "answered" }
func (a answered) HTTPStatusCode() int { return int(a) }

func TestLostAnswer(t *testing.T) {
	// A step has its effect, gets no answer and fails. The process lives on. Whatever the next run wants, it does not
	// assume that nothing happened.
	silence := &resource.OpError{Operation: "fake:Call", Message: "connection reset"}
	one := func(size string) *resource.Graph { return graph(t, res("a/a:a", single, "name", "a", "size", size)) }
	lose := func(c *cloud, g *resource.Graph, state []byte) []byte {
		t.Helper()
		c.lost["a/a:a"] = silence
		result, err := Apply(t.Context(), g, state, c.options())
		if !errors.Is(err, silence) {
			t.Fatal(err)
		}
		delete(c.lost, "a/a:a")
		c.calls()
		return result.State
	}
	t.Run("create, then destroy", func(t *testing.T) {
		c := newCloud()
		state := lose(c, one("1"), nil)
		result, err := Destroy(t.Context(), state, c.options())
		if err != nil || len(c.objects) != 0 {
			t.Fatalf("%d objects are left (%v)", len(c.objects), err)
		}
		if pending, _ := Pending(result.State); len(pending) != 0 {
			t.Errorf("pending: %v", pending)
		}
	})
	t.Run("create with an internal error, then destroy", func(t *testing.T) {
		c := newCloud()
		c.lost["a/a:a"] = &resource.OpError{
			Operation: "ecs:CreateService", Code: "ServerException", Message: "oops",
			Err: answered(500),
		}
		result, err := Apply(t.Context(), one("1"), nil, c.options())
		if err == nil {
			t.Fatal("it did not fail")
		}
		delete(c.lost, "a/a:a")
		if _, err := Destroy(t.Context(), result.State, c.options()); err != nil || len(c.objects) != 0 {
			t.Fatalf("%d objects are left (%v)", len(c.objects), err)
		}
	})
	t.Run("create twice, then create", func(t *testing.T) {
		c := newCloud()
		c.fail["create a/a:a"] = silence // without an effect
		state := []byte(nil)
		for range 2 {
			result, err := Apply(t.Context(), one("1"), state, c.options())
			if !errors.Is(err, silence) {
				t.Fatal(err)
			}
			state = result.State
		}
		if pending, _ := Pending(state); len(pending) != 1 {
			t.Errorf("pending: %v", pending)
		}
		delete(c.fail, "create a/a:a")
		state = apply(t, one("1"), state, c.options()).State
		want(t, "plan", planned(t, one("1"), state, c.options()), "")
		if pending, _ := Pending(state); len(pending) != 0 {
			t.Errorf("pending: %v", pending)
		}
	})
	t.Run("update, then back", func(t *testing.T) {
		c := newCloud()
		state := apply(t, one("1"), nil, c.options()).State
		state = lose(c, one("2"), state)
		want(t, "plan", planned(t, one("1"), state, c.options()), "update a/a:a (change in size) [in place]")
		state = apply(t, one("1"), state, c.options()).State
		want(t, "size", c.objects[single+" a"].inputs.Get("size").Str(), "1")
		want(t, "plan", planned(t, one("1"), state, c.options()), "")
	})
	t.Run("delete, then create", func(t *testing.T) {
		c := newCloud()
		state := apply(t, one("1"), nil, c.options()).State
		state = lose(c, graph(t), state)
		want(t, "plan", planned(t, one("1"), state, c.options()), "create a/a:a (new)")
		state = apply(t, one("1"), state, c.options()).State
		want(t, "calls", c.calls(), "create a/a:a")
		want(t, "plan", planned(t, one("1"), state, c.options()), "")
	})
	t.Run("refused", func(t *testing.T) {
		c := newCloud()
		c.fail["create a/a:a"] = &resource.OpError{Operation: "fake:Call", Code: "AccessDenied", Message: "no"}
		result, err := Apply(t.Context(), one("1"), nil, c.options())
		if err == nil {
			t.Fatal("no error")
		}
		want(t, "plan", planned(t, one("1"), result.State, c.options()), "create a/a:a (new)")
	})
}

func TestTwoInterruptedAttempts(t *testing.T) {
	// Two runs died while they made the same resource under different names, and left nothing but their intents.
	for _, again := range []string{"first", "second", ""} {
		t.Run("then "+again, func(t *testing.T) {
			c := newCloud()
			g := func(name string) *resource.Graph {
				if name == "" {
					return graph(t)
				}
				return graph(t, res("a/a:a", single, "name", name))
			}
			var intents []json.RawMessage
			for _, name := range []string{"first", "second"} {
				o := c.options()
				preview, err := PreviewApply(t.Context(), g(name), nil, o)
				if err != nil {
					t.Fatal(err)
				}
				intents = append(intents, preview.Intents...)
				apply(t, g(name), nil, o)
			}
			want(t, "objects", fmt.Sprint(len(c.objects)), "2")
			o := c.options()
			o.Intents = intents
			state := apply(t, g(again), nil, o).State
			want(t, "objects", fmt.Sprint(len(c.objects)), map[bool]string{true: "1", false: "0"}[again != ""])
			if pending, _ := Pending(state); len(pending) != 0 {
				t.Errorf("pending: %v", pending)
			}
			want(t, "plan", planned(t, g(again), state, c.options()), "")
		})
	}
}
