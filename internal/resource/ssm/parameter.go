// Package ssm holds the lookup of parameters in the Systems Manager Parameter Store: they are made elsewhere, and only
// the task that needs a parameter reads its value.
//
// In: what kinds want to know. Out: typed properties and outputs. It must not know the SDK or do I/O.
package ssm

// LookupParameter finds a parameter's metadata, never its value.
const LookupParameter = "ssm/parameter"

// Parameter says which parameter.
type Parameter struct {
	// Name is a name, a path such as /shop/key, or an ARN.
	Name string `json:"name" required:"true"`
}

// ParameterOutputs are the answer of the lookup.
type ParameterOutputs struct {
	ARN  string `json:"arn"`
	Name string `json:"name"`
	// ParameterType is String, StringList or SecureString.
	ParameterType string `json:"parameterType"`
	// KMSKeyID is the id, alias or ARN of the key that encrypts a SecureString; "" for other types.
	KMSKeyID string `json:"kmsKeyId"`
}
