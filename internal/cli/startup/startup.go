// Package startup keeps dependencies from talking to the terminal while the process starts.
//
// The engine's packages import Bubble Tea 1, whose package init asks the terminal for its background colour and waits
// up to five seconds for the answer; it asks nobody when TERM is dumb. Go initialises packages that are ready in the
// order of their paths, so this one, which needs nothing but os, comes before github.com/muesli/termenv, which asks.
//
// In and out: the environment variable TERM, for the time until Done. It must not import anything else.
package startup

import "os"

var term, had = os.LookupEnv("TERM") //nolint:forbidigo // before there is anybody to inject it

func init() { _ = os.Setenv("TERM", "dumb") } // a name without = or NUL is always accepted

// Done gives TERM its value back. It is the first thing that the program does.
func Done() {
	if had {
		_ = os.Setenv("TERM", term)
		return
	}
	_ = os.Unsetenv("TERM")
}
