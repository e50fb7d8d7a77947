// Package secretsmanager holds the lookup of secrets: they are made elsewhere, and only the task that needs a secret
// reads its value.
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

// SecretOutputs are the answer of the lookup.
type SecretOutputs struct {
	// ARN is the complete ARN, as IAM policies and task definitions need it.
	ARN  string `json:"arn"`
	Name string `json:"name"`
	// KMSKeyID is the id, alias or ARN of the customer's key that encrypts the secret; "" for AWS's own key, which
	// needs no grant.
	KMSKeyID string `json:"kmsKeyId"`
}
