package registry

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"strings"
)

// DockerConfig is the part of Docker's configuration that holds credentials in clear. Credential helpers are programs,
// and are not run.
type DockerConfig struct {
	Auths map[string]struct {
		Auth     string `json:"auth"`
		Username string `json:"username"`
		Password string `json:"password"`
	} `json:"auths"`
}

const (
	maxConfig = 1 << 20
	hubKey    = "https://index.docker.io/v1/" // of Docker Hub, for historical reasons
)

// ReadDockerConfig reads DOCKER_AUTH_CONFIG (the content, as GitLab sets it), else the config.json in DOCKER_CONFIG, or
// in .docker of the home directory. What cannot be read counts as empty: public images need no credentials.
func ReadDockerConfig(
	env map[string]string, home string, read func(path string, limit int64) ([]byte, error),
) DockerConfig {
	var out DockerConfig
	raw := []byte(env["DOCKER_AUTH_CONFIG"])
	if len(raw) == 0 {
		folder := env["DOCKER_CONFIG"]
		if folder == "" && home != "" {
			folder = filepath.Join(home, ".docker")
		}
		if folder != "" {
			raw, _ = read(filepath.Join(folder, "config.json"), maxConfig)
		}
	}
	if json.Unmarshal(raw, &out) != nil {
		return DockerConfig{}
	}
	return out
}

// For returns name and password for a registry.
func (d DockerConfig) For(host string) (user, password string) {
	keys := []string{host, "https://" + host, "http://" + host, "https://" + host + "/v1/", "https://" + host + "/v2/"}
	if host == dockerHub {
		keys = append(keys, hubKey, "index.docker.io")
	}
	for _, key := range keys {
		entry, found := d.Auths[key]
		if !found {
			continue
		}
		if entry.Username != "" {
			return entry.Username, entry.Password
		}
		if text, err := base64.StdEncoding.DecodeString(entry.Auth); err == nil {
			if user, password, ok := strings.Cut(string(text), ":"); ok {
				return user, password
			}
		}
	}
	return "", ""
}

func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

func digestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:])
}
