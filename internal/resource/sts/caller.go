// Package sts holds the lookup of our own identity.
//
// In: nothing. Out: structs for value.Encode. It is data only and must not know the SDK: the behaviour is in aws/sts.
package sts

// CallerLookupType is the type of the lookup of our own identity. It takes no properties.
const CallerLookupType = "sts/caller"

// CallerLookup asks for our own identity.
type CallerLookup struct{}

// Caller answers a CallerLookup.
type Caller struct {
	Account   string `json:"account"`   // 12 digits
	Partition string `json:"partition"` // aws, aws-cn, aws-us-gov
	Region    string `json:"region"`
	ARN       string `json:"arn"` // of the user or the assumed role
}
