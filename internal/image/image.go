// Package image is what a container image's name says, and what a registry says about it.
//
// In: the text of a manifest. Out: its parts, and the contract of those who ask registries. It must not do I/O.
package image

import (
	"context"
	"regexp"
	"slices"
	"strings"
)

// Ref is the name of an image, in parts: host/repository:tag@digest.
type Ref struct {
	Host       string // "docker.io" where the name has none
	Repository string // "library/nginx"
	Tag        string // "latest" where the name has neither tag nor digest
	Digest     string
	Tagged     bool // the tag is written out
}

// Parse splits a name that is an image.
func Parse(text string) Ref {
	name, digest, _ := strings.Cut(text, "@")
	r := Ref{Host: "docker.io", Digest: digest}
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		name, r.Tag, r.Tagged = name[:colon], name[colon+1:], true
	} else if digest == "" {
		r.Tag = "latest"
	}
	r.Repository = name
	// As in Docker: a first part without a dot or a port is not a registry.
	if host, rest, found := strings.Cut(name, "/"); found && (host == "localhost" || strings.ContainsAny(host, ".:")) {
		r.Host, r.Repository = host, rest
	}
	if r.Host == "index.docker.io" {
		r.Host = "docker.io"
	}
	if r.Host == "docker.io" && !strings.Contains(r.Repository, "/") {
		r.Repository = "library/" + r.Repository
	}
	return r
}

func (r Ref) String() string {
	text := r.Host + "/" + r.Repository
	if r.Tag != "" {
		text += ":" + r.Tag
	}
	if r.Digest != "" {
		text += "@" + r.Digest
	}
	return text
}

// Version is what a registry knows the image by: its digest, else its tag.
func (r Ref) Version() string {
	if r.Digest != "" {
		return r.Digest
	}
	return r.Tag
}

// private is the host of a private ECR registry, at its IPv4 or its dual-stack endpoint: account, region.
var private = regexp.MustCompile(`^([0-9]{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.` +
	`(?:amazonaws\.com(?:\.cn)?|on\.(?:aws|amazonwebservices\.com\.cn))$`)

// Private returns account and region of a private ECR repository.
func (r Ref) Private() (account, region string, ok bool) {
	if m := private.FindStringSubmatch(r.Host); m != nil {
		return m[1], m[2], true
	}
	return "", "", false
}

// Use is an image that a component runs.
type Use struct {
	Path         []string // of the field below spec; items of lists by their index
	Image        string   // as it is written
	Architecture string   // that the tasks have: "amd64" or "arm64"; "" is any
}

// Found is what a registry says about an image. Find may know the digest alone; Describe knows all.
type Found struct {
	Digest    string   // of the manifest, or of the index of an image for several platforms
	Platforms []string // "linux/amd64"; nil: not known
	Config    string   // digest of the configuration of an image for one platform
	Artifact  string   // what it is instead of an image: the media type of a Helm chart, for instance
}

// Runs reports whether an image for those platforms runs on an architecture.
func Runs(platforms []string, architecture string) bool {
	return architecture == "" || slices.ContainsFunc(platforms, func(p string) bool {
		return p == "linux/"+architecture || strings.HasPrefix(p, "linux/"+architecture+"/")
	})
}

// Finder asks the registries.
type Finder interface {
	// Find returns the digest of an image. An image that is not there is a *MissingError. Any other error says why the
	// registry could not be asked; an *UnaskedError also says what to do about it.
	Find(ctx context.Context, ref Ref) (Found, error)
	// Describe completes what Find has found: for which platforms the image is. It may cost a pull of the image where a
	// registry counts pulls.
	Describe(ctx context.Context, ref Ref, found Found) (Found, error)
}

// MissingError says that a registry does not have an image.
type MissingError struct {
	What string // "there is no tag 1.0 in …"
	Next string
}

func (e *MissingError) Error() string { return e.What }

// UnaskedError says why a registry gave no answer about an image, and what to do.
type UnaskedError struct {
	Err  error
	Next string
}

func (e *UnaskedError) Error() string { return e.Err.Error() }

func (e *UnaskedError) Unwrap() error { return e.Err }
