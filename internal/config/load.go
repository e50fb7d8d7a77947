package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

// Layer is one source of settings.
type Layer struct {
	Origin string      // as `config show --origin` prints it
	Tree   value.Value // a Map in the shape of Settings
	// Name is the origin of one path in a layer with an origin for each path (a variable, a flag); nil: Origin.
	Name func(path []string) string
	// Locate returns the place of a path in a file; nil for sources without places.
	Locate func(path []string) (diag.Position, *diag.Excerpt)

	wrong []string // paths that were reported when the layer was read
}

func (l Layer) origin(path []string) string {
	if l.Name != nil {
		return l.Name(path)
	}
	return l.Origin
}

// Load merges layers, the lowest first, onto the defaults and checks the result. It finds all problems at once. Each
// names its layer.
func Load(layers ...Layer) (*Effective, diag.List) {
	var problems diag.List
	wrong := map[string]bool{} // paths that were reported
	defaults := Layer{Origin: "default", Tree: value.Encode(Defaults())}
	layers = append([]Layer{defaults}, layers...)
	merged, origins := value.NewMap(nil), map[string]Layer{}
	for i, layer := range layers {
		if i > 0 {
			layer.Tree = removeUnfit(layer, &problems, wrong)
			for _, path := range layer.wrong {
				wrong[path] = true
			}
		}
		merged = merge(merged, layer, nil, origins)
	}
	merged = inferTypes(merged, origins)

	effective := &Effective{}
	for _, p := range value.Decode(merged, &effective.Settings) {
		problems.Add(problem(origins[strings.Join(p.Path, ".")], p))
	}
	problems.Add(check(effective.Settings, merged, origins, wrong)...)
	for path, layer := range origins {
		entry := Entry{
			Path: path, Value: merged.Get(strings.Split(path, ".")...),
			Origin: layer.origin(strings.Split(path, ".")),
		}
		if path == tokenPath && entry.Value.Str() != "" {
			entry.Value = value.NewString(value.Redacted).Sensitive()
		}
		effective.Entries = append(effective.Entries, entry)
	}
	slices.SortFunc(effective.Entries, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return effective, problems
}

// removeUnfit reports values that do not fit and removes them. It works on one layer, where their place is still known.
func removeUnfit(layer Layer, problems *diag.List, wrong map[string]bool) value.Value {
	var into Settings
	tree := layer.Tree
	for _, p := range value.Decode(tree, &into) {
		problems.Add(problem(layer, p))
		wrong[strings.Join(p.Path, ".")] = true
		tree = without(tree, p.Path)
	}
	return tree
}

func without(tree value.Value, path []string) value.Value {
	if len(path) == 0 {
		return value.NewMap(nil)
	}
	if len(path) == 1 {
		return tree.With(path[0], value.NullValue)
	}
	return tree.With(path[0], without(tree.Get(path[0]), path[1:]))
}

func merge(into value.Value, layer Layer, path []string, origins map[string]Layer) value.Value {
	for _, key := range layer.Tree.Get(path...).Keys() {
		at := append(path[:len(path):len(path)], key)
		item := layer.Tree.Get(at...)
		if item.IsNull() {
			continue // a key without a value has no effect
		}
		if item.Kind() == value.Map {
			into = into.With(key, merge(into.Get(key), layer, at, origins))
			continue
		}
		into = into.With(key, item)
		origins[strings.Join(at, ".")] = layer
	}
	return into
}

// inferTypes fills in settings that follow from others: type s3 from a bucket, dynamodb from a table, the region of
// backend or locks from the other one.
func inferTypes(tree value.Value, origins map[string]Layer) value.Value {
	infer := func(path, from string, v value.Value) {
		section, key, _ := strings.Cut(path, ".")
		if tree.Get(section, key).Str() != "" {
			return
		}
		tree = tree.With(section, tree.Get(section).With(key, v))
		origins[path] = Layer{Origin: "from " + from}
	}
	if tree.Get("backend", "bucket").Str() != "" {
		infer("backend.type", "backend.bucket", value.NewString("s3"))
	}
	infer("backend.type", "nothing configured", value.NewString("local"))
	if tree.Get("locks", "table").Str() != "" {
		infer("locks.type", "locks.table", value.NewString("dynamodb"))
	}
	if tree.Get("backend", "type").Str() == "local" {
		infer("locks.type", "backend.type", value.NewString("local"))
	}
	if region := tree.Get("backend", "region"); region.Str() != "" {
		infer("locks.region", "backend.region", region)
	}
	if region := tree.Get("aws", "region"); region.Str() != "" {
		infer("backend.region", "aws.region", region)
		infer("locks.region", "aws.region", region)
	}
	return tree
}

// Environment returns the layer of the DEPLOYER_ variables. Their text converts to the setting's type.
func Environment(env map[string]string) Layer {
	tree := value.NewMap(nil)
	value.Encode(allKeys()).Walk(func(path []string, node value.Value) {
		if node.Kind() == value.Map {
			return
		}
		if text, given := env[Variable(path)]; given && text != "" {
			tree = set(tree, path, value.NewLoose(text))
		}
	})
	return Layer{Tree: tree, Name: Variable}
}

// UnknownVariables warns of DEPLOYER_ variables that nothing reads. others are known names that are not settings; a
// name that ends with _ is a prefix.
func UnknownVariables(env map[string]string, others ...string) diag.List {
	known := slices.Clone(others)
	value.Encode(allKeys()).Walk(func(path []string, node value.Value) {
		if node.Kind() != value.Map {
			known = append(known, Variable(path))
		}
	})
	var out diag.List
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if env[name] == "" || !strings.HasPrefix(name, "DEPLOYER_") || slices.ContainsFunc(known, func(k string) bool {
			return name == k || strings.HasSuffix(k, "_") && strings.HasPrefix(name, k)
		}) {
			continue
		}
		next := didYouMean(name, known)
		if next == "" {
			next = "`deployer config show` lists the settings; DEPLOYER_BACKEND_BUCKET is the variable of " +
				"backend.bucket."
		}
		w := diag.New(diag.Invalid, "Unknown variable",
			"The environment variable "+name+" is not a setting of deployer.", next)
		w.Severity = diag.Warning
		out.Add(w)
	}
	return out
}

// didYouMean compares what follows the DEPLOYER_ that all variables share: counted with it, everything short is near
// everything else that is short.
func didYouMean(name string, known []string) string {
	const shared = "DEPLOYER_"
	var endings []string
	for _, k := range known {
		endings = append(endings, strings.TrimPrefix(k, shared))
	}
	if near := diag.Nearest(strings.TrimPrefix(name, shared), endings); near != "" {
		return fmt.Sprintf("Did you mean %q?", shared+near)
	}
	return ""
}

// allKeys is a Settings from which Encode omits nothing.
func allKeys() Settings {
	s := Defaults()
	s.Backend.Type, s.Locks.Type = "local", "local"
	return s
}

// Variable returns the environment variable of a setting: DEPLOYER_AWS_ASSUME_ROLE_ROLE_ARN.
func Variable(path []string) string {
	var b strings.Builder
	b.WriteString("DEPLOYER")
	for _, part := range path {
		b.WriteByte('_')
		for i, r := range part {
			if i > 0 && unicode.IsUpper(r) {
				b.WriteByte('_')
			}
			b.WriteRune(unicode.ToUpper(r))
		}
	}
	return b.String()
}

// Flag is a setting given on the command line.
type Flag struct{ Name, Path, Text string } // "--backend-bucket", "backend.bucket"

// Flags returns the layer of the command line. An empty text is a flag that was not given.
func Flags(flags ...Flag) Layer {
	tree, names := value.NewMap(nil), map[string]string{}
	for _, f := range flags {
		if f.Text != "" {
			tree = set(tree, strings.Split(f.Path, "."), value.NewLoose(f.Text))
			names[f.Path] = f.Name
		}
	}
	return Layer{Tree: tree, Name: func(path []string) string { return names[strings.Join(path, ".")] }}
}

func set(tree value.Value, path []string, v value.Value) value.Value {
	if len(path) == 1 {
		return tree.With(path[0], v)
	}
	return tree.With(path[0], set(tree.Get(path[0]), path[1:], v))
}
