// Package reference holds the tests that write docs/reference from the code: every kind, field, default, output, verb
// and resource type, the documents and the configuration. `make generate` rewrites the pages; without it the tests
// compare.
//
// In: the registry of kinds, the catalog of resource types and the rules of the fields. Out: Markdown. It must not hold
// a fact about a kind: what a page lacks is written where the code has it. Tests only, so that nothing of it is in the
// program.
package reference
