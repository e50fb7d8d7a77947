package registry_test

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/image"
	"github.com/company/deployer/internal/registry"
	"github.com/company/deployer/internal/testkit/fakeregistry"
)

func TestFind(t *testing.T) {
	r := fakeregistry.New()
	defer r.Close()
	one := r.Push("team/app", "1.0", "a", "linux/amd64")
	many := r.Push("team/app", "1.1", "a", "linux/amd64", "linux/arm64")
	c := registry.New(registry.DockerConfig{})

	ref := image.Parse(r.Host() + "/team/app:1.0")
	found, err := c.Find(t.Context(), ref)
	require.NoError(t, err)
	require.Equal(t, one, found.Digest)
	require.Zero(t, r.Pulls(), "the head of a manifest is no pull")
	found, err = c.Describe(t.Context(), ref, found)
	require.NoError(t, err)
	require.Equal(t, []string{"linux/amd64"}, found.Platforms)

	found, err = c.Find(t.Context(), image.Parse(r.Host()+"/team/app:1.1"))
	require.NoError(t, err)
	require.Equal(t, image.Found{Digest: many}, found)
	found, err = c.Describe(t.Context(), image.Parse(r.Host()+"/team/app:1.1"), found)
	require.NoError(t, err)
	require.Equal(t, image.Found{Digest: many, Platforms: []string{"linux/amd64", "linux/arm64"}}, found)
	require.Equal(t, 2, r.Pulls())

	r.Headless(true) // a registry that has no answer for HEAD
	found, err = c.Find(t.Context(), ref)
	require.NoError(t, err)
	require.Equal(t, one, found.Digest)
	found, err = c.Describe(t.Context(), ref, found)
	require.NoError(t, err)
	require.Equal(t, []string{"linux/amd64"}, found.Platforms)
	require.Equal(t, 3, r.Pulls())
	r.Headless(false)

	found, err = c.Find(t.Context(), image.Parse(r.Host()+"/team/app@"+one))
	require.NoError(t, err)
	require.Equal(t, one, found.Digest)

	var missing *image.MissingError
	_, err = c.Find(t.Context(), image.Parse(r.Host()+"/team/app:2.0"))
	require.ErrorAs(t, err, &missing)

	r.Down(true)
	_, err = c.Find(t.Context(), ref)
	require.ErrorContains(t, err, "503")
	require.False(t, errors.As(err, &missing))
	var unasked *image.UnaskedError
	require.ErrorAs(t, err, &unasked)
	require.Equal(t, "Try again later", unasked.Next)
	r.Close()
	_, err = c.Find(t.Context(), ref)
	require.ErrorAs(t, err, &unasked)
	require.Contains(t, unasked.Next, "network")
}

// TestCredentials: those of Docker's configuration are sent to the registry that they are for, and no error tells them.
func TestCredentials(t *testing.T) {
	r := fakeregistry.New()
	defer r.Close()
	r.Push("team/app", "1.0", "a", "linux/amd64")
	r.Login("ann", "hunter2")
	ref := image.Parse(r.Host() + "/team/app:1.0")

	_, err := registry.New(registry.DockerConfig{}).Find(t.Context(), ref)
	require.ErrorContains(t, err, "401")
	var unasked *image.UnaskedError
	require.ErrorAs(t, err, &unasked)
	require.Contains(t, unasked.Next, "docker login")
	config := func(host, password string) registry.DockerConfig {
		auth := base64.StdEncoding.EncodeToString([]byte("ann:" + password))
		return registry.ReadDockerConfig(map[string]string{
			"DOCKER_AUTH_CONFIG": `{"auths": {"` + host + `": {"auth": "` + auth + `"}}, "credsStore": "desktop"}`,
		}, "", nil)
	}
	_, err = registry.New(config("other.example", "hunter2")).Find(t.Context(), ref)
	require.Error(t, err)
	_, err = registry.New(config(r.Host(), "wrong-password")).Find(t.Context(), ref)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "wrong-password")
	_, err = registry.New(config("https://"+r.Host(), "hunter2")).Find(t.Context(), ref)
	require.NoError(t, err)
}

func TestReadDockerConfig(t *testing.T) {
	read := func(path string, _ int64) ([]byte, error) {
		if path != "/home/ann/.docker/config.json" {
			return nil, os.ErrNotExist
		}
		return []byte(`{"auths": {"https://index.docker.io/v1/": {"username": "ann", "password": "p"}}}`), nil
	}
	user, password := registry.ReadDockerConfig(nil, "/home/ann", read).For("docker.io")
	require.Equal(t, []string{"ann", "p"}, []string{user, password})
	elsewhere := map[string]string{"DOCKER_CONFIG": "/elsewhere"}
	user, _ = registry.ReadDockerConfig(elsewhere, "/home/ann", read).For("docker.io")
	require.Empty(t, user)
	user, _ = registry.ReadDockerConfig(map[string]string{"DOCKER_AUTH_CONFIG": "no JSON"}, "", read).For("docker.io")
	require.Empty(t, user)
}

// A registry that does not answer is told in plain words.
func TestPatience(t *testing.T) {
	r := fakeregistry.New()
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	_, err := registry.New(registry.DockerConfig{}).Find(ctx, image.Parse(r.Host()+"/team/app:1.0"))
	require.EqualError(t, err, r.Host()+" has not answered in 10s")
}
