package pages

import (
	"regexp"
	"slices"
	"strings"
)

// Ellipsis stands on a line of its own for lines that the page leaves out.
const Ellipsis = "…"

// variable are the parts of an output that differ from run to run, and what stands for them in a comparison. They are
// replaced on both sides.
var variable = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?Z?`), "TIME"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d`), "DATE"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d\b`), "TIME"},
	{regexp.MustCompile(`\b(\d+[smh]|less than a minute) ago\b`), "AGO"},
	{regexp.MustCompile(`\b\d+\.\d+s\b`), "DURATION"},
	{regexp.MustCompile(`\b(in|after) (\d+m ?)?\d+s\b`), "$1 DURATION"},
	{regexp.MustCompile(`\((\d+m ?)?\d+s\)`), "(DURATION)"},
	{regexp.MustCompile(`\bserial \d+\b`), "serial N"}, // a run that takes longer writes its progress more often
	{regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`), "ID"},
	// A digest, the id of a task or of an object of EC2, a commit.
	{regexp.MustCompile(`\b[0-9a-f]{16,64}\b`), "ID"},
	{regexp.MustCompile(`\b[0-9a-f]{7,8}\b`), "ID"},
	{regexp.MustCompile(`\b(vpc|subnet|sg|sgr|eni|rtb|igw|nat|eipalloc|acl)-[0-9a-f]{8,17}\b`), "$1-ID"},
	{regexp.MustCompile(`^  deployer:  \S+$`), "  deployer:  VERSION"},
	// The hash at the end of a name depends on the account.
	{regexp.MustCompile(`-[a-z0-9]{8}\b`), "-HASH"},
}

// normal is a line without what differs from run to run.
func normal(line string) string {
	for _, v := range variable {
		line = v.pattern.ReplaceAllString(line, v.by)
	}
	return line
}

// word is a word of an output.
type word struct {
	text        string
	first, last bool // of its line
}

func words(lines []string) []word {
	var out []word
	for _, line := range lines {
		fields := strings.Fields(normal(line))
		for i, f := range fields {
			out = append(out, word{text: f, first: i == 0, last: i == len(fields)-1})
		}
	}
	return out
}

// Same reports whether the output is the one on the page. Blanks and the places where lines are broken do not count,
// because they change with the length of a duration. Want may have lines with Ellipsis.
func Same(want, got []string) bool {
	rest := words(got)
	parts := split(want)
	for i, part := range parts {
		looked := words(part)
		at := 0 // the first part is where the output begins
		if i > 0 {
			if at = find(rest, looked); at < 0 {
				return false
			}
		}
		if len(rest)-at < len(looked) || !begins(rest[at:], looked) {
			return false
		}
		rest = rest[at+len(looked):]
		// The last part is where the output ends: of several places, that is the last.
		if i == len(parts)-1 && i > 0 && len(looked) > 0 {
			for next := find(rest, looked); next >= 0; next = find(rest, looked) {
				rest = rest[next+len(looked):]
			}
		}
		if i == len(parts)-1 && len(looked) == 0 && i > 0 {
			return true
		}
	}
	return len(rest) == 0
}

// split cuts the lines at each Ellipsis: n of them give n+1 parts.
func split(lines []string) [][]string {
	parts := [][]string{nil}
	for _, line := range lines {
		if strings.TrimSpace(line) == Ellipsis {
			parts = append(parts, nil)
			continue
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], line)
	}
	return parts
}

// find is where the part begins, at the beginning of a line, or -1.
func find(all, part []word) int {
	if len(part) == 0 {
		return 0
	}
	for i := range all {
		if all[i].first && begins(all[i:], part) {
			return i
		}
	}
	return -1
}

// begins reports whether all begins with part, and part ends with a line.
func begins(all, part []word) bool {
	if len(all) < len(part) {
		return false
	}
	for i := range part {
		if all[i].text != part[i].text {
			return false
		}
	}
	return len(part) == 0 || all[len(part)-1].last
}

// Shorten leaves out of a new output what the page left out of the old one, where the lines around each Ellipsis are
// still there. What it cannot place stays.
func Shorten(old, output []string) []string {
	at := 0
	for i, line := range old {
		if strings.TrimSpace(line) != Ellipsis {
			continue
		}
		from := at
		if i > 0 {
			found := index(output[at:], old[i-1])
			if found < 0 {
				continue
			}
			from = at + found + 1
		}
		to := len(output)
		if i < len(old)-1 {
			found := index(output[from:], old[i+1])
			if found < 0 {
				continue
			}
			to = from + found
		}
		if to > from {
			output = slices.Concat(output[:from], []string{line}, output[to:])
			at = from + 1
		}
	}
	return output
}

func index(lines []string, line string) int {
	return slices.IndexFunc(lines, func(l string) bool {
		return slices.Equal(strings.Fields(normal(l)), strings.Fields(normal(line)))
	})
}
