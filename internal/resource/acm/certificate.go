// Package acm holds the lookup of certificates in AWS Certificate Manager: they are made and validated elsewhere.
//
// In: what kinds want to know. Out: typed properties and outputs. It knows no SDK and does no I/O.
package acm

// LookupCertificate finds an issued certificate.
const LookupCertificate = "acm/certificate"

// Certificate says which certificate: exactly one of its fields is set.
type Certificate struct {
	// Domain is a host name. The newest issued certificate for exactly that name wins, then the newest wildcard
	// certificate that covers it.
	Domain string `json:"domain,omitempty"`
	// ARN is checked: the certificate must be issued, and in the region of the load balancer.
	ARN string `json:"arn,omitempty"`
}

// CertificateOutputs are the answer of the lookup.
type CertificateOutputs struct {
	ARN    string `json:"arn"`
	Domain string `json:"domain"`
}
