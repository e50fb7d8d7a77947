package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/child"
	"github.com/company/deployer/e2e/testkit/dynalite"
	"github.com/company/deployer/e2e/testkit/proxy"
	"github.com/company/deployer/internal/state"
)

// racesVariable says how many races of racersInFull processes are run; without it one of a few.
const racesVariable = "DEPLOYER_RACES"

const (
	racersInFull = 16
	racers       = 6
)

// The locks are kept by moto, whose conditions are made atomic by the proxy.
func TestRace(t *testing.T) {
	t.Parallel()
	s := newSite(t, crashSmall, false)
	races(t, s, s.Proxy)
}

// The locks are objects of the bucket.
func TestRaceInTheBucket(t *testing.T) {
	t.Parallel()
	s := newSite(t, crashSmall, false)
	s.lockInBucket()
	races(t, s, s.Proxy)
	require.Zero(t, s.Proxy.Count(proxy.Filter{Service: "dynamodb"}), "locks that were kept elsewhere")
}

// The locks are kept by a DynamoDB that was written by somebody else and is atomic by itself.
func TestRaceOnDynalite(t *testing.T) {
	t.Parallel()
	server, err := dynalite.Start(t.Context(), func(what string) { t.Log(what) })
	if errors.Is(err, child.ErrNoNode) {
		fmt.Fprintln(os.Stderr, "SKIPPED: TestRaceOnDynalite:", err)
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	locks, err := proxy.New(proxy.Options{Upstream: server.URL(), Lock: unserialised{}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, locks.Close()) })

	s := newSite(t, crashSmall, false)
	s.env = append(s.env, "AWS_ENDPOINT_URL_DYNAMODB="+locks.URL())
	config := s.Config.Copy()
	config.BaseEndpoint = aws.String(locks.URL())
	_, err = dynamodb.NewFromConfig(config).CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("locks"), BillingMode: dynamotypes.BillingModePayPerRequest,
		AttributeDefinitions: []dynamotypes.AttributeDefinition{
			{AttributeName: aws.String("lockKey"), AttributeType: dynamotypes.ScalarAttributeTypeS},
		},
		KeySchema: []dynamotypes.KeySchemaElement{
			{AttributeName: aws.String("lockKey"), KeyType: dynamotypes.KeyTypeHash},
		},
	})
	require.NoError(t, err)
	races(t, s, locks)
	require.Zero(t, s.Proxy.Count(proxy.Filter{Service: "dynamodb", Operation: "UpdateItem"}),
		"locks that were kept elsewhere")
}

// unserialised lets requests meet each other.
type unserialised struct{}

func (unserialised) Lock()   {}
func (unserialised) Unlock() {}

// races lets processes apply the same stack at once, each to a version of its own.
func races(t *testing.T, s *crashSite, locks *proxy.Proxy) {
	rounds, count := 1, racers
	if text := os.Getenv(racesVariable); text != "" {
		var err error
		rounds, err = strconv.Atoi(text)
		require.NoError(t, err, racesVariable)
		count = racersInFull
	}
	s.Proxy.SetLatency(2 * time.Millisecond) // calls are on their way at the same time
	won, locked, writes := 0, 0, 0
	for round := range rounds {
		t.Run(fmt.Sprint("race ", round+1), func(t *testing.T) {
			s.Proxy.ResetRecords()
			locks.ResetRecords()
			d := s.deployment(t)
			t.Cleanup(func() {
				if t.Failed() {
					d.cleanUp(t)
				}
			})
			codes := d.race(t, count)
			written := d.requireWhole(t, codes[0])
			requireOneAtATime(t, s.Proxy.Records(), locks.Select(s.lockChanges()), codes[0])
			won, locked, writes = won+codes[0], locked+codes[4], writes+written
			d.destroy(t)
		})
	}
	if !t.Failed() {
		t.Logf("%d races of %d processes: %d applied, %d were locked out, %d writes of the state, none lost", rounds,
			count, won, locked, writes)
	}
}

// race runs the processes and returns how many ended with which exit code. One in four does not wait for the lock.
func (d *deployment) race(t *testing.T, count int) map[int]int {
	t.Helper()
	var start, all sync.WaitGroup
	start.Add(1)
	outs, codes := make([]bytes.Buffer, count), make([]int, count)
	for i := range count {
		patience := "9m"
		if i%4 == 3 {
			patience = "0s"
		}
		cmd := d.process("apply", "-e", "dev", "--auto-approve", "--lock-timeout", patience, "--var",
			fmt.Sprintf("TIMEOUT=%dm", i+1), "--var", fmt.Sprintf("EXPIRE=%dd", i+1))
		// With credentials of its own each process can be told in the records.
		own, err := testkit.CredentialsFor(t.Context(), d.Endpoint, d.Account)
		require.NoError(t, err)
		cmd.Env = append(cmd.Env, "AWS_ACCESS_KEY_ID="+own.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+own.SecretAccessKey,
			"AWS_SESSION_TOKEN="+own.SessionToken)
		cmd.Stdout, cmd.Stderr = &outs[i], &outs[i]
		all.Go(func() {
			start.Wait()
			err := cmd.Run()
			var exit *exec.ExitError
			if codes[i] = cmd.ProcessState.ExitCode(); err != nil && !errors.As(err, &exit) {
				codes[i] = killedCode
			}
		})
	}
	start.Done()
	all.Wait()
	counts := map[int]int{}
	for i, code := range codes {
		counts[code]++
		if code != 0 && (code != 4 || i%4 != 3) {
			t.Errorf("process %d: exit code %d:\n%s", i, code, outs[i].String())
		}
	}
	return counts
}

// requireWhole makes sure that no write of the state was lost and that everybody who was told "applied" is in the
// history. It returns how many writes there were.
func (d *deployment) requireWhole(t *testing.T, applied int) int {
	t.Helper()
	var before *state.Envelope
	chain := d.chain(t)
	for i, e := range chain {
		require.Equal(t, int64(i+1), e.Serial, "serials grow by one")
		if before != nil {
			require.Equal(t, before.Lineage, e.Lineage)
			require.GreaterOrEqual(t, e.Fence, before.Fence)
		}
		before = e
	}
	require.NotNil(t, before)
	accepted := 0
	for _, r := range d.Proxy.Select(proxy.Filter{
		Operation: "PutObject",
		Resource:  d.bucket() + "/" + d.prefix + "/*/state.json",
	}) {
		if r.Status == 200 {
			accepted++
		}
	}
	require.Len(t, chain, accepted, "each write that S3 took is there")
	last, err := before.Decode()
	require.NoError(t, err)
	require.Equal(t, state.Succeeded, last.Status)
	require.Empty(t, before.Intents)

	out, code := d.run(t, nil, "history", "-e", "dev", "--json", "--limit", "0")
	require.Zero(t, code, out)
	var past []struct {
		Version string `json:"version"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &past), out)
	require.Len(t, past, applied, out)
	for i, p := range past {
		require.Equal(t, fmt.Sprint("v", applied-i), p.Version, out)
	}
	out, code = d.run(t, nil, "plan", "-e", "dev", "--refresh", "--var", "TIMEOUT="+last.Variables["TIMEOUT"], "--var",
		"EXPIRE="+last.Variables["EXPIRE"])
	require.Zero(t, code, out)
	require.Contains(t, out, "No changes")
	d.unlocked(t)
	return accepted
}

// chain is every state that there has been, oldest first.
func (d *deployment) chain(t *testing.T) []*state.Envelope {
	t.Helper()
	client := s3.NewFromConfig(d.Config, func(o *s3.Options) { o.UsePathStyle = true })
	object := d.prefix + "/stacks/shop/dev/state.json"
	versions, err := client.ListObjectVersions(t.Context(),
		&s3.ListObjectVersionsInput{Bucket: aws.String(d.bucket()), Prefix: &object})
	require.NoError(t, err)
	require.Empty(t, versions.DeleteMarkers)
	var out []*state.Envelope
	for _, v := range slices.Backward(versions.Versions) {
		got, err := client.GetObject(t.Context(),
			&s3.GetObjectInput{Bucket: aws.String(d.bucket()), Key: &object, VersionId: v.VersionId})
		require.NoError(t, err)
		raw, err := io.ReadAll(got.Body)
		require.NoError(t, err)
		e, err := state.Decode(raw, object) // compares the digest
		require.NoError(t, err)
		out = append(out, e)
	}
	return out
}

// span is the time in which one process did something.
type span struct {
	who      string
	from, to time.Time
}

// requireOneAtATime makes sure that everything which changes AWS was sent, and answered, while its sender held the
// lock, and before anybody else's was sent. The history and the copy for pulumi are written side by side with the
// release.
func requireOneAtATime(t *testing.T, calls, locks []proxy.Record, holders int) {
	t.Helper()
	answered := func(r proxy.Record) time.Time { return r.Time.Add(r.Took) }
	arrived := func(r proxy.Record) time.Time { return r.Time }
	// A lock is surely held from the answer of the first such call to the arrival of the last.
	held := spans(locks, answered, arrived, func(r proxy.Record) bool { return r.Status == 200 })
	changed := spans(calls, arrived, answered, func(r proxy.Record) bool {
		return r.Mutating && r.Service != "dynamodb" && !strings.Contains(r.Resource, "/history/") &&
			!strings.Contains(r.Resource, "/pulumi/") && !strings.Contains(r.Resource, "/locks/")
	})
	require.Len(t, held, holders)
	require.Len(t, changed, holders)
	for i, c := range changed {
		h := held[i]
		require.Equal(t, h.who, c.who)
		require.False(t, c.from.Before(h.from) || c.to.After(h.to),
			"%s changed something from %s to %s, but held the lock from %s to %s", c.who, c.from, c.to, h.from, h.to)
		if i > 0 {
			require.False(t, h.from.Before(held[i-1].to), "%s locked while %s held the lock", h.who, held[i-1].who)
			require.False(t, c.from.Before(changed[i-1].to), "%s changed something while %s did", c.who,
				changed[i-1].who)
		}
	}
}

// spans are from the first to the last of the chosen calls of each access key, in order.
func spans(records []proxy.Record, from, to func(proxy.Record) time.Time, chosen func(proxy.Record) bool) []span {
	var out []span
	for _, r := range records {
		if !chosen(r) {
			continue
		}
		i := slices.IndexFunc(out, func(s span) bool { return s.who == r.AccessKey })
		if i < 0 {
			i, out = len(out), append(out, span{who: r.AccessKey, from: from(r), to: to(r)})
		}
		if end := to(r); end.After(out[i].to) {
			out[i].to = end
		}
	}
	slices.SortFunc(out, func(a, b span) int { return a.from.Compare(b.from) })
	return out
}
