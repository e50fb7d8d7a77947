package deploy

import (
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/aws/cloudtrail"
	"github.com/company/deployer/internal/aws/cloudwatch"
	"github.com/company/deployer/internal/aws/ecr"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/aws/task"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/lock/dynamodb"
	s3lock "github.com/company/deployer/internal/lock/s3"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/permission"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state/s3"
)

// PolicyRequest says for whom a policy is.
type PolicyRequest struct {
	Environments []string
	Account      string // "": that of the manifests, else any
	Region       string // "": that of the manifests and settings, else any
	ReadOnly     bool   // for looking and planning, not for deploying
	Operate      bool   // for run, exec and port-forward, not for deploying
	StateKMSKey  string // ARN of the key that the state bucket is under, if it is a customer's own
}

// Policy is what IAM must allow to deploy a stack.
type Policy struct {
	Whole    permission.Document
	Parts    []permission.Document // managed policies that together are the whole
	Warnings diag.List
}

// PolicyFor computes the IAM policy that a stack needs in some environments, from its manifests and without a network.
// It ignores the environment in the request's key.
func PolicyFor(w backend.World, req Request, ask PolicyRequest) (*Policy, error) {
	bundle, found := manifest.Load(w.Root, req.Key.Stack)
	if found.HasErrors() {
		return nil, found
	}
	types := catalog.New(sdk.Config{})
	var needed []resource.Statement
	var warnings diag.List
	unknown := map[string]bool{}
	for _, environment := range ask.Environments {
		req.Key.Environment = environment
		scope := scopeOf(w, bundle, req, ask)
		stack, graph, found := desire(w, bundle, req,
			backend.Place{Account: known(scope.Account), Region: known(scope.Region)}, false)
		if found.HasErrors() {
			return nil, found
		}
		unknown["account"] = unknown["account"] || scope.Account == "*"
		unknown["region"] = unknown["region"] || scope.Region == "*"
		if ask.Operate {
			needed = append(needed, stateStatements(w, scope, ask.StateKMSKey)...)
			needed = append(needed, task.Permissions(scope)...)
			continue
		}
		needed = append(needed, permission.Collect(types, graph, scope)...)
		needed = append(needed, ecr.Permissions(scope, imagesOf(stack))...)
		needed = append(needed, stateStatements(w, scope, ask.StateKMSKey)...)
		needed = append(needed, tagging.Permissions(scope)...)
		needed = append(needed, cloudwatch.Permissions()...)
		needed = append(needed, cloudtrail.Permissions()...)
	}
	if ask.ReadOnly {
		needed = permission.Reading(needed)
	}
	for _, what := range []string{"account", "region"} {
		if unknown[what] {
			warnings.Add(&diag.Diagnostic{
				Severity: diag.Warning, Code: diag.Invalid, Summary: "Any " + what,
				Detail: "Neither the manifests nor the configuration say which " + what +
					" is meant, so the policy covers all.",
				Next: "Give --" + what + ", or set spec.provider." + what + " in stack.yaml.",
			})
		}
	}
	return &Policy{Whole: permission.Whole(needed), Parts: permission.Parts(needed), Warnings: warnings}, nil
}

// scopeOf returns what is known of the deployment without asking AWS.
func scopeOf(w backend.World, bundle *manifest.Bundle, req Request, ask PolicyRequest) resource.Scope {
	provider := bundle.Settings(req.Key.Environment).Provider
	ofRole := "" // the account of the role that is taken
	if parts := strings.Split(w.Settings.AWS.AssumeRole.RoleARN, ":"); len(parts) == 6 {
		ofRole = parts[4]
	}
	first := func(texts ...string) string {
		return texts[slices.IndexFunc(texts, func(text string) bool { return text != "" })]
	}
	return resource.Scope{
		Stack: req.Key.Stack, Environment: req.Key.Environment,
		Account: first(ask.Account, provider.Account, ofRole, "*"),
		Region: first(ask.Region, provider.Region, w.Settings.AWS.Region, w.Env["AWS_REGION"],
			w.Env["AWS_DEFAULT_REGION"], "*"),
	}
}

func known(text string) string {
	if text == "*" {
		return ""
	}
	return text
}

// stateStatements returns the permissions that state and locks need if they are in AWS.
func stateStatements(w backend.World, scope resource.Scope, key string) []resource.Statement {
	var out []resource.Statement
	b, l := w.Settings.Backend, w.Settings.Locks
	if b.Type == "s3" {
		scope := scope
		if b.Region != "" {
			scope.Region = b.Region
		}
		out = append(out, s3.Settings{
			Bucket: b.Bucket, Prefix: b.Prefix,
			Encryption: b.Encryption,
		}.Permissions(scope)...)
		if key != "" {
			out = append(out, resource.Statement{On: []string{key}, Actions: []string{"kms:Decrypt"}},
				resource.Statement{
					On: []string{key}, Actions: []string{"kms:GenerateDataKey"},
				})
		}
	}
	switch l.Type {
	case "s3":
		scope := scope
		if b.Region != "" {
			scope.Region = b.Region
		}
		out = append(out, s3lock.Settings{Bucket: b.Bucket, Prefix: b.Prefix}.Permissions(scope)...)
	case "dynamodb":
		scope := scope
		if l.Region != "" {
			scope.Region = l.Region
		}
		out = append(out, dynamodb.Settings{Table: l.Table, Bucket: b.Bucket, Prefix: b.Prefix}.Permissions(scope)...)
	}
	return out
}

// imagesOf are the images that a stack runs, as far as they are known.
func imagesOf(stack *manifest.Stack) []string {
	var out []string
	for _, in := range stack.Instances() {
		if kind, ok := registry().Kind(in.Kind); ok {
			for _, use := range kind.Images(in) {
				out = append(out, use.Image)
			}
		}
	}
	return out
}
