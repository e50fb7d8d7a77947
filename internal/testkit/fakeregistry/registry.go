// Package fakeregistry is a container registry on this machine, for tests: manifests, indexes and configurations of
// images, and tokens, as the OCI distribution specification and Docker's token protocol say.
//
// In: images that a test pushes. Out: answers to HTTP requests. It must not hold layers.
package fakeregistry

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// Registry is a registry.
type Registry struct {
	server *httptest.Server

	mu       sync.Mutex
	blobs    map[string]blob   // by repository and digest
	tags     map[string]string // digests by repository and tag
	user     string            // "": a token is given to everybody
	password string
	down     bool
	headless bool
	pulls    int
}

type blob struct {
	mediaType string
	body      []byte
}

// New starts a registry on a port of its own.
func New() *Registry {
	r := &Registry{blobs: map[string]blob{}, tags: map[string]string{}}
	r.server = httptest.NewServer(r)
	return r
}

// Host is the first part of the names of its images.
func (r *Registry) Host() string { return strings.TrimPrefix(r.server.URL, "http://") }

// Close ends it.
func (r *Registry) Close() { r.server.Close() }

// Push stores an image under a tag and returns its digest. One platform makes a plain image, several make an index.
// seed makes images differ.
func (r *Registry) Push(repository, tag, seed string, platforms ...string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var entries []map[string]any
	digest := ""
	for _, p := range platforms {
		system, architecture, _ := strings.Cut(p, "/")
		config := r.put(repository, "application/vnd.oci.image.config.v1+json",
			map[string]any{"os": system, "architecture": architecture, "created": seed})
		digest = r.put(repository, "application/vnd.oci.image.manifest.v1+json", map[string]any{
			"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
			"config": map[string]any{"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config},
			"layers": []any{},
		})
		entries = append(entries, map[string]any{
			"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest,
			"platform": map[string]any{"os": system, "architecture": architecture},
		})
	}
	if len(platforms) > 1 {
		digest = r.put(repository, "application/vnd.oci.image.index.v1+json", map[string]any{
			"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries,
		})
	}
	r.tags[repository+" "+tag] = digest
	return digest
}

// Delete removes the image of a tag: neither the tag nor its digest is there any more.
func (r *Registry) Delete(repository, tag string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.blobs, repository+" "+r.tags[repository+" "+tag])
	delete(r.tags, repository+" "+tag)
}

func (r *Registry) put(repository, mediaType string, document any) string {
	body, err := json.Marshal(document)
	if err != nil {
		panic(err) // of maps of texts
	}
	sum := sha256.Sum256(body)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	r.blobs[repository+" "+digest] = blob{mediaType, body}
	return digest
}

// Login gives tokens only to that user.
func (r *Registry) Login(user, password string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.user, r.password = user, password
}

// Down makes the registry answer with errors only.
func (r *Registry) Down(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

// Headless makes the registry refuse requests for heads, as some do.
func (r *Registry) Headless(headless bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.headless = headless
}

// Pulls is how many manifests were read, as Docker Hub counts pulls: heads do not count.
func (r *Registry) Pulls() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pulls
}

const token = "a-token"

// ServeHTTP implements http.Handler.
func (r *Registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.headless && q.Method == http.MethodHead {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if q.URL.Path == "/token" {
		user, password, _ := q.BasicAuth()
		if r.user != "" && (user != r.user || password != r.password) ||
			!strings.HasPrefix(q.URL.Query().Get("scope"), "repository:") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintf(w, `{"token": %q}`, token) // the client is gone
		return
	}
	if q.Header.Get("Authorization") != "Bearer "+token {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="fake"`, r.server.URL))
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	rest, version, isManifest := cutLast(strings.TrimPrefix(q.URL.Path, "/v2/"), "/manifests/")
	if !isManifest {
		rest, version, _ = cutLast(strings.TrimPrefix(q.URL.Path, "/v2/"), "/blobs/")
	} else if q.Method == http.MethodGet {
		r.pulls++
	}
	if digest := r.tags[rest+" "+version]; digest != "" && isManifest {
		version = digest
	}
	found, ok := r.blobs[rest+" "+version]
	if !ok || isManifest && !strings.Contains(q.Header.Get("Accept"), found.mediaType) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"errors": [{"code": "MANIFEST_UNKNOWN"}]}`)) // the client is gone
		return
	}
	w.Header().Set("Content-Type", found.mediaType)
	w.Header().Set("Docker-Content-Digest", version)
	_, _ = w.Write(found.body) // the client is gone
}

func cutLast(text, sep string) (before, after string, found bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(sep):], true
}
