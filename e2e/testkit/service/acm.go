package service

import (
	"encoding/json"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/proxy"
)

var _ = register(Service{
	Name: "acm", NameBy: []string{"DomainName", "CertificateArn"},
	Fix:    summarizeCertificates,
	Access: access.Rules{Requests: func(b *access.Builder) { b.On(access.First(b.Text("CertificateArn"), "*")) }},
})

// summaryNames is how many names of a certificate ListCertificates shows.
const summaryNames = 100

// summarizeCertificates lets ListCertificates show the names of a certificate as AWS does: the first hundred, and
// whether there are more. The emulator shows the names of DescribeCertificate, in another field.
func summarizeCertificates(p *proxy.Proxy) {
	p.Handle("acm", "ListCertificates", func(c *proxy.Call) *proxy.Response {
		answer, err := c.Forward()
		if err != nil {
			return c.Failed(err)
		}
		var list struct {
			NextToken              *string          `json:",omitempty"`
			CertificateSummaryList []map[string]any `json:",omitempty"`
		}
		if answer.Status != 200 || json.Unmarshal(answer.Body, &list) != nil {
			return answer
		}
		for _, certificate := range list.CertificateSummaryList {
			names, _ := certificate["SubjectAlternativeNames"].([]any)
			delete(certificate, "SubjectAlternativeNames")
			certificate["HasAdditionalSubjectAlternativeNames"] = len(names) > summaryNames
			certificate["SubjectAlternativeNameSummaries"] = names[:min(len(names), summaryNames)]
		}
		return proxy.JSONResponse(list)
	})
}
