package s3_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/s3"
	"github.com/company/deployer/internal/testkit/fakeaws"
	"github.com/company/deployer/internal/testkit/statetest"
)

var key = state.Key{Stack: "shop", Environment: "dev"}

const object = "team/stacks/shop/dev/state.json"

func cloud() *fakeaws.Cloud {
	c := fakeaws.New(time.Now)
	c.CreateBucket("states")
	return c
}

func backend(c *fakeaws.Cloud, faults fakeaws.Intercept) *s3.Backend {
	return s3.New(c.Config("p", faults), s3.Settings{Bucket: "states", Prefix: "/team/", PathStyle: true})
}

func TestConformance(t *testing.T) {
	statetest.Run(t, func(t *testing.T) statetest.Fixture {
		c := cloud()
		return statetest.Fixture{Backend: backend(c, nil), Overwrite: func(_ *testing.T, key state.Key, raw []byte) {
			c.SetObject("states", "team/"+key.Path()+"/state.json", raw)
		}}
	})
}

func TestKeys(t *testing.T) {
	c := cloud()
	b := backend(c, nil)
	require.Equal(t, "s3://states/team", b.Location())
	s := b.Store(key)
	_, err := s.Put(t.Context(), statetest.Envelope(1, "op"), "")
	require.NoError(t, err)
	_, err = s.PutHistory(t.Context(), time.Date(2024, 1, 15, 10, 30, 0, 0, time.UTC), statetest.Envelope(1, "op"))
	require.NoError(t, err)
	require.NoError(t, s.PutDerived(t.Context(), ".pulumi/meta.yaml", []byte("version: 1\n")))
	objects := c.Objects("states", "")
	require.Len(t, objects, 3)
	for _, name := range []string{"state.json", "history/2024-01-15-10-30-00.json", "pulumi/.pulumi/meta.yaml"} {
		require.Contains(t, objects, "team/stacks/shop/dev/"+name)
	}
}

func TestRoundTrips(t *testing.T) {
	c := cloud()
	s := backend(c, nil).Store(key)
	version, err := s.Put(t.Context(), statetest.Envelope(1, "op-1"), "")
	require.NoError(t, err)
	_, err = s.Put(t.Context(), statetest.Envelope(2, "op-2"), version)
	require.NoError(t, err)
	_, err = s.Get(t.Context())
	require.NoError(t, err)
	require.Len(t, c.Calls(), 3, "one call each")
}

// An organisation may refuse writes that do not request encryption.
func TestEncryptionIsAskedForInEveryWrite(t *testing.T) {
	for encryption, want := range map[string][2]string{
		"": {}, "AES256": {"AES256", ""}, "aws:kms": {"aws:kms", ""}, "alias/state": {"aws:kms", "alias/state"},
	} {
		c, puts := cloud(), 0
		s := s3.New(c.Config("p", func(call fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
			if call.Operation == "PutObject" {
				puts++
				got := [2]string{
					call.Header.Get("X-Amz-Server-Side-Encryption"),
					call.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"),
				}
				require.Equal(t, want, got, encryption)
			}
			return serve(), nil
		}), s3.Settings{Bucket: "states", PathStyle: true, Encryption: encryption}).Store(key)
		_, err := s.Put(t.Context(), statetest.Envelope(1, "op"), "")
		require.NoError(t, err)
		_, err = s.PutHistory(t.Context(), time.Date(2024, 1, 15, 10, 30, 0, 0, time.UTC), statetest.Envelope(1, "op"))
		require.NoError(t, err)
		require.NoError(t, s.PutDerived(t.Context(), ".pulumi/meta.yaml", []byte("version: 1\n")))
		require.Equal(t, 3, puts)
	}
}

// fault answers the n-th (from 1) PutObject in its own way.
func fault(n int, do func(serve func() *http.Response) (*http.Response, error)) fakeaws.Intercept {
	return func(call fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
		if call.Operation == "PutObject" {
			if n--; n == 0 {
				return do(serve)
			}
		}
		return serve(), nil
	}
}

// TestPutSurvives has one entry per way in which a write can go wrong and still be right.
func TestPutSurvives(t *testing.T) {
	for name, do := range map[string]func(serve func() *http.Response) (*http.Response, error){
		"reset before it had an effect": func(func() *http.Response) (*http.Response, error) {
			return nil, fakeaws.ErrReset
		},
		"answer lost": func(serve func() *http.Response) (*http.Response, error) {
			serve()
			return nil, fakeaws.ErrReset
		},
		"slow down": func(func() *http.Response) (*http.Response, error) {
			return fakeaws.SlowDown(time.Now()), nil
		},
		"conflict in flight": func(func() *http.Response) (*http.Response, error) {
			return fakeaws.ConditionalConflict(time.Now()), nil
		},
		"our own conflict": func(serve func() *http.Response) (*http.Response, error) {
			serve()
			return fakeaws.ConditionalConflict(time.Now()), nil
		},
		"500 after the effect": func(serve func() *http.Response) (*http.Response, error) {
			serve()
			return fakeaws.Response(time.Now(), 500, nil, nil), nil
		},
	} {
		for n := range 2 {
			t.Run(fmt.Sprintf("%s, write %d", name, n+1), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := cloud()
					s := backend(c, fault(n+1, do)).Store(key)
					first, err := s.Put(t.Context(), statetest.Envelope(1, "op-1"), "")
					require.NoError(t, err)
					second, err := s.Put(t.Context(), statetest.Envelope(2, "op-2"), first)
					require.NoError(t, err)
					got, err := s.Get(t.Context())
					require.NoError(t, err)
					require.Equal(t, second, got.Version)
					require.Equal(t, "op-2", got.Envelope.Writer.OpID)
					require.Len(t, c.Versions("states", object), 2, "each write landed once")
				})
			})
		}
	}
}

func TestSomebodyElsesWriteIsNotOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud()
		other := backend(c, nil).Store(key)
		first, err := other.Put(t.Context(), statetest.Envelope(1, "op-1"), "")
		require.NoError(t, err)
		// Another process writes between our request and its answer, which is lost.
		s := backend(c, fault(1, func(func() *http.Response) (*http.Response, error) {
			_, err := other.Put(t.Context(), statetest.Envelope(2, "theirs"), first)
			require.NoError(t, err)
			return nil, fakeaws.ErrReset
		})).Store(key)
		_, err = s.Put(t.Context(), statetest.Envelope(2, "ours"), first)
		var conflict *state.ConflictError
		require.ErrorAs(t, err, &conflict)
		require.Equal(t, "theirs", conflict.Current.Envelope.Writer.OpID)
	})
}

func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := func(fakeaws.Call, func() *http.Response) (*http.Response, error) { return nil, fakeaws.ErrReset }
		s := backend(cloud(), down).Store(key)
		start := time.Now()
		_, err := s.Put(t.Context(), statetest.Envelope(1, "op"), "")
		var d *diag.Diagnostic
		require.ErrorAs(t, err, &d)
		require.Equal(t, "AWS cannot be reached", d.Summary)
		require.InDelta(t, (5 * time.Minute).Seconds(), time.Since(start).Seconds(), 1)
		start = time.Now()
		_, err = s.Get(t.Context())
		require.Error(t, err)
		require.Less(t, time.Since(start), time.Minute, "a person waits for a read")
	})
}

func TestHangingConnectionIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloud()
		s := backend(c, fault(1, func(func() *http.Response) (*http.Response, error) {
			time.Sleep(61 * time.Second)
			return nil, fakeaws.ErrReset
		})).Store(key)
		_, err := s.Put(t.Context(), statetest.Envelope(1, "op"), "")
		require.NoError(t, err)
	})
}

func TestMissingBucket(t *testing.T) {
	s := backend(fakeaws.New(time.Now), nil).Store(key)
	_, err := s.Get(t.Context())
	var d *diag.Diagnostic
	require.ErrorAs(t, err, &d)
	require.Equal(t, diag.Invalid, d.Code)
	require.Equal(t, "s3:GetObject", d.Operation)
	require.Equal(t, "fake-request", d.RequestID)
	require.Contains(t, d.Next, "backend create")
}

func TestObjectVersions(t *testing.T) {
	cloud := fakeaws.New(time.Now)
	cloud.CreateBucket("states")
	key := state.Key{Stack: "shop", Environment: "dev"}
	store := s3.New(cloud.Config("p", nil), s3.Settings{Bucket: "states", PathStyle: true}).Store(key)
	versioned := store.(state.Versioned)
	list, err := versioned.ListVersions(t.Context(), 0)
	require.NoError(t, err)
	require.Empty(t, list)

	var after state.Version
	for serial := range int64(3) {
		after, err = store.Put(t.Context(), statetest.Envelope(serial+1, fmt.Sprint("op-", serial)), after)
		require.NoError(t, err)
	}
	cloud.SetObject("states", "stacks/shop/dev/state.json", []byte("{"))
	cloud.SetObject("states", "stacks/shop/dev/state.json.backup", []byte("no state"))
	cloud.SetObject("states", "stacks/shop/dev/state.json", nil)
	list, err = versioned.ListVersions(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, list, 4, "over several pages; a deletion is no version")
	require.False(t, list[0].Current)
	_, err = versioned.GetVersion(t.Context(), list[0].ID)
	var damaged *state.CorruptError
	require.ErrorAs(t, err, &damaged)
	for i, v := range list[1:] {
		snapshot, err := versioned.GetVersion(t.Context(), v.ID)
		require.NoError(t, err)
		require.Equal(t, int64(3-i), snapshot.Envelope.Serial, "the newest first")
	}
	short, err := versioned.ListVersions(t.Context(), 2)
	require.NoError(t, err)
	require.Equal(t, list[:2], short)
	for _, id := range []string{"none", fakeaws.VersionID(5)} { // which is the deletion
		_, err = versioned.GetVersion(t.Context(), id)
		require.ErrorIs(t, err, state.ErrNotFound, id)
	}
}
