package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Infra is the service of the components that every service may use, and the name of their folder.
const Infra = "infra"

var (
	namePattern     = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)
	variablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	reserved        = []string{"stack", "environment", "service", "git", "infra", "self", "var", "ingress", "cluster"}
)

// CheckName says what is wrong with the name of a stack, environment, service or component, and what to do about it.
// detail is "" when the name is valid.
func CheckName(name string) (detail, next string) {
	switch {
	case slices.Contains(reserved, name):
		return fmt.Sprintf("%q is reserved. Reserved names are: %s.", name, strings.Join(reserved, ", ")),
			"Choose another name."
	case !namePattern.MatchString(name):
		shown := name
		if len(shown) > 60 {
			shown = strings.ToValidUTF8(shown[:60], "") + "…"
		}
		next = "Use at most 31 lower-case letters, digits and -, and begin with a letter."
		if better := legal(name); better != "" {
			next += fmt.Sprintf(" For instance %q.", better)
		}
		return fmt.Sprintf("%q does not match %s.", shown, namePattern), next
	}
	return "", ""
}

// CheckAddress says what is wrong with the address of a component, and what to do about it. detail is "" when the
// address is valid.
func CheckAddress(address string) (detail, next string) {
	service, name, full := strings.Cut(address, "/")
	if !full {
		return fmt.Sprintf("%q is not an address of a component.", address),
			"Write service/component, for instance user-service/api."
	}
	if service != Infra {
		if detail, next = CheckName(service); detail != "" {
			return "The service: " + detail, next
		}
	}
	if detail, next = CheckName(name); detail != "" {
		return "The component: " + detail, next
	}
	return "", ""
}

// legal is the nearest valid name, "" when there is none.
func legal(name string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0:
			b.WriteByte('-')
		}
	}
	out := strings.Trim(b.String(), "-")
	if len(out) > 31 {
		out = strings.TrimRight(out[:31], "-")
	}
	if !namePattern.MatchString(out) || slices.Contains(reserved, out) {
		return ""
	}
	return out
}
