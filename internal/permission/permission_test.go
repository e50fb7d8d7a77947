package permission_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/company/deployer/internal/permission"
	"github.com/company/deployer/internal/resource"
)

var tagged = resource.Condition{"StringEquals": {"aws:ResourceTag/a": {"b"}}}

func TestJoinAndMerge(t *testing.T) {
	for name, c := range map[string]struct {
		in   []resource.Statement
		want string
	}{
		"what is allowed on everything is not repeated for less": {
			[]resource.Statement{
				{Actions: []string{"ec2:DescribeVpcs"}},
				{Actions: []string{"ec2:DescribeVpcs"}, On: []string{"arn:aws:ec2:::vpc/a"}},
			},
			`[ec2:DescribeVpcs] on [] `,
		},
		"but what has a condition is another matter": {
			[]resource.Statement{
				{Actions: []string{"x:Tag"}, When: tagged},
				{Actions: []string{"x:Tag"}, On: []string{"arn:aws:x:r:a:t/a"}},
			},
			`[x:Tag] on [arn:aws:x:r:a:t/a] [x:Tag] on [] when`,
		},
		"kinds of one service share a statement": {
			[]resource.Statement{
				{Actions: []string{"ecs:CreateCluster"}, On: []string{"arn:aws:ecs:r:a:cluster/s-*"}},
				{Actions: []string{"ecs:CreateService"}, On: []string{"arn:aws:ecs:r:a:service/s-*"}},
			},
			`[ecs:CreateCluster ecs:CreateService] on [arn:aws:ecs:r:a:cluster/s-* arn:aws:ecs:r:a:service/s-*] `,
		},
		"different objects of a kind do not": {
			[]resource.Statement{
				{Actions: []string{"x:Get"}, On: []string{"arn:aws:x:r:a:t/a"}},
				{Actions: []string{"x:Put"}, On: []string{"arn:aws:x:r:a:t/b"}},
			},
			`[x:Get] on [arn:aws:x:r:a:t/a] [x:Put] on [arn:aws:x:r:a:t/b] `,
		},
		"nor buckets and objects, for the * of a bucket stands for its objects, too": {
			[]resource.Statement{
				{Actions: []string{"s3:CreateBucket"}, On: []string{"arn:aws:s3:::s-*"}},
				{Actions: []string{"s3:GetObject"}, On: []string{"arn:aws:s3:::state/*"}},
			},
			`[s3:CreateBucket] on [arn:aws:s3:::s-*] [s3:GetObject] on [arn:aws:s3:::state/*] `,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			for _, s := range permission.Merge(permission.Join(c.in), true) {
				got += fmt.Sprint(s.Actions, " on ", s.On, " ")
				if s.When != nil {
					got += "when"
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPartsAllowWhatTheWholeDoes(t *testing.T) {
	var in []resource.Statement
	for service := range 40 {
		s := resource.Statement{
			On: []string{fmt.Sprintf("arn:aws:service%d:eu-central-1:123456789012:thing/*", service)},
		}
		for action := range 10 {
			s.Actions = append(s.Actions, fmt.Sprintf("service%d:CreateSomethingWithALongName%d", service, action))
		}
		in = append(in, s)
	}
	in = append(in, resource.Statement{On: []string{"arn:aws:other:eu-central-1:123456789012:thing/*"}})
	for action := range 300 { // too many for one document
		in[40].Actions = append(in[40].Actions, fmt.Sprintf("other:CreateSomethingWithALongName%d", action))
	}
	whole, parts := permission.Whole(in), permission.Parts(in)
	if len(parts) < 4 || whole.Length() < 3*permission.ManagedLimit {
		t.Fatalf("%d parts of %d characters", len(parts), whole.Length())
	}
	allowed := func(documents ...permission.Document) map[string]bool {
		out := map[string]bool{}
		for _, d := range documents {
			for _, s := range d.Statement {
				for _, action := range s.Action {
					for _, on := range s.Resource {
						if service, _, _ := strings.Cut(action, ":"); strings.Contains(on, ":"+service+":") {
							out[action+" on "+on] = true
						}
					}
				}
			}
		}
		return out
	}
	for i, part := range parts {
		text, err := json.Marshal(part)
		if err != nil || len(text) > permission.ManagedLimit || len(part.Statement) == 0 {
			t.Errorf("part %d: %d characters, %d statements, %v", i, len(text), len(part.Statement), err)
		}
	}
	if diff := cmp.Diff(allowed(whole), allowed(parts...)); diff != "" {
		t.Error(diff)
	}
}

func TestReading(t *testing.T) {
	got := permission.Reading([]resource.Statement{
		{Actions: []string{"x:CreateThing", "x:GetThing", "x:DescribeThings", "x:ListThings"}},
		{Actions: []string{"x:DeleteThing"}},
		{Actions: []string{"y:DescribeOthers"}, Why: "AWS does it for the caller"},
	})
	if len(got) != 1 || !cmp.Equal(got[0].Actions, []string{"x:GetThing", "x:DescribeThings", "x:ListThings"}) {
		t.Errorf("%+v", got)
	}
}
