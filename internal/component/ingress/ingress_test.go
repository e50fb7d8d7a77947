package ingress_test

import (
	"testing"

	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/testkit/componenttest"
)

func TestGolden(t *testing.T) { componenttest.Golden(t, kinds.Registry()) }
