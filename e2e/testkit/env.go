package testkit

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/company/deployer/e2e/testkit/child"
	"github.com/company/deployer/e2e/testkit/ecsfake"
	"github.com/company/deployer/e2e/testkit/elasticachefake"
	"github.com/company/deployer/e2e/testkit/late"
	"github.com/company/deployer/e2e/testkit/moto"
	"github.com/company/deployer/e2e/testkit/proxy"
	"github.com/company/deployer/e2e/testkit/service"
)

// UpstreamVariable names a running emulator (its URL) that replaces the emulator of each test process.
const UpstreamVariable = "DEPLOYER_TEST_MOTO"

// DefaultAccount is the account of the emulator's static credentials.
const DefaultAccount = "123456789012"

// regions are real ones, because the emulator has zones and default VPCs in real regions only.
var regions = []string{
	"eu-central-1", "us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2", "eu-north-1", "us-east-2", "ca-central-1",
	"ap-northeast-1", "eu-west-2", "sa-east-1", "ap-south-1", "eu-west-3", "us-west-1", "ap-southeast-1",
	"ap-northeast-2",
}

// Env is the environment of one test.
type Env struct {
	Endpoint string     // AWS_ENDPOINT_URL, the proxy
	Region   string     // of this test alone
	Account  string     // of this test alone
	Config   aws.Config // for SDK clients: the endpoint, test credentials, two attempts
	Proxy    *proxy.Proxy
	ECS      *ecsfake.Fake
	Cache    *elasticachefake.Fake
	Late     *late.Late // turned off
	// Moto is the emulator. It is nil when UpstreamVariable names one. Other
	// tests use it, too: resetting it disturbs them.
	Moto *moto.Server

	credentials Credentials
}

// Option changes what Start sets up.
type Option func(*settings)

type settings struct {
	account string
	region  string
	latency time.Duration
	server  *moto.Server
}

// OnEmulator uses an emulator of the test's own instead of the process's shared one.
func OnEmulator(server *moto.Server) Option { return func(s *settings) { s.server = server } }

// InDefaultAccount uses the static credentials "test" and DefaultAccount
// instead of an account of the test's own.
func InDefaultAccount() Option { return func(s *settings) { s.account = DefaultAccount } }

// InRegion uses a region that the test chooses.
func InRegion(region string) Option { return func(s *settings) { s.region = region } }

// WithLatency adds a delay to every request.
func WithLatency(d time.Duration) Option { return func(s *settings) { s.latency = d } }

// emulators are those of this process: one, unless Spread asks for more.
var emulators = struct {
	sync.Mutex // guards pool and the counts of users
	pool       []*emulator
	next       atomic.Int64
}{pool: []*emulator{{}}}

// emulator is one server that tests share. It starts with its first user.
type emulator struct {
	once   sync.Once
	url    string
	server *moto.Server
	err    error
	users  int        // tests that run against it now
	lock   sync.Mutex // serialises the requests of all its proxies
}

// Spread shares the tests of the process out among n emulators. Each of them answers one request at a time, so one
// emulator keeps one core busy at most. Call it before the first Start. An emulator named by UpstreamVariable stays the
// only one.
func Spread(n int) {
	if os.Getenv(UpstreamVariable) != "" {
		return
	}
	emulators.Lock()
	defer emulators.Unlock()
	for len(emulators.pool) < n {
		emulators.pool = append(emulators.pool, &emulator{})
	}
}

// Start sets an Env up and removes it when the test ends. The tests of the process share the emulator, which ends with
// the process.
func Start(t testing.TB, opts ...Option) *Env {
	t.Helper()
	n := emulators.next.Add(1)
	s := settings{
		region: regions[int(n-1)%len(regions)],
		// The process id separates processes that share an emulator.
		account: fmt.Sprintf("%07d%05d", 1000000+os.Getpid()%9000000, n),
	}
	for _, opt := range opts {
		opt(&s)
	}
	upstream := &emulator{server: s.server}
	if s.server == nil {
		upstream = sharedEmulator(t)
	} else {
		upstream.url = s.server.URL()
	}
	p, err := proxy.New(proxy.Options{
		Upstream: upstream.url, Latency: s.latency, Lock: &upstream.lock,
		UpstreamLog: upstreamLog(upstream.server),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	creds := StaticCredentials()
	if s.account != DefaultAccount {
		if creds, err = CredentialsFor(t.Context(), upstream.url, s.account); err != nil {
			t.Fatal(err)
		}
	}
	fakes := service.Install(p)
	return &Env{
		Endpoint: p.URL(), Region: s.region, Account: s.account, Proxy: p, ECS: fakes.ECS, Cache: fakes.Cache,
		Late: fakes.Late,
		Moto: upstream.server, credentials: creds,
		Config: aws.Config{
			Region:       s.region,
			BaseEndpoint: aws.String(p.URL()),
			Credentials: credentials.NewStaticCredentialsProvider(creds.AccessKeyID, creds.SecretAccessKey,
				creds.SessionToken),
			// Retries wait 10 ms at most: a longer wait would change nothing here.
			Retryer: func() aws.Retryer {
				return retry.NewStandard(func(o *retry.StandardOptions) {
					o.MaxAttempts, o.MaxBackoff = 2, 10*time.Millisecond
				})
			},
			// A connection pool of the test's own: a closed proxy's port may be
			// given to the next one.
			HTTPClient: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}},
		},
	}
}

// sharedEmulator is the one with the fewest users. It starts with its first, and t uses it until it ends.
func sharedEmulator(t testing.TB) *emulator {
	t.Helper()
	emulators.Lock()
	e := slices.MinFunc(emulators.pool, func(a, b *emulator) int { return a.users - b.users })
	e.users++
	emulators.Unlock()
	t.Cleanup(func() {
		emulators.Lock()
		defer emulators.Unlock()
		e.users--
	})
	e.once.Do(func() {
		if e.url = strings.TrimSuffix(os.Getenv(UpstreamVariable), "/"); e.url != "" {
			return
		}
		e.server, e.err = moto.Start(context.Background(), moto.Options{Progress: func(s string) { t.Log(s) }})
		if e.err == nil {
			e.url = e.server.URL()
		}
	})
	if e.err != nil {
		t.Fatal(e.err)
	}
	return e
}

func upstreamLog(server *moto.Server) func() string {
	if server == nil {
		return nil
	}
	return server.Log
}

// Environ is the environment for a process of the product: this process's environment with the settings of the Env in
// place of its settings of AWS and of the product.
func (e *Env) Environ() []string {
	own := slices.DeleteFunc(child.WithoutAWS(os.Environ()), func(pair string) bool {
		return strings.HasPrefix(pair, "DEPLOYER_")
	})
	return slices.Concat(own, Environment(e.Endpoint, e.Region, e.credentials))
}
