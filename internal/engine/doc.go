// Package engine embeds the Pulumi engine: it turns a resource.Graph and a stored state into a plan, and a plan into
// reality. It is the only package that imports Pulumi.
//
// In: the graph, the state as bytes (a Pulumi deployment of version 3, what the stock CLI reads), behaviours of the
// resource types as a resource.Catalog, and functions for everything outside (templates, guard, journal, events). Out:
// plan.Plan, the new state as bytes, typed errors. It must not read files, the environment, the clock or the network,
// and must not print. Only a Plugin uses the network, at a listener that it is given.
//
// run.go starts a deploy.Deployment. Its source (source.go) offers each resource as soon as the resource's dependencies
// are done. Its only plugin (host.go, provider.go) is ours and in process. Its events (events.go) keep the ledger
// (ledger.go). Every checkpoint and the local journal are made from the ledger. Preview, apply and destroy use the same
// run. plugin.go serves the provider to the stock pulumi CLI, which may only read.
//
// Never change these, because written states depend on them: the URNs and type tokens of names.go, the name and ID of
// the provider, the key of the schema version in outputs.
package engine
