// Package route53 is the behaviour of Route 53 records, and the lookup of hosted zones.
//
// In: calls of the resource contract. Out: Route 53 API calls, with the credentials of another account's role if one is
// given, and calls to Elastic Load Balancing that tell whose load balancer a record points to. It must not make hosted
// zones.
package route53

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/route53"
	"github.com/company/deployer/internal/value"
)

// Behaviours returns the resource types of Route 53.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	return []resource.Behaviour{newRecord(newAPI(cfg))}
}

// Lookups returns the lookups of Route 53.
func Lookups(cfg aws.Config) []resource.Lookup {
	z := &zones{api: newAPI(cfg), region: cfg.Region}
	return []resource.Lookup{{
		Type: model.LookupZone, Read: z.read, Outputs: value.Fields[model.Zone](), Permissions: zonePermissions,
	}}
}

// api is the clients, one for each role.
type api struct {
	cfg       aws.Config
	balancers *elb.Client

	mu      sync.Mutex
	clients map[string]*route53.Client
}

func newAPI(cfg aws.Config) *api {
	return &api{cfg: cfg, balancers: elb.NewFromConfig(cfg), clients: map[string]*route53.Client{}}
}

// as returns the client of a role; "" is the credentials in use.
func (a *api) as(role string) *route53.Client {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.clients[role] == nil {
		cfg := a.cfg.Copy()
		if role != "" {
			cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(a.cfg), role,
				func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = "deployer" }))
		}
		a.clients[role] = route53.NewFromConfig(cfg)
	}
	return a.clients[role]
}

// assume is the permission to take a role on.
func assume(role string) []resource.Statement {
	if role == "" {
		return nil
	}
	return []resource.Statement{{On: []string{role}, Actions: []string{"sts:AssumeRole"}}}
}

func failed(err error) error {
	return call.Error(err, call.NotFound("NoSuchHostedZone"))
}

// spread is how long AWS takes to give a change to all its name servers: usually less than a minute.
var spread = call.Pace{First: 2 * time.Second, Longest: 10 * time.Second, Limit: 10 * time.Minute}

// change makes changes to one zone, all or none, and waits until all name servers answer by them.
func (a *api) change(ctx context.Context, role, zone, what string, changes []types.Change) error {
	client := a.as(role)
	out, err := client.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{
		HostedZoneId: &zone, ChangeBatch: &types.ChangeBatch{Changes: changes, Comment: aws.String("deployer")},
	})
	if err != nil {
		return failed(err)
	}
	if out.ChangeInfo.Status == types.ChangeStatusInsync {
		return nil
	}
	id := bare(aws.ToString(out.ChangeInfo.Id))
	return call.Wait(ctx, spread, "Route 53 answers "+what, func(ctx context.Context) (bool, error) {
		state, err := client.GetChange(ctx, &route53.GetChangeInput{Id: &id})
		if err != nil {
			return false, failed(err)
		}
		return state.ChangeInfo.Status == types.ChangeStatusInsync, nil
	})
}

// bare is an id without the path that AWS puts before it.
func bare(id string) string { return id[strings.LastIndex(id, "/")+1:] }

// plain is a name as people write it: AWS ends names with a dot and writes * as \052.
func plain(name string) string {
	return strings.ToLower(strings.TrimSuffix(strings.ReplaceAll(name, `\052`, "*"), "."))
}
