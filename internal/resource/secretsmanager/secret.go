// Package secretsmanager holds the lookup of secrets that are made elsewhere, and passwords that AWS makes for a
// component. Only the service and the task that need a value read it.
//
// In: what kinds want to know. Out: typed properties and outputs. It must not know the SDK or do I/O.
package secretsmanager

// LookupSecret finds a secret's metadata, never its value.
const LookupSecret = "secretsmanager/secret"

// Secret says which secret.
type Secret struct {
	// ID is a name or an ARN, complete or without the six random characters at its end.
	ID string `json:"id" required:"true"`
}

// SecretOutputs are the answer of the lookup.
type SecretOutputs struct {
	// ARN is the complete ARN, as IAM policies and task definitions need it.
	ARN  string `json:"arn"`
	Name string `json:"name"`
	// KMSKeyID is the id, alias or ARN of the customer's key that encrypts the secret; "" for AWS's own key, which
	// needs no grant.
	KMSKeyID string `json:"kmsKeyId"`
}

// PasswordType is the type of a secret that holds a password. AWS makes the password; no state has it.
const PasswordType = "secretsmanager/password"

// Password is a secret with the JSON keys username and password.
type Password struct {
	Name        string            `json:"name" required:"true" doc:"Name of the secret, 1 to 256 letters, digits and hyphens."`
	Description string            `json:"description" required:"true" doc:"What the password is for."`
	Username    string            `json:"username,omitempty" doc:"The key username of the secret."`
	Generation  int               `json:"generation,omitempty" unset:"0" doc:"Another number makes a new password."`
	Tags        map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// PasswordOutputs is what AWS adds to a password.
type PasswordOutputs struct {
	ARN     string `json:"arn"`
	Version string `json:"version"` // of the value
}
