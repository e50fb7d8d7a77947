package route53

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/route53"
	"github.com/company/deployer/internal/value"
)

type (
	recordCall = resource.Call[model.Record, model.RecordOutputs]
	record     struct{ api *api }
	// sets are the records of one name, by type. A name may also have records with a set identifier: those are never
	// ours, and stand here by type and identifier.
	sets map[string]types.ResourceRecordSet
)

func newRecord(api *api) resource.Behaviour {
	r := record{api}
	return &resource.Typed[model.Record, model.RecordOutputs]{
		Def: resource.Definition{
			Type: model.RecordType, Version: 1,
			ReplaceOn:   []string{"zoneId", "name"},
			Labels:      []string{"role"},
			Permissions: recordPermissions,
		},
		CheckProps: checkRecord, CreateObject: r.create, ReadObject: r.read, UpdateObject: r.update,
		DeleteObject: r.delete, Find: r.find, Ahead: r.foresee, Taggable: true,
	}
}

func recordPermissions(s resource.Scope) []resource.Statement {
	owner := resource.Statement{
		Actions: []string{"elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeTags"},
		Why:     "whose load balancer a record points to that is there already",
	}
	if role := s.Props.Get("role").Str(); role != "" {
		return append(assume(role), owner)
	}
	change := resource.Statement{
		On:      []string{"arn:" + s.Partition() + ":route53:::hostedzone/*"},
		Actions: []string{"route53:ChangeResourceRecordSets"},
	}
	if name := s.Props.Get("name").Str(); name != "" {
		change.When = resource.Condition{"ForAllValues:StringEquals": {
			"route53:ChangeResourceRecordSetsNormalizedRecordNames": {strings.ReplaceAll(name, "*", `\052`)},
		}}
	}
	return []resource.Statement{
		change,
		{
			On:      []string{"arn:" + s.Partition() + ":route53:::hostedzone/*"},
			Actions: []string{"route53:ListResourceRecordSets"},
		},
		{On: []string{"arn:" + s.Partition() + ":route53:::change/*"}, Actions: []string{"route53:GetChange"}},
		owner,
	}
}

func checkRecord(p *model.Record) []value.Problem {
	p.Name = plain(p.Name)
	slices.Sort(p.Types)
	slices.Sort(p.Values)
	if p.ZoneID.IsSet() && p.ZoneID.Known() {
		p.ZoneID = value.Lit(bare(p.ZoneID.Get()))
	}
	bad := func(key, format string, args ...any) []value.Problem {
		return []value.Problem{{Kind: value.BadValue, Path: []string{key}, Message: fmt.Sprintf(format, args...)}}
	}
	switch {
	case (p.Alias == nil) == (len(p.Values) == 0):
		return bad("values", "exactly one of alias and values must be given")
	case p.Alias != nil && p.TTL != 0:
		return bad("ttl", "an alias has the TTL of its target")
	case p.Alias == nil && len(p.Types) > 1:
		return bad("types", "only an alias can have several types")
	case strings.Contains(strings.TrimPrefix(p.Name, "*."), "*"):
		return bad("name", "* can only be the whole first label of a name")
	}
	if p.Alias == nil && p.TTL == 0 {
		p.TTL = 300
	}
	if p.Alias != nil && p.Alias.DNSName.IsSet() && p.Alias.DNSName.Known() {
		p.Alias.DNSName = value.Lit(target(p.Alias.DNSName.Get()))
	}
	return nil
}

func recordID(p model.Record) string { return p.ZoneID.Get() + "/" + p.Name }

func (r record) create(ctx context.Context, c recordCall) (string, model.RecordOutputs, error) {
	id := recordID(c.Props)
	out := model.RecordOutputs{ID: id}
	var changes []types.Change
	for _, typ := range c.Props.Types {
		changes = append(changes, change(types.ChangeActionCreate, toAWS(c.Props, typ)))
	}
	err := r.api.change(ctx, c.Props.Role.Get(), c.Props.ZoneID.Get(), c.Props.Name, changes)
	if !call.HasCode(err, "InvalidChangeBatch") {
		return id, out, err
	}
	// CREATE is refused where a record is, so it overwrites nothing.
	there, readErr := r.get(ctx, c.Props)
	if readErr != nil {
		return "", out, errors.Join(err, readErr)
	}
	there = there.beside(c.Props.Types)
	tags, ours, readErr := r.owner(ctx, c, there)
	switch {
	case readErr != nil:
		return "", out, errors.Join(err, readErr)
	case len(there) == 0:
		return "", out, err // AWS refuses the name for another reason
	case ours && !(c.InState != nil && c.InState(id)):
		return "", out, fmt.Errorf("%w: %w", resource.ErrExists, err)
	}
	return "", out, &resource.OwnedError{
		Type: model.RecordType, Name: c.Props.Name + " (" + there.String() + ")", Tags: tags,
		Next: removeRecord,
	}
}

const removeRecord = "Remove the records if nobody needs them, or set ingress.zone: none"

// find looks for records that a run of ours has made: those that are as wanted, and those that point to a load balancer
// of ours.
func (r record) find(ctx context.Context, c recordCall) (string, map[string]string, error) {
	none := fmt.Errorf("%s has no records of ours: %w", c.Props.Name, resource.ErrNotFound)
	if c.Props.ZoneID.Get() == "" || c.Props.Name == "" {
		return "", nil, none
	}
	there, err := r.get(ctx, c.Props)
	if err != nil {
		return "", nil, err
	}
	tags, ours, err := r.owner(ctx, c, there.beside(c.Props.Types))
	if err != nil {
		return "", nil, err
	}
	if !ours {
		return "", nil, none
	}
	return recordID(c.Props), tags, nil
}

// owner reports whether records were made by this stack. Records have no tags. So they are ours if they say what we
// want, or if they point to a load balancer that has our tags.
func (r record) owner(ctx context.Context, c recordCall, there sets) (tags map[string]string, ours bool, err error) {
	if len(there) == 0 {
		return nil, false, nil
	}
	for typ, set := range there {
		if slices.Contains(c.Props.Types, typ) && wanted(c.Props) && same(set, toAWS(c.Props, typ)) {
			continue
		}
		if !slices.Contains(c.Props.Types, typ) || set.AliasTarget == nil {
			return nil, false, nil
		}
		if tags, err = r.tagsOf(ctx, set); err != nil || !c.Owns(tags) {
			return tags, false, err
		}
	}
	return maps.Clone(c.Tags), true, nil
}

// wanted reports whether it is known what the records must say. After a crash it may be that nobody knows it.
func wanted(p model.Record) bool { return p.Alias == nil || p.Alias.DNSName.Get() != "" }

// tagsOf returns the tags of the load balancer that an alias points to; nil if it is none of this account and region.
func (r record) tagsOf(ctx context.Context, set types.ResourceRecordSet) (map[string]string, error) {
	in := &elb.DescribeLoadBalancersInput{}
	for balancer, err := range call.Each(ctx, r.api.balancers.DescribeLoadBalancers, in, &in.Marker,
		func(page *elb.DescribeLoadBalancersOutput) ([]elbtypes.LoadBalancer, *string) {
			return page.LoadBalancers, page.NextMarker
		}) {
		if err != nil {
			return nil, failed(err)
		}
		if target(aws.ToString(balancer.DNSName)) != target(aws.ToString(set.AliasTarget.DNSName)) {
			continue
		}
		out, err := r.api.balancers.DescribeTags(ctx,
			&elb.DescribeTagsInput{ResourceArns: []string{aws.ToString(balancer.LoadBalancerArn)}})
		if err != nil || len(out.TagDescriptions) == 0 {
			return nil, failed(err)
		}
		return tagging.Map(out.TagDescriptions[0].Tags,
			func(t *elbtypes.Tag) (key, text **string) { return &t.Key, &t.Value }), nil
	}
	return nil, nil
}

func (r record) read(ctx context.Context, c recordCall) (model.Record, model.RecordOutputs, error) {
	at := c.Old
	if at.Name == "" {
		at = c.Props
	}
	out := model.RecordOutputs{ID: c.ID}
	there, err := r.get(ctx, at)
	if err != nil {
		return model.Record{}, out, err
	}
	is := model.Record{ZoneID: at.ZoneID, Name: at.Name, Role: at.Role}
	for _, typ := range at.Types {
		set, ok := there[typ]
		if !ok {
			continue
		}
		if len(is.Types) > 0 && !same(set, toAWS(is, typ)) {
			continue // it says something else than the first type: that type of ours is gone
		}
		is.Types = append(is.Types, typ)
		is.Alias, is.TTL, is.Values = nil, 0, nil
		if set.AliasTarget != nil {
			is.Alias = &model.Alias{
				DNSName: value.Lit(target(aws.ToString(set.AliasTarget.DNSName))),
				ZoneID:  value.Lit(bare(aws.ToString(set.AliasTarget.HostedZoneId))),
			}
			continue
		}
		is.TTL = int(aws.ToInt64(set.TTL))
		for _, v := range set.ResourceRecords {
			is.Values = append(is.Values, aws.ToString(v.Value))
		}
		slices.Sort(is.Values)
	}
	if len(is.Types) == 0 {
		return is, out, fmt.Errorf("%s has no such records: %w", at.Name, resource.ErrNotFound)
	}
	return is, out, nil
}

// update exchanges records that are as recorded. It names what it deletes, and AWS checks that: so a record that
// somebody changed in between is not overwritten.
func (r record) update(ctx context.Context, c recordCall) (model.RecordOutputs, error) {
	there, err := r.get(ctx, c.Props)
	if err != nil {
		return c.Out, err
	}
	if !slices.ContainsFunc(c.Old.Types, func(typ string) bool { _, exists := there[typ]; return exists }) {
		return c.Out, fmt.Errorf("%s has no such records: %w", c.Props.Name, resource.ErrNotFound)
	}
	var changes []types.Change
	for _, typ := range union(c.Old.Types, c.Props.Types) {
		is, exists := there[typ]
		ours := slices.Contains(c.Old.Types, typ) && same(is, toAWS(c.Old, typ))
		if !slices.Contains(c.Props.Types, typ) {
			if exists && ours {
				changes = append(changes, change(types.ChangeActionDelete, is))
			}
			continue
		}
		want := toAWS(c.Props, typ)
		if exists && same(is, want) {
			continue
		}
		if exists && !ours && is.AliasTarget != nil {
			tags, err := r.tagsOf(ctx, is)
			if err != nil {
				return c.Out, err
			}
			ours = c.Owns(tags)
		}
		switch {
		case exists && !ours:
			return c.Out, &resource.OpError{
				Operation: "route53:ChangeResourceRecordSets",
				Message: fmt.Sprintf("somebody changed the records of %s: they are now %s", c.Props.Name,
					there.String()),
				Next: "read them with `deployer apply --refresh`, which shows the difference and corrects it",
			}
		case exists:
			changes = append(changes, change(types.ChangeActionDelete, is))
		}
		changes = append(changes, change(types.ChangeActionCreate, want))
	}
	if len(changes) == 0 {
		return model.RecordOutputs{ID: c.ID}, nil
	}
	return model.RecordOutputs{ID: c.ID},
		r.api.change(ctx, c.Props.Role.Get(), c.Props.ZoneID.Get(), c.Props.Name, changes)
}

// delete deletes only records that are as recorded.
func (r record) delete(ctx context.Context, c recordCall) error {
	there, err := r.get(ctx, c.Old)
	if err != nil {
		return err
	}
	var changes []types.Change
	for _, typ := range c.Old.Types {
		is, exists := there[typ]
		switch {
		case exists && same(is, toAWS(c.Old, typ)):
			changes = append(changes, change(types.ChangeActionDelete, is))
		case exists:
			c.Progress("leaves the " + typ + " record of " + c.Old.Name + ", which somebody else has changed")
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return r.api.change(ctx, c.Old.Role.Get(), c.Old.ZoneID.Get(), "without "+c.Old.Name, changes)
}

// get returns all records of a name.
func (r record) get(ctx context.Context, p model.Record) (sets, error) {
	out := sets{}
	in := &route53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(p.ZoneID.Get()), StartRecordName: aws.String(p.Name + "."),
	}
	for {
		page, err := r.api.as(p.Role.Get()).ListResourceRecordSets(ctx, in)
		if err != nil {
			return nil, failed(err)
		}
		for _, set := range page.ResourceRecordSets {
			if plain(aws.ToString(set.Name)) != p.Name {
				return out, nil // names come in order
			}
			key := string(set.Type)
			if set.SetIdentifier != nil {
				key += " " + *set.SetIdentifier
			}
			out[key] = set
		}
		if !page.IsTruncated {
			return out, nil
		}
		in.StartRecordName, in.StartRecordType, in.StartRecordIdentifier = page.NextRecordName, page.NextRecordType,
			page.NextRecordIdentifier
	}
}

func change(action types.ChangeAction, set types.ResourceRecordSet) types.Change {
	return types.Change{Action: action, ResourceRecordSet: &set}
}

func toAWS(p model.Record, typ string) types.ResourceRecordSet {
	set := types.ResourceRecordSet{Name: aws.String(p.Name + "."), Type: types.RRType(typ)}
	if p.Alias != nil {
		set.AliasTarget = &types.AliasTarget{
			DNSName: aws.String(p.Alias.DNSName.Get() + "."), HostedZoneId: aws.String(p.Alias.ZoneID.Get()),
		}
		return set
	}
	set.TTL = aws.Int64(int64(p.TTL))
	for _, v := range p.Values {
		set.ResourceRecords = append(set.ResourceRecords, types.ResourceRecord{Value: &v})
	}
	return set
}

// target is the name of a load balancer without the prefix that the console puts before it: both have the same
// addresses.
func target(name string) string { return strings.TrimPrefix(plain(name), "dualstack.") }

// same reports whether two records answer the same.
func same(a, b types.ResourceRecordSet) bool {
	if (a.AliasTarget == nil) != (b.AliasTarget == nil) || a.SetIdentifier != nil || b.SetIdentifier != nil {
		return false
	}
	if a.AliasTarget != nil {
		return target(aws.ToString(a.AliasTarget.DNSName)) == target(aws.ToString(b.AliasTarget.DNSName)) &&
			bare(aws.ToString(a.AliasTarget.HostedZoneId)) == bare(aws.ToString(b.AliasTarget.HostedZoneId))
	}
	return aws.ToInt64(a.TTL) == aws.ToInt64(b.TTL) && slices.Equal(values(a), values(b))
}

func values(set types.ResourceRecordSet) []string {
	var out []string
	for _, v := range set.ResourceRecords {
		out = append(out, aws.ToString(v.Value))
	}
	slices.Sort(out)
	return out
}

// beside returns the records that records of those types cannot be beside: those of the same types, and a CNAME, which
// is alone at its name.
func (s sets) beside(wanted []string) sets {
	out := sets{}
	for key, set := range s {
		if slices.Contains(wanted, string(set.Type)) || set.Type == types.RRTypeCname ||
			slices.Contains(wanted, string(types.RRTypeCname)) {
			out[key] = set
		}
	}
	return out
}

// String says what records of a name there are: "A: alias of x".
func (s sets) String() string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(s)) {
		set := s[key]
		text := strings.Join(values(set), ", ")
		if set.AliasTarget != nil {
			text = "alias of " + plain(aws.ToString(set.AliasTarget.DNSName))
		}
		out = append(out, key+": "+text)
	}
	return strings.Join(out, "; ")
}

func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}
