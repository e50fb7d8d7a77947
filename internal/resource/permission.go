package resource

import (
	"regexp"
	"slices"
	"strings"

	"github.com/company/deployer/internal/value"
)

// Statement is one statement of an IAM policy: the actions that somebody needs, and on what. A resource type declares
// statements as narrow as AWS's service authorization reference allows.
type Statement struct {
	Actions []string // "sqs:CreateQueue"
	On      []string // ARNs, in which * stands for anything; nil: AWS allows nothing narrower than "*"
	When    Condition
	// Why explains an action that no call is named after, or one that only an unusual deployment needs. Empty for
	// actions that the usual life of the resource needs.
	Why string
	// Looks: credentials that only read need all of it, too, although no call of the type itself does.
	Looks bool
}

// Condition is the condition of a statement: operator, then key, then values.
type Condition map[string]map[string][]string

// Scope is the deployment that permissions are for. "*" stands for what is not known.
type Scope struct {
	Stack, Environment string
	Account, Region    string
	Props              value.Value // of the one resource that the permissions are for; Null: of any resource
}

// Partition is the part of AWS to which the region belongs: see PartitionOf.
func (s Scope) Partition() string { return PartitionOf(s.Region).Name }

// ARN is the ARN of an object in the account and region.
func (s Scope) ARN(service, name string) string {
	return strings.Join([]string{"arn", s.Partition(), service, s.Region, s.Account, name}, ":")
}

// GlobalARN is the ARN of an object in the account that is in no region.
func (s Scope) GlobalARN(service, name string) string {
	return strings.Join([]string{"arn", s.Partition(), service, "", s.Account, name}, ":")
}

// Names is a pattern for all physical names of at most limit characters that Name and Rename make in the stack and
// environment. Hashes and new or removed components change exact names; the prefix stays.
func (s Scope) Names(limit int) string {
	prefix := s.Stack + "-" + s.Environment + "-"
	if room := limit - hashLength - 1; len(prefix) > room {
		prefix = strings.TrimRight(prefix[:room], "-") + "-"
	}
	return prefix + "*"
}

// Made is the condition that a request gives the stack's tags to what it makes.
func (s Scope) Made() Condition { return s.tagged("aws:RequestTag/") }

// Tagged is the condition that the object of a request has the stack's tags.
func (s Scope) Tagged() Condition { return s.tagged("aws:ResourceTag/") }

func (s Scope) tagged(key string) Condition {
	return Condition{"StringEquals": {key + TagStack: {s.Stack}, key + TagEnvironment: {s.Environment}}}
}

// ServiceLinkedRole is what the first use of an AWS service in an account needs: AWS makes the service's own role with
// the caller's permissions.
func (s Scope) ServiceLinkedRole(service string) Statement {
	return Statement{
		Actions: []string{"iam:CreateServiceLinkedRole"},
		On:      []string{s.GlobalARN("iam", "role/aws-service-role/"+service+"/*")},
		Why:     "once per account, AWS makes the role of the service itself in the name of the caller",
	}
}

// notAuthorized is how AWS words a refusal. The action in it may have another name than the call.
var notAuthorized = regexp.MustCompile(`not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9]+)`)

// DeniedAdvice says what to do about a call that AWS refused: which action is missing, and how to get the policy that
// has it.
func DeniedAdvice(operation, message string) string {
	return "Allow " + deniedAction(operation, message) + " to the credentials in use: `deployer iam policy` prints " +
		"all that the stack needs."
}

// deniedAction is the action that a refusal names, or else the operation itself.
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
