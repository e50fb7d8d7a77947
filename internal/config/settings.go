// Package config computes the effective settings and where each comes from.
//
// In: configuration files as trees with positions, the process environment as a map, flags, and stack.yaml, of which it takes spec.backend
// and spec.locks. Out: Settings, the origin of every one, and diagnostics. It must not parse YAML, or read the environment or the disk itself.
package config

import (
	"github.com/company/deployer/internal/value"
)

// Settings are everything that configuration decides. The json tags are the paths in files; DEPLOYER_ and the path in upper
// snake case is the environment variable.
type Settings struct {
	Version     string      `json:"version" enum:"v1"`
	Backend     Backend     `json:"backend"`
	Locks       Locks       `json:"locks"`
	AWS         AWS         `json:"aws"`
	Pulumi      Pulumi      `json:"pulumi"`
	Preferences Preferences `json:"preferences"`
	Logging     Logging     `json:"logging"`
}

// Backend is where state lives.
type Backend struct {
	Type   string `json:"type,omitempty" enum:"s3,local"`
	Region string `json:"region"`
	Bucket string `json:"bucket"`
	Prefix string `json:"prefix"`
	Path   string `json:"path"` // of a local backend; relative to the repository
}

// Locks is where locks live.
type Locks struct {
	Type      string `json:"type,omitempty" enum:"dynamodb,local"`
	Region    string `json:"region"`
	Table     string `json:"table"`
	TTL       int    `json:"ttl"`       // seconds
	Heartbeat int    `json:"heartbeat"` // seconds
}

// AWS is whose credentials are used.
type AWS struct {
	Profile    string     `json:"profile"`
	Region     string     `json:"region"`
	AssumeRole AssumeRole `json:"assumeRole"`
}

// AssumeRole is the role to take on first.
type AssumeRole struct {
	RoleARN     string `json:"roleArn"`
	SessionName string `json:"sessionName"`
	ExternalID  string `json:"externalId"`
}

// Pulumi is where the derived copy that the stock pulumi CLI opens goes.
type Pulumi struct {
	Backend string `json:"backend" enum:"s3"`
}

// Preferences are about the terminal and the pace.
type Preferences struct {
	ColorOutput bool `json:"colorOutput"`
	ProgressBar bool `json:"progressBar"`
	AutoApprove bool `json:"autoApprove"`
	Parallelism int  `json:"parallelism"`
}

// Logging is about the log file.
type Logging struct {
	Level      string `json:"level" enum:"debug,info,warn,error"`
	File       string `json:"file"`
	MaxSize    int    `json:"maxSize"` // MiB
	MaxBackups int    `json:"maxBackups"`
	MaxAge     int    `json:"maxAge"` // days
}

// MaxParallelism is the most resources that may change at once: AWS throttles far below it.
const MaxParallelism = 100

// Defaults are the settings of somebody who configured nothing.
func Defaults() Settings {
	return Settings{
		Version:     "v1",
		Backend:     Backend{Path: ".deployer/state"},
		Locks:       Locks{TTL: 3600, Heartbeat: 30},
		AWS:         AWS{AssumeRole: AssumeRole{SessionName: "deployer"}},
		Pulumi:      Pulumi{Backend: "s3"},
		Preferences: Preferences{ColorOutput: true, ProgressBar: true, Parallelism: 10},
		Logging:     Logging{Level: "info", File: "~/.deployer/logs/deployer.log", MaxSize: 100, MaxBackups: 10, MaxAge: 30},
	}
}

// Entry is one effective setting.
type Entry struct {
	Path   string      `json:"path"` // "backend.bucket"
	Value  value.Value `json:"-"`
	Origin string      `json:"origin"` // "flag --backend-bucket", "DEPLOYER_BACKEND_BUCKET", a file, "default"
}

// Effective is the answer of Load.
type Effective struct {
	Settings Settings
	Entries  []Entry // sorted by path
}

// Origin returns where the setting at path comes from.
func (e *Effective) Origin(path string) string {
	for _, entry := range e.Entries {
		if entry.Path == path {
			return entry.Origin
		}
	}
	return ""
}
