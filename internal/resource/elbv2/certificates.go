package elbv2

import "github.com/company/deployer/internal/value"

// ListenerCertificatesType is the certificate list of an HTTPS listener as far as it is ours, as one set; which one a
// client gets is decided by the host name that it asks for (SNI). The listener's default may be in it, too: AWS then
// keeps it when another becomes the default. It is one set because several hosts may turn out to have the same
// certificate: one entry per ARN, whoever wants it, and gone only with the last.
const ListenerCertificatesType = "elbv2/listener-certificates"

// ListenerCertificates are the properties of the set. Its ID is the listener's ARN. It cannot carry tags; certificates
// that others added to the listener are left alone.
type ListenerCertificates struct {
	ListenerARN value.Of[string] `json:"listenerArn" required:"true"`
	// CertificateARNs may repeat themselves; their order means nothing. It changes in place, new ones first.
	CertificateARNs value.Of[[]string] `json:"certificateArns" required:"true"`
}

// ListenerCertificatesOutputs is empty: AWS adds nothing.
type ListenerCertificatesOutputs struct{}
