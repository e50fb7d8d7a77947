package local_test

import (
	"testing"
	"time"

	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/lock/local"
	"github.com/company/deployer/internal/testkit/locktest"
)

func TestConformance(t *testing.T) {
	locktest.Run(t, func(t *testing.T) locktest.Open {
		folder := t.TempDir()
		// One machine has one wall clock, whatever clocks the suite wants for its processes.
		return func(lock.Clock) lock.Table { return local.New(folder, time.Now) }
	})
}
