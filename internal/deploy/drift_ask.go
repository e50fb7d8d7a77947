package deploy

import (
	"context"
	"slices"
	"strings"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
)

// ask asks AWS who has changed the objects since the last deployment. Nothing depends on the answer.
func (d *drift) ask(ctx context.Context, out *report.Drift) error {
	if len(out.Drifted) == 0 || d.back.World.Trail == nil {
		return nil
	}
	var subjects []resource.Subject
	asked := map[string]int{} // by resource and object: two differences of one object are one question
	at := make([]int, len(out.Drifted))
	for i, one := range out.Drifted {
		s := d.subject(one)
		key := strings.Join(s.Names, "\n")
		if _, known := asked[key]; !known {
			asked[key] = len(subjects)
			subjects = append(subjects, s)
		}
		at[i] = asked[key]
	}
	found, err := d.back.World.Trail(ctx, d.where.Reading(), subjects, out.At)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		out.Untold = resource.Unanswered(err)
	}
	for i := range out.Drifted {
		if n := at[i]; n < len(found) {
			out.Drifted[i].Deeds = found[n]
		}
	}
	return nil
}

// subject are the names under which AWS's record of calls may have an object. What was made beside an object was made
// by a call that names the object, and so was a policy of a role or a rule of a group.
func (d *drift) subject(one report.Drifted) resource.Subject {
	service, _, _ := strings.Cut(one.Type, "/")
	out := resource.Subject{Global: service == "iam" || service == "route53"}
	i := slices.IndexFunc(d.objects, func(r engine.StoredResource) bool { return r.ID == one.Resource })
	r := d.objects[i]
	add := func(name string) {
		if name != "" && !slices.Contains(out.Names, name) {
			out.Names = append(out.Names, name)
		}
	}
	for _, parent := range []string{"role", "securityGroupId", "queueUrl", "bucket", "routeTableId"} {
		add(r.Inputs.Get(parent).Str())
	}
	if len(out.Names) == 0 {
		add(r.AWSID)
		add(r.Outputs.Get("arn").Str())
	}
	for _, name := range slices.Clone(out.Names) {
		if i := strings.LastIndexAny(name, "/:"); i >= 0 && service != "elbv2" {
			add(name[i+1:])
		}
	}
	return out
}
