package call

import "strings"

// SameKey reports whether two texts surely name the same KMS key: they are equal, or one is the id of a key
// ("1234abcd-…", "mrk-…") and the other one the ARN of that key. Nobody can tell an alias from the key without AWS.
func SameKey(a, b string) bool {
	return a == b || keyOf(a) == b || keyOf(b) == a
}

// keyOf is the id in the ARN of a key; the text itself if it is none.
func keyOf(text string) string {
	if _, id, is := strings.Cut(text, ":key/"); is && strings.HasPrefix(text, "arn:") {
		return id
	}
	return text
}
