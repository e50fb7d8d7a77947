package manifest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/value"
)

func TestSpellingOfAWrongType(t *testing.T) {
	for _, c := range []struct {
		text string
		want value.Kind
		next string
	}{
		{"yes", value.Bool, "Write `true`."},
		{"Off", value.Bool, "Write `false`."},
		{"true", value.Bool, "Write `true`, without quotes."},
		{"maybe", value.Bool, ""},
		{"npm start", value.List, "Write `command: [\"npm\", \"start\"]`."},
		{"sh -c 'a b'", value.List, "Write `command: [\"sh\", \"-c\", \"a b\"]`."},
		{`sh -c "a && b" ''`, value.List, "Write `command: [\"sh\", \"-c\", \"a && b\", \"\"]`."},
		{`sh -c 'echo "a"'`, value.List, "Write `command: [\"sh\", \"-c\", \"echo \\\"a\\\"\"]`."},
		{`sh -c "echo $A"`, value.List, ""},
		{"sh -c 'a b", value.List, ""},
		{"a && b", value.List, ""},
		{"99999999999999999999", value.Number, ""},
		{"512", value.Number, "Write `512`, without quotes."},
	} {
		require.Equal(t, c.next, quoting(&node{kind: value.String, text: c.text},
			value.Problem{Path: []string{"command"}, Want: c.want, Strings: true}), c.text)
	}
}
