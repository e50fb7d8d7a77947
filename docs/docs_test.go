// Package docs holds the pages for users against themselves and against the code.
//
// In: all Markdown files of the repository, the menu of the site, the code. Out: a failed test for a link that leads
// nowhere, a page that is not in the menu, and a message that the program does not print. It must not run the program:
// e2e does that.
package docs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

var (
	fence   = regexp.MustCompile("(?ms)^ *(`{3,}).*?^ *`{3,} *$")
	inline  = regexp.MustCompile("`[^`\n]*`")
	comment = regexp.MustCompile(`(?s)<!--.*?-->`)
	link    = regexp.MustCompile(`\]\(\s*([^)\s]+)(?:\s+"[^"]*")?\s*\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.*?) *$`)
	marked  = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// pages are the Markdown files of the repository, relative to its root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && path != ".." && (strings.HasPrefix(name, ".") && name != ".github" ||
			slices.Contains([]string{"bin", "dist", "node_modules", "testdata"}, name)) {
			return fs.SkipDir
		}
		if entry.IsDir() || filepath.Ext(name) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		found[filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator)))] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// prose is a page without code and comments, in which brackets mean nothing.
func prose(page string) string {
	return inline.ReplaceAllString(comment.ReplaceAllString(fence.ReplaceAllString(page, ""), ""), "``")
}

// anchors are the ids that GitHub gives to the headings of a page.
func anchors(page string) []string {
	var found []string
	count := map[string]int{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		text := marked.ReplaceAllString(m[1], "$1")
		slug := strings.Map(func(r rune) rune {
			switch {
			case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
				return unicode.ToLower(r)
			case r == ' ':
				return '-'
			}
			return -1
		}, text)
		n := count[slug]
		count[slug]++
		if n > 0 {
			slug += "-" + strconv.Itoa(n)
		}
		found = append(found, slug)
	}
	return found
}

func TestLinks(t *testing.T) {
	all := pages(t)
	checked := 0
	for name, page := range all {
		for _, m := range link.FindAllStringSubmatch(prose(page), -1) {
			target := m[1]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue // no network here
			}
			checked++
			if problem := broken(all, name, target); problem != "" {
				t.Errorf("%s: %s: %s", name, target, problem)
			}
		}
	}
	if checked < 300 {
		t.Errorf("only %d links were found", checked)
	}
}

// broken says what is wrong with a link on a page.
func broken(all map[string]string, from, target string) string {
	path, anchor, _ := strings.Cut(target, "#")
	to := from
	if path != "" {
		to = filepath.ToSlash(filepath.Join(filepath.Dir(from), path))
	}
	if strings.HasPrefix(to, "../") {
		return "it leads out of the repository"
	}
	page, isPage := all[to]
	if _, err := os.Stat(filepath.Join("..", to)); !isPage && errors.Is(err, fs.ErrNotExist) {
		return "there is no such file"
	}
	switch {
	case anchor == "":
		return ""
	case !isPage:
		return "it has an anchor, but is no page"
	case !slices.Contains(anchors(page), anchor):
		return "the page has no such heading"
	}
	return ""
}

func TestAnchors(t *testing.T) {
	page := "# Take `over`: a [link](x.md), done\n```\n# no heading\n```\n## Two words\n## Two words\n"
	want := []string{"take-over-a-link-done", "two-words", "two-words-1"}
	if got := anchors(page); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	all := map[string]string{"docs/docs_test.go": "", "docs/a.md": page}
	for target, want := range map[string]string{
		"#two-words": "", "#three": "the page has no such heading", "none.md": "there is no such file",
		"../../x.md": "it leads out of the repository",
	} {
		if got := broken(all, "docs/a.md", target); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}

// TestMenu: the menu of the site has each page once. The decisions have a page of their own, which site.py writes.
func TestMenu(t *testing.T) {
	config, err := os.ReadFile("zensical.toml")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]int{}
	for _, m := range regexp.MustCompile(`"([^" ]+\.md)"`).FindAllStringSubmatch(string(config), -1) {
		listed[m[1]]++
		if listed[m[1]] > 1 {
			t.Errorf("the menu has %s twice", m[1])
		}
	}
	all := pages(t)
	for name := range all {
		page, ok := strings.CutPrefix(name, "docs/")
		if ok && !strings.HasPrefix(page, "adr/") && listed[page] == 0 {
			t.Errorf("the menu in docs/zensical.toml does not have %s", page)
		}
	}
	for page := range listed {
		if _, ok := all["docs/"+page]; !ok && page != "index.md" && page != "adr/index.md" {
			t.Errorf("the menu has %s, which is no page", page)
		}
	}
}

// TestTroubleshooting: each message on the page is one that the program prints.
func TestTroubleshooting(t *testing.T) {
	text, err := os.ReadFile("troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	code := literals(t)
	messages := regexp.MustCompile("(?m)^### (.*)$").FindAllStringSubmatch(string(text), -1)
	if len(messages) < 25 {
		t.Errorf("the page has only %d messages", len(messages))
	}
	for _, m := range messages {
		if !strings.Contains(code, `"`+m[1]+`"`) {
			t.Errorf("no message of the program is %q", m[1])
		}
	}
}

// TestKinds: the table of documents has every kind of the reference, with its apiVersion.
func TestKinds(t *testing.T) {
	page, err := os.ReadFile("manifests.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("reference/kinds/*.md")
	if err != nil || len(files) < 9 {
		t.Fatalf("the reference has %d kinds: %v", len(files), err)
	}
	version := regexp.MustCompile(`apiVersion:\s+([a-z]+\.deployer\.io/v1)`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kind := strings.TrimSuffix(filepath.Base(file), ".md")
		said := version.FindStringSubmatch(string(text))
		if said == nil {
			t.Fatalf("%s names no apiVersion", file)
		}
		row := regexp.MustCompile(regexp.QuoteMeta("| `"+said[1]+"` |") + `.*\b` + kind + `\b`)
		if !row.Match(page) {
			t.Errorf("the table of documents in manifests.md lacks %s of %s", kind, said[1])
		}
	}
}

// literals is the code of the program, without its tests.
func literals(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir("../internal", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
