// Package acm holds the lookup of certificates in AWS Certificate Manager: they are made and validated elsewhere.
//
// In: what kinds want to know. Out: typed properties and outputs. It knows no SDK and does no I/O.
package acm

// LookupCertificate finds an issued certificate.
const LookupCertificate = "acm/certificate"

// Certificate says which certificate: exactly one of its fields is set.
type Certificate struct {
	// Domain is a host name; the newest issued certificate for exactly that name wins, then the newest wildcard that
	// covers it.
	Domain string `json:"domain,omitempty"`
	// ARN is verified: it must be of the region of the load balancer, and issued.
	ARN string `json:"arn,omitempty"`
}

// CertificateOutputs are what the lookup answers.
type CertificateOutputs struct {
	ARN    string `json:"arn"`
	Domain string `json:"domain"`
}
