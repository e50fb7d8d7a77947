package container

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/value"
)

// secret is one entry of `secrets`, taken apart.
type secret struct {
	arn    value.Value
	key    string // of a JSON secret; "" is all of it
	action string // the IAM action that reads it
}

const (
	readSecret    = "secretsmanager:GetSecretValue"
	readParameter = "ssm:GetParameters"
	maxLevels     = 15 // of the path of an SSM parameter
)

var (
	secretARN = regexp.MustCompile(
		`^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+$`)
	parameterARN  = regexp.MustCompile(`^arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter/[A-Za-z0-9_.\-/]+$`)
	parameterPath = regexp.MustCompile(`^[A-Za-z0-9_.\-/]+$`)
	secretKey     = regexp.MustCompile(`^[^:#\s]+$`)
)

// parseSecret takes an entry of `secrets` apart. An unknown value is treated as the ARN of a secret in Secrets Manager.
func parseSecret(in component.Instance, v value.Value) (secret, error) {
	v, key, hasKey := cutKey(v)
	if hasKey && !secretKey.MatchString(key) {
		return secret{}, fmt.Errorf("%q after # is not the key of a JSON secret", key)
	}
	text := v.Str()
	switch {
	case !v.Known(), secretARN.MatchString(text):
		return secret{arn: v, key: key, action: readSecret}, nil
	case hasKey && (strings.HasPrefix(text, "ssm:") || parameterARN.MatchString(text)):
		return secret{}, fmt.Errorf("#%s selects a key of a JSON secret in Secrets Manager; ECS cannot select one of "+
			"an SSM parameter", key)
	case parameterARN.MatchString(text):
		_, path, _ := strings.Cut(text, ":parameter")
		if strings.Count(path, "/") == 1 {
			path = path[1:] // the ARN of a parameter without a path has a slash, too
		}
		if err := checkParameter(text, path); err != nil {
			return secret{}, err
		}
		return secret{arn: v, action: readParameter}, nil
	case strings.HasPrefix(text, "ssm:"):
		path := strings.TrimPrefix(text, "ssm:")
		if err := checkParameter(text, path); err != nil {
			return secret{}, err
		}
		return secret{
			arn:    value.NewString(in.ARN("ssm", "parameter/"+strings.TrimPrefix(path, "/"))),
			action: readParameter,
		}, nil
	}
	return secret{}, fmt.Errorf("%q is not a secret: write the ARN of a Secrets Manager secret, ssm:/path of a "+
		"parameter, or a reference such as ${database.secretArn}; #key at its end selects a key of a JSON secret", text)
}

// checkParameter says why a path is not the name of an SSM parameter; text is what the user wrote. Paths below /aws/
// are AWS's own: users cannot create them, but can read them.
func checkParameter(text, path string) error {
	var fault string
	switch {
	case !parameterPath.MatchString(path):
		fault = "it has letters, digits, _, ., - and / only"
	case strings.Contains(path, "//"):
		fault = "it has two slashes in a row"
	case strings.HasSuffix(path, "/"):
		fault = "it ends in a slash"
	case !strings.HasPrefix(path, "/") && strings.Contains(path, "/"):
		fault = "a name with levels must begin with a slash"
	case strings.Count(path, "/") > maxLevels:
		fault = fmt.Sprintf("it has %d levels, and SSM allows %d", strings.Count(path, "/"), maxLevels)
	default:
		return nil
	}
	return fmt.Errorf("%q is not the name of an SSM parameter, such as ssm:/shop/production/api-key: %s", text, fault)
}

// cutKey cuts the part behind # off, also when the part before it is not known yet.
func cutKey(v value.Value) (rest value.Value, key string, found bool) {
	if v.Kind() == value.String {
		text, key, found := strings.Cut(v.Str(), "#")
		return value.NewString(text), key, found
	}
	if v.Kind() != value.Deferred {
		return v, "", false
	}
	e := *v.Expression()
	switch e.Op {
	case value.OpTemplate:
		// The literal tail of a template is the text after its last interpolation.
		end := strings.LastIndexByte(e.Source, '}') + 1
		tail, key, found := strings.Cut(e.Source[end:], "#")
		if found && tail == "" {
			e.Source = e.Source[:end]
			return value.NewDeferred(e), key, true
		}
	case value.OpConcat:
		if n := len(e.Args); n > 0 && e.Args[n-1].Kind() == value.String {
			tail, key, found := strings.Cut(e.Args[n-1].Str(), "#")
			if found {
				args := append([]any{}, anys(e.Args[:n-1])...)
				if tail != "" {
					args = append(args, tail)
				}
				return value.Concat(args...), key, true
			}
		}
	}
	return v, "", false
}

func anys(values []value.Value) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}
