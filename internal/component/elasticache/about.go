package elasticache

import (
	"fmt"

	"github.com/company/deployer/internal/component"
	cache "github.com/company/deployer/internal/resource/elasticache"
)

// About says in one line what a cache will be, and where it can be reached.
func (s *Spec) About(in component.Instance) string {
	port := cache.Port
	if s.memcached() {
		port = cache.MemcachedPort
	}
	if s.Serverless != nil {
		text := s.Engine + " " + s.majorVersion() + ", serverless"
		if s.Serverless.MaxStorage != nil {
			text += fmt.Sprintf(", up to %d GiB", *s.Serverless.MaxStorage)
		}
		return fmt.Sprintf("%s; inside only, port %d", text, port)
	}
	text := s.Engine + " " + s.version() + ", "
	nodes := s.nodes(in)
	if s.Shards != nil {
		text += count(*s.Shards, "shard") + " with "
	}
	text += count(nodes, "node") + " " + s.nodeType()
	if s.Shards != nil && nodes > 1 {
		text += " each"
	}
	if s.severalZones(in) {
		text += " in several zones"
	}
	if s.RestoreFrom != "" {
		text += ", from the snapshot " + s.RestoreFrom
	}
	return fmt.Sprintf("%s; inside only, port %d", text, port)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
