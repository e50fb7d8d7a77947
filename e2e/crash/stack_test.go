package crash

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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

// edit is a change of a file of the stack.
type edit struct{ file, old, new string }

// edits make versions of the example stack, each out of the one before it.
var edits = [versions][]edit{
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
		{"services/user-service/database.yaml", "storage: 20 ", "storage: 40 "},
		{"services/user-service/sessions.yaml", "cache.t4g.micro", "cache.t4g.small"},
	},
	2: { // queues, load balancer, listener, rules, groups and their rules, a whole component; a password is made anew
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
}

// writeVersion makes a repository with the stack in a version.
func writeVersion(t *testing.T, version int) string {
	root := t.TempDir()
	stack := filepath.Join(root, "stacks", stackName)
	require.NoError(t, os.CopyFS(stack, os.DirFS(filepath.Join("..", "..", "examples", stackName))))
	for _, list := range edits[:version+1] {
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
