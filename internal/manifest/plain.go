package manifest

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

// Plain is YAML that is not a manifest, read under the same limits: a configuration file, or the backend settings of
// stack.yaml.
type Plain struct {
	Tree value.Value // a Map
	root *node
	file *file
}

// ReadPlain reads the one document of a configuration file.
func ReadPlain(name string, data []byte) (Plain, diag.List) {
	var p problems
	r := &reader{problems: &p, cost: &cost{}, shape: "A configuration file is a map of settings"}
	f, roots := r.read(name, string(data))
	out := Plain{Tree: value.NewMap(nil), file: f}
	if len(roots) > 1 {
		p.invalid(roots[1].at, "Too many documents", "A configuration file is one document.",
			"Put all settings into the first one.")
	}
	if len(roots) > 0 {
		out.Tree, out.root = prune(roots[0]).value(), roots[0]
	}
	return out, p.list.Sort()
}

// StackSettings reads backend and locks from stack.yaml alone. It returns nothing when the file does not exist. unread
// says why the file cannot be read: commands that work from the state alone continue without it.
func StackSettings(root, stack string) (name string, settings Plain, unread diag.List) {
	const usual = "stack.yaml"
	name = path.Join(stacksFolder, stack, usual)
	settings = Plain{Tree: value.NewMap(nil)}
	inside, err := os.OpenRoot(filepath.Join(root, stacksFolder, stack))
	if err != nil {
		return name, settings, nil
	}
	defer inside.Close()
	called := usual
	found, _ := fs.ReadDir(inside.FS(), ".") // a folder that cannot be listed may still be readable
	if i := slices.IndexFunc(found, func(e fs.DirEntry) bool { return isStackFile(e.Name()) }); i >= 0 {
		called = found[i].Name()
	}
	if _, err := inside.Lstat(called); err != nil {
		return name, settings, nil
	}
	name = path.Join(stacksFolder, stack, called)
	data, problem := read(inside, called)
	if problem != nil {
		return name, settings, diag.List{problem}
	}
	var wrong problems
	r := &reader{problems: &wrong, cost: &cost{}}
	f, roots := r.read(name, data)
	for _, root := range roots {
		spec := root.child("spec")
		if r.broken || spec == nil || root.child("kind") == nil || root.child("kind").text != "Stack" {
			continue
		}
		settings.file, settings.root = f, spec
		for _, key := range []string{"backend", "locks"} {
			if section := spec.child(key); section != nil && section.kind == value.Map {
				settings.Tree = settings.Tree.With(key, prune(section).value())
			}
		}
		break
	}
	if r.broken || wrong.limited {
		unread = wrong.list.Sort()
	}
	return name, settings, unread
}

// Locate returns the place of the key or the item at a path, or of the nearest existing one above it.
func (p Plain) Locate(path []string) (diag.Position, *diag.Excerpt) {
	if p.file == nil {
		return diag.Position{}, nil
	}
	where := span{file: p.file}
	if p.root != nil && len(path) > 0 {
		for n := len(path); n > 0; n-- {
			if found := p.root.find(path[:n]); found != nil {
				where, _ = p.root.locate(path[:n])
				break
			}
		}
	}
	return *where.position(), where.excerpt()
}
