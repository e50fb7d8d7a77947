package crash

import (
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// TestEverything strikes a run of each story at each of its calls in every way, or a sample of that: see DEPLOYER_CRASH.
func TestEverything(t *testing.T) {
	sites, _ := strconv.Atoi(os.Getenv("DEPLOYER_CRASH_SITES"))
	hash := fnv.New64a()
	hash.Write([]byte(seed()))
	random := rand.New(rand.NewPCG(hash.Sum64(), 1))
	s := newSite(t)
	q := matrix(t, s, random)
	total := 0
	for story, cases := range q.cases {
		random.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
		if !everything() {
			cases = cases[:min(len(cases), sampled)]
		}
		q.cases[story] = cases
		total += len(cases)
	}
	for story, calls := range s.calls {
		t.Logf("%s: %d calls in %s, %d cases, %d objects", story, len(calls), s.took[story], len(q.cases[story]), len(s.want[story.version()]))
	}
	t.Logf("%d cases, seed %s", total, seed())
	t.Run("all", func(t *testing.T) {
		for n := range max(sites, 1) {
			t.Run(strconv.Itoa(n+1), func(t *testing.T) {
				t.Parallel()
				here := s
				if n > 0 {
					here = newSite(t)
				}
				here.t = t
				here.live(q)
			})
		}
	})
}

// sampled is how many cases of each story a sample has.
const sampled = 2
