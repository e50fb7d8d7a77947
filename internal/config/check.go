package config

import (
	"fmt"
	"strings"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/resource/s3"
	"github.com/company/deployer/internal/value"
)

func problem(layer Layer, p value.Problem) *diag.Diagnostic {
	path := strings.Join(p.Path, ".")
	d := diag.New(diag.Invalid, "Invalid configuration", "", "")
	if p.Kind == value.UnknownKey {
		d.Summary = "Unknown key"
	}
	d.Next = diag.DidYouMean(p.Path[max(len(p.Path)-1, 0)], p.Allowed)
	if layer.Locate != nil {
		position, excerpt := layer.Locate(p.Path)
		d.Detail, d.Excerpt = fmt.Sprintf("%s: %s.", path, p.Message), excerpt
		return d.At(position)
	}
	d.Detail = fmt.Sprintf("%s, from %s: %s.", path, strings.TrimPrefix(layer.origin(p.Path), "from "), p.Message)
	return d
}

// Unfit says why a text cannot be the setting at path, and what would be valid; "" when the text is valid.
func Unfit(path, text string) (why, next string) {
	switch {
	case path == "":
		return "", ""
	case text == "":
		return "it must not be empty", ""
	}
	var into Settings
	if problems := value.Decode(set(value.NewMap(nil), strings.Split(path, "."), value.NewLoose(text)),
		&into); len(problems) > 0 {
		return problems[0].Message, ""
	}
	if path == "backend.bucket" {
		if why := s3.UnfitName(text); why != "" {
			return fmt.Sprintf("%q cannot be an S3 bucket: %s", text, why),
				"Give the name of a bucket that exists or can be created."
		}
	}
	return "", ""
}

// tableFlag names a table for one command: with locks in the bucket it is a mistake. A table in a file may be for other
// stacks.
const tableFlag = "--lock-table"

// check finds what types cannot express. It leaves out problems that follow from others that were reported before.
func check(s Settings, tree value.Value, origins map[string]Layer, wrong map[string]bool) []*diag.Diagnostic {
	var out []*diag.Diagnostic
	where := wrong["backend.bucket"] || wrong["backend.type"] || wrong["locks.table"] || wrong["locks.type"]
	suggest := func(path, message, next string) {
		if wrong[path] {
			return // reported already
		}
		d := problem(origins[path], value.Problem{Path: strings.Split(path, "."), Message: message})
		if next != "" {
			d.Next = next
		}
		out = append(out, d)
	}
	add := func(path, message string) { suggest(path, message, "") }
	tree.Walk(func(path []string, node value.Value) {
		name := strings.Join(path, ".")
		// A setting derived from another one is wrong there.
		if text := node.Str(); text != "" && !strings.HasPrefix(origins[name].Origin, "from ") {
			if why, next := Unfit(name, text); why != "" {
				suggest(name, why, next)
			}
		}
	})
	if s.Locks.TTL < 10*s.Locks.Heartbeat {
		add("locks.ttl", fmt.Sprintf("must be at least ten heartbeats (%d seconds), but is %d", 10*s.Locks.Heartbeat,
			s.Locks.TTL))
	}
	if where {
		return out // it is unknown where state or locks are: their combination cannot be checked
	}
	if s.Backend.Type == "s3" && s.Backend.Bucket == "" {
		add("backend.type", "a backend of type s3 needs backend.bucket")
	}
	if s.Backend.Type == "s3" && s.Locks.Type == "" {
		out = append(out, diag.New(diag.Invalid, "State without a lock",
			"State is kept in the bucket "+s.Backend.Bucket+", but no locks are configured: two runs at once "+
				"would overwrite each other.",
			"Set locks.table (or --lock-table) to a DynamoDB table (`deployer backend create` creates one), set "+
				"locks.type: s3 to keep the locks in the bucket, or set locks.type: local if only this machine ever "+
				"deploys."))
	}
	if s.Locks.Type == "dynamodb" && s.Locks.Table == "" {
		add("locks.type", "locks of type dynamodb need locks.table")
	}
	if s.Locks.Type == "s3" && origins["locks.table"].origin([]string{"locks", "table"}) == tableFlag {
		add("locks.table", "locks of type s3 are in the bucket: no table is used")
	}
	if elsewhere := map[string]string{"dynamodb": "DynamoDB", "s3": "S3"}[s.Locks.Type]; s.Backend.Type == "local" &&
		elsewhere != "" {
		add("locks.type", "local state cannot be locked in "+elsewhere+
			": configure a bucket too, or set locks.type: local")
	}
	return out
}
