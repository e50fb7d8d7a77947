// Package release asks which release of deployer is the newest.
//
// In: the address of the releases, or a mirror, and an HTTP client. Out: a version. It reads only the checksums of the
// newest release, as install.sh does; it must not download or install a program.
package release

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Home is where releases are published.
const Home = "https://github.com/company/deployer/releases"

// Client is what Newest needs of an HTTP client.
type Client interface {
	Do(req *http.Request) (*http.Response, error)
}

// limit is more than the checksums of any release have.
const limit = 1 << 20

var archive = regexp.MustCompile(`(?m)^[0-9a-f]{64} [ *]deployer_([0-9][0-9A-Za-z.+-]*)_[a-z0-9]+_[a-z0-9]+\.tar\.gz$`)

// Newest returns the version of the newest release, without a v.
func Newest(ctx context.Context, client Client, releases string) (string, error) {
	address := strings.TrimRight(releases, "/") + "/latest/download/checksums.txt"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	answer, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s", address, answer.Status)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, limit))
	if err != nil {
		return "", err
	}
	found := archive.FindSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("%s lists no release", address)
	}
	return string(found[1]), nil
}

// Order says how a version relates to another one.
type Order int

// The possible answers.
const (
	Unknown Order = iota // one of the two is not the version of a release
	Older
	Same
	Newer
)

var form = regexp.MustCompile(`^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$`)

// Compare compares two versions by the rules of Semantic Versioning.
func Compare(a, b string) Order {
	x, y := form.FindStringSubmatch(a), form.FindStringSubmatch(b)
	if x == nil || y == nil {
		return Unknown
	}
	for i := 1; i <= 3; i++ {
		if order := numbers(x[i], y[i]); order != Same {
			return order
		}
	}
	switch {
	case x[4] == y[4]:
		return Same
	case x[4] == "": // a release comes after its candidates
		return Newer
	case y[4] == "":
		return Older
	}
	return candidates(strings.Split(x[4], "."), strings.Split(y[4], "."))
}

func candidates(x, y []string) Order {
	for i := range min(len(x), len(y)) {
		order := part(x[i], y[i])
		if order != Same {
			return order
		}
	}
	return of(cmp.Compare(len(x), len(y)))
}

// part compares two parts of candidates: numbers come before words.
func part(x, y string) Order {
	_, noX := strconv.ParseUint(x, 10, 64)
	_, noY := strconv.ParseUint(y, 10, 64)
	switch {
	case noX == nil && noY == nil:
		return numbers(x, y)
	case noX == nil:
		return Older
	case noY == nil:
		return Newer
	}
	return of(strings.Compare(x, y))
}

func numbers(x, y string) Order {
	x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
	if len(x) != len(y) {
		return of(cmp.Compare(len(x), len(y)))
	}
	return of(strings.Compare(x, y))
}

func of(n int) Order { return map[int]Order{-1: Older, 0: Same, 1: Newer}[n] }
