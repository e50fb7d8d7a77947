package crash

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
)

// story is one run in the life of a stack.
type story string

const (
	creating   story = "create"
	updating   story = "update"
	replacing  story = "replace"
	renaming   story = "rename"
	destroying story = "destroy"
)

var stories = []story{creating, updating, replacing, renaming, destroying}

const versions = 4

// version is what is wanted after a story.
func (s story) version() int {
	switch s {
	case updating:
		return 1
	case replacing:
		return 2
	case renaming, destroying:
		return 3
	}
	return 0
}

// instead is another version than the one that a story is on its way to, and how to get there: back to the one before,
// or on from the first.
func (s story) instead() (version int, how string) {
	switch s {
	case creating:
		return updating.version(), "on"
	case destroying:
		return s.version(), "back"
	}
	return s.version() - 1, "back"
}

// edit is a change of a file of a stack.
type edit struct{ file, old, new string }

// subject is a stack of which the stories are told.
type subject struct {
	before string // the name of a story, in the names of cases: "stores "
	stack  string
	folder string
	ownVPC bool
	lossy  []string // components that may go with their data
	keeps  bool     // every data store has a final snapshot
	// single is how many cases of each story a sample has, and paired how many with two faults in a row. Without both
	// it has one of either kind. oneLife leaves out those that end a life: what they need to know takes another life.
	single, paired int
	oneLife        bool
	// foreign makes what others have in the account, and returns the variables that name it. No case may change it.
	foreign func(t *testing.T, env *testkit.Env) map[string]string
	// edits make versions of the stack, each out of the one before it.
	edits [versions][]edit
}

// example is the stack that users copy.
var example = subject{
	single: 2, paired: 1,
	stack: "user-platform", folder: filepath.Join("..", "..", "examples", "user-platform"),
	lossy: []string{"user-service/uploads", "user-service/database"},
	edits: [versions][]edit{
		0: { // a task that must run once for each revision
			{"services/user-service/api.yaml", "  scaling:\n", "  release: {command: [bin/migrate]}\n\n  scaling:\n"},
		},
		1: { // in place
			{"services/user-service/queue.yaml", "visibilityTimeout: 2m", "visibilityTimeout: 3m"},
			{"services/user-service/uploads.yaml", "expireAfter: 7d", "expireAfter: 8d"},
			{"services/user-service/api.yaml", "path: /healthz", "path: /ready"},
			{"services/user-service/api.yaml", "path: /             #", "path: /v1           #"},
			{"services/user-service/api.yaml", "cpu: 60 ", "cpu: 70 "},
			{
				"services/user-service/api.yaml", "  scaling:\n    min: 2\n",
				"  scaling:\n    schedule: [{name: morning, cron: 30 7 ? * MON-FRI *, min: 2}]\n    min: 2\n",
			},
			{"environments/dev.yaml", "memory: 512\n  scaling:\n    max: 2\n", "memory: 512\n  scaling:\n    max: 3\n"},
			{"services/user-service/api.yaml", "command: [bin/migrate]", "command: [bin/migrate, --all]"},
			{"environments/dev.yaml", "LOG_LEVEL: debug", "LOG_LEVEL: warn"},
			{"services/user-service/database.yaml", "maxStorage: 100 ", "maxStorage: 200 "},
			{"services/user-service/sessions.yaml", "cache.t4g.micro", "cache.t4g.small"},
		},
		2: { // queues, load balancer, listener, rules, groups and their rules, a whole component; a new password
			{"services/user-service/queue.yaml", "spec:\n", "spec:\n  fifo: true\n"},
			{"services/user-service/api.yaml", "port: 8080 ", "port: 9090 "},
			{"services/user-service/api.yaml", "path: /v1 ", "public: false\n    path: /v1 "},
			{"services/user-service/sessions.yaml", "    token: true\n", "    token: true\n    generation: 1\n"},
			{"services/user-service/worker.yaml", "  name: worker\n", "  name: mailer\n"},
			{
				"environments/dev.yaml", "kind: Worker\nmetadata:\n  name: worker\n",
				"kind: Worker\nmetadata:\n  name: mailer\n",
			},
		},
		3: { // another component takes over host and path; one is renamed and keeps what it has
			{"services/user-service/api.yaml", "  name: api\n", "  name: front\n"},
			{
				"environments/dev.yaml", "kind: MicroService\nmetadata:\n  name: api\n",
				"kind: MicroService\nmetadata:\n  name: front\n",
			},
			{"services/user-service/worker.yaml", "  name: mailer\n", "  name: sender\n"},
			{"services/user-service/worker.yaml", "spec:\n", "spec:\n  moved: {from: mailer}\n"},
			{
				"environments/dev.yaml", "kind: Worker\nmetadata:\n  name: mailer\n",
				"kind: Worker\nmetadata:\n  name: sender\n",
			},
		},
	},
}

// stores are data stores in a VPC of their own.
var stores = subject{
	before: "stores ", stack: "stores", folder: "stores", ownVPC: true, keeps: true, oneLife: true,
	lossy: []string{"data/database", "data/records", "data/aurora", "data/cache", "data/sessions"},
	edits: [versions][]edit{
		0: { // each run that deletes one lifts its protection first
			{"services/data/aurora.yaml", "finalSnapshot: true", "finalSnapshot: true\n  deletionProtection: true"},
			{"services/data/database.yaml", "finalSnapshot: true", "finalSnapshot: true\n  deletionProtection: true"},
		},
		1: { // in place
			{"infra/network.yaml", "azs: 2", "azs: 3"},
			{"infra/network.yaml", "natGateways: single", "natGateways: perAz"},
			{"infra/network.yaml", "endpoints: [logs]", "endpoints: [logs, secretsmanager]"},
			{"services/data/database.yaml", "storage: 20", "storage: 20\n  instanceClass: db.t4g.small"},
			{"services/data/database.yaml", "statement: 500", "statement: 600"},
			{"services/data/aurora.yaml", "replicas: 1", "replicas: 2\n  backupRetention: 3d"},
			{"services/data/cache.yaml", "nodes: 1", "nodes: 2\n  nodeType: cache.t4g.medium"},
			{"services/data/cache.yaml", "token: true", "token: true, generation: 1"},
		},
		2: { // databases and a cache, each with a final snapshot; gateways and an endpoint go
			{"infra/network.yaml", "natGateways: perAz", "natGateways: single"},
			{"infra/network.yaml", "endpoints: [logs, secretsmanager]", "endpoints: [secretsmanager]"},
			{"services/data/database.yaml", "spec:\n", "spec:\n  username: owner\n"},
			{"services/data/aurora.yaml", "spec:\n", "spec:\n  database: other\n"},
			{"services/data/cache.yaml", "8.2", "8.1"},
		},
		3: { // one is renamed and keeps what it has; another one is made anew
			{"services/data/database.yaml", "  name: database\n", "  name: records\n"},
			{"services/data/database.yaml", "spec:\n", "spec:\n  moved: {from: database}\n"},
			{"services/data/cache.yaml", "  name: cache\n", "  name: sessions\n"},
		},
	},
}

// edge is what is in front of a service. It ends on the load balancer of somebody else.
var edge = subject{
	before: "edge ", stack: "edge", folder: "edge", oneLife: true, foreign: company,
	edits: [versions][]edit{
		1: { // in place: another web ACL, and a bucket of somebody else for the access logs
			{"infra/ingress.yaml", "${FIRST_ACL}", "${SECOND_ACL}"},
			{
				"infra/ingress.yaml", "accessLogs: {prefix: edge}",
				"accessLogs: {bucket: \"${LOGS}\"}\n    idleTimeout: 120s",
			},
		},
		2: { // the service joins a load balancer that exists, and the stack's own goes
			{
				"infra/ingress.yaml",
				"webAcl: \"${SECOND_ACL}\"\n    accessLogs: {bucket: \"${LOGS}\"}\n    idleTimeout: 120s",
				"existing: {loadBalancer: \"${BALANCER}\"}",
			},
		},
		3: { // another component takes the requests over there
			{"services/web/site.yaml", "name: site", "name: front"},
		},
	},
}

// company makes a load balancer, web ACLs and a bucket as another tool does.
func company(t *testing.T, env *testkit.Env) map[string]string {
	balancer, err := env.Balancer(t.Context(), "company")
	require.NoError(t, err)
	out := map[string]string{"BALANCER": balancer.ARN, "LOGS": "logs-" + env.Account}
	for _, name := range []string{"first", "second"} {
		out[strings.ToUpper(name)+"_ACL"], err = env.WebACL(t.Context(), name)
		require.NoError(t, err)
	}
	objects := s3.NewFromConfig(env.Config, func(o *s3.Options) { o.UsePathStyle = true })
	_, err = objects.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(out["LOGS"])})
	require.NoError(t, err)
	return out
}

// write makes a repository with the stack in a version.
func (s *subject) write(t *testing.T, version int) string {
	root := t.TempDir()
	stack := filepath.Join(root, "stacks", s.stack)
	require.NoError(t, os.CopyFS(stack, os.DirFS(s.folder)))
	for _, list := range s.edits[:version+1] {
		for _, e := range list {
			path := filepath.Join(stack, filepath.FromSlash(e.file))
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, 1, strings.Count(string(text), e.old), "%s: %s", e.file, e.old)
			require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), e.old, e.new, 1)), 0o644))
		}
	}
	return root
}
