// Package git reads what a deployment says of its repository: commit, branch, tag and who works there.
//
// In: folders. Out: facts, "" where there are none. It reads the files below .git itself: it must not run a program,
// follow a remote or write.
package git

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/company/deployer/internal/file"
)

// Facts are what is known of a checkout.
type Facts struct {
	Commit string // full hash of HEAD
	Short  string // its first seven digits
	Branch string // "" when HEAD is detached
	Tag    string // a tag that points to HEAD; the last by name when there are several
	Email  string // user.email of the repository, else of the user
}

// Map returns the facts that expressions see below the root `git`.
func (f Facts) Map() map[string]string {
	return map[string]string{"commit": f.Commit, "short": f.Short, "branch": f.Branch, "tag": f.Tag}
}

var hash = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// Read returns the facts of the checkout that dir is in. home is the user's home directory.
func Read(dir, home string) Facts {
	var f Facts
	f.Email = email(filepath.Join(home, ".gitconfig"))
	if f.Email == "" {
		f.Email = email(filepath.Join(home, ".config", "git", "config"))
	}
	own, common := gitDir(dir)
	if own == "" {
		return f
	}
	if local := email(filepath.Join(common, "config")); local != "" {
		f.Email = local
	}
	head := line(filepath.Join(own, "HEAD"))
	refs := packed(filepath.Join(common, "packed-refs"))
	if ref, symbolic := strings.CutPrefix(head, "ref: "); symbolic {
		f.Branch = strings.TrimPrefix(ref, "refs/heads/")
		if head = line(filepath.Join(common, filepath.FromSlash(ref))); head == "" {
			head = refs[ref]
		}
	}
	if !hash.MatchString(head) {
		return f
	}
	f.Commit, f.Short = head, head[:7]
	for ref, commit := range refs {
		if name, ok := strings.CutPrefix(ref, "refs/tags/"); ok && commit == head {
			f.Tag = max(f.Tag, name)
		}
	}
	entries, _ := os.ReadDir(filepath.Join(common, "refs", "tags"))
	for _, e := range entries {
		if line(filepath.Join(common, "refs", "tags", e.Name())) == head {
			f.Tag = max(f.Tag, e.Name())
		}
	}
	return f
}

// Within returns the path of dir below the root of its checkout, with slashes; "" for the root itself and outside of
// any.
func Within(dir string) string {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			if below, err := filepath.Rel(at, dir); err == nil && below != "." {
				return filepath.ToSlash(below)
			}
			return ""
		}
		if at == filepath.Dir(at) {
			return ""
		}
	}
}

// gitDir finds the folder of HEAD and the one of refs and config, which differ in a linked worktree.
func gitDir(dir string) (own, common string) {
	for {
		path := filepath.Join(dir, ".git")
		if info, err := os.Stat(path); err == nil {
			own = path
			if !info.IsDir() { // a worktree or a submodule: "gitdir: <path>"
				target, ok := strings.CutPrefix(line(path), "gitdir: ")
				if !ok {
					return "", ""
				}
				if own = target; !filepath.IsAbs(own) {
					own = filepath.Join(dir, target)
				}
			}
			common = own
			if shared := line(filepath.Join(own, "commondir")); shared != "" {
				if common = shared; !filepath.IsAbs(common) {
					common = filepath.Join(own, shared)
				}
			}
			return own, common
		}
		if dir == filepath.Dir(dir) {
			return "", ""
		}
		dir = filepath.Dir(dir)
	}
}

func line(path string) string {
	data, err := file.Read(path, 1<<16)
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(first)
}

// packed reads packed-refs; a line "^<hash>" is the commit of the annotated tag before it.
func packed(path string) map[string]string {
	refs := map[string]string{}
	data, err := file.Read(path, 16<<20)
	if err != nil {
		return refs
	}
	last := ""
	for text := range strings.Lines(string(data)) {
		text = strings.TrimRight(text, "\r\n")
		if peeled, ok := strings.CutPrefix(text, "^"); ok && last != "" {
			refs[last] = peeled
			continue
		}
		if commit, ref, ok := strings.Cut(text, " "); ok && hash.MatchString(commit) {
			refs[ref], last = commit, ref
		}
	}
	return refs
}

// email reads user.email of a git configuration file, without includes.
func email(path string) string {
	data, err := file.Read(path, 1<<20)
	if err != nil {
		return ""
	}
	section, found := "", ""
	for text := range strings.Lines(string(data)) {
		text = strings.TrimSpace(text)
		if strings.HasPrefix(text, "[") {
			section = strings.ToLower(strings.Trim(text, "[] "))
			continue
		}
		key, setting, ok := strings.Cut(text, "=")
		if ok && section == "user" && strings.EqualFold(strings.TrimSpace(key), "email") {
			found = strings.Trim(strings.TrimSpace(setting), `"`)
		}
	}
	return found
}
