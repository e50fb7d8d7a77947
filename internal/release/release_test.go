package release

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNewest(t *testing.T) {
	text, status := "", http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/mirror/latest/download/checksums.txt" {
			status = http.StatusNotFound
		}
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}))
	defer server.Close()
	newest := func() (string, error) { return Newest(t.Context(), server.Client(), server.URL+"/mirror/") }

	sum := strings.Repeat("a", 64)
	text = sum + "  deployer-linux-amd64\n" + sum + "  deployer_1.5.0-rc.1_linux_amd64.tar.gz\n"
	got, err := newest()
	require.NoError(t, err)
	require.Equal(t, "1.5.0-rc.1", got)
	text = sum + "  something.tar.gz\n"
	_, err = newest()
	require.ErrorContains(t, err, "lists no release")
	status = http.StatusTeapot
	_, err = newest()
	require.ErrorContains(t, err, "418")
	server.Close()
	_, err = newest()
	require.Error(t, err)
}

func TestCompare(t *testing.T) {
	ordered := []string{
		"0.9.9", "1.0.0-1", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-rc.2", "1.0.0-rc.11", "v1.0.0",
		"1.2.0", "1.10.0", "2.0.0",
	}
	for i, a := range ordered {
		for k, b := range ordered {
			want := Same
			if i < k {
				want = Older
			} else if i > k {
				want = Newer
			}
			require.Equal(t, want, Compare(a, b), "%s and %s", a, b)
		}
	}
	require.Equal(t, Same, Compare("1.0.0+build", "1.0.0"))
	for _, odd := range []string{"dev", "", "996d90a", "1.0"} {
		require.Equal(t, Unknown, Compare(odd, "1.0.0"))
		require.Equal(t, Unknown, Compare("1.0.0", odd))
	}
}
