package crash

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEverything strikes a run of each story at each of its calls in every way, or at some of its calls. DEPLOYER_CRASH
// is "all", or any text that chooses the sample; DEPLOYER_CRASH_ONLY is a regular expression for the cases;
// DEPLOYER_CRASH_SITES is how many accounts there are.
func TestEverything(t *testing.T) { try(t, &example) }

// TestStores does the same with data stores in a VPC of their own. No case may lose data: see losses.
func TestStores(t *testing.T) { try(t, &stores) }

// TestEdge does the same with what is in front of a service: a web ACL, access logs, and the load balancer of another
// tool, which no case may change.
func TestEdge(t *testing.T) { try(t, &edge) }

func try(t *testing.T, of *subject) {
	part := os.Getenv(partVariable)
	if everything() && part == "" {
		inParts(t)
		return
	}
	sites := number("DEPLOYER_CRASH_SITES")
	hash := fnv.New64a()
	hash.Write([]byte(seed()))
	random := rand.New(rand.NewPCG(hash.Sum64(), 1))
	s := newSite(t, of)
	q := matrix(t, s, random)
	if part == "" {
		q.cases = of.chosen(q.cases, random)
	}
	total := 0
	for _, story := range stories {
		cases := q.cases[story]
		if n, err := strconv.Atoi(part); err == nil {
			random.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
			cases = cases[n*len(cases)/parts : (n+1)*len(cases)/parts]
			q.cases[story] = cases
		}
		total += len(cases)
		t.Logf("%s%s: %d calls in %s, %d cases, %d objects", of.before, story, len(s.calls[story]), s.took[story],
			len(cases), len(s.want[story.version()]))
	}
	t.Logf("%d cases, seed %s", total, seed())
	t.Run("all", func(t *testing.T) {
		for n := range max(sites, 1) {
			t.Run(strconv.Itoa(n+1), func(t *testing.T) {
				t.Parallel()
				here := s
				if n > 0 {
					here = newSite(t, of)
				}
				here.t = t
				here.live(q)
			})
		}
	})
}

// once are cases that found a defect. They are part of every sample.
var once = []string{
	// The other revisions of the family stayed for good.
	"replace, death after, ECS:DeregisterTaskDefinition #1 (elsewhere: true, wakes: false)",
	// What the plan of a first deployment did not know of a target kept the next run from finding it.
	"create, death after, Application Auto Scaling:RegisterScalableTarget #1 (elsewhere: true, wakes: false), " +
		"then destroyed",
	// A rule that had taken its new path kept it, although the next run wanted the old one.
	"update, answer lost, throttled, Elastic Load Balancing v2:ModifyRule #1" +
		" (elsewhere: true, wakes: false), then back",
	// The rule of a component that was to go had made way, and stayed behind when it was wanted again.
	"rename, answer lost, throttled, Elastic Load Balancing v2:SetRulePriorities #1" +
		" (elsewhere: true, wakes: false), then back",
	"rename, answer lost, throttled, ECS:DeleteService #1 (elsewhere: true, wakes: false), then back",
	// The call that the SDK repeated made a second rule, at another place to wait in.
	"rename, answer lost, Elastic Load Balancing v2:CreateRule #1 (elsewhere: false, wakes: false)",
}

// chosen is a sample of the cases.
func (s *subject) chosen(all map[story][]crisis, random *rand.Rand) map[story][]crisis {
	out := map[story][]crisis{}
	for _, story := range stories {
		cases := all[story]
		random.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
		left := map[bool]int{false: s.single, true: s.paired}
		if s.single+s.paired == 0 { // one, of either kind
			left[random.IntN(2) == 0] = 1
		}
		for _, c := range cases {
			if slices.Contains(once, c.String()) {
				out[story] = append(out[story], c)
				continue
			}
			if s.oneLife && c.last() {
				continue
			}
			if left[c.pair()]--; left[c.pair()] >= 0 {
				out[story] = append(out[story], c)
			}
		}
	}
	return out
}

// The matrix has parts, each a process of its own: the engine that we embed keeps some memory of every run, and this is
// thousands. DEPLOYER_CRASH_PARTS is how many there are: with DEPLOYER_CRASH_PART=0 DEPLOYER_CRASH_PARTS=1 all cases
// happen in one process, which shows each failure at once.
var parts = cmp.Or(number("DEPLOYER_CRASH_PARTS"), 12)

const (
	partVariable    = "DEPLOYER_CRASH_PART"    // a number from 0: only that part
	resultsVariable = "DEPLOYER_CRASH_RESULTS" // a file to which the results of a part are added
)

// number is that of a variable; 0 without one.
func number(variable string) int {
	n, _ := strconv.Atoi(os.Getenv(variable))
	return n
}

func inParts(t *testing.T) {
	results := filepath.Join(t.TempDir(), "results.jsonl")
	var all sync.WaitGroup
	slots := make(chan struct{}, runtime.NumCPU()+1) // the emulator, one for each, uses one processor
	for n := range parts {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			part := exec.Command(os.Args[0], append(os.Args[1:], "-test.run=^"+t.Name()+"$")...)
			part.Env = append(os.Environ(), fmt.Sprintf("%s=%d", partVariable, n), resultsVariable+"="+results)
			out, err := part.CombinedOutput()
			t.Logf("part %d of %d:\n%s", n+1, parts, out)
			if err != nil {
				t.Errorf("part %d of %d: %v", n+1, parts, err)
			}
		})
	}
	all.Wait()
	file, err := os.Open(results)
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, table.Load(file))
}
