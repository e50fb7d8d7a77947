package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/release"
)

func TestComparedWith(t *testing.T) {
	for order, want := range map[release.Order]string{
		release.Older:   "Release 1.5.0 is newer. Install it: https://github.com/company/deployer/releases/tag/v1.5.0",
		release.Same:    "This is the newest release.",
		release.Newer:   "This is newer than the newest release, 1.5.0.",
		release.Unknown: "The newest release is 1.5.0. This program was not built from a release.",
	} {
		require.Equal(t, want, comparedWith("1.5.0", order))
	}
}
