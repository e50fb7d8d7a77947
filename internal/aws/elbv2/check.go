package elbv2

import (
	"fmt"

	"github.com/company/deployer/internal/value"
)

func bad(message string, path ...string) value.Problem {
	return value.Problem{Kind: value.BadValue, Path: path, Message: message}
}

func within(n, least, most int, path ...string) []value.Problem {
	if n < least || n > most {
		return []value.Problem{bad(fmt.Sprintf("must be from %d to %d, but is %d", least, most, n), path...)}
	}
	return nil
}

// set fills in a default.
func set[T comparable](field *T, def T) {
	var zero T
	if *field == zero {
		*field = def
	}
}

func pointer[T any](field **T, def T) {
	if *field == nil {
		*field = &def
	}
}
