package pulumicloud

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/testkit/fakepulumi"
)

const token = "pul-canary-7f3a"

var stack = Stack{Project: "shop", Name: "dev"}

func deployment(resources string) json.RawMessage {
	return json.RawMessage(`{"manifest":{"version":"v3"},"resources":[` + resources + `]}`)
}

func open(t *testing.T) (*fakepulumi.Cloud, *Client) {
	t.Helper()
	cloud := fakepulumi.New(token)
	server := httptest.NewServer(cloud)
	t.Cleanup(server.Close)
	return cloud, &Client{HTTP: server.Client(), Address: server.URL, Token: token, Agent: "test"}
}

func TestAStackIsCreatedOnceAndImportedEachTime(t *testing.T) {
	cloud, client := open(t)
	first := deployment(`{"urn":"urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"}`)
	require.NoError(t, client.Put(t.Context(), stack, first))
	require.JSONEq(t, string(first), string(cloud.Deployment(fakepulumi.User, "shop", "dev")))
	before := len(cloud.Asked())
	require.NoError(t, client.Put(t.Context(), stack, deployment("")))
	require.JSONEq(t, string(deployment("")), string(cloud.Deployment(fakepulumi.User, "shop", "dev")))
	require.Equal(t, []string{
		"GET /api/user", "POST /api/stacks/shop-team/shop/dev/import",
		"GET /api/stacks/shop-team/shop/dev/update/import-2", "GET /api/stacks/shop-team/shop/dev/update/import-2",
	}, cloud.Asked()[before:])
}

func TestTemporaryAnswersAreRepeated(t *testing.T) {
	cloud, client := open(t)
	client.Organization = fakepulumi.User
	cloud.Fail(http.StatusServiceUnavailable, http.StatusTooManyRequests)
	require.NoError(t, client.Put(t.Context(), stack, deployment("")))
}

// A run that ends meanwhile says what is missing: the copy, and nothing else.
func TestAnAnswerThatDoesNotComeIsAWarning(t *testing.T) {
	asked := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the server sees that the client has gone
		close(asked)
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	ctx, end := context.WithCancel(t.Context())
	go func() {
		<-asked
		end()
	}()
	client := Client{HTTP: silent.Client(), Address: silent.URL, Token: token, Organization: fakepulumi.User}
	err := client.Put(ctx, stack, deployment(""))
	require.ErrorContains(t, err, "Copy for pulumi was not written")
	require.ErrorContains(t, err, "the run ended before the answer")
	require.NotErrorIs(t, err, context.Canceled)
}

// Every failure is a warning with a next step, and no text has the token.
func TestWhatGoesWrongIsAWarningWithoutTheToken(t *testing.T) {
	redirecting := httptest.NewServer(http.RedirectHandler("http://localhost:1/", http.StatusFound))
	t.Cleanup(redirecting.Close)
	for name, c := range map[string]struct {
		change func(*fakepulumi.Cloud, *Client)
		says   string
	}{
		"no token":             {func(_ *fakepulumi.Cloud, c *Client) { c.Token = "" }, "no access token"},
		"another token":        {func(f *fakepulumi.Cloud, _ *Client) { f.Token = "other" }, "401"},
		"another organization": {func(_ *fakepulumi.Cloud, c *Client) { c.Organization = "strangers" }, "403"},
		"nobody there":         {func(_ *fakepulumi.Cloud, c *Client) { c.Address = "http://127.0.0.1:1" }, "refused"},
		"another host":         {func(_ *fakepulumi.Cloud, c *Client) { c.Address = redirecting.URL }, "302"},
		"a token with a line break": {
			func(_ *fakepulumi.Cloud, c *Client) { c.Token += "\n" }, "invalid header field",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, client := open(t)
			c.change(cloud, client)
			err := client.Put(t.Context(), stack, deployment(""))
			require.Error(t, err)
			text := fmt.Sprintf("%v %+v %#v", err, err, err)
			require.Contains(t, text, c.says)
			require.NotContains(t, text, token)
			require.Nil(t, cloud.Deployment(fakepulumi.User, "shop", "dev"))
		})
	}
}
