// Package manifest reads the YAML of a stack and works out what is desired: it is the first part of the road, up to
// components that are ready to be expanded.
//
// In: a folder (Load), then the environment, variables, the kinds and the template function (Resolve). Out: a Stack,
// whose components have their defaults and overlays merged, variables replaced and references Deferred, and every
// problem found on the way, each with file, line and column. Positions survive the merge: Stack.Diagnose places what
// later stages find in a spec.
//
// It opens regular files inside the stack's folder and nothing else: no network, no environment, no clock, no HCL (the
// template function is injected), and it never writes.
package manifest
