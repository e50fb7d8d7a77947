package ecsfake

import "strconv"

// page are the paging members of list calls.
type page struct {
	MaxResults int    `json:"maxResults"`
	NextToken  string `json:"nextToken"`
}

// paged cuts one page; the token is the index of the next entry.
func paged[T any](all []T, p page, size int) (part []T, next string) {
	if p.MaxResults > 0 {
		size = p.MaxResults
	}
	start, err := strconv.Atoi(p.NextToken)
	if err != nil || start > len(all) {
		start = 0
	}
	end := min(start+size, len(all))
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return all[start:end], next
}

func withToken(out map[string]any, next string) map[string]any {
	if next != "" {
		out["nextToken"] = next
	}
	return out
}
