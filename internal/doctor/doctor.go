// Package doctor examines what a deployment needs from outside: credentials, region, clock, bucket and locks,
// permissions, quotas, the editor's schema, and the program's version.
//
// In: a Patient: the world of a backend, and what the command line knows. Out: results, each with what to do. It must
// not change anything, in AWS or in the repository.
package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/company/deployer/internal/aws/quota"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/release"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// Patient is what is examined.
type Patient struct {
	World   backend.World
	Problem error     // of the configuration; the World then has no settings
	Key     state.Key // whose state, lock and account are examined; empty: none, and Choose says why
	Choose  string
	Stack   string // whose region counts when there is no key; empty: that of all stacks, if it is the same

	Newest       func() (string, error) // the newest release
	Schemas      map[string][]byte      // of this version, by the name of the file
	SchemaFolder string                 // in the repository
}

const (
	// patience limits all questions to AWS: somebody waits for the answers.
	patience = 45 * time.Second
	// tolerated is how wrong the clock of this machine may be. AWS refuses requests at five minutes.
	tolerated = time.Minute
	// full is the part of a quota, in percent, from which it is worth a look.
	full = 80
)

// Examine examines everything, in the order in which the causes come before their consequences.
func (p Patient) Examine(ctx context.Context) []report.Examined {
	newest := make(chan report.Examined, 1)
	go func() { newest <- p.version() }()
	out := append([]report.Examined{}, p.editor()...)
	if p.Problem != nil {
		out = append(out, failures("Configuration", p.Problem)...)
		out = append(out, skipped("AWS", "the configuration has errors"))
	} else {
		out = append(out, p.configuration())
		ctx, stop := context.WithTimeout(ctx, patience)
		defer stop()
		out = append(out, p.account(ctx)...)
	}
	return append([]report.Examined{<-newest}, out...)
}

func fine(check, format string, args ...any) report.Examined {
	return report.Examined{Check: check, Result: report.Fine, Detail: fmt.Sprintf(format, args...)}
}

func skipped(check, why string) report.Examined {
	return report.Examined{Check: check, Result: report.Skipped, Detail: why}
}

// failures are one result for each diagnostic.
func failures(check string, err error) []report.Examined {
	var out []report.Examined
	for _, d := range diag.From(err) {
		detail := d.Summary
		if d.Position != nil {
			detail += " in " + d.Position.String()
		}
		if d.Detail != "" {
			detail += ": " + d.Detail
		}
		out = append(out, report.Examined{Check: check, Result: report.Wrong, Detail: detail, Next: d.Next})
	}
	return out
}

func (p Patient) version() report.Examined {
	const check = "Version"
	now := p.World.Version
	newest, err := p.Newest()
	if err != nil {
		return skipped(check, now+"; the newest release is not known: "+err.Error())
	}
	switch release.Compare(now, newest) {
	case release.Older:
		return report.Examined{
			Check: check, Result: report.Advice, Detail: now + "; release " + newest + " is newer",
			Next: "Install it: " + release.Home + "/tag/v" + newest,
		}
	case release.Same:
		return fine(check, "%s, the newest release", now)
	}
	return fine(check, "%s; the newest release is %s", now, newest)
}

func (p Patient) configuration() report.Examined {
	const check = "Configuration"
	b, l := p.World.Settings.Backend, p.World.Settings.Locks
	if b.Type != "s3" {
		return report.Examined{
			Check: check, Result: report.Advice, Detail: "state and locks are on this machine, below " + b.Path,
			Next: "That is right for a first try. Before others deploy, keep them in AWS: deployer init",
		}
	}
	place := "on this machine"
	switch l.Type {
	case "dynamodb":
		place = "in the table " + l.Table
	case "s3":
		place = "in the bucket"
	}
	if l.Type == "local" {
		return report.Examined{
			Check: check, Result: report.Advice, Detail: "state in " + p.bucket() + ", locks " + place,
			Next: "That is right if only this machine ever deploys. Otherwise set locks.table, or locks.type: s3.",
		}
	}
	return fine(check, "state in %s, locks %s", p.bucket(), place)
}

func (p Patient) bucket() string {
	b := p.World.Settings.Backend
	return strings.TrimSuffix("s3://"+b.Bucket+"/"+strings.Trim(b.Prefix, "/"), "/")
}

// account examines everything that AWS must be asked for.
func (p Patient) account(ctx context.Context) []report.Examined {
	wanted := p.manifest()
	session, err := backend.SignIn(ctx, p.World, cmp.Or(wanted.Region, p.World.Settings.AWS.Region,
		p.World.Settings.Backend.Region))
	if err != nil {
		return append(failures("Region and profile", err), skipped("AWS", "there is no region or no profile"))
	}
	out := []report.Examined{fine("Region", "%s", session.Region())}
	who, err := session.Identity(ctx)
	out = append(out, clock(session.Skew()))
	if err != nil {
		return append(append(out, failures("Credentials", err)...),
			skipped("Bucket, locks, permissions and quotas", "there are no valid credentials"))
	}
	out = append(out, fine("Credentials", "%s, account %s", who.ARN, who.Account))
	if wanted.Account != "" && wanted.Account != who.Account {
		out = append(out, report.Examined{
			Check: "Account", Result: report.Wrong,
			Detail: fmt.Sprintf("%s is for the account %s, not for %s", p.Key, wanted.Account, who.Account),
			Next: "Sign in to that account (AWS_PROFILE, aws.profile, aws.assumeRole), or correct " +
				"spec.provider.account.",
		})
	}
	quotas := make(chan []report.Examined, 1)
	go func() { quotas <- examineQuotas(quota.Ask(ctx, session.Config(""))) }()
	if p.World.Settings.Backend.Type == "s3" {
		out = append(out, p.backend(ctx)...)
	}
	return append(out, <-quotas...)
}

// manifest is the account and the region that the manifests name.
func (p Patient) manifest() manifest.Provider {
	if p.Key.Stack != "" {
		return p.provider(p.Key.Stack)
	}
	stacks := []string{p.Stack}
	if p.Stack == "" {
		stacks, _ = manifest.Stacks(p.World.Root) // the line on the repository reports an error
	}
	var regions []string
	for _, stack := range stacks {
		regions = append(regions, p.provider(stack).Region)
	}
	if regions = slices.Compact(regions); len(regions) != 1 {
		return manifest.Provider{}
	}
	return manifest.Provider{Region: regions[0]}
}

// provider is what a stack says of its account and region, in the environment of the key.
func (p Patient) provider(stack string) manifest.Provider {
	bundle, _ := manifest.Load(p.World.Root, stack)
	if bundle == nil {
		return manifest.Provider{} // validate says why
	}
	return bundle.Settings(p.Key.Environment).Provider
}

func clock(skew time.Duration, known bool) report.Examined {
	const check = "Clock"
	switch {
	case !known:
		return skipped(check, "AWS gave no answer to compare it with")
	case skew.Abs() < tolerated:
		return fine(check, "differs from AWS's by less than a minute")
	}
	direction := "behind"
	if skew < 0 {
		direction = "ahead of"
	}
	return report.Examined{
		Check: check, Result: report.Wrong,
		Detail: fmt.Sprintf("this machine is %s %s AWS", skew.Abs().Round(time.Second), direction),
		Next: "Set the clock, for instance with NTP. AWS refuses requests that are five minutes off; deployer " +
			"corrects for it, other tools may not.",
	}
}

// backend examines bucket and locks, and the permissions for one stack and environment.
func (p Patient) backend(ctx context.Context) []report.Examined {
	found, err := backend.Check(ctx, p.World)
	out := summed("Bucket and locks", found)
	if err != nil {
		out = append(out, unasked("Bucket and locks", err)...)
	}
	const check = "Permissions for state and locks"
	missing := func(f report.Finding) bool { return strings.HasPrefix(f.Detail, "does not exist") }
	switch {
	case slices.ContainsFunc(found, missing):
		return append(out, skipped(check, "bucket or table is missing"))
	case p.Key.Stack == "":
		return append(out, skipped(check, p.Choose))
	}
	found, err = backend.Access(ctx, p.World, p.Key)
	if err != nil {
		return append(out, failures(check, err)...)
	}
	return append(out, summed(check+" of "+p.Key.String(), found)...)
}

// summed is one result for all findings that are right, and one for each that is wrong.
func summed(check string, found []report.Finding) []report.Examined {
	var out []report.Examined
	var right []string
	for _, f := range found {
		if f.OK {
			right = append(right, f.What)
			continue
		}
		out = append(out, report.Examined{Check: f.What, Result: report.Wrong, Detail: f.Detail, Next: f.Fix})
	}
	if len(right) > 0 {
		out = append([]report.Examined{fine(check, "%s", strings.Join(right, ", "))}, out...)
	}
	return out
}

// unasked is about settings that these credentials may not read: deploying does not need that.
func unasked(check string, err error) []report.Examined {
	var out []report.Examined
	for _, d := range diag.From(err) {
		if d.Summary != "AWS denied access" {
			out = append(out, failures(check, d)...)
			continue
		}
		out = append(out, skipped(check, "not all settings could be read: "+d.Operation+" is denied"))
	}
	return out
}

func examineQuotas(uses []quota.Use) []report.Examined {
	var out []report.Examined
	var room []string
	for _, u := range uses {
		text := fmt.Sprintf("%d of %d %s", u.Used, u.Most, u.What)
		examined := report.Examined{
			Check: "Quotas", Detail: text,
			Next: "Ask AWS for a higher quota under Service Quotas, or delete unused ones.",
		}
		var d *diag.Diagnostic
		switch {
		case errors.As(u.Err, &d):
			out = append(out, skipped("Quotas", u.What+": "+d.Summary+" ("+d.Operation+")"))
		case u.Err != nil:
			out = append(out, skipped("Quotas", u.What+": "+u.Err.Error()))
		case u.Most == 0:
			out = append(out, skipped("Quotas", u.What+": AWS does not tell the quota"))
		case u.Used >= u.Most:
			examined.Result = report.Wrong
			out = append(out, examined)
		case u.Used*100 >= u.Most*full:
			examined.Result = report.Advice
			out = append(out, examined)
		default:
			room = append(room, text)
		}
	}
	if len(room) > 0 {
		out = append([]report.Examined{fine("Quotas", "%s", strings.Join(room, ", "))}, out...)
	}
	return out
}
