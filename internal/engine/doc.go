// Package engine embeds the Pulumi engine: it turns a resource.Graph and a stored state into a plan, and a plan into
// reality. It is the only package that imports Pulumi.
//
// In: the graph, the state as bytes (a Pulumi deployment of version 3, what the stock CLI reads), behaviours of the
// resource types as a resource.Catalog, and functions for all that lies outside (templates, guard, journal, events).
// Out: plan.Plan, the new state as bytes, typed errors. It must not read files, the environment, the clock or the
// network, and must not print.
//
// How the parts fit: run.go starts a deploy.Deployment whose source (source.go) offers each resource as soon as all
// that it needs is done, whose only plugin (host.go, provider.go) is ours and in process, and whose events (events.go)
// keep the ledger (ledger.go), from which every checkpoint and the local journal are made. The same run serves preview,
// apply and destroy.
//
// Contracts with states already written, never to be changed: the URNs and type tokens of names.go, the name and ID of
// the provider, the key of the schema version in outputs.
package engine
