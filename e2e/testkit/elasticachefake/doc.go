// Package elasticachefake is ElastiCache for tests. The emulator lacks nearly all of it: changes of any kind, parameter
// groups, serverless caches, and deletes that end.
//
// What comes in: a proxy on which it registers all operations of ElastiCache, and the emulator's EC2, which it asks for
// subnets. What goes out: the answers that AWS documents, with its refusals: objects that are not available cannot be
// changed, objects in use cannot be deleted, a version cannot go back. A change takes some polls, and shows the old
// values until then.
//
// What it must not do: know the product, or accept what AWS refuses.
package elasticachefake
