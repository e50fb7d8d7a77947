package route53

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/route53"
	"github.com/company/deployer/internal/value"
)

// Validation makes the CNAME records by which another service sees that a name is ours. Several of its objects may
// share a record, so a record that is there already is right.
type Validation struct{ record record }

// NewValidation returns a Validation. It makes no calls.
func NewValidation(cfg aws.Config) *Validation { return &Validation{record{newAPI(cfg)}} }

// ValidationPermissions are what it needs.
func ValidationPermissions(s resource.Scope) []resource.Statement {
	if role := s.Props.Get("role").Str(); role != "" {
		return assume(role)
	}
	return []resource.Statement{
		{
			On:      []string{"arn:" + s.Partition() + ":route53:::hostedzone/*"},
			Actions: []string{"route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets"},
		},
		{On: []string{"arn:" + s.Partition() + ":route53:::change/*"}, Actions: []string{"route53:GetChange"}},
	}
}

func cname(role, zone, name, target string) model.Record {
	p := model.Record{
		ZoneID: value.Lit(zone), Name: plain(name), Types: []string{"CNAME"}, TTL: 300, Values: []string{target + "."},
	}
	if role != "" {
		p.Role = value.Lit(role)
	}
	return p
}

// Has reports whether the record is there.
func (v *Validation) Has(ctx context.Context, role, zone, name, target string) (bool, error) {
	there, err := v.record.get(ctx, cname(role, zone, name, target))
	return err == nil && pointsTo(there["CNAME"], target), err
}

// pointsTo compares without the TTL.
func pointsTo(set types.ResourceRecordSet, target string) bool {
	return len(set.ResourceRecords) == 1 && plain(aws.ToString(set.ResourceRecords[0].Value)) == plain(target)
}

// Ensure makes the record, unless it is there. A record of the name with another target is an error.
func (v *Validation) Ensure(ctx context.Context, role, zone, name, target string) error {
	p := cname(role, zone, name, target)
	err := v.record.api.change(ctx, role, zone, name,
		[]types.Change{change(types.ChangeActionCreate, toAWS(p, "CNAME"))})
	if !call.HasCode(err, "InvalidChangeBatch") {
		return err
	}
	there, readErr := v.record.get(ctx, p)
	switch {
	case readErr != nil:
		return readErr
	case pointsTo(there["CNAME"], target):
		return nil
	case len(there) == 0:
		return err
	}
	return &resource.OpError{
		Operation: "route53:ChangeResourceRecordSets",
		Message:   fmt.Sprintf("the validation needs the record %s CNAME %s, but there is %s", name, target, there),
		Next:      "remove that record",
	}
}

// Remove deletes the record if it is there.
func (v *Validation) Remove(ctx context.Context, role, zone, name, target string) error {
	there, err := v.record.get(ctx, cname(role, zone, name, target))
	if err != nil || !pointsTo(there["CNAME"], target) {
		return err
	}
	return v.record.api.change(ctx, role, zone, "without "+name,
		[]types.Change{change(types.ChangeActionDelete, there["CNAME"])})
}
