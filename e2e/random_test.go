package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// TestRandomStacks deploys stacks that nobody has written: each seed is one stack with some changes in a row. Runs are
// killed at any of their calls, up to twice in a row, and calls fail. The next run must make everything as wanted: a
// plan that reads all objects finds nothing to do, and nothing has drifted. After the destroy, nothing is left.
//
// DEPLOYER_RANDOM is the first seed, DEPLOYER_RANDOM_SEEDS how many there are. Without them it is one short life.
func TestRandomStacks(t *testing.T) {
	t.Parallel()
	first, err := strconv.ParseUint(os.Getenv("DEPLOYER_RANDOM"), 10, 64)
	if err != nil {
		first = 1
	}
	seeds, err := strconv.Atoi(os.Getenv("DEPLOYER_RANDOM_SEEDS"))
	changes := 5
	if err != nil {
		seeds, changes = 1, 2
	}
	for i := range seeds {
		seed := first + uint64(i)
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { randomLife(t, seed, changes) })
	}
}

// randomLife is one stack from its first deployment to its end.
func randomLife(t *testing.T, seed uint64, changes int) {
	began := time.Now()
	c := chooser{rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // tests want the same numbers again
	s := newSite(t, crashStack{files: map[string]string{
		"stack.yaml":            crashHead + "Stack\nmetadata: {name: shop}\nspec:\n  provider: {name: aws}\n",
		"environments/dev.yaml": crashHead + "Environment\nmetadata: {name: dev}\n",
	}}, false)
	d := s.deployment(t)
	folder := filepath.Join(s.repo, "stacks", "shop")
	deaths, refused := 0, 0
	is := randomStack{}
	for change := 0; change < changes; {
		wanted := c.next(is)
		if len(wanted) == 0 && change == 0 {
			continue // nothing is deployed
		}
		wanted.write(t, folder)
		if out, code := d.run(t, nil, "plan", "-e", "dev"); code == 3 { // AWS or another component does not allow it
			refused++
			require.Less(t, refused, 20*changes, "nothing is allowed:\n%s", out)
			continue
		} else if code != 0 {
			t.Fatalf("%s\nplan: exit code %d:\n%s", wanted, code, out)
		}
		killed := d.strike(t, c, "apply")
		after := fmt.Sprintf("change %d, after %d deaths, from:\n%sto:\n%s", change, killed, is, wanted)
		out, code := d.run(t, nil, d.command("apply")...)
		require.Zero(t, code, "%s\napply:\n%s", after, out)
		out, code = d.run(t, nil, "plan", "-e", "dev", "--refresh", "--detailed-exitcode")
		require.Zero(t, code, "%s\nplan:\n%s", after, out)
		out, code = d.run(t, nil, "drift", "detect", "-e", "dev", "--detailed-exitcode")
		require.Zero(t, code, "%s\ndrift detect:\n%s", after, out)
		d.unlocked(t)
		is, change, deaths = wanted, change+1, deaths+killed
	}
	deaths += d.strike(t, c, "destroy")
	out, code := d.run(t, nil, d.command("destroy")...)
	require.Zero(t, code, "%s\ndestroy:\n%s", is, out)
	require.Empty(t, d.inventory(t), is.String())
	t.Logf("%d changes, %d deaths, %d stacks refused, %.0f s", changes, deaths, refused, time.Since(began).Seconds())
}

// strike lets up to two runs die, each at one of its calls, and others of their calls fail once. It returns how many
// died. A run that gets to its end is also fine.
func (d *deployment) strike(t *testing.T, c chooser, command string) int {
	deaths := 0
	defer d.Proxy.ClearFaults()
	for range c.IntN(3) {
		v := newVictim()
		death := proxy.Fault{Nth: 1 + c.IntN(60), Action: proxy.DropAfter, OnEffect: func(*proxy.Call) { v.kill() }}
		if c.often(0.5) {
			death = proxy.Fault{Nth: 1 + c.IntN(60), Action: proxy.DropBefore, OnCall: func(*proxy.Call) { v.kill() }}
		}
		death.Mutating = c.often(0.7)
		require.NoError(t, d.Proxy.Inject(death))
		for range c.IntN(3) {
			require.NoError(t, d.Proxy.Inject(proxy.Fault{
				Filter: proxy.Filter{Mutating: true}, Nth: 1 + c.IntN(60),
				Action: one(c, proxy.Throttle, proxy.InternalError, proxy.DropAfter, proxy.ResetBefore),
			}))
		}
		out, code := d.run(t, v, d.command(command)...)
		d.Proxy.ClearFaults()
		switch code {
		case killedCode:
			deaths++
		case 0:
			return deaths
		default:
			t.Fatalf("%s: exit code %d:\n%s", command, code, out)
		}
	}
	return deaths
}

// String lists the documents of a stack.
func (s randomStack) String() string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s)) {
		text, err := json.Marshal(s[name])
		if err != nil {
			return err.Error()
		}
		fmt.Fprintf(&out, "  %s: %s\n", name, text)
	}
	return out.String()
}
