// Package config computes the effective settings and the origin of each.
//
// In: configuration files as trees with positions, the process environment as a map, flags, and spec.backend and
// spec.locks of stack.yaml. Out: Settings, the origin of every one, and diagnostics. It must not parse YAML, or read
// the environment or the disk itself.
package config

import (
	"github.com/company/deployer/internal/value"
)

// Settings are all settings. The json tags are the paths in files. The environment variable of a path is DEPLOYER_ and
// the path in upper snake case.
type Settings struct {
	Version     string      `json:"version" enum:"v1" default:"v1" doc:"Version of the file's format."`
	Backend     Backend     `json:"backend" doc:"Where state is kept."`
	Locks       Locks       `json:"locks" doc:"Where locks are kept."`
	AWS         AWS         `json:"aws" doc:"Whose credentials are used."`
	Pulumi      Pulumi      `json:"pulumi" doc:"The derived copy of the state that the stock pulumi CLI opens."`
	Preferences Preferences `json:"preferences" doc:"Terminal and pace."`
	Logging     Logging     `json:"logging" doc:"The log file."`
}

// Backend says where the state is.
type Backend struct {
	Type   string `json:"type,omitempty" enum:"s3,local" unset:"s3 when there is a bucket, else local" doc:"Where state is kept."`
	Region string `json:"region" pattern:"^$|^[a-z]{2,}(-[a-z]+)+-[0-9]+$" form:"an AWS region such as eu-central-1" unset:"aws.region" doc:"The bucket's region."`
	Bucket string `json:"bucket" pattern:"^$|^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$" form:"the name of an S3 bucket: 3 to 63 lower-case letters, digits, dots and hyphens" unset:"none" doc:"S3 bucket of the state."`
	Prefix string `json:"prefix" pattern:"^[A-Za-z0-9!_.*'()/-]*$" form:"a prefix of S3 keys: letters, digits, / and -_.!*'()" max:"512" unset:"none" doc:"Put before every key in the bucket."`
	Path   string `json:"path" default:".deployer/state" doc:"Folder of a local backend, relative to the repository."`

	Encryption string `json:"encryption" pattern:"^$|^(AES256|aws:kms|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]+|alias/[A-Za-z0-9/_-]+|(mrk-)?[0-9a-f-]{32,36})$" form:"AES256, aws:kms, or the id, ARN or alias of a KMS key" unset:"the bucket's own" doc:"What every write asks S3 for, where an organisation demands the header."`
}

// Locks says where the locks are.
type Locks struct {
	Type      string `json:"type,omitempty" enum:"dynamodb,s3,local" unset:"dynamodb when there is a table, local with a local backend" doc:"Where locks are kept: in a table, in the bucket of the state, or on this machine."`
	Region    string `json:"region" pattern:"^$|^[a-z]{2,}(-[a-z]+)+-[0-9]+$" form:"an AWS region such as eu-central-1" unset:"backend.region" doc:"The table's region."`
	Table     string `json:"table" pattern:"^$|^[a-zA-Z0-9_.-]{3,255}$" form:"the name of a DynamoDB table: 3 to 255 letters, digits, dots, hyphens and underscores" unset:"none" doc:"DynamoDB table of the locks of type dynamodb."`
	TTL       int    `json:"ttl" default:"3600" doc:"Seconds after which a lock that nobody renews counts as left behind; at least ten heartbeats."`
	Heartbeat int    `json:"heartbeat" min:"5" max:"300" default:"30" doc:"Seconds between two renewals of a lock."`
}

// AWS says which credentials are used.
type AWS struct {
	Profile    string     `json:"profile" unset:"the SDK's usual chain" doc:"Profile of ~/.aws/config."`
	Region     string     `json:"region" pattern:"^$|^[a-z]{2,}(-[a-z]+)+-[0-9]+$" form:"an AWS region such as eu-central-1" unset:"AWS_REGION" doc:"Region of the resources where the manifests give none."`
	AssumeRole AssumeRole `json:"assumeRole" doc:"Role to take on before anything else."`
}

// AssumeRole is the role to assume first.
type AssumeRole struct {
	RoleARN     string `json:"roleArn" pattern:"^$|^arn:[a-z-]+:iam::[0-9]{12}:role/[!-~]+$" form:"the ARN of an IAM role such as arn:aws:iam::123456789012:role/deploy" unset:"none" doc:"ARN of the role."`
	SessionName string `json:"sessionName" default:"deployer" doc:"Name of the session, which CloudTrail shows."`
	ExternalID  string `json:"externalId" unset:"none" doc:"External id that the role's trust policy wants."`
}

// Pulumi says where to write the derived copy of the state for the standard pulumi CLI.
type Pulumi struct {
	Backend      string `json:"backend" pattern:"^(s3|app\\.pulumi\\.com|https://[a-z0-9.-]+(:[0-9]+)?|http://(localhost|127\\.0\\.0\\.1)(:[0-9]+)?)$" form:"s3, app.pulumi.com or the https address of another Pulumi Cloud" default:"s3" doc:"Where the copy is kept: beside the state, or in Pulumi Cloud."`
	Organization string `json:"organization" pattern:"^[A-Za-z0-9_-]*$" form:"the name of an organization: letters, digits, - and _" unset:"the token's user" doc:"Organization in Pulumi Cloud."`
	AccessToken  Token  `json:"accessToken" example:"${PULUMI_ACCESS_TOKEN}" unset:"none" doc:"Access token of Pulumi Cloud; in files only as the name of an environment variable."`
}

// InCloud reports whether the copy goes to Pulumi Cloud, and not beside the state.
func (p Pulumi) InCloud() bool { return p.Backend != "" && p.Backend != "s3" }

// Token is a secret that shows itself nowhere. Convert it to a string where it is used.
type Token string

// String returns no more than that there is a token.
func (t Token) String() string {
	if t == "" {
		return ""
	}
	return value.Redacted
}

// GoString does the same for %#v.
func (t Token) GoString() string { return t.String() }

// MarshalText does the same for JSON and logs.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Preferences are settings of the terminal and of speed.
type Preferences struct {
	ColorOutput   bool `json:"colorOutput" default:"true" doc:"Colours on terminals; NO_COLOR and --no-color turn them off, too."`
	ProgressBar   bool `json:"progressBar" default:"true" doc:"A progress bar on terminals."`
	ResolveImages bool `json:"resolveImages" default:"true" doc:"Ask registries what the tags of images mean now, and deploy the digests; else as with --no-resolve."`
	AutoApprove   bool `json:"autoApprove" default:"false" doc:"The default of --auto-approve."`
	Parallelism   int  `json:"parallelism" min:"1" max:"100" default:"10" doc:"Resources that may change at once."`
}

// Logging is the settings of the log file.
type Logging struct {
	Level      string `json:"level" enum:"debug,info,warn,error" default:"info" doc:"Least level of what goes into the file."`
	File       string `json:"file" default:"~/.deployer/logs/deployer.log" doc:"The log file; an empty text: none."`
	MaxSize    int    `json:"maxSize" min:"1" default:"100" doc:"MiB at which the file is rotated."`
	MaxBackups int    `json:"maxBackups" min:"0" default:"10" doc:"Rotated files that are kept, compressed; 0 keeps all."`
	MaxAge     int    `json:"maxAge" min:"0" default:"30" doc:"Days that rotated files are kept; 0 keeps them for good."`
}

// MaxParallelism is how many resources may change at once. AWS throttles far below it.
const MaxParallelism = 100

// Defaults are the settings without any configuration.
func Defaults() Settings {
	var s Settings
	value.Decode(value.NewMap(nil), &s)
	return s
}

// Entry is one effective setting.
type Entry struct {
	Path   string      `json:"path"` // "backend.bucket"
	Value  value.Value `json:"-"`
	Origin string      `json:"origin"` // "flag --backend-bucket", "DEPLOYER_BACKEND_BUCKET", a file, "default"
}

// Effective is the result of Load.
type Effective struct {
	Settings Settings
	Entries  []Entry // sorted by path
}

// Origin returns the origin of the setting at path.
func (e *Effective) Origin(path string) string {
	for _, entry := range e.Entries {
		if entry.Path == path {
			return entry.Origin
		}
	}
	return ""
}
