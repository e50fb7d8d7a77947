// Package logs holds the typed properties of Amazon CloudWatch Logs resources.
//
// In: literals and references of kinds. Out: structs for value.Encode. Data only; the behaviour is in aws/logs.
package logs

import (
	"strings"

	"github.com/company/deployer/internal/value"
)

// LogGroupType is the type of a log group.
const LogGroupType = "logs/log-group"

// Name is the name of the log group of one of a stack's components.
func Name(stack, environment string, component ...string) string {
	return "/deployer/" + strings.Join(append([]string{stack, environment}, component...), "/")
}

// LogGroup is a log group. Deleting it deletes what was logged. It still does not count as data that needs protection:
// logs are kept for a time, not for good, and a group that every removal of a service had to be allowed for would train
// people to allow everything.
type LogGroup struct {
	Name          string            `json:"name" required:"true" doc:"Name of the log group, 1 to 512 characters."`
	RetentionDays int               `json:"retentionDays,omitempty" unset:"for good" doc:"Days that events are kept, one of the numbers that AWS offers."`
	KMSKey        value.Of[string]  `json:"kmsKey,omitempty" unset:"a key of AWS's own" doc:"ARN of the key that encrypts what is logged from now on."`
	Tags          map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// LogGroupOutputs is what AWS adds to a log group.
type LogGroupOutputs struct {
	Name string `json:"name"`
	// ARN is without the ":*" that some policies want at its end.
	ARN string `json:"arn"`
}
