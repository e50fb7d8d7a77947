package route53

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/route53"
	"github.com/company/deployer/internal/value"
)

// zones answers the lookup. It lists the zones of an account once for all hosts: AWS allows five requests a second.
type zones struct {
	api    *api
	region string

	mu     sync.Mutex
	listed map[string]*listing
}

// listing is the zones that one role sees, or those of one VPC.
type listing struct {
	mu   sync.Mutex
	done bool
	all  []zone
}

type zone struct {
	id, name string
	private  bool
}

func zonePermissions(s resource.Scope) []resource.Statement {
	role := s.Props.Get("role").Str()
	if role != "" {
		return assume(role) // the role has the rest
	}
	zones := []string{"arn:" + s.Partition() + ":route53:::hostedzone/*"}
	switch {
	case zoneID.MatchString(s.Props.Get("zone").Str()):
		return []resource.Statement{{
			On:      []string{"arn:" + s.Partition() + ":route53:::hostedzone/" + s.Props.Get("zone").Str()},
			Actions: []string{"route53:GetHostedZone"},
		}}
	case s.Props.Get("zone").Str() != "":
		return []resource.Statement{{Actions: []string{"route53:ListHostedZones"}}}
	case s.Props.IsNull():
		return []resource.Statement{
			{Actions: []string{"route53:ListHostedZones", "route53:ListHostedZonesByVPC"}},
			{On: zones, Actions: []string{"route53:GetHostedZone"}},
		}
	case s.Props.Get("private").Bool():
		return []resource.Statement{
			{Actions: []string{"route53:ListHostedZonesByVPC"}},
			{Actions: []string{"ec2:DescribeVpcs"}, Why: vpcWhy},
		}
	}
	return []resource.Statement{{Actions: []string{"route53:ListHostedZones"}}}
}

const vpcWhy = "Route 53 looks at the VPC in the name of the caller"

// zoneID is the form of an id, as opposed to a name.
var zoneID = regexp.MustCompile(`^[A-Z0-9]{8,32}$`)

func (z *zones) read(ctx context.Context, props value.Value) (value.Value, error) {
	var want model.ZoneLookup
	if problems := value.Decode(props, &want); len(problems) > 0 {
		return value.NullValue, fmt.Errorf("the properties of the lookup %s do not fit: %w", model.LookupZone,
			problems[0])
	}
	found, err := z.find(ctx, want)
	if err != nil {
		return value.NullValue, err
	}
	if found == nil {
		return value.Encode(model.Zone{Missing: true}), nil
	}
	return value.Encode(model.Zone{ID: found.id, Name: found.name, Found: true}), nil
}

// find returns nil if nobody named a zone and there is none for the host.
func (z *zones) find(ctx context.Context, want model.ZoneLookup) (*zone, error) {
	if zoneID.MatchString(want.Zone) {
		return z.byID(ctx, want)
	}
	all, err := z.list(ctx, want)
	if err != nil {
		return nil, err
	}
	named := strings.ToLower(strings.TrimSuffix(want.Zone, "."))
	var best []zone
	for _, candidate := range all {
		switch {
		case candidate.private != want.Private, !within(want.Host, candidate.name),
			named != "" && candidate.name != named,
			len(best) > 0 && len(candidate.name) < len(best[0].name):
			continue
		case len(best) > 0 && len(candidate.name) > len(best[0].name):
			best = nil
		}
		best = append(best, candidate)
	}
	switch {
	case len(best) == 0 && named != "":
		return nil, &resource.OpError{
			Operation: "route53:ListHostedZones",
			Message: fmt.Sprintf("there is no %s hosted zone %s for the host %s", scheme(want.Private), named,
				want.Host),
			Next: "correct ingress.zone; `aws route53 list-hosted-zones` lists the zones. A zone of another account " +
				"needs ingress.zoneRole",
		}
	case len(best) == 0:
		return nil, nil
	case len(best) > 1:
		var ids []string
		for _, candidate := range best {
			ids = append(ids, candidate.id)
		}
		return nil, &resource.OpError{
			Operation: "route53:ListHostedZones",
			Message: fmt.Sprintf("there are several %s hosted zones %s: %s", scheme(want.Private), best[0].name,
				strings.Join(ids, ", ")),
			Next: "give ingress.zone the id of the right one",
		}
	}
	return &best[0], nil
}

// byID returns the named zone, and checks that the host can be in it.
func (z *zones) byID(ctx context.Context, want model.ZoneLookup) (*zone, error) {
	out, err := z.api.as(want.Role.Get()).GetHostedZone(ctx, &route53.GetHostedZoneInput{Id: &want.Zone})
	if err = failed(err); err != nil {
		var op *resource.OpError
		if errors.Is(err, resource.ErrNotFound) && errors.As(err, &op) {
			op.Next = "correct ingress.zone; a zone of another account needs ingress.zoneRole"
		}
		return nil, err
	}
	found := fromAWS(*out.HostedZone)
	wrong := ""
	switch {
	case !within(want.Host, found.name):
		wrong = fmt.Sprintf("the host %s is not in the hosted zone %s (%s)", want.Host, found.name, found.id)
	case found.private && !want.Private:
		wrong = fmt.Sprintf("the hosted zone %s (%s) is private, but the host %s must be found from the internet",
			found.name, found.id, want.Host)
	case found.private && want.VPCID.IsSet() && !hasVPC(out.VPCs, want.VPCID.Get()):
		wrong = fmt.Sprintf("the private hosted zone %s (%s) does not belong to the VPC %s, where %s must be found",
			found.name, found.id, want.VPCID.Get(), want.Host)
	}
	if wrong != "" {
		return nil, &resource.OpError{
			Operation: "route53:GetHostedZone", Message: wrong, Next: "correct ingress.zone",
		}
	}
	return &found, nil
}

func hasVPC(all []types.VPC, id string) bool {
	for _, vpc := range all {
		if aws.ToString(vpc.VPCId) == id {
			return true
		}
	}
	return false
}

func fromAWS(found types.HostedZone) zone {
	return zone{
		id: bare(aws.ToString(found.Id)), name: plain(aws.ToString(found.Name)),
		private: found.Config != nil && found.Config.PrivateZone,
	}
}

// list returns the zones that may be meant: those of a VPC, or all.
func (z *zones) list(ctx context.Context, want model.ZoneLookup) ([]zone, error) {
	vpc := ""
	if want.Private {
		vpc = want.VPCID.Get()
	}
	z.mu.Lock()
	if z.listed == nil {
		z.listed = map[string]*listing{}
	}
	l := z.listed[want.Role.Get()+" "+vpc]
	if l == nil {
		l = &listing{}
		z.listed[want.Role.Get()+" "+vpc] = l
	}
	z.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return l.all, nil
	}
	var err error
	if vpc != "" {
		l.all, err = z.ofVPC(ctx, want.Role.Get(), vpc)
	} else {
		l.all, err = z.ofAccount(ctx, want.Role.Get())
	}
	l.done = err == nil
	return l.all, advise(err)
}

// advise says how to do without the permission to look for zones.
func advise(err error) error {
	var op *resource.OpError
	if errors.As(err, &op) && op.Denied() {
		op.Next = resource.DeniedAdvice(
			op.Operation,
			op.Message,
		) + " Or set ingress.zone: none, and make the records by hand"
	}
	return err
}

func (z *zones) ofAccount(ctx context.Context, role string) ([]zone, error) {
	var all []zone
	in := &route53.ListHostedZonesInput{}
	for found, err := range call.Each(ctx, z.api.as(role).ListHostedZones, in, &in.Marker,
		func(page *route53.ListHostedZonesOutput) ([]types.HostedZone, *string) {
			return page.HostedZones, page.NextMarker
		}) {
		if err != nil {
			return nil, failed(err)
		}
		if found.LinkedService == nil { // AWS refuses changes by others to a zone that one of its services made
			all = append(all, fromAWS(found))
		}
	}
	return all, nil
}

func (z *zones) ofVPC(ctx context.Context, role, vpc string) ([]zone, error) {
	var all []zone
	in := &route53.ListHostedZonesByVPCInput{VPCId: &vpc, VPCRegion: types.VPCRegion(z.region)}
	for found, err := range call.Each(ctx, z.api.as(role).ListHostedZonesByVPC, in, &in.NextToken,
		func(page *route53.ListHostedZonesByVPCOutput) ([]types.HostedZoneSummary, *string) {
			return page.HostedZoneSummaries, page.NextToken
		}) {
		if err != nil {
			return nil, failed(err)
		}
		if found.Owner == nil || found.Owner.OwningService == nil {
			all = append(all, zone{
				id: bare(aws.ToString(found.HostedZoneId)), name: plain(aws.ToString(found.Name)), private: true,
			})
		}
	}
	return all, nil
}

// within reports whether a host is the zone's own name or below it.
func within(host, zone string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == zone || strings.HasSuffix(host, "."+zone)
}

func scheme(private bool) string {
	if private {
		return "private"
	}
	return "public"
}
