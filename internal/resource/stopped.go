package resource

import (
	"context"
	"errors"

	"github.com/company/deployer/internal/diag"
)

// Stopped reports whether a call ended with err because the run ended, and not because AWS refused anything or because
// something failed. AWS may go on with what was begun.
func Stopped(err error) bool {
	var known *diag.Diagnostic
	if errors.As(err, &known) && known.Code == diag.Failed {
		return false
	}
	var wait *WaitError
	return errors.As(err, &wait) || errors.Is(err, context.Canceled) || known != nil && known.Code == diag.Interrupted
}
