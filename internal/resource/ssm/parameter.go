// Package ssm holds the lookup of parameters in the Systems Manager Parameter Store: they are made elsewhere, and their
// values are read by nobody but the task that needs them.
//
// In: what kinds want to know. Out: typed properties and outputs. It knows no SDK and does no I/O.
package ssm

// LookupParameter finds a parameter's metadata, never its value.
const LookupParameter = "ssm/parameter"

// Parameter says which parameter.
type Parameter struct {
	// Name is a name, a path such as /shop/key, or an ARN.
	Name string `json:"name" required:"true"`
}

// ParameterOutputs are what the lookup answers.
type ParameterOutputs struct {
	ARN  string `json:"arn"`
	Name string `json:"name"`
	// ParameterType is String, StringList or SecureString.
	ParameterType string `json:"parameterType"`
	// KMSKeyID is the id, alias or ARN of the key that encrypts a SecureString; "" with other types.
	KMSKeyID string `json:"kmsKeyId"`
}
