//go:build unix

package manifest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bounded fails when f takes more than a second or 256 MB. The bounds are generous because CI machines are slow.
func bounded(t *testing.T, f func()) {
	t.Helper()
	// What the code holds counts, not what the collector has not seen yet.
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	debug.FreeOSMemory()
	start := time.Now()
	f()
	took := time.Since(start)
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	if limit := 5 * time.Second; took > limit {
		t.Errorf("took %s, the limit is %s", took, limit)
	}
	held := (memory.Sys - memory.HeapReleased) >> 20 // close to the peak: too early for returned memory
	if held > 256 {
		t.Errorf("took %d MB of memory", held)
	}
	t.Logf("%s, %d MB", took.Round(time.Millisecond), held)
}

func TestHostileYAML(t *testing.T) {
	repeat := func(n int, text string) func() string { return func() string { return strings.Repeat(text, n) } }
	wrap := func(before, text string, n int, after string) func() string {
		return func() string { return before + strings.Repeat(text, n) + after }
	}
	lines := func(n int, line func(i int) string) func() string {
		return func() string {
			var b strings.Builder
			for i := range n {
				b.WriteString(line(i))
			}
			return b.String()
		}
	}
	for name, text := range map[string]func() string{
		"alias bomb": lines(26, func(i int) string {
			if i == 0 {
				return "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
			}
			return fmt.Sprintf("%c: &%c [%s]\n", 'a'+i, 'a'+i,
				strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", 'a'+i-1), 10), ","))
		}),
		"alias chain": lines(100, func(i int) string {
			if i == 0 {
				return "a0: &a0 x\n"
			}
			return fmt.Sprintf("a%d: &a%d {k: *a%d}\n", i, i, i-1)
		}),
		"flow lists":      wrap(head+"  a: ", "[", 200000, ""),
		"flow maps":       wrap(head+"  a: ", "{a: ", 60000, ""),
		"flow items":      wrap(head+"  a: [", "a,", 120000, "]"),
		"block lists":     repeat(120000, "- "),
		"complex keys":    repeat(120000, "? "),
		"block maps":      lines(700, func(i int) string { return strings.Repeat(" ", i) + "a:\n" }),
		"anchors":         repeat(80000, "&a "),
		"aliases":         repeat(80000, "*a "),
		"tags":            repeat(120000, "! "),
		"merge keys":      repeat(60000, "<<: "),
		"percent":         repeat(250000, "%"),
		"at signs":        repeat(250000, "@"),
		"pipes":           repeat(120000, "|\n"),
		"colons":          repeat(120000, ": "),
		"quotes":          repeat(60000, "\"a\" "),
		"empty keys":      repeat(80000, "a:\n"),
		"long key":        wrap(strings.Repeat("k", 1000)+": [", "a,", 4000, "]"),
		"documents":       repeat(250000, "---\n"),
		"small documents": repeat(170000, "--- a\n"),
		"carriage":        repeat(170000, "a: b\r\n"),
		"large documents": repeat(65, "---\n"+strings.Repeat("a:\n", 4900)),
		"unknown keys": lines(3000, func(i int) string {
			if i == 0 {
				return head
			}
			return fmt.Sprintf("  k%d: 1\n", i)
		}),
		"expressions": lines(2000, func(i int) string {
			if i == 0 {
				return head + "  tags:\n"
			}
			return fmt.Sprintf("    k%d: ${replace(\"%s\", \"a\", \"%s\")}\n", i, strings.Repeat("a", 40),
				strings.Repeat("b", 40))
		}),
	} {
		t.Run(name, func(t *testing.T) {
			data := text()
			bounded(t, func() {
				var p problems
				b := assemble("shop", []source{{"stack.yaml", stackYAML}, {"services/web/a.yaml", data}}, &p)
				stack, found := b.Resolve(options(""))
				if stack != nil {
					found.Add(stack.Validate(kinds())...)
				}
				if found.Add(p.list...); !found.HasErrors() && name != "expressions" && name != "documents" {
					t.Error("accepted")
				}
				if len(found) > 2*maxProblems+10 {
					t.Errorf("%d problems reported", len(found))
				}
			})
		})
	}
}

func TestDocumentsAreCountedBeforeTheyAreParsed(t *testing.T) {
	queue := func(i int) string {
		return fmt.Sprintf("---\n%s", strings.Replace(head, "queue", fmt.Sprintf("q%d", i), 1))
	}
	var docs strings.Builder
	docs.WriteString(strings.Repeat("---\n# nothing\n", 100)) // no documents at all
	for i := range maxFileDocuments {
		docs.WriteString(queue(i))
	}
	read := func(text string) (*Bundle, problems) {
		var p problems
		return assemble("shop", []source{{"stack.yaml", stackYAML}, {"services/web/a.yaml", text}}, &p), p
	}
	if b, p := read(docs.String()); len(p.list) > 0 || len(b.components) != maxFileDocuments {
		t.Errorf("%d components, %v", len(b.components), p.list)
	}
	b, p := read(docs.String() + queue(maxFileDocuments))
	if len(b.components) > 0 || b.Complete() {
		t.Errorf("%d components were read", len(b.components))
	}
	want := 200 + maxFileDocuments*strings.Count(queue(0), "\n") + 1
	if len(p.list) != 1 || p.list[0].Detail != "The file has more than 2000 documents." ||
		p.list[0].Position.Line != want {
		t.Errorf("want one problem in line %d, got %v", want, p.list)
	}
}

func TestHostileFiles(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret.yaml")
	if err := os.WriteFile(outside, []byte(head), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, summary string
		make          func(t *testing.T, service string) error
	}{
		{"link out", "Link leads out of the stack", func(_ *testing.T, dir string) error {
			return os.Symlink(outside, filepath.Join(dir, "a.yaml"))
		}},
		{"relative link out", "Link leads out of the stack", func(_ *testing.T, dir string) error {
			return os.Symlink("../../../../x.yaml", filepath.Join(dir, "a.yaml"))
		}},
		{"link to nowhere", "Link leads out of the stack", func(_ *testing.T, dir string) error {
			return os.Symlink("nowhere.yaml", filepath.Join(dir, "a.yaml"))
		}},
		{"folder link out", "Link leads out of the stack", func(_ *testing.T, dir string) error {
			return os.Symlink(filepath.Dir(outside), filepath.Join(dir, "a"))
		}},
		{"folder link inside", "Link to a folder", func(_ *testing.T, dir string) error {
			return os.Symlink("..", filepath.Join(dir, "a"))
		}},
		{"link loop", "Link leads out of the stack", func(_ *testing.T, dir string) error {
			return os.Symlink("a.yaml", filepath.Join(dir, "a.yaml"))
		}},
		{"pipe", "Not a regular file", func(_ *testing.T, dir string) error {
			return syscall.Mkfifo(filepath.Join(dir, "a.yaml"), 0o600)
		}},
		{"device", "Link leads out of the stack", func(_ *testing.T, dir string) error {
			return os.Symlink("/dev/zero", filepath.Join(dir, "a.yaml"))
		}},
		{"100 MB", "Too large", func(_ *testing.T, dir string) error {
			f, err := os.Create(filepath.Join(dir, "a.yaml"))
			if err != nil {
				return err
			}
			defer f.Close()
			return f.Truncate(100 << 20)
		}},
		{"binary", "Wrong encoding", func(t *testing.T, dir string) error {
			write(t, dir, "a.yaml", "kind: \x00")
			return nil
		}},
		{"latin 1", "Wrong encoding", func(t *testing.T, dir string) error {
			write(t, dir, "a.yaml", "# \n# caf\xe9")
			return nil
		}},
		{"UTF-16", "Wrong encoding", func(t *testing.T, dir string) error {
			write(t, dir, "a.yaml", "\xff\xfea\x00")
			return nil
		}},
		{"escapes in a name", "Invalid name", func(t *testing.T, dir string) error {
			write(t, dir, "\x1b[31mred.yaml", head)
			return nil
		}},
		{"C1 controls", "Wrong encoding", func(t *testing.T, dir string) error {
			write(t, dir, "a.yaml", "# \u009b31m")
			return nil
		}},
		{"deep folders", "Too large", func(t *testing.T, dir string) error {
			write(t, dir, strings.Repeat("d/", 30)+"a.yaml", head)
			return nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, "stacks/shop/stack.yaml", stackYAML)
			dir := filepath.Join(root, "stacks/shop/services/web")
			write(t, dir, "fine.yaml", head)
			if err := c.make(t, dir); err != nil {
				t.Fatal(err)
			}
			bounded(t, func() {
				_, found := Load(root, "shop")
				if len(found) != 1 || found[0].Summary != c.summary {
					t.Errorf("got %v, want %q", found, c.summary)
				}
				if strings.Contains(found.Error(), filepath.Dir(outside)) {
					t.Errorf("names a path outside: %v", found)
				}
			})
		})
	}
}

func TestLinksInsideAreRead(t *testing.T) {
	root := t.TempDir()
	write(t, root, "stacks/shop/stack.yaml", stackYAML)
	write(t, root, "stacks/shop/services/web/a.yaml", head)
	write(t, root, "stacks/shop/services/web/.hidden.yaml", "[")
	write(t, root, "stacks/shop/services/web/.git/a.yaml", "[")
	write(t, root, "stacks/shop/services/web/notes.txt", "[")
	write(t, root, "stacks/shop/services/other/x.txt", "")
	if err := os.Symlink("../web/a.yaml", filepath.Join(root, "stacks/shop/services/other/a.yaml")); err != nil {
		t.Fatal(err)
	}
	b, found := Load(root, "shop")
	if len(found) > 0 {
		t.Fatal(found)
	}
	s, found := b.Resolve(options(""))
	if len(found) > 0 || s.Component("other/queue") == nil || s.Component("web/queue") == nil {
		t.Errorf("got %d components, %v", len(s.Components), found)
	}
}

func TestStackNamesCannotLeave(t *testing.T) {
	root := t.TempDir()
	write(t, root, "stacks/shop/stack.yaml", stackYAML)
	write(t, root, "secret/stack.yaml", stackYAML)
	if err := os.Symlink("../secret", filepath.Join(root, "stacks/linked")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"../secret", "..", ".", "", "shop/../shop", "/etc", "linked", "sho",
		strings.Repeat("x", 5000),
	} {
		b, found := Load(root, name)
		if b != nil || len(found) != 1 || found[0].Summary != "No such stack" {
			t.Errorf("%q: %v", name, found)
		}
	}
}
