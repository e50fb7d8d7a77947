// Package terminal makes pseudo-terminals: for a binary that should believe a person is there, and for what runs in a
// container.
//
// What comes in: a size. What goes out: both ends of a terminal of that size.
//
// What it must not do: know who is at either end.
package terminal
