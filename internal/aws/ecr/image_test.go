package ecr_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/ecr"
	"github.com/company/deployer/internal/image"
	"github.com/company/deployer/internal/resource"
)

const (
	host  = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
	one   = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	index = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
)

// account answers as ECR documents. The emulator knows neither pull-through caches nor layers.
type account struct {
	url   string
	mu    sync.Mutex
	calls []string
	deny  string // an operation
}

func (a *account) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.Method == http.MethodGet { // the address of a layer
		_, _ = w.Write([]byte(`{"os": "linux", "architecture": "arm64"}`))
		return
	}
	_, operation, _ := strings.Cut(q.Header.Get("X-Amz-Target"), ".")
	a.mu.Lock()
	a.calls = append(a.calls, operation)
	a.mu.Unlock()
	var in struct {
		RegistryID            string              `json:"registryId"`
		RepositoryName        string              `json:"repositoryName"`
		ImageIDs              []map[string]string `json:"imageIds"`
		ECRRepositoryPrefixes []string            `json:"ecrRepositoryPrefixes"`
	}
	_ = json.NewDecoder(q.Body).Decode(&in)
	fail := func(code string) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"__type": %q, "message": "no"}`, code)
	}
	answer := map[string]any{}
	switch {
	case operation == a.deny:
		fail("AccessDeniedException")
		return
	case operation == "BatchGetImage" && in.RepositoryName != "shop/api" && in.RepositoryName != "api":
		fail("RepositoryNotFoundException")
		return
	case operation == "BatchGetImage":
		var images, failures []any
		for _, id := range in.ImageIDs {
			manifest, digest := `{"config": {"digest": "sha256:c"}}`, one
			switch {
			case id["imageTag"] == "index":
				manifest, digest = `{"manifests": [{"platform": {"os": "linux", "architecture": "amd64"}}]}`, index
			case id["imageTag"] != "1.0" && id["imageDigest"] != one:
				failures = append(failures, map[string]any{"imageId": id, "failureCode": "ImageNotFound"})
				continue
			}
			images = append(images, map[string]any{
				"imageId":       map[string]any{"imageTag": id["imageTag"], "imageDigest": digest},
				"imageManifest": manifest,
			})
		}
		answer["images"], answer["failures"] = images, failures
	case operation == "DescribePullThroughCacheRules" && in.ECRRepositoryPrefixes[0] != "hub":
		fail("PullThroughCacheRuleNotFoundException")
		return
	case operation == "DescribePullThroughCacheRules":
		answer["pullThroughCacheRules"] = []any{map[string]any{"ecrRepositoryPrefix": "hub"}}
	case operation == "GetDownloadUrlForLayer":
		answer["downloadUrl"] = a.url + "/layer"
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func start(t *testing.T) (*account, func() image.Finder) {
	a := &account{}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	a.url = server.URL
	cfg := aws.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL, HTTPClient: http.DefaultClient,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	}
	return a, func() image.Finder { return ecr.New(cfg, nil) }
}

func TestFind(t *testing.T) {
	a, finder := start(t)
	f := finder()
	var all sync.WaitGroup
	for text, want := range map[string]image.Found{
		"shop/api:1.0":    {Digest: one, Config: "sha256:c"},
		"shop/api:index":  {Digest: index, Platforms: []string{"linux/amd64"}},
		"shop/api@" + one: {Digest: one, Config: "sha256:c"},
	} {
		all.Go(func() {
			found, err := f.Find(t.Context(), image.Parse(host+"/"+text))
			if err != nil || found.Digest != want.Digest || found.Config != want.Config ||
				len(found.Platforms) != len(want.Platforms) {
				t.Errorf("%s: got %+v, %v", text, found, err)
			}
		})
	}
	all.Wait()
	require.Less(t, len(a.calls), 3, "questions about one repository go together: %v", a.calls)

	found, err := f.Describe(t.Context(), image.Parse(host+"/shop/api:1.0"), image.Found{Config: "sha256:c"})
	require.NoError(t, err)
	require.Equal(t, []string{"linux/arm64"}, found.Platforms)
}

// TestMissing: an image that a pull-through cache has not imported yet is not missing.
func TestMissing(t *testing.T) {
	a, finder := start(t)
	var missing *image.MissingError
	for _, text := range []string{"shop/api:2.0", "api:2.0", "nope:1", "team/nope:1"} {
		_, err := finder().Find(t.Context(), image.Parse(host+"/"+text))
		require.ErrorAs(t, err, &missing, text)
		require.NotEmpty(t, missing.Next)
	}
	_, err := finder().Find(t.Context(), image.Parse(host+"/hub/library/nginx:1.27"))
	require.ErrorContains(t, err, "pull-through cache")
	require.NotErrorAs(t, err, &missing)
	a.deny = "DescribePullThroughCacheRules"
	_, err = finder().Find(t.Context(), image.Parse(host+"/team/nope:1"))
	require.NotErrorAs(t, err, &missing)
	a.deny = "BatchGetImage"
	_, err = finder().Find(t.Context(), image.Parse(host+"/shop/api:1.0"))
	var op *resource.OpError
	require.ErrorAs(t, err, &op)
	require.True(t, op.Denied())
}

func TestPermissions(t *testing.T) {
	got := ecr.Permissions(resource.Scope{Region: "eu-west-1"},
		[]string{host + "/shop/api:1", "public.ecr.aws/nginx/nginx:1", "nginx"})
	require.Equal(t, []resource.Statement{
		{
			Actions: []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
			On:      []string{"arn:aws:ecr:eu-west-1:123456789012:repository/shop/api"},
		},
		{Actions: []string{"ecr:DescribePullThroughCacheRules"}},
	}, got)
}
