package elbv2

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
)

// Priorities of listener rules: AWS allows 1 to 50000 and matches lower ones first. Users choose from the lowest, so
// that their rules win. The other priorities are ours.
const (
	ExplicitMin = 1
	ExplicitMax = 999
)

// Priorities at which a rule waits behind all other rules.
const (
	WaitingMin = 49900
	Last       = 50000
)

// bucket is a range of priorities for rules with equally specific hosts. It has steps, each with slots priorities.
type bucket struct{ start, steps, slots int }

const (
	longestPath = 128 // characters that AWS allows
	hostLabels  = 4   // wildcard hosts are told apart by 5 or more, 4, 3, or fewer labels
)

// The buckets, most specific first; together 1000 to 49999. An exact host beats a wildcard host, whatever the paths:
// the owner of the rule for a.example.com decides about its requests.
var (
	exactHostPath = bucket{1000, longestPath, 200}
	exactHost     = bucket{exactHostPath.end(), 1, 10000}
	wildHostPath  = bucket{exactHost.end(), hostLabels * longestPath, 12}
	wildHost      = bucket{wildHostPath.end(), hostLabels, 500}
	pathOnly      = bucket{wildHost.end(), longestPath, 40}
	catchAll      = bucket{pathOnly.end(), 1, 136}
)

func (b bucket) end() int { return b.start + b.steps*b.slots }

// Rule is a listener rule that needs a priority.
type Rule struct {
	Address  string // of the component, plus what tells its rules apart; unique in one call of Assign
	Seed     string // what its slot is hashed from; "" means Address
	Host     string // "" is every host; * and ? are wildcards
	Path     string // "" is every path
	Explicit int    // what the user chose, ExplicitMin to ExplicitMax; 0: choose one
}

// Conflict is a set of rules of which only one can ever take a request.
type Conflict struct {
	Addresses  []string // sorted
	Priority   int      // the explicit priority that they share; 0 if they share Host and Path
	Host, Path string
}

// Priority returns the priority of a rule if no other rule has the same. It depends on how specific host and path are,
// then on a hash, so it stays when other rules come and go. Two rules may have the same hash: Assign tells them apart.
func Priority(host, path, address string) int {
	b, step := place(host, path)
	return b.slot(step, host, path, address, 0)
}

// place returns the bucket of a rule and its step in the bucket.
func place(host, path string) (bucket, int) {
	path = strings.TrimRight(path, "/*")
	longer := longestPath - min(max(len(path), 1), longestPath)
	wild := strings.ContainsAny(host, "*?")
	fewer := hostLabels + 1 - min(max(strings.Count(host, ".")+1, 2), hostLabels+1)
	switch {
	case host != "" && !wild && path != "":
		return exactHostPath, longer
	case host != "" && !wild:
		return exactHost, 0
	case wild && path != "":
		return wildHostPath, fewer*longestPath + longer
	case wild:
		return wildHost, fewer
	case path != "":
		return pathOnly, longer
	}
	return catchAll, 0
}

// slot hashes a rule to a slot in its step; another attempt gives another slot.
func (b bucket) slot(step int, host, path, address string, attempt int) int {
	sum := sha256.Sum256([]byte(strings.Join([]string{strings.ToLower(host), path, address, strconv.Itoa(attempt)},
		"\x00")))
	return b.start + step*b.slots + int(binary.BigEndian.Uint64(sum[:])%uint64(b.slots))
}

// Assign gives every rule of one listener its own priority, by Address. The result depends on the set of rules, not on
// their order. Each rule gets its Priority if no other rule has the same. Of two such rules, the one with the lesser
// address gets it and the other gets a slot nearby. So only rules with equal hashes can move when rules come and go.
// Users must solve Conflicts.
func Assign(rules []Rule) (map[string]int, []Conflict) {
	rules = slices.Clone(rules)
	slices.SortFunc(rules, func(a, b Rule) int { return strings.Compare(a.Address, b.Address) })
	out := make(map[string]int, len(rules))
	taken := map[int]bool{}
	var left []Rule
	for _, r := range rules {
		if r.Explicit != 0 {
			out[r.Address] = r.Explicit
			taken[r.Explicit] = true
		} else {
			left = append(left, r)
		}
	}
	// In rounds, so that a rule that lost its slot never takes another rule's first choice.
	const rounds = 64
	for attempt := 0; attempt < rounds && len(left) > 0; attempt++ {
		var losers []Rule
		for _, r := range left {
			b, step := place(r.Host, r.Path)
			p := b.slot(step, r.Host, r.Path, cmp.Or(r.Seed, r.Address), attempt)
			if taken[p] {
				losers = append(losers, r)
				continue
			}
			taken[p] = true
			out[r.Address] = p
		}
		left = losers
	}
	for _, r := range left { // its step is full: more equally specific rules than AWS allows on one load balancer
		b, step := place(r.Host, r.Path)
		p := b.start + step*b.slots
		for taken[p] {
			if p++; p >= catchAll.end() {
				p = exactHostPath.start
			}
		}
		taken[p] = true
		out[r.Address] = p
	}
	return out, conflicts(rules)
}

// conflicts takes rules sorted by address.
func conflicts(rules []Rule) []Conflict {
	type same struct {
		priority   int
		host, path string
	}
	byKey := map[same][]string{}
	var keys []same
	note := func(key same, address string) {
		if byKey[key] == nil {
			keys = append(keys, key)
		}
		byKey[key] = append(byKey[key], address)
	}
	for _, r := range rules {
		if r.Explicit != 0 {
			note(same{priority: r.Explicit}, r.Address)
		}
		note(same{host: strings.ToLower(r.Host), path: strings.TrimRight(r.Path, "/")}, r.Address)
	}
	var out []Conflict
	for _, key := range keys {
		if addresses := byKey[key]; len(addresses) > 1 {
			out = append(out, Conflict{Addresses: addresses, Priority: key.priority, Host: key.host, Path: key.path})
		}
	}
	return out
}
