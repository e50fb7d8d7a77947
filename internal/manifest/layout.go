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
	folder := path.Join(stacksFolder, stack)
	name := func(rel string) span { return span{file: &file{name: path.Join(folder, rel)}} }
	inside, err := os.OpenRoot(filepath.Join(root, stacksFolder, stack))
	if err != nil {
		p.invalid(name(""), "Cannot read the stack", fmt.Sprintf("The folder cannot be opened: %s.", plain(err)), "")
		return nil, false
	}
	defer inside.Close()
	complete = true
	refuse := func(rel, summary, detail, next string) {
		complete = false
		p.invalid(name(rel), summary, detail, next)
	}
	total := 0
	walk := func(rel string, e fs.DirEntry, err error) error {
		base := path.Base(rel)
		switch {
		case p.limited:
			return fs.SkipAll
		case err != nil:
			refuse(rel, "Cannot read", fmt.Sprintf("%s.", upperFirst(plain(err))), "")
			return nil
		case rel == ".":
			return nil
		case strings.ContainsFunc(base, func(c rune) bool { return !unicode.IsPrint(c) }):
			complete = false
			p.invalid(name(path.Dir(rel)), "Invalid name",
				fmt.Sprintf("The name %q holds characters that cannot be shown.", base), "Rename it.")
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case strings.HasPrefix(base, "."):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return enter(rel, p, name(rel))
		}
		if e.Type()&fs.ModeSymlink != 0 {
			target, err := inside.Stat(rel)
			switch {
			case err != nil:
				refuse(rel, "Link leads out of the stack",
					"This symbolic link leads out of the stack's folder or nowhere. Only files inside the "+
						"stack are read.",
					"Put a copy of the file here.")
				return nil
			case target.IsDir():
				refuse(rel, "Link to a folder", "Symbolic links to folders are not followed.", "Move the folder here.")
				return nil
			}
		}
		if !isManifest(base) {
			return nil
		}
		if !strings.Contains(rel, "/") && !isStackFile(rel) {
			p.warn(name(rel), "File is not read",
				"Of the files directly in the stack's folder only stack.yaml is read.",
				"Move it below infra/, services/ or environments/.")
			return nil
		}
		if len(out) >= MaxFiles {
			p.limit(name(rel), fmt.Sprintf("The stack has more than %d files.", MaxFiles))
			return fs.SkipAll
		}
		data, problem := read(inside, rel)
		if problem != nil {
			complete = false
			p.limited = p.limited || problem.Summary == "Too large"
			p.add(at(problem, name(rel)))
			return nil
		}
		if total += len(data); total > MaxTotalSize {
			p.limit(name(rel), fmt.Sprintf("The files of the stack have more than %d MiB together.", MaxTotalSize>>20))
			return fs.SkipAll
		}
		out = append(out, source{path: rel, data: data})
		return nil
	}
	if err := fs.WalkDir(inside.FS(), ".", walk); err != nil {
		refuse("", "Cannot read the stack", fmt.Sprintf("%s.", upperFirst(plain(err))), "")
	}
	return out, complete && !p.limited
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
