// Package cloudtrail finds out who changed objects in AWS, from the events that CloudTrail keeps of each account for 90
// days.
//
// In: names of objects, and since when. Out: who did what with them. It only reads, and must not know a resource type.
package cloudtrail

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
)

// Permissions are what Read needs. AWS allows nothing narrower: events have no ARNs.
func Permissions() []resource.Statement {
	return []resource.Statement{{
		Actions: []string{"cloudtrail:LookupEvents"}, Looks: true,
		Why: "who changed what drift detect finds, for people",
	}}
}

// AWS answers two lookups a second, in each account and region. So only so many objects are looked up, and the answers
// are waited for only so long.
const (
	most = 8
	wait = 20 * time.Second
)

// deeds is how many events of an object are returned.
const deeds = 3

// ErrPartly is the error of a Read that has not looked up every object.
var ErrPartly = errors.New("CloudTrail answers two questions a second, so only the first objects were looked up")

// Read returns who changed each subject since a time, newest first, in the order of the subjects. Nothing may be found
// about a subject. The first error is returned beside what was found. Events appear some minutes after the call. AWS
// API: cloudtrail:LookupEvents, a call per name.
func Read(
	ctx context.Context, cfg aws.Config, subjects []resource.Subject, since time.Time,
) ([][]report.Deed, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, wait, ErrPartly)
	defer cancel()
	here := cloudtrail.NewFromConfig(cfg)
	global := cloudtrail.NewFromConfig(cfg, func(o *cloudtrail.Options) {
		o.Region = resource.GlobalRegion(cfg.Region)
	})
	out := make([][]report.Deed, len(subjects))
	var all errgroup.Group
	for i, s := range subjects[:min(len(subjects), most)] {
		client := here
		if s.Global {
			client = global
		}
		all.Go(func() (err error) {
			out[i], err = look(ctx, client, s.Names, since)
			return err
		})
	}
	err := all.Wait()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil && len(subjects) > most {
		err = ErrPartly
	}
	return out, err
}

// look returns the newest changes of an object with some names.
func look(ctx context.Context, client *cloudtrail.Client, names []string, since time.Time) ([]report.Deed, error) {
	pages := make([]*cloudtrail.LookupEventsOutput, len(names))
	var all errgroup.Group
	for i, name := range names {
		// One page: the newest events. A name that AWS changes all the time has more, and its first page says enough.
		all.Go(func() (err error) {
			pages[i], err = client.LookupEvents(ctx, &cloudtrail.LookupEventsInput{
				StartTime: &since, LookupAttributes: []types.LookupAttribute{{
					AttributeKey: types.LookupAttributeKeyResourceName, AttributeValue: aws.String(name),
				}},
			})
			return call.Error(err)
		})
	}
	err := all.Wait()
	var found []report.Deed
	for _, page := range pages {
		if page == nil {
			continue
		}
		for _, e := range page.Events { // another name may lead to the same events
			deed, changed := deedOf(e)
			if changed && !slices.ContainsFunc(found, func(d report.Deed) bool { return d.Event == deed.Event }) {
				found = append(found, deed)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b report.Deed) int { return cmp.Compare(b.At.UnixNano(), a.At.UnixNano()) })
	return found[:min(len(found), deeds)], err
}

// record is the part of an event's own document that counts.
type record struct {
	UserIdentity struct {
		Type           string `json:"type"`
		ARN            string `json:"arn"`
		UserName       string `json:"userName"`
		InvokedBy      string `json:"invokedBy"`
		SessionContext struct {
			SessionIssuer struct {
				UserName string `json:"userName"`
			} `json:"sessionIssuer"`
		} `json:"sessionContext"`
	} `json:"userIdentity"`
	ErrorCode string `json:"errorCode"`
	Source    string `json:"sourceIPAddress"`
	UserAgent string `json:"userAgent"`
}

// deedOf is an event for people; false for one that changed nothing.
func deedOf(e types.Event) (report.Deed, bool) {
	var r record
	_ = json.Unmarshal([]byte(aws.ToString(e.CloudTrailEvent)), &r) // without it, the event itself says who
	out := report.Deed{
		At: aws.ToTime(e.EventTime).UTC(), Action: aws.ToString(e.EventName), Event: aws.ToString(e.EventId),
		Who: cmp.Or(r.who(), aws.ToString(e.Username), "somebody"), From: r.from(),
	}
	return out, aws.ToString(e.ReadOnly) != "true" && r.ErrorCode == ""
}

// who names the caller: a user, a session of a role, or a service of AWS.
func (r record) who() string {
	u := r.UserIdentity
	switch {
	case u.InvokedBy != "" && u.Type == "AWSService":
		return u.InvokedBy
	case u.Type == "Root":
		return "the root user"
	case u.SessionContext.SessionIssuer.UserName != "":
		if i := strings.LastIndex(u.ARN, "/"); i >= 0 {
			return u.ARN[i+1:] + " with the role " + u.SessionContext.SessionIssuer.UserName
		}
		return "the role " + u.SessionContext.SessionIssuer.UserName
	}
	return u.UserName
}

// tools are the programs behind user agents that people recognise.
var tools = []struct{ agent, name string }{
	{"console.amazonaws.com", "the console"},
	{"signin.amazonaws.com", "the console"},
	{"AWS Internal", "the console"},
	{"AWSConsole", "the console"},
	{"aws-cli", "the AWS CLI"},
	{"Terraform", "Terraform"},
	{"cloudformation.amazonaws.com", "CloudFormation"},
	{"Pulumi", "Pulumi"},
	{"Boto3", "Python"},
}

// from says how the call was made.
func (r record) from() string {
	for _, t := range tools {
		if strings.Contains(r.UserAgent, t.agent) {
			return t.name
		}
	}
	return r.Source
}
