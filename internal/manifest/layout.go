package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/company/deployer/internal/diag"
)

// stacksFolder holds one folder per stack, below the root of the repository.
const stacksFolder = "stacks"

// FindRoot returns the root of the repository: folder or its nearest parent with a stacks/ folder.
func FindRoot(folder string) (string, error) {
	start, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	for at := start; ; at = filepath.Dir(at) {
		if info, err := os.Stat(filepath.Join(at, stacksFolder)); err == nil && info.IsDir() {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", diag.New(diag.Invalid, "No repository",
				fmt.Sprintf("Neither %s nor a folder above it has a %s/ folder.", start, stacksFolder),
				"Change to the repository, or create a first stack with `deployer stack init NAME`.")
		}
	}
}

// StackAt returns the stack whose folder contains folder, "" when there is none.
func StackAt(root, folder string) string {
	at, err := filepath.Abs(folder)
	if err != nil {
		return ""
	}
	relative, err := filepath.Rel(root, at)
	if err != nil {
		return ""
	}
	parts := strings.Split(filepath.ToSlash(relative), "/")
	if len(parts) < 2 || parts[0] != stacksFolder {
		return ""
	}
	return parts[1]
}

// Stacks lists the stacks of a repository, sorted: the folders below stacks/. Links are left out.
func Stacks(root string) ([]string, error) {
	found, err := os.ReadDir(filepath.Join(root, stacksFolder))
	if err != nil {
		return nil, diag.New(diag.Invalid, "No repository",
			fmt.Sprintf("The folder %s/ cannot be read: %s.", stacksFolder, plain(err)), "")
	}
	var names []string
	for _, e := range found {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// plain is the reason of a file error without local paths.
func plain(err error) string {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err.Error()
	}
	return err.Error()
}

// source is a file as read.
type source struct {
	path string // relative to the stack's folder, with slashes
	data string
}

// isManifest recognises the files that are read, .YAML included.
func isManifest(name string) bool {
	return withoutEnding(name) != name && !strings.HasPrefix(name, ".")
}

// withoutEnding removes .yaml or .yml from a file's name, in any case.
func withoutEnding(name string) string {
	for _, ending := range []string{".yaml", ".yml"} {
		if base := len(name) - len(ending); base >= 0 && strings.EqualFold(name[base:], ending) {
			return name[:base]
		}
	}
	return name
}

// isStackFile recognises the file of the Stack, by its path below the stack's folder.
func isStackFile(rel string) bool { return isManifest(rel) && withoutEnding(rel) == "stack" }

// sources reads the manifests of a stack. os.Root keeps every open inside the folder, whatever links say.
func sources(root, stack string, p *problems) (out []source, complete bool) {
	w := &walk{p: p, folder: path.Join(stacksFolder, stack), complete: true}
	var err error
	if w.inside, err = os.OpenRoot(filepath.Join(root, stacksFolder, stack)); err != nil {
		p.invalid(w.at(""), "Cannot read the stack", fmt.Sprintf("The folder cannot be opened: %s.", plain(err)), "")
		return nil, false
	}
	defer w.inside.Close()
	if err := fs.WalkDir(w.inside.FS(), ".", w.visit); err != nil {
		w.refuse("", "Cannot read the stack", fmt.Sprintf("%s.", upperFirst(plain(err))), "")
	}
	return w.out, w.complete && !p.limited
}

// walk goes through the folder of a stack.
type walk struct {
	p        *problems
	folder   string // of the stack
	inside   *os.Root
	out      []source
	total    int // bytes
	complete bool
}

func (w *walk) at(rel string) span { return span{file: &file{name: path.Join(w.folder, rel)}} }

func (w *walk) refuse(rel, summary, detail, next string) {
	w.complete = false
	w.p.invalid(w.at(rel), summary, detail, next)
}

// visit decides what to do with a file or a folder.
func (w *walk) visit(rel string, e fs.DirEntry, err error) error {
	base := path.Base(rel)
	skip := error(nil) // of what is below
	if err == nil && e.IsDir() {
		skip = fs.SkipDir
	}
	switch {
	case w.p.limited:
		return fs.SkipAll
	case err != nil:
		w.refuse(rel, "Cannot read", fmt.Sprintf("%s.", upperFirst(plain(err))), "")
		return nil
	case rel == ".":
		return nil
	case strings.ContainsFunc(base, func(c rune) bool { return !unicode.IsPrint(c) }):
		w.complete = false
		w.p.invalid(w.at(path.Dir(rel)), "Invalid name",
			fmt.Sprintf("The name %q holds characters that cannot be shown.", base), "Rename it.")
		return skip
	case strings.HasPrefix(base, "."):
		return skip
	case e.IsDir():
		return enter(rel, w.p, w.at(rel))
	case e.Type()&fs.ModeSymlink != 0 && !w.follow(rel), !isManifest(base):
		return nil
	case !strings.Contains(rel, "/") && !isStackFile(rel):
		w.p.warn(w.at(rel), "File is not read",
			"Of the files directly in the stack's folder only stack.yaml is read.",
			"Move it below infra/, services/ or environments/.")
		return nil
	}
	return w.read(rel)
}

// follow reports whether a symbolic link leads to a file of the stack.
func (w *walk) follow(rel string) bool {
	target, err := w.inside.Stat(rel)
	switch {
	case err != nil:
		w.refuse(rel, "Link leads out of the stack",
			"This symbolic link leads out of the stack's folder or nowhere. Only files inside the stack are read.",
			"Put a copy of the file here.")
		return false
	case target.IsDir():
		w.refuse(rel, "Link to a folder", "Symbolic links to folders are not followed.", "Move the folder here.")
		return false
	}
	return true
}

func (w *walk) read(rel string) error {
	if len(w.out) >= MaxFiles {
		w.p.limit(w.at(rel), fmt.Sprintf("The stack has more than %d files.", MaxFiles))
		return fs.SkipAll
	}
	data, problem := read(w.inside, rel)
	if problem != nil {
		w.complete = false
		w.p.limited = w.p.limited || problem.Summary == "Too large"
		w.p.add(at(problem, w.at(rel)))
		return nil
	}
	if w.total += len(data); w.total > MaxTotalSize {
		w.p.limit(w.at(rel), fmt.Sprintf("The files of the stack have more than %d MiB together.", MaxTotalSize>>20))
		return fs.SkipAll
	}
	w.out = append(w.out, source{path: rel, data: data})
	return nil
}

// folders are the folders of a stack that are read.
var folders = []string{Infra, "services", "environments"}

// enter decides whether to read a folder.
func enter(rel string, p *problems, where span) error {
	if strings.Count(rel, "/") >= maxFolderDepth {
		p.limit(where, fmt.Sprintf("Folders are nested more than %d deep.", maxFolderDepth))
		return fs.SkipAll
	}
	if strings.Contains(rel, "/") {
		return nil
	}
	for _, known := range folders {
		if rel == known {
			return nil
		}
	}
	if near := diag.DidYouMean(rel, folders); near != "" {
		p.warn(where, "Folder is not read",
			fmt.Sprintf("Manifests are read from infra/, services/ and environments/, not from %q. %s", rel+"/", near),
			"Rename it if it holds manifests.")
	}
	return fs.SkipDir
}

// read returns the content of one regular file.
func read(inside *os.Root, rel string) (string, *diag.Diagnostic) {
	info, err := inside.Stat(rel)
	if err != nil {
		return "", diag.New(diag.Invalid, "Cannot read", upperFirst(plain(err))+".", "")
	}
	if !info.Mode().IsRegular() {
		return "", diag.New(diag.Invalid, "Not a regular file",
			"Only regular files are read, not pipes, sockets or devices.", "Remove it, or give it another extension.")
	}
	if info.Size() > MaxFileSize {
		return "", diag.New(diag.Invalid, "Too large",
			fmt.Sprintf("The file has %d KiB; %d KiB are allowed.", info.Size()>>10, MaxFileSize>>10),
			"Split it into smaller documents or files.")
	}
	f, err := inside.Open(rel)
	if err != nil {
		return "", diag.New(diag.Invalid, "Cannot read", upperFirst(plain(err))+".", "")
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFileSize+1))
	if err != nil {
		return "", diag.New(diag.Invalid, "Cannot read", upperFirst(plain(err))+".", "")
	}
	return string(data), nil
}
