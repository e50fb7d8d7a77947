package component

import (
	"slices"
	"strings"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

// sound filters what a check found in a spec that did not decode in full. It drops problems that only follow from
// decoding errors: those that depend on an unusable value, on a key that was probably misspelt, or on a map below the
// spec with a misspelt key. It also drops problems of a value that breaks a rule of its field already.
func sound(checked, decoded []value.Problem, spec value.Value) []value.Problem {
	if len(decoded) == 0 {
		return checked
	}
	useless := map[string]bool{} // keys of the spec that have no usable value
	anything := false            // a key is misspelt beyond recognition: it may stand for any absent key
	var misspelt [][]string      // maps below the spec
	told := map[string]bool{}    // paths of values that break a rule
	for _, d := range decoded {
		switch last := len(d.Path) - 1; {
		case d.Filled:
			told[strings.Join(d.Path, "\x00")] = true
		case d.Kind == value.UnknownKey && last > 0:
			misspelt = append(misspelt, d.Path[:last])
		case d.Kind == value.UnknownKey:
			near := diag.Nearest(d.Path[0], d.Allowed)
			useless[near], anything = true, anything || near == ""
		case len(d.Path) > 0:
			useless[d.Path[0]] = true
		case d.Missing != "":
			useless[d.Missing] = true
		default:
			return nil // the spec is not a map
		}
	}
	return slices.DeleteFunc(checked, func(p value.Problem) bool {
		if len(p.Path) == 0 || told[strings.Join(p.Path, "\x00")] ||
			slices.ContainsFunc(misspelt, func(where []string) bool {
				return len(p.Path) >= len(where) && slices.Equal(p.Path[:len(where)], where)
			}) {
			return true
		}
		return slices.ContainsFunc(append(slices.Clone(p.Rests), p.Path[0]), func(key string) bool {
			return useless[key] || anything && spec.Get(key).IsNull()
		})
	})
}
