package elbv2

import "github.com/company/deployer/internal/value"

// ListenerCertificatesType is our part of an HTTPS listener's certificate list, as one set. A client gets the
// certificate for the host name that it asks for (SNI). The set may contain the listener's default certificate: AWS
// then keeps it when another one becomes the default. It is one set because several hosts may share a certificate: the
// set has one entry per ARN, and the entry is removed with its last host.
const ListenerCertificatesType = "elbv2/listener-certificates"

// ListenerCertificates are the properties of the set. Its ID is the listener's ARN. It cannot carry tags. Certificates
// that others added to the listener stay.
type ListenerCertificates struct {
	ListenerARN value.Of[string] `json:"listenerArn" required:"true" doc:"ARN of the listener."`
	// CertificateARNs may repeat themselves; their order means nothing. Updates in place add first, then remove.
	CertificateARNs value.Of[[]string] `json:"certificateArns" required:"true" doc:"ARNs of the certificates; their order means nothing."`
}

// ListenerCertificatesOutputs is empty: AWS adds nothing.
type ListenerCertificatesOutputs struct{}
