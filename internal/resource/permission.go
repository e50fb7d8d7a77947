package resource

import (
	"regexp"
	"slices"
	"strings"

	"github.com/company/deployer/internal/value"
)

// Statement is IAM actions that somebody must be allowed, and on what: one statement of an IAM policy. What a resource
// type declares is as narrow as AWS's service authorization reference says that it can be.
type Statement struct {
	Actions []string // "sqs:CreateQueue"
	On      []string // ARNs, in which * stands for anything; nil: AWS knows nothing narrower than "*"
	When    Condition
	// Why AWS wants the actions of the caller although no call has their name, or when they are needed that a
	// deployment without surprises never makes. Empty for actions that an ordinary life of the resource uses.
	Why string
}

// Condition is the condition of a statement: operator, then key, then values.
type Condition map[string]map[string][]string

// Scope is the deployment that permissions are for. What is not known is "*".
type Scope struct {
	Stack, Environment string
	Account, Region    string
	Props              value.Value // of the one resource that the permissions are for; Null: of any
}

// Partition is the part of AWS that the region belongs to: see PartitionOf.
func (s Scope) Partition() string { return PartitionOf(s.Region).Name }

// ARN names something in the account and region.
func (s Scope) ARN(service, name string) string {
	return strings.Join([]string{"arn", s.Partition(), service, s.Region, s.Account, name}, ":")
}

// GlobalARN names something in the account that is in no region.
func (s Scope) GlobalARN(service, name string) string {
	return strings.Join([]string{"arn", s.Partition(), service, "", s.Account, name}, ":")
}

// Names stands for the physical names of at most limit characters that Name and Rename give to what is in the stack and
// environment. Hashes, and components that come and go, make exact names a moving target; the prefix is not.
func (s Scope) Names(limit int) string {
	prefix := s.Stack + "-" + s.Environment + "-"
	if room := limit - hashLength - 1; len(prefix) > room {
		prefix = strings.TrimRight(prefix[:room], "-") + "-"
	}
	return prefix + "*"
}

// Made is the condition that a request tags what it makes as the stack's.
func (s Scope) Made() Condition { return s.tagged("aws:RequestTag/") }

// Tagged is the condition that what a request is about is tagged as the stack's.
func (s Scope) Tagged() Condition { return s.tagged("aws:ResourceTag/") }

func (s Scope) tagged(key string) Condition {
	return Condition{"StringEquals": {key + TagStack: {s.Stack}, key + TagEnvironment: {s.Environment}}}
}

// ServiceLinkedRole is what the first use of an AWS service in an account needs: AWS makes the service's own role in
// the name of the caller.
func (s Scope) ServiceLinkedRole(service string) Statement {
	return Statement{
		Actions: []string{"iam:CreateServiceLinkedRole"},
		On:      []string{s.GlobalARN("iam", "role/aws-service-role/"+service+"/*")},
		Why:     "once per account, AWS makes the role of the service itself in the name of the caller",
	}
}

// notAuthorized is how AWS words a refusal; the action that it names may have another name than the call.
var notAuthorized = regexp.MustCompile(`not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9]+)`)

// DeniedAdvice is what to do about a call that AWS refused: which action is missing, and where the policy that has it
// comes from.
func DeniedAdvice(operation, message string) string {
	return "Allow " + deniedAction(operation, message) + " to the credentials in use: `deployer iam policy` prints " +
		"all that the stack needs."
}

// deniedAction is the action that a refusal names, else the operation itself.
func deniedAction(operation, message string) string {
	if m := notAuthorized.FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return operation
}

// Actions returns the IAM actions that a type declares, sorted.
func (d *Definition) Actions() []string { return actionsOf(d.Permissions) }

// Actions returns the IAM actions that a lookup declares, sorted.
func (l Lookup) Actions() []string { return actionsOf(l.Permissions) }

func actionsOf(permissions func(Scope) []Statement) []string {
	var out []string
	if permissions != nil {
		for _, statement := range permissions(Scope{Account: "*", Region: "*"}) {
			out = append(out, statement.Actions...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
