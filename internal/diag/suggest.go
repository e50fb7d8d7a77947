package diag

import (
	"fmt"
	"slices"
	"strings"
)

// DidYouMean returns `Did you mean "x"?` for the candidate nearest to what was written, "" when none is near.
func DidYouMean(written string, candidates []string) string {
	if near := Nearest(written, candidates); near != "" {
		return fmt.Sprintf("Did you mean %q?", near)
	}
	return ""
}

// Nearest returns the candidate nearest to what was written, or the only one that begins with it; "" when none is near.
func Nearest(written string, candidates []string) string {
	best, bestDistance := "", 1+max(len(written)/3, 1)
	for _, c := range candidates {
		if d := distance(strings.ToLower(written), strings.ToLower(c)); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	if best != "" || len(written) < 3 {
		return best
	}
	for _, c := range candidates {
		if !strings.HasPrefix(c, written) {
			continue
		}
		if best != "" {
			return ""
		}
		best = c
	}
	return best
}

// Candidates names the candidate that was probably meant, or all of them when none is near and they are few. A name
// without its folder ("queue") means the one address that ends in it ("web/queue").
func Candidates(written string, candidates []string) string {
	var ending []string
	for _, c := range candidates {
		if written != "" && strings.HasSuffix(c, "/"+written) {
			ending = append(ending, c)
		}
	}
	if len(ending) == 1 {
		return fmt.Sprintf("Did you mean %q?", ending[0])
	}
	if near := DidYouMean(written, candidates); near != "" {
		return near
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(candidates)))
	switch {
	case len(sorted) == 0:
		return ""
	case len(sorted) > 30:
		sorted = append(sorted[:30:30], "…")
	}
	return "There are: " + strings.Join(sorted, ", ") + "."
}

// distance is the Levenshtein distance with transpositions counted as one edit.
func distance(a, b string) int {
	if len(a) > 100 || len(b) > 100 {
		return 100
	}
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
