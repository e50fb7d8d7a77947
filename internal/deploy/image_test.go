package deploy

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/image"
)

// The next step belongs to the cause: nobody has to log in because a name cannot be resolved.
func TestWhyARegistryWasNotAsked(t *testing.T) {
	for want, err := range map[string]error{
		"Check the network": fmt.Errorf("registry.example: %w", &net.DNSError{Err: "no such host"}),
		"docker login":      errors.New("registry.example wants credentials"),
	} {
		found := unaskedImages([]*used{{Use: image.Use{Image: "registry.example/app:1"}, err: err}})
		require.Len(t, found, 1)
		require.Contains(t, found[0].Next, want)
		require.Contains(t, found[0].Next, "--no-resolve")
	}
}
