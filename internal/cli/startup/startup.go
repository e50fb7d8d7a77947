// Package startup prevents dependencies from using the terminal while the process starts.
//
// The engine's packages import Bubble Tea 1. Its package init asks the terminal for its background colour and waits up
// to five seconds for the answer, but not when TERM is dumb. Go initialises packages that are ready in the order of
// their paths. This package needs only os, so it comes before github.com/muesli/termenv, which asks.
//
// In: the environment variable TERM. Out: the same, with another value until Done. It must not import anything else.
package startup

import "os"

var term, had = os.LookupEnv("TERM") //nolint:forbidigo // before there is anything to inject it

func init() { _ = os.Setenv("TERM", "dumb") } // a name without = or NUL is always accepted

// Done gives TERM its value back. It is the first call of the program.
func Done() {
	if had {
		_ = os.Setenv("TERM", term)
		return
	}
	_ = os.Unsetenv("TERM")
}
