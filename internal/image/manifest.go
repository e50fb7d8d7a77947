package image

import (
	"encoding/json"
	"fmt"
	"slices"
)

// MediaTypes are the manifests that are understood, those of several platforms first.
var MediaTypes = []string{
	"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json",
	"application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
}

// configTypes are the configurations of images.
var configTypes = []string{
	"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json",
}

// platform is a platform as indexes and configurations of images have it.
type platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant"`
}

func (p platform) String() string {
	text := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		text += "/" + p.Variant
	}
	return text
}

// Read returns what a manifest says.
func Read(digest string, manifest []byte) (Found, error) {
	var m struct {
		Manifests []struct {
			Platform platform `json:"platform"`
		} `json:"manifests"`
		Config struct {
			MediaType string `json:"mediaType"`
			Digest    string `json:"digest"`
		} `json:"config"`
	}
	if err := json.Unmarshal(manifest, &m); err != nil {
		return Found{}, fmt.Errorf("its manifest cannot be read: %w", err)
	}
	found := Found{Digest: digest, Config: m.Config.Digest}
	// Registries also store other things, with configurations of other types.
	if t := m.Config.MediaType; t != "" && !slices.Contains(configTypes, t) {
		found.Artifact = t
	}
	for _, entry := range m.Manifests {
		if p := entry.Platform; p.OS != "" && p.OS != "unknown" { // attestations have an unknown platform
			found.Platforms = append(found.Platforms, p.String())
		}
	}
	return found, nil
}

// ReadPlatforms returns the platform that the configuration of an image says; nil: it says none.
func ReadPlatforms(config []byte) ([]string, error) {
	var p platform
	if err := json.Unmarshal(config, &p); err != nil {
		return nil, fmt.Errorf("its configuration cannot be read: %w", err)
	}
	if p.OS == "" || p.Architecture == "" {
		return nil, nil
	}
	return []string{p.String()}, nil
}
