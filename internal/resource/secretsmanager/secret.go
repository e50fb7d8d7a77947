// Package secretsmanager holds the lookup of secrets: they are made elsewhere, and their values are read by nobody but
// the task that needs them.
//
// In: what kinds want to know. Out: typed properties and outputs. It knows no SDK and does no I/O.
package secretsmanager

// LookupSecret finds a secret's metadata, never its value.
const LookupSecret = "secretsmanager/secret"

// Secret says which secret.
type Secret struct {
	// ID is a name or an ARN, complete or without the six random characters at its end.
	ID string `json:"id" required:"true"`
}

// SecretOutputs are what the lookup answers.
type SecretOutputs struct {
	// ARN is complete, as IAM policies and task definitions want it.
	ARN  string `json:"arn"`
	Name string `json:"name"`
	// KMSKeyID is the id, alias or ARN of the customer's key that encrypts it; "" with AWS's own key, which needs no
	// grant.
	KMSKeyID string `json:"kmsKeyId"`
}
