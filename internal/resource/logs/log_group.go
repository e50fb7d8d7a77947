// Package logs holds the typed properties of Amazon CloudWatch Logs resources.
//
// In: literals and references of kinds. Out: structs for value.Encode. It is data only and must not know the SDK: the
// behaviour is in aws/logs.
package logs

import (
	"strings"

	"github.com/company/deployer/internal/value"
)

// LogGroupType is the type of a log group.
const LogGroupType = "logs/log-group"

// Name returns the name of the log group of a stack's component.
func Name(stack, environment string, component ...string) string {
	return "/deployer/" + strings.Join(append([]string{stack, environment}, component...), "/")
}

// LogGroup is a log group. A delete also deletes its logs. It still does not count as data that needs protection: logs
// are kept for a limited time. If every removal of a service had to allow data loss, people would learn to allow
// everything.
type LogGroup struct {
	Name          string            `json:"name" required:"true" doc:"Name of the log group, 1 to 512 characters."`
	RetentionDays int               `json:"retentionDays,omitempty" unset:"for good" doc:"Days that events are kept, one of the numbers that AWS offers."`
	KMSKey        value.Of[string]  `json:"kmsKey,omitempty" unset:"a key of AWS's own" doc:"ARN of the key that encrypts what is logged from now on."`
	Tags          map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// LogGroupOutputs is what AWS adds to a log group.
type LogGroupOutputs struct {
	Name string `json:"name"`
	// ARN has no ":*" at its end, which some policies want.
	ARN string `json:"arn"`
}
