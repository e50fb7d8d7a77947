package session_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	sdkdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	sdks3 "github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/lock/dynamodb"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/s3"
	"github.com/company/deployer/internal/state/session"
	"github.com/company/deployer/internal/testkit/locktest"
	"github.com/company/deployer/internal/testkit/statetest"
)

// The tests of this file use a server that we did not write: the emulator behind the test proxy.

var numbers atomic.Int64

func unique(name string) string {
	return fmt.Sprintf("%s-%d-%d", name, time.Now().UnixNano(), numbers.Add(1))
}

func bucket(t *testing.T, e *testkit.Env) s3.Settings {
	t.Helper()
	settings := s3.Settings{Bucket: unique("states"), PathStyle: true}
	found, err := s3.NewAdmin(e.Config, settings, "").Create(t.Context())
	require.NoError(t, err)
	requireAllRight(t, found)
	return settings
}

func table(t *testing.T, e *testkit.Env) string {
	t.Helper()
	name := unique("locks")
	found, err := dynamodb.NewAdmin(e.Config, name).Create(t.Context())
	require.NoError(t, err)
	requireAllRight(t, found)
	return name
}

func requireAllRight(t *testing.T, found []aws.Finding) {
	t.Helper()
	require.Greater(t, len(found), 4)
	for _, f := range found {
		require.True(t, f.OK, "%s: %s", f.What, f.Detail)
		require.Empty(t, f.Fix)
	}
}

func TestEmulatorState(t *testing.T) {
	e := testkit.Start(t)
	statetest.Run(t, func(t *testing.T) statetest.Fixture {
		settings := bucket(t, e)
		client := sdks3.NewFromConfig(e.Config, func(o *sdks3.Options) { o.UsePathStyle = true })
		return statetest.Fixture{
			Backend: s3.New(e.Config, settings),
			Overwrite: func(t *testing.T, key state.Key, raw []byte) {
				object := sdk.String(key.Path() + "/state.json")
				var err error
				if raw == nil {
					_, err = client.DeleteObject(t.Context(),
						&sdks3.DeleteObjectInput{Bucket: &settings.Bucket, Key: object})
				} else {
					_, err = client.PutObject(t.Context(),
						&sdks3.PutObjectInput{Bucket: &settings.Bucket, Key: object, Body: bytes.NewReader(raw)})
				}
				require.NoError(t, err)
			},
		}
	})
}

func TestEmulatorLock(t *testing.T) {
	e := testkit.Start(t)
	locktest.RunTable(t, func(t *testing.T) lock.Table {
		return dynamodb.New(e.Config, dynamodb.Settings{Table: table(t, e), Bucket: "states"}, lock.NewClock(time.Now))
	})
}

func TestEmulatorSession(t *testing.T) {
	e := testkit.Start(t)
	settings, name := bucket(t, e), table(t, e)
	clock := lock.NewClock(time.Now)
	p := program{
		locker: lock.New(dynamodb.New(e.Config, dynamodb.Settings{Table: name, Bucket: settings.Bucket}, clock), clock,
			lock.ThisHost(), newID),
		store: s3.New(e.Config, settings).Store(key),
	}
	for n := range 3 {
		deploy(t, p, n+1)
	}
	past, err := state.ReadHistory(t.Context(), p.store, 0)
	require.NoError(t, err)
	require.Len(t, past, 3)
	require.Equal(t, int64(6), past[0].Snapshot.Envelope.Serial)
	s, err := p.open(t.Context(), nil)
	require.NoError(t, err)
	_, err = p.open(t.Context(), nil)
	requireCode(t, err, diag.Locked, "State is locked")
	require.NoError(t, s.Close(t.Context()))
	_, err = p.open(t.Context(), func(o *session.Options) { o.Account = "999999999999" })
	requireCode(t, err, diag.Invalid, "Wrong AWS account")
}

func TestBucketIsCheckedAndPutRight(t *testing.T) {
	e := testkit.Start(t)
	settings := s3.Settings{Bucket: unique("plain"), PathStyle: true}
	admin := s3.NewAdmin(e.Config, settings, "")
	found, err := admin.Check(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.False(t, found[0].OK)
	require.Contains(t, found[0].Fix, "backend create")

	// A bucket made by hand, with its own policy.
	client := sdks3.NewFromConfig(e.Config, func(o *sdks3.Options) { o.UsePathStyle = true })
	create := &sdks3.CreateBucketInput{Bucket: &settings.Bucket}
	if e.Region != "us-east-1" {
		create.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{
			LocationConstraint: s3types.BucketLocationConstraint(e.Region),
		}
	}
	_, err = client.CreateBucket(t.Context(), create)
	require.NoError(t, err)
	theirs := `{"Version": "2012-10-17", "Statement": {"Sid": "Theirs", "Effect": "Allow", "Principal": {"AWS": "` +
		e.Account + `"}, "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::` + settings.Bucket + `"}}`
	_, err = client.PutBucketPolicy(t.Context(), &sdks3.PutBucketPolicyInput{Bucket: &settings.Bucket, Policy: &theirs})
	require.NoError(t, err)
	found, err = admin.Check(t.Context())
	require.NoError(t, err)
	wrong := 0
	for _, f := range found {
		if !f.OK {
			wrong++
			require.NotEmpty(t, f.Fix)
			require.NotEmpty(t, f.Detail)
		}
	}
	require.GreaterOrEqual(t, wrong, 3, "%v", found)

	for range 2 {
		before := len(writes(e))
		found, err = admin.Create(t.Context())
		require.NoError(t, err)
		requireAllRight(t, found)
		if wrong == 0 {
			require.Len(t, writes(e), before, "nothing is changed that is right")
		}
		wrong = 0
	}
	policy, err := client.GetBucketPolicy(t.Context(), &sdks3.GetBucketPolicyInput{Bucket: &settings.Bucket})
	require.NoError(t, err)
	require.Contains(t, *policy.Policy, "Theirs")

	key := "arn:aws:kms:" + e.Region + ":" + e.Account + ":key/1234"
	withKey := s3.NewAdmin(e.Config, settings, key)
	found, err = withKey.Check(t.Context())
	require.NoError(t, err)
	require.False(t, found[2].OK, "%v", found[2])
	found, err = withKey.Create(t.Context())
	require.NoError(t, err)
	requireAllRight(t, found)
	require.Contains(t, found[2].Detail, "aws:kms")
}

// An organisation may refuse buckets and tables without tags.
func TestBucketAndTableAreMadeWithTags(t *testing.T) {
	e := testkit.Start(t)
	made, name := s3.NewAdmin(e.Config, s3.Settings{Bucket: unique("tagged"), PathStyle: true}, ""), unique("tagged")
	tables := dynamodb.NewAdmin(e.Config, name)
	made.Tags, tables.Tags = map[string]string{"team": "shop", "cost": "7"},
		map[string]string{"team": "shop", "cost": "7"}
	for _, create := range []func(context.Context) ([]aws.Finding, error){made.Create, tables.Create} {
		found, err := create(t.Context())
		require.NoError(t, err)
		requireAllRight(t, found)
	}
	seen := map[string]bool{}
	for _, r := range e.Proxy.Records() {
		if (r.Operation == "CreateBucket" || r.Operation == "CreateTable") &&
			strings.Contains(r.URI+r.Resource+r.Body, "tagged-") {
			seen[r.Operation] = strings.Contains(r.Body, "team") && strings.Contains(r.Body, "cost")
		}
	}
	require.Equal(t, map[string]bool{"CreateBucket": true, "CreateTable": true}, seen)
}

// writes are the calls so far that change a bucket's settings.
func writes(e *testkit.Env) (out []string) {
	for _, r := range e.Proxy.Records() {
		if strings.HasPrefix(r.Operation, "PutBucket") || strings.HasPrefix(r.Operation, "PutPublic") {
			out = append(out, r.Operation)
		}
	}
	return out
}

func TestTableIsChecked(t *testing.T) {
	e := testkit.Start(t)
	name := unique("locks")
	admin := dynamodb.NewAdmin(e.Config, name)
	found, err := admin.Check(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.False(t, found[0].OK)
	for range 2 {
		found, err = admin.Create(t.Context())
		require.NoError(t, err)
		requireAllRight(t, found)
	}
	client := sdkdynamodb.NewFromConfig(e.Config)
	_, err = client.UpdateTimeToLive(t.Context(), &sdkdynamodb.UpdateTimeToLiveInput{
		TableName: &name, TimeToLiveSpecification: &dynamodbtypes.TimeToLiveSpecification{
			AttributeName: sdk.String("expiresAt"), Enabled: sdk.Bool(true),
		},
	})
	require.NoError(t, err)
	found, err = admin.Check(t.Context())
	require.NoError(t, err)
	last := found[len(found)-1]
	require.False(t, last.OK)
	require.Contains(t, last.Detail, "expiresAt")
}
