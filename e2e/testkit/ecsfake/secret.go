package ecsfake

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/company/deployer/e2e/testkit/proxy"
)

const secretsPrefix = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource " +
	"retrieval failed: "

// missingSecret asks the emulator for every secret of the task definition, as the Fargate agent does before it starts a
// task. It returns the container and the stopped reason of the first secret that cannot be read.
func missingSecret(c *call, def *taskDefinition) (container, reason string) {
	for _, cd := range def.ContainerDefinitions {
		for _, s := range cd.Secrets {
			var err error
			if strings.Contains(s.ValueFrom, ":secretsmanager:") {
				err = fetchSecret(c, s.ValueFrom)
			} else {
				err = fetchParameter(c, s.ValueFrom)
			}
			if err != nil {
				return cd.Name, secretsPrefix + err.Error()
			}
		}
	}
	return "", ""
}

// fetchSecret reads arn:…:secret:name-suffix[:json-key:stage:version].
func fetchSecret(c *call, valueFrom string) error {
	parts := strings.Split(valueFrom, ":")
	arn := strings.Join(parts[:min(len(parts), 7)], ":")
	var out struct{ SecretString string }
	err := c.JSON("secretsmanager", "secretsmanager.GetSecretValue", map[string]string{"SecretId": arn}, &out)
	if err != nil {
		return fmt.Errorf("unable to retrieve secret from asm: service call has been retried 1 time(s): failed to "+
			"fetch secret %s from secrets manager: %s", arn, cause(err))
	}
	if len(parts) <= 7 || parts[7] == "" {
		return nil
	}
	var members map[string]any
	if json.Unmarshal([]byte(out.SecretString), &members) != nil || members[parts[7]] == nil {
		return fmt.Errorf("unable to retrieve secret from asm: service call has been retried 1 time(s): retrieved "+
			"secret from Secrets Manager did not contain json key %s", parts[7])
	}
	return nil
}

// fetchParameter reads a parameter by name or ARN.
func fetchParameter(c *call, valueFrom string) error {
	name := valueFrom
	if i := strings.Index(valueFrom, ":parameter/"); i >= 0 {
		name = valueFrom[i+len(":parameter"):]
	}
	err := c.JSON("ssm", "AmazonSSM.GetParameter", map[string]any{"Name": name, "WithDecryption": true}, nil)
	var missing *proxy.APIError
	if errors.As(err, &missing) && missing.Code == "ParameterNotFound" && !strings.HasPrefix(valueFrom, "/") {
		// The ARN of a name without a slash has the same form.
		err = c.JSON("ssm", "AmazonSSM.GetParameter",
			map[string]any{"Name": strings.TrimPrefix(name, "/"), "WithDecryption": true}, nil)
	}
	if err != nil {
		return fmt.Errorf("unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid "+
			"parameters: %s", name)
	}
	return nil
}

func cause(err error) string {
	var refused *proxy.APIError
	if errors.As(err, &refused) {
		return refused.Code + ": " + refused.Message
	}
	return err.Error()
}
