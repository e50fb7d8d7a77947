// Package acm holds the properties and outputs of certificates in AWS Certificate Manager, and the lookup of those that
// are made elsewhere.
//
// In: what kinds want. Out: typed properties and outputs. It must not know the SDK or do I/O.
package acm

import "github.com/company/deployer/internal/value"

// LookupCertificate finds an issued certificate that somebody else has made.
const LookupCertificate = "acm/issued-certificate"

// CertificateLookup says which certificate: exactly one of Domain and ARN is set.
type CertificateLookup struct {
	// Domain is a host name. The newest issued certificate for exactly that name wins, then the newest wildcard
	// certificate that covers it. Certificates that a stack of deployer has requested are not found.
	Domain string `json:"domain,omitempty"`
	// Stack and Environment are those of the caller. If they have requested a certificate for Domain, the answer is
	// Missing, so that they keep it when another one appears.
	Stack       string `json:"stack,omitempty"`
	Environment string `json:"environment,omitempty"`
	// ARN is checked: the certificate must be issued, and in the region of the load balancer.
	ARN string `json:"arn,omitempty"`
	// Hosts are the names that the certificate of ARN should have. The answer lists the others.
	Hosts []string `json:"hosts,omitempty"`
}

// FoundCertificate is the answer of the lookup. Missing: there is none for Domain.
type FoundCertificate struct {
	ARN     string `json:"arn"`
	Domain  string `json:"domain"`
	Missing bool   `json:"missing"`
	// Uncovered are those of Hosts for which the certificate is not, as one text. Partial: there are some.
	Uncovered string `json:"uncovered"`
	Partial   bool   `json:"partial"`
}

// CertificateType is a certificate that ACM issues and renews as long as its DNS record is there.
const CertificateType = "acm/certificate"

// Certificate are the properties. Its ID is the ARN.
type Certificate struct {
	Domain string `json:"domain" required:"true" doc:"Host name; its first label may be *."`
	// The record stays, because ACM renews the certificate by it.
	ZoneID value.Of[string] `json:"zoneId,omitempty" unset:"somebody makes the record" doc:"Id of the public hosted zone for the record by which ACM validates the certificate."`
	Role   value.Of[string] `json:"role,omitempty" unset:"the credentials in use" doc:"ARN of a role that may change the zone."`

	Tags map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// CertificateOutputs are what AWS adds.
type CertificateOutputs struct {
	ARN string `json:"arn"`
	// RecordName and RecordValue are the CNAME record by which ACM validates the certificate.
	RecordName  string `json:"recordName"`
	RecordValue string `json:"recordValue"`
}
