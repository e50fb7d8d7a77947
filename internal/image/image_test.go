package image_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/image"
)

func TestParse(t *testing.T) {
	digest := "sha256:94afd1f2e64d908bc90dbca0035a5b5692c5e0d0d1c2b5d7b5b1b8c8d9e0f1a2"
	for text, want := range map[string]image.Ref{
		"nginx":            {Host: "docker.io", Repository: "library/nginx", Tag: "latest"},
		"nginx:1.27":       {Host: "docker.io", Repository: "library/nginx", Tag: "1.27", Tagged: true},
		"team/app:1":       {Host: "docker.io", Repository: "team/app", Tag: "1", Tagged: true},
		"localhost:5000/a": {Host: "localhost:5000", Repository: "a", Tag: "latest"},
		"ghcr.io/a/b@" + digest: {
			Host: "ghcr.io", Repository: "a/b", Digest: digest,
		},
		"ghcr.io/a/b:1@" + digest: {Host: "ghcr.io", Repository: "a/b", Tag: "1", Tagged: true, Digest: digest},
	} {
		require.Equal(t, want, image.Parse(text), text)
	}
	account, region, ok := image.Parse("123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/b:1").Private()
	require.True(t, ok)
	require.Equal(t, []string{"123456789012", "eu-west-1"}, []string{account, region})
	_, _, ok = image.Parse("public.ecr.aws/a/b:1").Private()
	require.False(t, ok)
}

func TestRead(t *testing.T) {
	found, err := image.Read("d", []byte(`{"manifests": [
		{"platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
		{"platform": {"os": "unknown", "architecture": "unknown"}}]}`))
	require.NoError(t, err)
	require.Equal(t, []string{"linux/arm64/v8"}, found.Platforms)
	require.True(t, image.Runs(found.Platforms, "arm64"))
	require.False(t, image.Runs(found.Platforms, "amd64"))
	_, err = image.Read("d", []byte("<html>"))
	require.Error(t, err)
	found, err = image.Read("d", []byte(`{"config": {"mediaType": "application/vnd.cncf.helm.config.v1+json"}}`))
	require.NoError(t, err)
	require.Equal(t, "application/vnd.cncf.helm.config.v1+json", found.Artifact)
}
