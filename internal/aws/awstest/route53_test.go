package awstest

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/stretchr/testify/require"

	awsdns "github.com/company/deployer/internal/aws/route53"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/route53"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

// makeZone makes a hosted zone, private if it has a VPC, and returns its id.
func makeZone(t *testing.T, h *harness, name, vpc string) string {
	t.Helper()
	in := &route53.CreateHostedZoneInput{Name: &name, CallerReference: pointer(name + vpc)}
	if vpc != "" {
		in.VPC = &types.VPC{VPCId: &vpc, VPCRegion: types.VPCRegion(h.Plain.Region)}
		in.HostedZoneConfig = &types.HostedZoneConfig{PrivateZone: true}
	}
	out, err := route53.NewFromConfig(h.Plain).CreateHostedZone(t.Context(), in)
	require.NoError(t, err)
	return (*out.HostedZone.Id)[len("/hostedzone/"):]
}

// makeBalancer makes a load balancer with tags and returns its DNS name and zone.
func makeBalancer(t *testing.T, h *harness, name string, tags map[string]string) (dnsName, zone string) {
	t.Helper()
	subnets, err := ec2.NewFromConfig(h.Plain).DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{})
	require.NoError(t, err)
	in := &elb.CreateLoadBalancerInput{
		Name: &name, Subnets: []string{*subnets.Subnets[0].SubnetId, *subnets.Subnets[1].SubnetId},
	}
	for key, text := range tags {
		in.Tags = append(in.Tags, elbtypes.Tag{Key: &key, Value: &text})
	}
	out, err := elb.NewFromConfig(h.Plain).CreateLoadBalancer(t.Context(), in)
	require.NoError(t, err)
	return *out.LoadBalancers[0].DNSName, *out.LoadBalancers[0].CanonicalHostedZoneId
}

func alias(dnsName, zone string) *model.Alias {
	return &model.Alias{DNSName: value.Lit(dnsName), ZoneID: value.Lit(zone)}
}

func changeRecord(t *testing.T, h *harness, zone string, action types.ChangeAction, set types.ResourceRecordSet) {
	t.Helper()
	_, err := route53.NewFromConfig(h.Plain).ChangeResourceRecordSets(context.WithoutCancel(t.Context()),
		&route53.ChangeResourceRecordSetsInput{HostedZoneId: &zone, ChangeBatch: &types.ChangeBatch{
			Changes: []types.Change{{Action: action, ResourceRecordSet: &set}},
		}})
	require.NoError(t, err)
}

func address(name, ip string) types.ResourceRecordSet {
	return types.ResourceRecordSet{
		Name: &name, Type: types.RRTypeA, TTL: aws.Int64(60), ResourceRecords: []types.ResourceRecord{{Value: &ip}},
	}
}

// records are the types of the records of a name.
func records(t *testing.T, h *harness, zone, name string) (found []string) {
	t.Helper()
	out, err := route53.NewFromConfig(h.Plain).ListResourceRecordSets(t.Context(),
		&route53.ListResourceRecordSetsInput{HostedZoneId: &zone})
	require.NoError(t, err)
	for _, set := range out.ResourceRecordSets {
		if *set.Name == name+"." {
			found = append(found, string(set.Type))
		}
	}
	return found
}

func TestRecord(t *testing.T) {
	h := start(t)
	one, two := makeZone(t, h, "example.com", ""), makeZone(t, h, "example.org", "")
	dns, zone := makeBalancer(t, h, "one", resourcetest.Tags("conformance"))
	other, _ := makeBalancer(t, h, "two", resourcetest.Tags("conformance"))
	props := model.Record{
		ZoneID: value.Lit(one), Name: "Api.example.com.", Types: []string{"AAAA", "A"}, Alias: alias(dns, zone),
	}
	changed, elsewhere := props, props
	changed.Alias = alias(other, zone)
	elsewhere.ZoneID, elsewhere.Name = value.Lit(two), "api.example.org"
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: behaviour(t, awsdns.Behaviours(h.Config), model.RecordType), Props: props,
		Update: changed, Replace: elsewhere, Distinct: true,
		Foreign: func(_ context.Context, t *testing.T, _ resource.State) func() {
			by := address("api.example.com.", "192.0.2.1")
			changeRecord(t, h, one, types.ChangeActionCreate, by)
			return func() { changeRecord(t, h, one, types.ChangeActionDelete, by) }
		},
		LoseAnswer: h.LoseAnswer, Actions: h.Actions,
	})
}

// TestRecordsWithValues: at the apex, beside the zone's own records.
func TestRecordsWithValues(t *testing.T) {
	h := start(t)
	zone := makeZone(t, h, "example.com", "")
	props := model.Record{
		ZoneID: value.Lit("/hostedzone/" + zone), Name: "example.com", Types: []string{"TXT"},
		Values: []string{`"b"`, `"a"`},
	}
	renamed := props
	renamed.Name = "other.example.com"
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: behaviour(t, awsdns.Behaviours(h.Config), model.RecordType), Props: props,
		Replace: renamed, Distinct: true,
		LoseAnswer: h.LoseAnswer, Actions: h.Actions,
		Foreign: func(_ context.Context, t *testing.T, _ resource.State) func() {
			by := address("example.com.", `"x"`)
			by.Type = types.RRTypeTxt
			changeRecord(t, h, zone, types.ChangeActionCreate, by)
			return func() { changeRecord(t, h, zone, types.ChangeActionDelete, by) }
		},
		Unused: map[string]string{
			"elasticloadbalancing:DescribeLoadBalancers": "an alias is there already",
			"elasticloadbalancing:DescribeTags":          "an alias is there already",
		},
	})
}

// TestRecordOfSomebodyElse: nothing that others made or changed is overwritten or deleted.
func TestRecordOfSomebodyElse(t *testing.T) {
	h := start(t)
	zone := makeZone(t, h, "example.com", "")
	b := behaviour(t, awsdns.Behaviours(h.Config), model.RecordType)
	dns, dnsZone := makeBalancer(t, h, "ours", resourcetest.Tags("dns"))
	create := func(name string) (resource.Request, resource.State, error) {
		req := request(model.RecordType)
		req.Inputs, _ = b.Check(value.Encode(model.Record{
			ZoneID: value.Lit(zone), Name: name, Types: []string{"A", "AAAA"}, Alias: alias(dns, dnsZone),
		}))
		req.Tags = resourcetest.Tags("dns")
		state, err := b.Create(t.Context(), req)
		req.ID, req.Old = state.ID, state
		return req, state, err
	}

	cname := address("www.example.com.", "elsewhere.example.net")
	cname.Type = types.RRTypeCname
	changeRecord(t, h, zone, types.ChangeActionCreate, cname)
	_, _, err := create("www.example.com")
	require.ErrorContains(t, err, "www.example.com (CNAME: elsewhere.example.net)")
	var owned *resource.OwnedError
	require.ErrorAs(t, err, &owned)

	// Somebody made the A record by hand, and it already says what is wanted: the AAAA record joins it.
	changeRecord(t, h, zone, types.ChangeActionCreate, types.ResourceRecordSet{
		Name: pointer("half.example.com."), Type: types.RRTypeA,
		AliasTarget: &types.AliasTarget{
			DNSName: pointer("dualstack." + dns + "."), HostedZoneId: &dnsZone, EvaluateTargetHealth: true,
		},
	})
	_, _, err = create("half.example.com")
	require.NoError(t, err)
	require.Equal(t, []string{"A", "AAAA"}, records(t, h, zone, "half.example.com"))

	req, state, err := create("changed.example.com")
	require.NoError(t, err)
	changeRecord(t, h, zone, types.ChangeActionUpsert, address("changed.example.com.", "192.0.2.7"))
	update := req
	update.Inputs, _ = b.Check(value.Encode(model.Record{
		ZoneID: value.Lit(zone), Name: "changed.example.com", Types: []string{"A", "AAAA"},
		Alias: alias("new.elb.amazonaws.com", dnsZone),
	}))
	_, err = b.Update(t.Context(), update)
	require.ErrorContains(t, err, "somebody changed the records of changed.example.com: they are now A: 192.0.2.7")
	read, found, err := b.Read(t.Context(), req)
	require.NoError(t, err)
	require.True(t, found)
	require.NotEqual(t, state.Inputs, read.Inputs, "a refresh sees the difference")
	update.Old = read // and corrects it, because a person has seen it in the plan
	update.Old, err = b.Update(t.Context(), update)
	require.NoError(t, err)
	read, _, err = b.Read(t.Context(), update)
	require.NoError(t, err)
	require.Equal(t, update.Inputs.Interface(), read.Inputs.Interface())

	req, _, err = create("kept.example.com")
	require.NoError(t, err)
	changeRecord(t, h, zone, types.ChangeActionUpsert, address("kept.example.com.", "192.0.2.8"))
	var lines []string
	req.Inputs, req.Progress = value.NullValue, func(line string) { lines = append(lines, line) }
	require.NoError(t, b.Delete(t.Context(), req))
	require.Equal(t, []string{"A"}, records(t, h, zone, "kept.example.com"))
	require.Contains(t, lines, "leaves the A record of kept.example.com, which somebody else has changed")
}

// TestRecordOfADeadRun: a run died between the load balancer and its record, and nobody knows the load balancer's name.
func TestRecordOfADeadRun(t *testing.T) {
	h := start(t)
	zone := makeZone(t, h, "example.com", "")
	b := behaviour(t, awsdns.Behaviours(h.Config), model.RecordType)
	ours, dnsZone := makeBalancer(t, h, "ours", resourcetest.Tags("dns"))
	theirs, _ := makeBalancer(t, h, "theirs", nil)
	for name, target := range map[string]string{"ours.example.com": ours, "theirs.example.com": theirs} {
		changeRecord(t, h, zone, types.ChangeActionCreate, types.ResourceRecordSet{
			Name: &name, Type: types.RRTypeA,
			AliasTarget: &types.AliasTarget{DNSName: &target, HostedZoneId: &dnsZone},
		})
		req := request(model.RecordType)
		req.Tags = resourcetest.Tags("dns")
		req.Inputs = value.NewMap(map[string]value.Value{
			"zoneId": value.NewString(zone), "name": value.NewString(name), "types": value.Strings("A", "AAAA"),
		})
		_, found, err := b.(resource.Locator).Locate(t.Context(), req)
		require.NoError(t, err)
		require.Equal(t, target == ours, found, name)
	}
}

func TestRecordChecks(t *testing.T) {
	b := behaviour(t, awsdns.Behaviours(aws.Config{}), model.RecordType)
	for name, p := range map[string]model.Record{
		"both":         {Types: []string{"A"}, Name: "a.b", Alias: alias("x", "Z"), Values: []string{"1"}},
		"neither":      {Types: []string{"A"}, Name: "a.b"},
		"ttl of alias": {Types: []string{"A"}, Name: "a.b", Alias: alias("x", "Z"), TTL: 5},
		"two types":    {Types: []string{"A", "TXT"}, Name: "a.b", Values: []string{"1"}},
		"wildcard":     {Types: []string{"A"}, Name: "a*.b", Alias: alias("x", "Z")},
	} {
		p.ZoneID = value.Lit("Z1")
		_, problems := b.Check(value.Encode(p))
		require.Len(t, problems, 1, name)
	}
}

func TestZoneOfAHost(t *testing.T) {
	h := start(t)
	top, sub := makeZone(t, h, "example.com", ""), makeZone(t, h, "eu.example.com", "")
	vpc := makeVPC(t.Context(), t, h, "10.7.0.0/16")
	private := makeZone(t, h, "example.com", vpc)
	elsewhere := makeZone(t, h, "other.example.com", makeVPC(t.Context(), t, h, "10.6.0.0/16"))
	makeZone(t, h, "twice.org", "")
	_, err := route53.NewFromConfig(h.Plain).CreateHostedZone(t.Context(),
		&route53.CreateHostedZoneInput{Name: pointer("twice.org"), CallerReference: pointer("again")})
	require.NoError(t, err)
	in := value.Lit(vpc)
	for name, c := range map[string]struct {
		ask    model.ZoneLookup
		want   string
		failed string
	}{
		"the longest":       {ask: model.ZoneLookup{Host: "a.eu.example.com"}, want: sub},
		"the apex":          {ask: model.ZoneLookup{Host: "Example.com"}, want: top},
		"a wildcard":        {ask: model.ZoneLookup{Host: "*.example.com"}, want: top},
		"a part of a label": {ask: model.ZoneLookup{Host: "notexample.com"}},
		"none":              {ask: model.ZoneLookup{Host: "a.example.net"}},
		"named":             {ask: model.ZoneLookup{Host: "a.eu.example.com", Zone: "example.com."}, want: top},
		"by id":             {ask: model.ZoneLookup{Host: "a.eu.example.com", Zone: top}, want: top},
		"private":           {ask: model.ZoneLookup{Host: "a.example.com", Private: true, VPCID: in}, want: private},
		"of another VPC": {
			ask:  model.ZoneLookup{Host: "a.other.example.com", Private: true, VPCID: in},
			want: private,
		},
		"an internal name": {
			ask:  model.ZoneLookup{Host: "a.eu.example.com", Private: true, VPCID: in},
			want: private,
		},
		"public for internal": {ask: model.ZoneLookup{Host: "a.eu.example.com", Private: true, Zone: sub}, want: sub},
		"named and missing": {
			ask:    model.ZoneLookup{Host: "a.example.com", Zone: "example.net"},
			failed: "there is no public hosted zone example.net for the host a.example.com",
		},
		"several": {
			ask:    model.ZoneLookup{Host: "twice.org"},
			failed: "there are several public hosted zones twice.org",
		},
		"an id of nothing": {
			ask: model.ZoneLookup{Host: "a.example.com", Zone: "Z00000000000"}, failed: "NoSuchHostedZone",
		},
		"an id elsewhere": {
			ask:    model.ZoneLookup{Host: "a.example.org", Zone: top},
			failed: "the host a.example.org is not in the hosted zone example.com (" + top + ")",
		},
		"a private id for a public host": {
			ask:    model.ZoneLookup{Host: "a.example.com", Zone: private},
			failed: "is private, but the host a.example.com must be found from the internet",
		},
		"a private id of another VPC": {
			ask:    model.ZoneLookup{Host: "a.other.example.com", Zone: elsewhere, Private: true, VPCID: in},
			failed: "does not belong to the VPC " + vpc,
		},
	} {
		answer, err := lookup[model.Zone](t, awsdns.Lookups(h.Config), model.LookupZone, c.ask)
		if c.failed != "" {
			require.ErrorContains(t, err, c.failed, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.want, answer.ID, name)
		require.Equal(t, c.want != "", answer.Found, name)
		require.Equal(t, c.want == "", answer.Missing, name)
	}
}
