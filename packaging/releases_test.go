package packaging

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// releases is a server with releases as GitHub has them.
type releases struct {
	*httptest.Server
	mutex sync.Mutex
	files map[string][]byte // by path below /releases
	cut   map[string]bool   // files that end in the middle
	asked []string
}

// program is what the archives hold in place of the binary.
func program(version string) string { return "#!/bin/sh\necho deployer " + version + " \"$@\"\n" }

func serve(t *testing.T) *releases {
	t.Helper()
	r := &releases{files: map[string][]byte{}, cut: map[string]bool{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	for _, version := range []string{"1.2.3", "1.3.0-rc.1"} {
		r.release(version, archive(t, program(version)))
	}
	r.files["/latest/download/checksums.txt"] = r.files["/download/v1.2.3/checksums.txt"]
	return r
}

func (r *releases) release(version string, archive []byte) {
	folder := "/download/v" + version + "/"
	var sums strings.Builder
	for _, platform := range []string{"linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64"} {
		name := "deployer_" + version + "_" + platform + ".tar.gz"
		r.files[folder+name] = archive
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(r.files[folder+name]), name)
		// The list has other files, too.
		fmt.Fprintf(&sums, "%064d  %s.sbom.json\n", 0, name)
		fmt.Fprintf(&sums, "%064d  deployer-%s\n", 0, strings.ReplaceAll(platform, "_", "-"))
	}
	r.files[folder+"checksums.txt"] = []byte(sums.String())
	r.files[folder+"checksums.txt.sigstore.json"] = []byte("{}")
}

func archive(t *testing.T, program string) []byte {
	t.Helper()
	var raw bytes.Buffer
	zipped := gzip.NewWriter(&raw)
	tape := tar.NewWriter(zipped)
	for name, text := range map[string]string{"LICENSE": "MIT", "deployer": program} {
		require.NoError(t, tape.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(text))}))
		_, err := io.WriteString(tape, text)
		require.NoError(t, err)
	}
	require.NoError(t, tape.Close())
	require.NoError(t, zipped.Close())
	return raw.Bytes()
}

func (r *releases) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	path := strings.TrimPrefix(request.URL.Path, "/releases")
	r.mutex.Lock()
	r.asked = append(r.asked, path)
	body, found := r.files[path]
	cut := r.cut[path]
	r.mutex.Unlock()
	switch {
	case strings.HasPrefix(path, "/download/") && found: // GitHub redirects to where the files are
		http.Redirect(w, request, "/releases/stored"+path, http.StatusFound)
		return
	case strings.HasPrefix(path, "/stored"):
		body, found = r.files[strings.TrimPrefix(path, "/stored")]
		cut = r.cut[strings.TrimPrefix(path, "/stored")]
	}
	if !found {
		http.NotFound(w, request)
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	if cut {
		_, _ = w.Write(body[:len(body)/2])
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body)
}

// tunnel is a proxy that connects everybody with one server.
func tunnel(server string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		there, err := net.Dial("tcp", server)
		if err != nil || request.Method != http.MethodConnect {
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(there, here); _ = there.Close() }()
		go func() { _, _ = io.Copy(here, there); _ = here.Close() }()
	})
}
