// Package manifest reads the YAML of a stack and works out what is desired: components that are ready to be expanded.
//
// In: a folder (Load), then the environment, variables, the kinds and the template function (Resolve). Out: a Stack,
// and every problem with its file, line and column. The Stack's components have their defaults and overlays merged,
// variables replaced and references Deferred. Positions survive the merge: Stack.Diagnose gives problems of later
// stages their place.
//
// It must not open anything but regular files inside the stack's folder, or write. It knows no network, no environment,
// no clock and no HCL: the template function is injected.
package manifest
