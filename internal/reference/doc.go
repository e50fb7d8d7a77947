// Package reference holds the tests that write docs/reference from the code: every kind, field, default, output, verb
// and resource type, the documents and the configuration. `make generate` rewrites the pages. Without it, the tests
// compare them.
//
// In: the registry of kinds, the catalog of resource types and the rules of the fields. Out: Markdown. It must not hold
// facts about a kind: facts that a page lacks belong to the kind's code. It has only tests, so that the program does
// not contain it.
package reference
