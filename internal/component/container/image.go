package container

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/company/deployer/internal/image"
)

const (
	maxRepository = 255 // characters of registry and repository
	imageExample  = "an image is written like public.ecr.aws/nginx/nginx:1.27"
)

// The grammar of image references in registries. It is compiled at the first image: most commands check none.
var imageGrammar = sync.OnceValue(func() (g struct{ host, part, tag, digest *regexp.Regexp }) {
	g.host = regexp.MustCompile(
		`^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:]+\])(:[0-9]+)?$`,
	)
	g.part = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$`)
	g.tag = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	g.digest = regexp.MustCompile(`^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$`)
	return g
})

// CheckImage says why a text is not an image reference: registry/repository:tag@digest.
func CheckImage(image string) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%s; %s", fmt.Sprintf(format, args...), imageExample)
	}
	grammar := imageGrammar()
	switch {
	case image == "":
		return wrong("is empty")
	case strings.ContainsAny(image, " \t\r\n"):
		return wrong("%q is not an image: it contains white space", image)
	case strings.Contains(image, "://"):
		return wrong("%q is not an image: leave %s out", image, image[:strings.Index(image, "://")+3])
	}
	name, digest, hasDigest := strings.Cut(image, "@")
	if hasDigest && !grammar.digest.MatchString(digest) {
		return wrong("%q is not an image: a digest is sha256: and 64 of the characters 0-9 and a-f, not %q", image,
			digest)
	}
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		tag := name[colon+1:]
		name = name[:colon]
		switch {
		case tag == "":
			return wrong("%q is not an image: the tag after the colon is empty", image)
		case !grammar.tag.MatchString(tag):
			return wrong("%q is not an image: %q cannot be a tag, which has at most 128 letters, digits, _, . "+
				"and -, and does not begin with . or -", image, tag)
		}
	}
	if len(name) > maxRepository {
		return wrong("registry and repository have %d characters and may have %d", len(name), maxRepository)
	}
	repository := name
	// As in Docker: a first part without a dot or a port is not a registry.
	if host, rest, found := strings.Cut(name, "/"); found && (host == "localhost" || strings.ContainsAny(host, ".:")) {
		if !grammar.host.MatchString(host) {
			return wrong("%q is not an image: %q cannot be the host of a registry", image, host)
		}
		repository = rest
	}
	for part := range strings.SplitSeq(repository, "/") {
		switch {
		case repository == "":
			return wrong("%q is not an image: it has no repository", image)
		case part == "":
			return wrong("%q is not an image: a part of the repository is empty: remove the extra slash", image)
		case grammar.part.MatchString(part):
		case grammar.part.MatchString(strings.ToLower(part)):
			return wrong("%q is not an image: a repository is lower-case, and %q is not", image, part)
		default:
			return wrong("%q is not an image: %q cannot be part of a repository: a-z and 0-9, between them ., _ or -",
				image, part)
		}
	}
	return nil
}

// Images are the images of all containers, as far as they are known.
func (s *Spec) Images() []image.Use {
	architecture := "amd64"
	if s.Architecture == "arm64" {
		architecture = "arm64"
	}
	var out []image.Use
	if s.Image.Known() && s.Image.Get() != "" {
		out = append(out, image.Use{Path: []string{"image"}, Image: s.Image.Get(), Architecture: architecture})
	}
	for n, c := range s.Sidecars {
		if c.Image.Known() && c.Image.Get() != "" {
			out = append(out, image.Use{
				Path: []string{"sidecars", strconv.Itoa(n), "image"}, Image: c.Image.Get(), Architecture: architecture,
			})
		}
	}
	return out
}
