// Package elasticache is the kind ElastiCache: a cache of Valkey, Redis OSS or Memcached.
//
// In: an instance of the kind. Out: the cache with its subnet group, parameter group and security group, encrypted and
// reachable by the components that use it only. It is pure and must not know which components these are.
package elasticache

import (
	"strconv"
	"strings"

	"github.com/company/deployer/internal/component"
	cache "github.com/company/deployer/internal/resource/elasticache"
	"github.com/company/deployer/internal/value"
)

// Spec is what users write below spec.
type Spec struct {
	component.Common

	Engine            string            `json:"engine,omitempty" enum:"valkey,redis,memcached" default:"valkey" doc:"The engine. redis becomes valkey in place; no other change of the engine keeps the data."`
	Version           string            `json:"version,omitempty" scalar:"text" pattern:"^[0-9]+\\.[0-9]+(\\.[0-9]+)?$" form:"the major and the minor version, such as 8.2 of Valkey, 7.1 of Redis OSS or 1.6.22 of Memcached" unset:"8.2 of Valkey, 7.1 of Redis OSS, 1.6.22 of Memcached" example:"\"8.2\"" doc:"Version of the engine, in quotes. A newer one is installed in place; AWS never goes back to an older one. Minor versions that AWS installs by itself are no difference."`
	NodeType          string            `json:"nodeType,omitempty" unset:"cache.t4g.small" doc:"Size of the nodes. A change happens online, node by node; of Memcached it needs a new, empty cache."`
	Nodes             *int              `json:"nodes,omitempty" min:"1" max:"40" unset:"2 in production, else 1" doc:"Number of nodes: of Valkey and Redis OSS the primary and its replicas, at most 6 (of each shard); of Memcached nodes that share the data."`
	Shards            *int              `json:"shards,omitempty" min:"1" max:"500" unset:"no cluster mode" doc:"Number of shards. Switches cluster mode on, which clients must know."`
	MultiAZ           *bool             `json:"multiAz,omitempty" unset:"true with more than one node" doc:"Nodes in several zones. Of Valkey and Redis OSS, a replica takes over when the primary fails."`
	Serverless        *Serverless       `json:"serverless,omitempty" example:"{maxStorage: 10}" doc:"A cache without nodes: AWS chooses its size, in several zones, with TLS. serverless: {} sets no limits."`
	Encryption        Encryption        `json:"encryption,omitempty" doc:"Encryption of disks, snapshots and connections."`
	Parameters        map[string]string `json:"parameters,omitempty" scalar:"text" keys:"^[a-z][a-z0-9_-]*$" keyForm:"the name of a parameter" example:"{maxmemory-policy: allkeys-lru}" doc:"Parameters of the engine."`
	Snapshots         Snapshots         `json:"snapshots,omitempty" doc:"Snapshots of Valkey and Redis OSS."`
	RestoreFrom       string            `json:"restoreFrom,omitempty" doc:"Name of the snapshot that fills a new cache. It has no effect on an existing one."`
	MaintenanceWindow string            `json:"maintenanceWindow,omitempty" pattern:"^(sun|mon|tue|wed|thu|fri|sat):([01][0-9]|2[0-3]):[0-5][0-9]-(sun|mon|tue|wed|thu|fri|sat):([01][0-9]|2[0-3]):[0-5][0-9]$" form:"a weekly time range in UTC, such as sun:05:00-sun:06:00" unset:"chosen by AWS" doc:"When AWS may maintain the cache, in UTC."`
	Auth              Auth              `json:"auth,omitempty" doc:"What clients must show, beside being in a security group that may connect."`
	Users             []User            `json:"users,omitempty" unique:"name" max:"100" doc:"Users of Valkey and Redis OSS, each with a password that AWS makes, instead of auth.token."`
	Subnets           []string          `json:"subnets,omitempty" min:"2" max:"16" why:"AWS asks for two zones" unique:"true" pattern:"^subnet-[0-9a-f]{8,17}$" form:"the id of a subnet, such as subnet-0123456789abcdef0" unset:"as the Network says" example:"[subnet-0123456789abcdef0, subnet-0123456789abcdef1]" doc:"Ids of the subnets of the VPC in which the cache is, in at least two zones. A serverless cache stays in its subnets: without one of them it is made new and empty."`
	Logs              []string          `json:"logs,omitempty" enum:"slow,engine" unique:"true" example:"[slow, engine]" doc:"Logs of Valkey and Redis OSS that go to CloudWatch: slow commands, messages of the engine. They are kept as long as those of services."`
}

// Serverless is what limits the size of a serverless cache, and so its cost.
type Serverless struct {
	MaxStorage *int `json:"maxStorage,omitempty" min:"1" max:"5000" unset:"5000, AWS's limit" doc:"GiB of data at most."`
	MaxUnits   *int `json:"maxUnits,omitempty" min:"1000" max:"15000000" unset:"15000000, AWS's limit" doc:"ElastiCache processing units per second at most. A simple read or write of up to 1 KB needs one."`
}

// Encryption is how a cache is encrypted.
type Encryption struct {
	Transit string `json:"transit,omitempty" enum:"required,preferred,disabled" unset:"required" doc:"TLS of connections: required, preferred (clients choose, while they are moved), or disabled. A change happens online; Redis OSS before 7.0.5 has no preferred, and needs a new, empty cache."`
	Key     string `json:"key,omitempty" pattern:"^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+|(mrk-)?[0-9a-f-]{32,36})$" form:"id or ARN of a KMS key" unset:"a key that AWS owns" doc:"KMS key for disks and snapshots, which are always encrypted. Another key needs a new, empty cache."`
}

// Snapshots are what can bring the data back.
type Snapshots struct {
	Retention *int   `json:"retention,omitempty" min:"0" max:"35" unset:"7 in production, else 0" doc:"Days that the daily snapshots are kept; 0: none are made."`
	Window    string `json:"window,omitempty" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$" form:"a daily time range in UTC, such as 03:00-04:00" unset:"chosen by AWS" doc:"When the daily snapshot begins, in UTC."`
	Final     *bool  `json:"final,omitempty" unset:"true in production" doc:"Take a snapshot when the cache is deleted or replaced."`
}

// User is somebody who may connect.
type User struct {
	Name       string `json:"name" required:"true" pattern:"^[a-z][a-z0-9-]{0,29}$" form:"the name of a user: small letters, digits and -" doc:"Name with which clients log in. The name default is for clients that give none."`
	Access     string `json:"access,omitempty" default:"on ~* +@all" pattern:"\\S" form:"an access string such as on ~app:* +@read" doc:"What the user may do, in the words of the command ACL: on ~app:* +@read."`
	Generation int    `json:"generation,omitempty" min:"0" doc:"Another number makes a new password. The old one is refused from then on."`
}

// Auth is what clients must show.
type Auth struct {
	Token      bool `json:"token,omitempty" doc:"Clients need a password (AUTH). AWS makes it; it is in the secret of the output secretArn, and never in the state. Only Valkey and Redis OSS with encryption.transit: required."`
	Generation int  `json:"generation,omitempty" min:"0" needs:"token" doc:"Another number makes a new password. The cache takes the old one, too, until the next change, so that running tasks keep working."`
}

func (s *Spec) memcached() bool { return s.Engine == cache.Memcached }

// version is the version of the engine.
func (s *Spec) version() string {
	if s.Version == "" {
		return cache.DefaultVersion[s.Engine]
	}
	return s.Version
}

// nodeType is the size of the nodes.
func (s *Spec) nodeType() string {
	if s.NodeType == "" {
		return "cache.t4g.small"
	}
	return s.NodeType
}

// nodes is the number of nodes, of each shard.
func (s *Spec) nodes(in component.Instance) int {
	switch {
	case s.Nodes != nil:
		return *s.Nodes
	case in.Production:
		return 2
	}
	return 1
}

// severalZones reports whether the nodes are in several zones.
func (s *Spec) severalZones(in component.Instance) bool {
	if s.MultiAZ != nil {
		return *s.MultiAZ
	}
	return s.nodes(in) > 1
}

// leastWindow is how many minutes the windows of ElastiCache last at least.
const leastWindow = 60

// oldestLogs are the oldest versions of Redis OSS that deliver a log.
var oldestLogs = map[string]string{"slow": "6.0", "engine": "6.2"}

// mostReplicas is how many nodes a shard of Valkey or Redis OSS has at most.
const mostReplicas = 6

func check(in component.Instance, s *Spec) []value.Problem {
	problems := s.checkVersion()
	bad := func(path []string, on, format string, args ...any) {
		problem := component.Invalid(path, format, args...)
		if on != "" {
			problem = problem.RestsOn(on)
		}
		problems = append(problems, problem)
	}
	if s.Serverless != nil {
		return append(problems, s.checkServerless()...)
	}
	if fault := cache.NodeTypeFault(s.Engine, s.version(), s.nodeType()); fault != "" {
		bad([]string{"nodeType"}, "engine", "%s %s", s.nodeType(), fault)
	}
	if s.MultiAZ != nil && *s.MultiAZ && s.nodes(in) < 2 {
		bad([]string{"multiAz"}, "nodes", "needs at least 2 nodes, and there is one: give nodes: 2")
	}
	if text := component.DailyWindow(s.Snapshots.Window, leastWindow); text != "" {
		bad([]string{"snapshots", "window"}, "", "%s", text)
	}
	if text := component.WeeklyWindow(s.MaintenanceWindow, s.Snapshots.Window, "snapshots.window",
		leastWindow); text != "" {
		bad([]string{"maintenanceWindow"}, "snapshots", "%s", text)
	}
	if s.memcached() {
		return append(problems, s.checkMemcached()...)
	}
	for i, log := range s.Logs {
		if oldest := oldestLogs[log]; s.Engine == cache.Redis && cache.Compare(s.version(), oldest) < 0 {
			bad([]string{"logs", strconv.Itoa(i)}, "version", "%s needs redis %s or newer", log, oldest)
		}
	}
	if s.Encryption.Transit == cache.Preferred && !cache.HasTransitMode(s.Engine, s.version()) {
		bad([]string{"encryption", "transit"}, "version", "preferred needs redis %s or newer; take required, or a "+
			"newer version", cache.TransitModeSince)
	}
	if s.nodes(in) > mostReplicas {
		bad([]string{"nodes"}, "engine", "%s has at most %d nodes in a shard: the primary and 5 replicas; more memory "+
			"comes with a larger nodeType or with shards", s.Engine, mostReplicas)
	}
	if s.Auth.Token && s.Encryption.Transit != "" && s.Encryption.Transit != cache.Required {
		bad(
			[]string{"auth", "token"},
			"encryption",
			"needs encryption.transit: required; without TLS the password would be sent in clear",
		)
	}
	problems = append(problems, s.checkUsers()...)
	if _, given := s.Parameters["cluster-enabled"]; given {
		bad([]string{"parameters", "cluster-enabled"}, "", "is set by shards")
	}
	return problems
}

// oldestUsers are the oldest versions with users.
var oldestUsers = map[string]string{cache.Valkey: "7.2", cache.Redis: "6.0"}

// checkUsers refuses users where a cache cannot have them.
func (s *Spec) checkUsers() []value.Problem {
	if len(s.Users) == 0 {
		return nil
	}
	var problems []value.Problem
	bad := func(on, format string, args ...any) {
		problems = append(problems, component.Invalid([]string{"users"}, format, args...).RestsOn(on))
	}
	if s.Auth.Token {
		bad("auth", "a cache has either users or auth.token")
	}
	if s.Encryption.Transit != "" && s.Encryption.Transit != cache.Required {
		bad("encryption", "need encryption.transit: required; without TLS their passwords would be sent in clear")
	}
	if oldest := oldestUsers[s.Engine]; cache.Compare(s.version(), oldest) < 0 {
		bad("version", "need %s %s or newer", s.Engine, oldest)
	}
	return problems
}

// checkVersion refuses versions that AWS does not offer. Versions that are newer than this deployer pass.
func (s *Spec) checkVersion() []value.Problem {
	if s.Version == "" || cache.Newer(s.Engine, s.Version) {
		return nil
	}
	known := cache.Versions(s.Engine)
	for _, v := range known {
		if v == s.Version || !s.memcached() && cache.Compare(v, s.Version) == 0 &&
			strings.Count(s.Version, ".") <= 2 {
			return nil
		}
	}
	return []value.Problem{component.Invalid([]string{"version"}, "ElastiCache does not offer %s %s; it has %s",
		s.Engine, s.Version, strings.Join(known, ", ")).RestsOn("engine")}
}

// tlsSince is the oldest version of Memcached with TLS.
const tlsSince = "1.6.12"

// checkMemcached refuses what Memcached does not have.
func (s *Spec) checkMemcached() []value.Problem {
	var problems []value.Problem
	refuse := func(given bool, why string, path ...string) {
		if given {
			problems = append(problems, component.Invalid(path, "Memcached has no %s; take engine: valkey", why).
				RestsOn("engine"))
		}
	}
	refuse(s.Shards != nil, "shards: its nodes share the data", "shards")
	refuse(s.Encryption.Key != "", "encryption at rest: it keeps nothing on disks", "encryption", "key")
	refuse(s.Encryption.Transit == cache.Preferred, "mode preferred: it takes either TLS or none", "encryption",
		"transit")
	if s.Encryption.Transit == cache.Required && cache.Compare(s.version(), tlsSince) < 0 {
		problems = append(problems, component.Invalid([]string{"encryption", "transit"},
			"TLS needs memcached %s or newer", tlsSince).RestsOn("version"))
	}
	refuse(s.Snapshots.Retention != nil, "snapshots", "snapshots", "retention")
	refuse(s.Snapshots.Window != "", "snapshots", "snapshots", "window")
	refuse(s.Snapshots.Final != nil, "snapshots", "snapshots", "final")
	refuse(s.RestoreFrom != "", "snapshots", "restoreFrom")
	refuse(s.Auth.Token, "AUTH", "auth", "token")
	refuse(len(s.Users) > 0, "users", "users")
	refuse(len(s.Logs) > 0, "logs in CloudWatch", "logs")
	return problems
}

// oldestServerless are the oldest major versions of serverless caches.
var oldestServerless = map[string]string{cache.Valkey: "7", cache.Redis: "7", cache.Memcached: "1.6"}

// majorVersion is what a serverless cache takes as its version.
func (s *Spec) majorVersion() string {
	if s.memcached() {
		return oldestServerless[cache.Memcached]
	}
	return cache.Major(s.version())
}

// checkServerless refuses what a serverless cache does not have.
func (s *Spec) checkServerless() []value.Problem {
	var problems []value.Problem
	refuse := func(given bool, why string, path ...string) {
		if given {
			problems = append(
				problems,
				component.Invalid(path, "a serverless cache has no %s", why).RestsOn("serverless"),
			)
		}
	}
	refuse(s.NodeType != "", "nodes", "nodeType")
	refuse(s.Nodes != nil, "nodes", "nodes")
	refuse(s.Shards != nil, "shards of its own: AWS chooses them", "shards")
	refuse(s.MultiAZ != nil, "choice of this kind: it always is in several zones", "multiAz")
	refuse(len(s.Parameters) > 0, "parameters", "parameters")
	refuse(s.MaintenanceWindow != "", "maintenance window", "maintenanceWindow")
	refuse(len(s.Logs) > 0, "logs in CloudWatch", "logs")
	refuse(s.Auth.Token, "AUTH", "auth", "token")
	refuse(s.RestoreFrom != "", "snapshot by name to restore from", "restoreFrom")
	refuse(
		s.Encryption.Transit != "" && s.Encryption.Transit != cache.Required,
		"connections without TLS",
		"encryption",
		"transit",
	)
	if s.memcached() && len(s.Users) > 0 {
		problems = append(problems,
			component.Invalid([]string{"users"}, "Memcached has no users; take engine: valkey").RestsOn("engine"))
	}
	if oldest := oldestServerless[s.Engine]; cache.Compare(s.version(), oldest) < 0 {
		problems = append(
			problems,
			component.Invalid([]string{"version"}, "a serverless cache of %s needs version %s or "+
				"newer", s.Engine, oldest).RestsOn("serverless"),
		)
	}
	return problems
}
