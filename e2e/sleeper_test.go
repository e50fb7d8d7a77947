package e2e

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/proxy"
)

// The shortest heartbeat that the configuration takes, and how long a holder may rely on the last one that arrived.
const (
	heartbeat = 5 * time.Second
	deadline  = 3 * heartbeat
)

// sleeper is a run that falls asleep somewhere (SIGSTOP, a suspended laptop), loses its lock to another run that
// finishes, and wakes up.
type sleeper struct {
	name    string
	at      func(t *testing.T, s *crashSite) []*held // which calls wait; it falls asleep when the first of them came
	asks    bool                                     // it sleeps while it waits for an approval
	rescued bool                                     // it has something to rescue
	// whether it has depends on what it sees first when it wakes up: the answer, or the time
	either bool
}

var (
	statePut  = proxy.Filter{Service: "s3", Operation: "PutObject", Resource: "*/state.json"}
	makeQueue = proxy.Filter{Service: "sqs", Operation: "CreateQueue"}
)

var sleepers = []sleeper{
	{name: "in the middle of a step", rescued: true, at: func(t *testing.T, s *crashSite) []*held {
		return []*held{s.holdAnswer(t, makeQueue, 1)}
	}},
	{name: "with the last save on its way", rescued: true, at: func(t *testing.T, s *crashSite) []*held {
		return []*held{s.hold(t, statePut, 2)}
	}},
	{name: "with the claim on its way", at: func(t *testing.T, s *crashSite) []*held {
		return []*held{s.hold(t, statePut, 1)}
	}},
	{name: "right after the claim", either: true, at: func(t *testing.T, s *crashSite) []*held {
		return []*held{s.holdAnswer(t, statePut, 1)}
	}},
	{name: "with a heartbeat on its way", rescued: true, at: func(t *testing.T, s *crashSite) []*held {
		return []*held{s.hold(t, s.lockChanges(), 2), s.holdAnswer(t, makeQueue, 1)}
	}},
	{name: "before an approval", asks: true, at: func(*testing.T, *crashSite) []*held { return nil }},
}

func TestSleeper(t *testing.T) {
	t.Parallel()
	chosen := crashes.sample(len(sleepers), 2)
	for i, z := range sleepers {
		if os.Getenv(racesVariable) != "" || i+1 == chosen[0] {
			t.Run(z.name, func(t *testing.T) {
				t.Parallel()
				z.run(t, false)
			})
		}
		if os.Getenv(racesVariable) != "" || i+1 == chosen[1] {
			t.Run(z.name+", with locks in the bucket", func(t *testing.T) {
				t.Parallel()
				z.run(t, true)
			})
		}
	}
}

func (z sleeper) run(t *testing.T, locksInBucket bool) {
	s := newSite(t, crashSmall, false)
	if locksInBucket {
		s.lockInBucket()
	}
	s.env = append(s.env, fmt.Sprint("DEPLOYER_LOCKS_HEARTBEAT=", int(heartbeat.Seconds())))
	d := s.deployment(t)
	winner := &deployment{crashSite: s, home: t.TempDir(), prefix: d.prefix, version: 1}
	s.Proxy.ResetRecords()
	calls := z.at(t, s)
	args := d.command("apply")
	if z.asks {
		args = append([]string{"apply", "-e", "dev"}, d.stack.versions[0]...)
	}
	p := d.prepared(args...)
	own, err := testkit.CredentialsFor(t.Context(), s.Endpoint, s.Account)
	require.NoError(t, err)
	p.Env = append(p.Env, "AWS_ACCESS_KEY_ID="+own.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+own.SecretAccessKey,
		"AWS_SESSION_TOKEN="+own.SessionToken)
	if z.asks {
		p.onTerminal(t)
		p.says(t, "Do you want to apply this plan")
	} else {
		p.start(t)
		calls[0].await(t)
	}
	p.signal(t, syscall.SIGSTOP)
	fellAsleep := time.Now()

	// AWS time goes on: three heartbeats and five minutes later somebody else takes the lock over.
	d.age(t, 10*time.Minute)
	require.Contains(t, winner.must(t, "apply"), "Applied shop/dev v1")
	won := d.stateObject(t)
	time.Sleep(time.Until(fellAsleep.Add(deadline + time.Second))) // its guard works with the clocks of the machine
	for _, call := range calls {
		call.letGo()
	}
	p.signal(t, syscall.SIGCONT)
	code, took := p.exit(t)
	said := p.out.String()
	t.Logf("asleep %s: %.1f s from SIGCONT to exit", z.name, took.Seconds())
	require.Equal(t, 5, code, said)

	require.Equal(t, won, d.stateObject(t), "the state is the winner's, byte for byte")
	for _, r := range s.Proxy.Select(proxy.Filter{Mutating: true}) {
		backend := r.Service == "dynamodb" || strings.HasPrefix(r.Resource, s.bucket()+"/")
		if r.AccessKey == own.AccessKeyID && r.Time.After(fellAsleep.Add(deadline)) {
			require.True(t, backend, "%s %s was sent after the deadline", r.Name(), r.Resource)
			require.NotEqual(t, 200, r.Status, "%s %s was accepted after the takeover", r.Name(), r.Resource)
		}
	}
	d.requireRescue(t, z.rescued || z.either && strings.Contains(said, "State was not saved"), said)
	require.Equal(t, won, d.stateObject(t))
	winner.unlocked(t)
	require.Contains(t, winner.must(t, "plan"), "No changes")
	winner.destroy(t)
}

// requireRescue makes sure that there is a rescue file, that the very command printed for it is understood, and that it
// is refused now that somebody else has deployed.
func (d *deployment) requireRescue(t *testing.T, wanted bool, said string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(d.home, ".deployer", "rescue", "*"))
	require.NoError(t, err)
	if !wanted {
		require.Empty(t, files)
		require.NotContains(t, said, "state push")
		return
	}
	require.Len(t, files, 1, said)
	info, err := os.Stat(files[0])
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	// Long lines are wrapped at blanks.
	command := regexp.MustCompile(`deployer state push\s+--stack shop\s+-e dev\s+(\S+)`).FindString(
		strings.Join(strings.Fields(said), " "))
	words := strings.Fields(command)
	require.NotEmpty(t, words, said)
	require.Equal(t, files[0], words[len(words)-1])
	out, code := d.run(t, nil, words[1:]...)
	require.Equal(t, 5, code, out)
	require.Contains(t, out, "Another run deployed since")
}

// age makes a held lock look as if its holder had given no sign of life for that long.
func (d *deployment) age(t *testing.T, by time.Duration) {
	t.Helper()
	seconds := strconv.FormatInt(time.Now().Add(-by).Unix(), 10)
	if d.locksInBucket {
		client := s3.NewFromConfig(d.Config, func(o *s3.Options) { o.UsePathStyle = true })
		name := "/locks/shop/dev.json"
		_, text := d.object(t, name)
		require.Contains(t, text, `"lockId"`)
		text = regexp.MustCompile(`("lastHeartbeat"|"expiresAt"): \d+`).ReplaceAllString(text, "$1: "+seconds)
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String(d.bucket()), Key: aws.String(d.prefix + name), Body: strings.NewReader(text),
		})
		require.NoError(t, err)
		return
	}
	item := "stack:shop:env:dev:" + d.bucket() + "/" + d.prefix
	then := &dynamotypes.AttributeValueMemberN{Value: seconds}
	_, err := dynamodb.NewFromConfig(d.Config).UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: aws.String("locks"), Key: map[string]dynamotypes.AttributeValue{
			"lockKey": &dynamotypes.AttributeValueMemberS{Value: item},
		},
		ConditionExpression:       aws.String("attribute_exists(lockId)"),
		UpdateExpression:          aws.String("SET lastHeartbeat = :t, expiresAt = :t"),
		ExpressionAttributeValues: map[string]dynamotypes.AttributeValue{":t": then},
	})
	require.NoError(t, err)
}

// stateObject is state.json as it is, with what S3 says of it.
func (d *deployment) stateObject(t *testing.T) string {
	t.Helper()
	version, text := d.object(t, "/stacks/shop/dev/state.json")
	return version + "\n" + text
}

// object is the version and the content of an object below the prefix.
func (d *deployment) object(t *testing.T, name string) (version, text string) {
	t.Helper()
	client := s3.NewFromConfig(d.Config, func(o *s3.Options) { o.UsePathStyle = true })
	got, err := client.GetObject(t.Context(), &s3.GetObjectInput{
		Bucket: aws.String(d.bucket()),
		Key:    aws.String(d.prefix + name),
	})
	require.NoError(t, err)
	raw, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	return aws.ToString(got.VersionId), string(raw)
}
