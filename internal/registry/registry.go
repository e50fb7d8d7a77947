// Package registry asks container registries about images, by the protocol of the OCI distribution specification:
// manifests and configurations of images, with an anonymous token or with the credentials of Docker's configuration.
//
// In: the name of an image. Out: its digest and platforms. It must not read layers or run credential helpers. It sends
// credentials only to the registry that they are for, and to the token service which that registry names.
package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/company/deployer/internal/image"
)

const (
	patience   = 10 * time.Second // for all calls about one image
	maxAnswer  = 4 << 20          // the specification asks registries to take manifests up to 4 MiB
	attempts   = 2
	dockerHub  = "docker.io"
	dockerHost = "registry-1.docker.io"
)

// Client asks registries. It is an image.Finder.
type Client struct {
	HTTP *http.Client
	// Credentials returns name and password for a registry; "" for none.
	Credentials func(host string) (user, password string)

	mu     sync.Mutex
	tokens map[string]string // by host and repository
}

// New returns a Client with the credentials of Docker's configuration.
func New(config DockerConfig) *Client {
	return &Client{HTTP: &http.Client{Timeout: patience}, Credentials: config.For, tokens: map[string]string{}}
}

// Find implements image.Finder. It asks for the head of the manifest: Docker Hub counts everything else as a pull, and
// allows few of them. Registries that do not answer that are asked for the manifest.
func (c *Client) Find(ctx context.Context, ref image.Ref) (image.Found, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	head, _, err := c.get(ctx, http.MethodHead, ref, manifestOf(ref), manifestTypes)
	var unasked *image.UnaskedError
	switch digest := head.header.Get("Docker-Content-Digest"); {
	case errors.As(err, &unasked):
		return image.Found{}, err
	case err == nil && digestForm.MatchString(digest):
		return image.Found{Digest: digest}, nil
	}
	return c.manifest(ctx, ref)
}

func manifestOf(ref image.Ref) string { return "manifests/" + ref.Version() }

// manifestTypes are the forms of manifests that are understood.
var manifestTypes = strings.Join(image.MediaTypes, ", ")

// manifest reads the manifest of an image.
func (c *Client) manifest(ctx context.Context, ref image.Ref) (image.Found, error) {
	got, body, err := c.get(ctx, http.MethodGet, ref, manifestOf(ref), manifestTypes)
	if err != nil {
		return image.Found{}, err
	}
	digest := got.header.Get("Docker-Content-Digest")
	if digest == "" {
		digest = digestOf(body)
	}
	if !digestForm.MatchString(digest) {
		return image.Found{}, fmt.Errorf("%s answered with %q for a digest", ref.Host, digest)
	}
	return image.Read(digest, body)
}

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// Describe implements image.Finder.
func (c *Client) Describe(ctx context.Context, ref image.Ref, found image.Found) (image.Found, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if found.Config == "" && found.Platforms == nil {
		ref.Digest = found.Digest
		var err error
		if found, err = c.manifest(ctx, ref); err != nil {
			return found, err
		}
	}
	if found.Config == "" || found.Platforms != nil || found.Artifact != "" {
		return found, nil
	}
	_, body, err := c.get(ctx, http.MethodGet, ref, "blobs/"+found.Config, "*/*")
	if err != nil {
		return found, err
	}
	found.Platforms, err = image.ReadPlatforms(body)
	return found, err
}

// answer is what a server says, apart from the body.
type answer struct {
	code   int
	status string
	header http.Header
}

// get reads a document of a repository, or its head.
func (c *Client) get(
	ctx context.Context, method string, ref image.Ref, path, accept string,
) (answer, []byte, error) {
	host, scheme := ref.Host, "https"
	if host == dockerHub {
		host = dockerHost
	}
	if name := (&url.URL{Host: host}).Hostname(); name == "localhost" || name == "127.0.0.1" || name == "::1" {
		scheme = "http" // as in Docker
	}
	target := scheme + "://" + host + "/v2/" + ref.Repository + "/" + path
	key := ref.Host + "/" + ref.Repository
	var last error
	for range attempts {
		got, body, err := c.ask(ctx, method, target, accept, c.token(key))
		if err == nil && got.code == http.StatusUnauthorized {
			var token string
			if token, err = c.authorize(ctx, ref, got.header.Values("WWW-Authenticate")); err == nil {
				c.keep(key, token)
				got, body, err = c.ask(ctx, method, target, accept, token)
			}
		}
		switch {
		case err != nil:
			last = plain(err)
			continue
		case got.code == http.StatusOK:
			return got, body, nil
		case got.code == http.StatusNotFound:
			return answer{}, nil, &image.MissingError{
				What: "the registry " + ref.Host + " has no " + ref.String(),
				Next: "push it first, or correct the name",
			}
		case got.code == http.StatusUnauthorized || got.code == http.StatusForbidden:
			// Docker Hub answers so for a name that does not exist, too.
			return answer{}, nil, &image.UnaskedError{
				Err:  fmt.Errorf("%s answered %s: the repository is private or does not exist", host, got.status),
				Next: login,
			}
		case got.code == http.StatusTooManyRequests:
			last = &image.UnaskedError{Err: fmt.Errorf("%s answered %s", host, got.status), Next: limited}
			continue
		case got.code < http.StatusInternalServerError:
			return answer{}, nil, fmt.Errorf("%s answered %s", host, got.status)
		}
		last = &image.UnaskedError{Err: fmt.Errorf("%s answered %s", host, got.status), Next: later}
	}
	return answer{}, nil, last
}

// What to do about a registry that gave no answer.
const (
	login   = "Log in with docker login (credential helpers are not run)"
	limited = "Log in with docker login, which allows more requests to many registries, or try again later"
	later   = "Try again later"
	network = "Check the network and HTTPS_PROXY"
)

// plain takes the address out of an error, which may have a token in it. Nobody has answered: that is a matter of the
// network.
func plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		at, _ := url.Parse(wrapped.URL)
		if at != nil && errors.Is(err, context.DeadlineExceeded) {
			return &image.UnaskedError{Err: fmt.Errorf("%s has not answered in %s", at.Host, patience), Next: network}
		}
		if at != nil {
			return &image.UnaskedError{Err: fmt.Errorf("%s: %w", at.Host, wrapped.Err), Next: network}
		}
		return &image.UnaskedError{Err: wrapped.Err, Next: network}
	}
	return err
}

func (c *Client) ask(
	ctx context.Context, method, target, accept, authorization string,
) (answer, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil {
		return answer{}, nil, err
	}
	request.Header.Set("Accept", accept)
	if authorization != "" {
		request.Header.Set("Authorization", authorization) // a redirect to another host drops it
	}
	response, err := c.HTTP.Do(request)
	if err != nil {
		return answer{}, nil, err
	}
	defer response.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("%s answered with more than %d MiB", response.Request.URL.Host, maxAnswer>>20)
	}
	return answer{response.StatusCode, response.Status, response.Header}, body, err
}

// authorize gets what a registry asks for: a token of the service that it names, or name and password.
func (c *Client) authorize(ctx context.Context, ref image.Ref, challenges []string) (string, error) {
	user, password := c.Credentials(ref.Host)
	for _, text := range challenges {
		scheme, rest, _ := strings.Cut(text, " ")
		switch {
		case strings.EqualFold(scheme, "Basic") && user != "":
			return "Basic " + basic(user, password), nil
		case strings.EqualFold(scheme, "Bearer"):
			return c.bearer(ctx, ref, parameters(rest), user, password)
		}
	}
	if user == "" {
		return "", &image.UnaskedError{
			Err:  fmt.Errorf("%s wants credentials, and Docker's configuration has none for it", ref.Host),
			Next: login,
		}
	}
	return "", fmt.Errorf("%s did not say how to give credentials", ref.Host)
}

func (c *Client) bearer(
	ctx context.Context, ref image.Ref, asked map[string]string, user, password string,
) (string, error) {
	realm, err := url.Parse(asked["realm"])
	if err != nil || realm.Host == "" {
		return "", fmt.Errorf("%s names no token service", ref.Host)
	}
	local := realm.Hostname() == "localhost" || realm.Hostname() == "127.0.0.1"
	if realm.Scheme != "https" && !local {
		return "", fmt.Errorf("the token service of %s has no TLS", ref.Host)
	}
	query := realm.Query()
	if asked["service"] != "" {
		query.Set("service", asked["service"])
	}
	query.Set("scope", "repository:"+ref.Repository+":pull")
	realm.RawQuery = query.Encode()
	authorization := ""
	if user != "" {
		authorization = "Basic " + basic(user, password)
	}
	got, body, err := c.ask(ctx, http.MethodGet, realm.String(), "application/json", authorization)
	if err != nil {
		return "", err
	}
	var token struct {
		Token  string `json:"token"`
		Access string `json:"access_token"`
	}
	if got.code != http.StatusOK {
		err := fmt.Errorf("%s gives no token for %s: %s", realm.Host, ref.Repository, got.status)
		switch {
		case got.code == http.StatusUnauthorized || got.code == http.StatusForbidden:
			return "", &image.UnaskedError{Err: err, Next: login}
		case got.code == http.StatusTooManyRequests:
			return "", &image.UnaskedError{Err: err, Next: limited}
		case got.code >= http.StatusInternalServerError:
			return "", &image.UnaskedError{Err: err, Next: later}
		}
		return "", err
	}
	if err := json.Unmarshal(body, &token); err != nil || token.Token+token.Access == "" {
		return "", fmt.Errorf("%s gives no token for %s", realm.Host, ref.Repository)
	}
	if token.Token == "" {
		token.Token = token.Access
	}
	return "Bearer " + token.Token, nil
}

var parameter = regexp.MustCompile(`([a-zA-Z_]+)="([^"]*)"`)

// parameters are those of a challenge: realm="…",service="…".
func parameters(text string) map[string]string {
	out := map[string]string{}
	for _, m := range parameter.FindAllStringSubmatch(text, -1) {
		out[strings.ToLower(m[1])] = m[2]
	}
	return out
}

func (c *Client) token(key string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tokens[key]
}

func (c *Client) keep(key, token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens[key] = token
}
