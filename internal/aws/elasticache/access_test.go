package elasticache

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCanonicalAccess(t *testing.T) {
	for text, want := range map[string]string{
		"on ~* +@all":                        "on ~* +@all",
		"on +@read ~app:*":                   "on ~app:* -@all +@read",
		"  ON   ~app:*  +@READ +GET":         "on ~app:* -@all +@read +get",
		"~* +@all":                           "off ~* +@all",
		"off":                                "off -@all",
		"on allkeys allcommands":             "on ~* +@all",
		"on ~a ~* nocommands":                "on ~* -@all",
		"on ~* ~a +@all":                     "on ~* +@all",
		"on ~b ~a ~b +get":                   "on ~a ~b -@all +get",
		"on ~A ~a +get":                      "on ~A ~a -@all +get",
		"on ~a resetkeys ~b +get":            "on ~b -@all +get",
		"on %r~a %RW~b %W~c +get":            "on %R~a %W~c ~b -@all +get",
		"on +get &b &a ~x":                   "on ~x &a &b -@all +get",
		"on &a resetchannels &b ~x":          "on ~x resetchannels &b -@all",
		"on resetchannels &* ~x":             "on ~x &* -@all",
		"on ~x allchannels +get":             "on ~x &* -@all +get",
		"on ~x +get +@all -@dangerous":       "on ~x +@all -@dangerous",
		"on ~x +@all -@dangerous +get -@all": "on ~x -@all",
		"on ~x -@dangerous +@read":           "on ~x -@all -@dangerous +@read",
		"on ~x +@read -@dangerous":           "on ~x -@all +@read -@dangerous",
		"on ~x +get -get +get":               "on ~x -@all +get",
		"on ~x +config|get -config":          "on ~x -@all -config",
		"on ~x -config +config|get":          "on ~x -@all -config +config|get",
		"on ~x (+set ~y) +get":               "on ~x -@all +get (~y -@all +set)",
		"on sanitize-payload ~x +get":        "on sanitize-payload ~x -@all +get",
	} {
		require.Equal(t, want, canonicalAccess(text), text)
	}
}

// What AWS adds about channels is no difference, unless it was declared.
func TestSeenAccess(t *testing.T) {
	require.Equal(t, "on ~x -@all +get", seenAccess("on ~x +get", "on ~x resetchannels -@all +get"))
	require.Equal(t, "on ~x &a -@all +get", seenAccess("on +get ~x &a", "on ~x resetchannels &a -@all +get"))
	require.Equal(t, "on ~x resetchannels -@all +get",
		seenAccess("on ~x resetchannels +get", "on ~x resetchannels -@all +get"))
	require.Equal(t, "on ~x -@all +get", seenAccess("on ~x resetchannels +get", "on ~x -@all +get"))
	require.Equal(t, "on ~x &* -@all +get", seenAccess("on ~x +get", "on ~x &* -@all +get"))
}

func TestCanonicalAccessIsStable(t *testing.T) {
	words := rapid.SampledFrom([]string{
		"on", "off", "~*", "~a", "%R~a", "&*", "&a", "+@all", "-@all", "+@read", "-get", "+config|get", "-config",
		"resetkeys", "resetchannels", "(~b +set)", "clearselectors", "nopass",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := ""
		for _, w := range rapid.SliceOfN(words, 0, 8).Draw(t, "words") {
			text += " " + w
		}
		once := canonicalAccess(text)
		require.Equal(t, once, canonicalAccess(once))
	})
}
