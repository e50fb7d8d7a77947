package pages

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const story = "# A page\n" +
	"<!-- test: backend -->\n" +
	"<!-- test\nproxy reset\ntype yes\nexit 1\n-->\n" +
	"```console\n$ deployer apply\nPlan\n$ deployer status \\\n    --json\n{}\n```\n" +
	"```yaml\n# stacks/shop/stack.yaml\nkind: Stack\n```\n" +
	"```json\n{}\n```\n" +
	"<!-- test: not run: it needs the internet -->\n```sh\ncurl x\n```\n" +
	"```console\n$ true\n```\n"

func TestParse(t *testing.T) {
	page, err := Parse(story)
	if err != nil {
		t.Fatal(err)
	}
	want := []Step{
		{Line: 2, Directive: "backend"},
		{Line: 4, Directive: "proxy reset"},
		{Line: 9, Command: "deployer apply", Want: []string{"Plan"}},
		{Line: 11, Command: "deployer status \\\n    --json", Want: []string{"{}"}, Exit: 1, Typed: []string{"yes"}},
		{Line: 15, Path: "stacks/shop/stack.yaml", Text: "# stacks/shop/stack.yaml\nkind: Stack\n"},
		{Line: 27, Command: "true"},
	}
	if diff := cmp.Diff(want, page.Steps, cmpopts.IgnoreUnexported(Step{})); diff != "" {
		t.Error(diff)
	}
	if got := page.With(nil); got != story {
		t.Errorf("without other outputs the page is another one:\n%s", cmp.Diff(story, got))
	}
	got := page.With(map[int][]string{2: {"New", "plan"}, 5: {"done"}})
	if want := strings.NewReplacer("Plan\n", "New\nplan\n", "$ true\n", "$ true\ndone\n").Replace(story); got != want {
		t.Error(cmp.Diff(want, got))
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"```sh\nls\n```":               "line 1: a block of \"sh\" that the test does not run",
		"```yaml\nkind: Stack\n```":    "whose first line is # PATH",
		"```\nls\n```":                 "that the test does not run",
		"* x\n  ```console\n$ ls\n```": "line 2: the block is indented",
		"```console\nls\n```":          "line 2: output without a command",
		"```console\n```":              "line 1: a block without a command",
		"<!-- test: exit x -->":        "line 1: exit CODE",
		"<!-- test: proxy reset":       "line 1: the comment does not end",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestSame(t *testing.T) {
	for _, test := range []struct {
		want, got string
		same      bool
	}{
		{"a b", "a  b", true},
		{"a b", "a\nb", true}, // another place to break a line
		{"a b", "a c", false},
		{"a", "a\nb", false},
		{"a\nb", "a", false},
		{"a\n…\nd", "a\nb\nc\nd", true},
		{"a\n…\nd", "a\nd", true},
		{"a\n…", "a\nb", true},
		{"…\nd", "a\nb\nd", true},
		{"…\nd", "d\nb\nd", true}, // the page ends with the last one
		{"…\nd", "a\nd\nb", false},
		{"a\n…\nd", "b\na\nd", false},
		{"a\n…\nc d", "a\nb c d", false}, // what follows begins a line
		{"a\n…\nb\n…\nc", "a\nx\nb\ny\nc", true},
		{"a\n…\nb\n…\nc", "a\nx\ny\nc", false},
		{"updated after 1.5s [1/4]", "updated after 12.0s [1/4]", true},
		{"updated after 1.5s [1/4]", "updated after 1.5s [2/4]", false},
		{"v1 2m ago", "v1 3s ago", true},
		{"~2 in 4s", "~2 in 1m5s", true},
		{"shop-dev-api-bsezui4c", "shop-dev-api-ux2rr7ba", true},
		{"task 0123456789abcdef0123456789abcdef", "task ffffffffffffffffffffffffffffffff", true},
		{"vpc-0123456789abcdef0", "vpc-0a", false},
		{"visibilityTimeout: 30s", "visibilityTimeout: 60s", false},
	} {
		if same := Same(strings.Split(test.want, "\n"), strings.Split(test.got, "\n")); same != test.same {
			t.Errorf("%q and %q: %v, want %v", test.want, test.got, same, test.same)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, test := range []struct{ old, output, want string }{
		{"a\n…\nd", "a\nx\ny\nd\ne", "a\n…\nd\ne"},
		{"a\n…", "a\nx\ny", "a\n…"},
		{"…\nd", "x\nd", "…\nd"},
		{"a\n…\nd", "b\nc\nd", "b\nc\nd"}, // the line before is another one
		{"a\n…\nc\n…\nf", "a\nb\nc\nd\ne\nf", "a\n…\nc\n…\nf"},
		{"a\n…\nb", "a\nb", "a\nb"},
	} {
		got := strings.Join(Shorten(strings.Split(test.old, "\n"), strings.Split(test.output, "\n")), "\n")
		if got != test.want {
			t.Errorf("%q for %q: %q, want %q", test.output, test.old, got, test.want)
		}
	}
}
