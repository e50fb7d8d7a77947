// Package kinds is the list of all kinds of component: a new kind is a folder and one line here.
//
// In: the kinds' packages. Out: the registry that manifests are read with. It must not hold anything else.
package kinds

import (
	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/cluster"
	"github.com/company/deployer/internal/component/elasticache"
	"github.com/company/deployer/internal/component/ingress"
	"github.com/company/deployer/internal/component/microservice"
	"github.com/company/deployer/internal/component/network"
	"github.com/company/deployer/internal/component/rds"
	"github.com/company/deployer/internal/component/s3"
	"github.com/company/deployer/internal/component/sqs"
	"github.com/company/deployer/internal/component/worker"
)

// Registry returns all kinds, synthetic ones included.
func Registry() *component.Registry {
	return component.NewRegistry(
		elasticache.Kind(),
		microservice.Kind(),
		network.Kind(),
		rds.Kind(),
		s3.Kind(),
		sqs.Kind(),
		worker.Kind(),

		cluster.Kind(),
		ingress.Kind(),
	)
}
