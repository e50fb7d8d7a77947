package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/proxy"
	"github.com/company/deployer/e2e/testkit/service"
	"github.com/company/deployer/e2e/testkit/tally"
	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/state"
)

const (
	// eachCall is how much later it is after a call, on the clock of the test: so that a run of seconds is long enough
	// for saves in its middle.
	eachCall = 100 * time.Millisecond
	// ahead is how far its calls move the clock of a run at most. Heartbeats come by the clock on the wall, and a run
	// that waits on a slow machine makes a thousand calls: it would lose its lock without anything having happened.
	ahead = 45 * time.Second
	// takeover is longer than others wait for the lock of a machine that is gone.
	takeover = 10 * time.Minute
)

// profiles are the credentials of all sites, in the files that the SDK reads.
var profiles struct {
	sync.Mutex
	dir    string
	config strings.Builder
	keys   strings.Builder
}

// table is what became of all cases.
var table tally.Table

func TestMain(m *testing.M) {
	call.Scale = 0.001
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			_ = os.Unsetenv(name) // a name that is there
		}
	}
	dir, err := os.MkdirTemp("", "deployer-crash")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	profiles.dir = dir
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE":             filepath.Join(dir, "config"),
		"AWS_SHARED_CREDENTIALS_FILE": filepath.Join(dir, "credentials"), "AWS_EC2_METADATA_DISABLED": "true",
	} {
		_ = os.Setenv(name, value) // a name without NUL
	}
	if path := os.Getenv(resultsVariable); path != "" {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		table.Keep(file)
	}
	code := m.Run()
	table.Print(os.Stdout)
	_ = os.RemoveAll(dir) // a temporary folder
	os.Exit(code)
}

// site is an account in which the stack is deployed over and over again.
type site struct {
	*subject
	t      *testing.T
	env    *testkit.Env
	bucket string
	roots  [versions]string // repositories
	want   [versions][]inventory.Object
	// the last version, made from nothing: what was renamed has the names of its new address then
	anew []inventory.Object
	// what others have, and the variables that name it
	others    []inventory.Object
	variables map[string]string

	calls map[story][]moment // of undisturbed runs
	took  map[story]time.Duration

	gate  sync.RWMutex
	pids  atomic.Int64
	later atomic.Int64 // nanoseconds that the clock is ahead
	mu    sync.Mutex
	dead  map[int]bool

	deleted []string // data stores, in the current case
	lost    []string // of these, the ones without a final snapshot

	lives   int
	prefix  string // of the state of this life
	version int    // that is wanted
}

func newSite(t *testing.T, of *subject) *site {
	s := &site{subject: of, t: t, calls: map[story][]moment{}, took: map[story]time.Duration{}, dead: map[int]bool{}}
	for v := range s.roots {
		s.roots[v] = of.write(t, v)
	}
	s.move(t)
	return s
}

// move begins in a new account.
func (s *site) move(t *testing.T) {
	s.env = testkit.Start(t, testkit.InRegion("us-east-1"))
	s.bucket, s.prefix, s.lives = "crash-"+s.env.Account, "life-0", 0
	s.addProfile(t)
	if s.keeps {
		s.env.Proxy.Watch(s.losses)
	}
	found, err := backend.Create(t.Context(), s.start("first", t.TempDir()).world(), backend.Making{})
	require.NoError(t, err)
	for _, f := range found {
		require.True(t, f.OK, f)
	}
	if s.foreign != nil {
		s.variables = s.foreign(t, s.env)
		s.others, err = s.inventory(t.Context())
		require.NoError(t, err)
	}
	s.undisturbed(t)
}

// undisturbed learns what the stories make, and by which calls.
func (s *site) undisturbed(t *testing.T) {
	s.newLife()
	for _, story := range stories {
		s.version = story.version()
		p := s.start("first", t.TempDir())
		began := time.Now()
		_, err := p.run(story == destroying)
		require.NoError(t, err, describe(err))
		s.took[story], s.calls[story] = time.Since(began), p.calls
		got, err := s.inventory(t.Context())
		require.NoError(t, err)
		if story == destroying {
			require.Equal(t, s.others, got)
			continue
		}
		s.want[s.version] = got
		require.NoError(t, s.ended(story))
		s.later.Add(int64(time.Minute)) // a version's name in the history is a second
	}
	if s.oneLife && !everything() {
		return
	}
	for _, destroy := range []bool{false, true} {
		s.later.Add(int64(time.Minute))
		_, err := s.start("first", t.TempDir()).run(destroy)
		require.NoError(t, err, describe(err))
		if !destroy {
			s.anew, err = s.inventory(t.Context())
			require.NoError(t, err)
		}
	}
}

// losses notes which data stores are deleted, and which of them without a final snapshot. The emulator refuses to
// delete one that is protected.
func (s *site) losses(c *proxy.Call, answer *proxy.Response) {
	if answer.Status >= 300 {
		return
	}
	var store, snapshot string
	switch c.Service + ":" + c.Operation {
	case "rds:DeleteDBInstance":
		if bytes.Contains(answer.Body, []byte("<DBClusterIdentifier>")) {
			return // the cluster has the data
		}
		store, snapshot = c.Form.Get("DBInstanceIdentifier"), c.Form.Get("FinalDBSnapshotIdentifier")
	case "rds:DeleteDBCluster":
		store, snapshot = c.Form.Get("DBClusterIdentifier"), c.Form.Get("FinalDBSnapshotIdentifier")
	case "elasticache:DeleteReplicationGroup":
		store, snapshot = c.Form.Get("ReplicationGroupId"), c.Form.Get("FinalSnapshotIdentifier")
	default:
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deleted = append(s.deleted, store)
	if snapshot == "" {
		s.lost = append(s.lost, store)
	}
}

// kept makes sure that a case lost no data: it deleted no data store without a final snapshot, and none at all that is
// still wanted.
func (s *site) kept(c crisis) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	deleted, lost := s.deleted, s.lost
	s.deleted, s.lost = nil, nil
	switch {
	case len(lost) > 0:
		return fmt.Errorf("deleted without a final snapshot: %v", lost)
	case len(deleted) > 0 && (c.story == creating || c.story == updating) && !c.last():
		return fmt.Errorf("deleted, although they are still wanted: %v", deleted)
	}
	return nil
}

// newLife begins with nothing.
func (s *site) newLife() {
	s.lives++
	s.env.Proxy.ResetRecords() // which would fill the memory
	s.prefix = fmt.Sprintf("life-%d", s.lives)
	s.version = 0
	s.mu.Lock()
	clear(s.dead)
	s.mu.Unlock()
}

func (s *site) now() time.Time { return time.Now().Add(time.Duration(s.later.Load())) }

// running is what the kernel says of a process.
func (s *site) running(pid int) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "1", !s.dead[pid]
}

func (s *site) addProfile(t *testing.T) {
	profiles.Lock()
	defer profiles.Unlock()
	keys := map[string]string{}
	for _, pair := range s.env.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		keys[name] = value
	}
	fmt.Fprintf(&profiles.config, "[profile %s]\nregion = %s\nendpoint_url = %s\n", s.env.Account, s.env.Region,
		s.env.Endpoint)
	fmt.Fprintf(&profiles.keys, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n",
		s.env.Account, keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"])
	for name, text := range map[string]string{
		"config":      profiles.config.String(),
		"credentials": profiles.keys.String(),
	} {
		path := filepath.Join(profiles.dir, name) // others may read it at any time
		require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
		require.NoError(t, os.Rename(path+".new", path))
	}
}

// ended makes sure that a run has ended as one should: nothing is left to do, nobody has the lock, no intent waits to
// be looked for.
func (s *site) ended(story story) error {
	p := s.start("onlooker", s.t.TempDir())
	back, err := backend.Open(context.Background(), p.world())
	if err != nil {
		return err
	}
	ctx, key := context.Background(), p.request().Key
	held, err := observe.Lock(ctx, back, key)
	switch {
	case err != nil:
		return err
	case held != nil:
		return fmt.Errorf("the lock is held by %+v", held)
	}
	envelope, payload, err := s.stored()
	var none *s3types.NoSuchKey
	if story == destroying && errors.As(err, &none) {
		return nil // whoever died had not come to write any
	}
	if err != nil {
		return err
	}
	for _, i := range envelope.Intents {
		if i.Suspect.IsZero() {
			return fmt.Errorf("nobody looked for what an intent tells of: %s of %s", i.Action, i.Resource)
		}
	}
	wanted := state.Succeeded
	if story == destroying {
		wanted = state.Destroyed
	}
	if payload.Status != wanted {
		return fmt.Errorf("the state says %s", payload.Status)
	}
	if story == destroying {
		return nil
	}
	planned, err := deploy.Plan(ctx, back, p.request())
	if err != nil {
		return fmt.Errorf("plan: %s", describe(err))
	}
	if planned.Plan.HasChanges() {
		var changes []string
		for _, c := range planned.Plan.Components {
			for _, ch := range c.Changes {
				changes = append(changes, fmt.Sprintf("%s %s", ch.Action, ch.Resource))
			}
		}
		return fmt.Errorf("the next plan has changes: %s", strings.Join(changes, ", "))
	}
	return nil
}

// stored reads state.json as it is.
func (s *site) stored() (*state.Envelope, *state.Payload, error) {
	key := s.prefix + "/" + (state.Key{Stack: s.stack, Environment: "dev"}).Path() + "/state.json"
	out, err := s3.NewFromConfig(s.env.Config, func(o *s3.Options) {
		o.UsePathStyle = true
	}).GetObject(context.Background(), &s3.GetObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil {
		return nil, nil, err
	}
	raw, err := io.ReadAll(out.Body)
	if err != nil {
		return nil, nil, err
	}
	var e state.Envelope
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, nil, err
	}
	p, err := e.Decode()
	return &e, p, err
}

// difference is what AWS holds besides what it should hold.
type difference struct {
	missing, orphans, duplicates, changed []string
}

func (d *difference) empty() bool {
	return len(d.missing)+len(d.orphans)+len(d.duplicates)+len(d.changed) == 0
}

func (d *difference) String() string {
	var out []string
	for name, list := range map[string][]string{
		"missing": d.missing, "orphan": d.orphans, "duplicate": d.duplicates,
		"other than it should be": d.changed,
	} {
		for _, o := range list {
			out = append(out, name+": "+o)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// counted reports whether the fact of an object is how many there are.
func counted(o inventory.Object) bool {
	return o.Kind == inventory.TaskDefinition || o.Kind == inventory.Task || o.Kind == "secret" // of its versions
}

var (
	// managed are the ids of the secrets that RDS makes, also in the URL encoding of policies: others in each life.
	managed = regexp.MustCompile(`(rds(?:!|%21)(?:db|cluster))-[0-9a-f-]{36}(?:-[A-Za-z0-9]{6}\b)?`)
	// ending is what AWS puts behind the name of a secret in its ARN.
	ending = regexp.MustCompile(`(secret(?::|%3A)(?:[a-z0-9!-]|%21)+)-[A-Za-z0-9]{6}\b`)
	// hashed are the names of objects in a VPC: with a hash of what cannot change in place, which the VPC's id is.
	hashed = regexp.MustCompile(`(-dev-[a-z0-9-]+)-[a-z2-7]{8}\b`)
)

// inventory lists what AWS holds, by names that are the same in each life.
func (s *site) inventory(ctx context.Context) ([]inventory.Object, error) {
	all, err := service.Inventory(ctx, s.env.Config, s.bucket)
	same := func(text string) string {
		text = ending.ReplaceAllString(managed.ReplaceAllString(text, "$1"), "$1")
		if s.ownVPC {
			text = hashed.ReplaceAllString(text, "$1")
		}
		return text
	}
	for i := range all {
		all[i].Name, all[i].Facts = same(all[i].Name), same(all[i].Facts)
	}
	return all, err
}

// compare looks at what AWS holds. astray: the way to it was another one than that of the undisturbed runs, so that
// there may be other revisions, and other tasks that have run once: ECS tells of them for an hour.
func (s *site) compare(want []inventory.Object, astray bool) (*difference, error) {
	got, err := s.inventory(context.Background())
	if err != nil {
		return nil, err
	}
	d := &difference{}
	wanted, there := map[string]inventory.Object{}, map[string]bool{}
	for _, o := range want {
		if !astray || o.Kind != inventory.Task {
			wanted[o.Kind+" "+o.Name] = o
		}
	}
	for _, o := range got {
		if astray && o.Kind == inventory.Task {
			continue
		}
		id := o.Kind + " " + o.Name
		w, known := wanted[id]
		switch {
		case !known:
			d.orphans = append(d.orphans, o.String())
		case there[id]:
			d.duplicates = append(d.duplicates, o.String())
		case counted(o) && astray:
		case counted(o) && o.Facts != w.Facts: // revisions are objects, too, and a migration must not run twice
			d.duplicates = append(d.duplicates, o.String()+" instead of "+w.Facts)
		case o.Facts != w.Facts:
			d.changed = append(d.changed, o.String()+"\n  instead of "+w.Facts)
		}
		there[id] = true
	}
	for id := range wanted {
		if !there[id] {
			d.missing = append(d.missing, id)
		}
	}
	return d, nil
}
