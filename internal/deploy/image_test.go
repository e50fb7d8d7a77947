package deploy

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/image"
	"github.com/company/deployer/internal/resource"
)

// The next step belongs to the cause: nobody has to log in because a name cannot be resolved.
func TestWhyARegistryWasNotAsked(t *testing.T) {
	for want, err := range map[string]error{
		"Check the network": &image.UnaskedError{Err: errors.New("no such host"), Next: "check the network"},
		"deployer iam":      &resource.OpError{Operation: "ecr:BatchGetImage", Code: "AccessDenied"},
	} {
		found := unaskedImages([]*used{{Use: image.Use{Image: "registry.example/app:1"}, err: err}})
		require.Len(t, found, 1)
		require.Contains(t, found[0].Next, want)
		require.Contains(t, found[0].Next, "--no-resolve")
	}
}

// One warning has all reasons, each with its images, and no advice that is not for one of them.
func TestReasonsOfRegistries(t *testing.T) {
	none := errors.New("registry.example: no such host")
	busy := &image.UnaskedError{Err: errors.New("other.example answered 429"), Next: "try again later"}
	var images []*used
	for name, err := range map[string]error{
		"registry.example/b:1": none, "registry.example/a:1": none, "other.example/c:1": busy, "fine:1": nil,
	} {
		images = append(images, &used{Use: image.Use{Image: name}, err: err})
	}
	found := unaskedImages(images)
	require.Len(t, found, 1)
	require.Contains(t, found[0].Detail, "other.example/c:1 (other.example answered 429); registry.example/a:1, "+
		"registry.example/b:1 (registry.example: no such host).")
	require.Contains(t, found[0].Next, "Try again later. ")
	require.NotContains(t, found[0].Next, "docker login")
}
