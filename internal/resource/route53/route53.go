// Package route53 holds the properties and outputs of Route 53 records, and the lookup of the hosted zone of a host.
//
// In: what kinds want. Out: typed properties for value.Encode. It must not know the SDK or do I/O; the behaviour is in
// aws/route53.
package route53

import "github.com/company/deployer/internal/value"

// LookupZone finds the hosted zone in which the records of a host belong.
const LookupZone = "route53/zone"

// ZoneLookup says which zone.
type ZoneLookup struct {
	// Host is a host name; its first label may be *.
	Host string `json:"host"`
	// Private asks for a private zone of the VPC VPCID. Otherwise the zone is public.
	Private bool             `json:"private,omitempty"`
	VPCID   value.Of[string] `json:"vpcId,omitempty"`
	// Zone is the id or the name of the zone. Without it, the zone with the longest name that Host ends in is taken.
	Zone string `json:"zone,omitempty"`
	// Role is the ARN of a role that may see the zone; "": the credentials in use.
	Role value.Of[string] `json:"role,omitempty"`
}

// Zone is the answer. Without Zone in the question, there may be no such zone: then Missing is true.
type Zone struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Found   bool   `json:"found"`
	Missing bool   `json:"missing"`
}

// RecordType is a name in a hosted zone, with one or more types of records that say the same.
const RecordType = "route53/record"

// Record are the properties. Its ID is "<zone id>/<name>". AWS has no tags for records.
type Record struct {
	ZoneID value.Of[string] `json:"zoneId" required:"true" doc:"Id of the hosted zone."`
	Name   string           `json:"name" required:"true" doc:"Full name; its first label may be *."`
	Types  []string         `json:"types" required:"true" min:"1" unique:"true" enum:"A,AAAA,CAA,CNAME,MX,TXT" doc:"Types of the records, such as [A, AAAA]."`
	Alias  *Alias           `json:"alias,omitempty" doc:"The AWS object whose addresses are answered."`
	TTL    int              `json:"ttl,omitempty" min:"0" max:"2147483647" unset:"300 without alias" doc:"Seconds that resolvers may remember the answer."`
	Values []string         `json:"values,omitempty" doc:"The answers, without alias. Their order means nothing."`
	Role   value.Of[string] `json:"role,omitempty" unset:"the credentials in use" doc:"ARN of a role that may change the zone."`
}

// Alias is the target of an alias record.
type Alias struct {
	DNSName value.Of[string] `json:"dnsName" required:"true" doc:"DNS name of the target."`
	ZoneID  value.Of[string] `json:"zoneId" required:"true" doc:"Id of the target's own hosted zone."`
}

// RecordOutputs are what AWS adds.
type RecordOutputs struct {
	ID string `json:"id"`
}
