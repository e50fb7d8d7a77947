package service

import (
	"encoding/json"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/acm"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/proxy"
)

var _ = register(Service{
	Name: "acm", NameBy: []string{"DomainName", "CertificateArn"},
	Fix: func(p *proxy.Proxy) {
		summarizeCertificates(p)
		validateByDNS(p)
	},
	Inventory: inventory.Source{List: listCertificates},
	Access: access.Rules{
		Requests: func(b *access.Builder) {
			b.On(access.First(b.Text("CertificateArn"), "*"))
			if b.Call.Operation == "RequestCertificate" {
				b.Tagging("acm:AddTagsToCertificate", b.ARN("certificate/new"))
			}
		},
		Tags: map[string]func(c *proxy.Call, arn, id string) map[string]string{"certificate": certificateTags},
	},
	Types: map[string]ByHand{"acm/certificate": {Untried: "a load balancer uses it, and AWS does not delete it then"}},
})

func certificateTags(c *proxy.Call, arn, _ string) map[string]string {
	var out struct{ Tags []struct{ Key, Value string } }
	if c.JSON(
		"acm",
		"CertificateManager.ListTagsForCertificate",
		map[string]string{"CertificateArn": arn},
		&out,
	) != nil {
		return nil
	}
	tags := map[string]string{}
	for _, tag := range out.Tags {
		tags[tag.Key] = tag.Value
	}
	return tags
}

func listCertificates(l *inventory.Lister) error {
	found, err := acm.NewFromConfig(l.Config).ListCertificates(l, &acm.ListCertificatesInput{})
	if err != nil {
		return err
	}
	for _, certificate := range found.CertificateSummaryList {
		if err := l.Add("certificate", *certificate.DomainName, certificate.Type, certificate.Status); err != nil {
			return err
		}
	}
	return nil
}

// validateByDNS issues a certificate when its DNS record is there, and shows that record only from the second look on,
// as AWS does some seconds after the request. The emulator issues it after a minute, whatever the records are.
func validateByDNS(p *proxy.Proxy) {
	seen := &looks{count: map[string]int{}}
	// The emulator fails when a token names a certificate that was deleted.
	p.Handle("acm", "RequestCertificate", func(c *proxy.Call) *proxy.Response {
		answer, err := c.Forward()
		if err != nil {
			return c.Failed(err)
		}
		var asked map[string]any
		if answer.Status < 500 || c.Bind(&asked) != nil {
			return answer
		}
		delete(asked, "IdempotencyToken")
		body, err := json.Marshal(asked)
		if err != nil {
			return c.Failed(err)
		}
		if answer, err = c.ForwardBody(body); err != nil {
			return c.Failed(err)
		}
		return answer
	})
	p.Handle("acm", "DescribeCertificate", func(c *proxy.Call) *proxy.Response {
		answer, err := c.Forward()
		if err != nil {
			return c.Failed(err)
		}
		var out struct{ Certificate map[string]any }
		if answer.Status != 200 || json.Unmarshal(answer.Body, &out) != nil {
			return answer
		}
		arn, _ := out.Certificate["CertificateArn"].(string)
		if out.Certificate["Type"] != "AMAZON_ISSUED" {
			return answer
		}
		judge(c, out.Certificate)
		if seen.first(arn) {
			options, _ := out.Certificate["DomainValidationOptions"].([]any)
			for _, option := range options {
				delete(option.(map[string]any), "ResourceRecord")
			}
		}
		return proxy.JSONResponse(out)
	})
}

// looks counts how often an object was looked at.
type looks struct {
	mu    sync.Mutex
	count map[string]int
}

func (l *looks) first(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count[id]++
	return l.count[id] == 1
}

// judge says whether a certificate is validated.
func judge(c *proxy.Call, certificate map[string]any) {
	status, domain := "ISSUED", "SUCCESS"
	options, _ := certificate["DomainValidationOptions"].([]any)
	for _, option := range options {
		record, _ := option.(map[string]any)["ResourceRecord"].(map[string]any)
		name, _ := record["Name"].(string)
		value, _ := record["Value"].(string)
		if !hasRecord(c, name, value) {
			status, domain = "PENDING_VALIDATION", "PENDING_VALIDATION"
		}
	}
	for _, option := range options {
		option.(map[string]any)["ValidationStatus"] = domain
	}
	certificate["Status"] = status
	if status != "ISSUED" {
		delete(certificate, "IssuedAt")
	}
}

// summaryNames is how many names of a certificate ListCertificates shows.
const summaryNames = 100

// summarizeCertificates lets ListCertificates show the names of a certificate as AWS does: the first hundred, and
// whether there are more. The emulator shows the names of DescribeCertificate, in another field.
func summarizeCertificates(p *proxy.Proxy) {
	p.Handle("acm", "ListCertificates", func(c *proxy.Call) *proxy.Response {
		var asked map[string]any
		if err := c.Bind(&asked); err != nil {
			return c.Failed(err)
		}
		statuses, _ := asked["CertificateStatuses"].([]any)
		delete(asked, "CertificateStatuses") // the emulator has its own idea of them
		body, err := json.Marshal(asked)
		if err != nil {
			return c.Failed(err)
		}
		answer, err := c.ForwardBody(body)
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
		list.CertificateSummaryList = slices.DeleteFunc(list.CertificateSummaryList, func(s map[string]any) bool {
			if s["Type"] == "AMAZON_ISSUED" {
				var full struct{ Certificate map[string]any }
				in := map[string]any{"CertificateArn": s["CertificateArn"]}
				if c.JSON("acm", "CertificateManager.DescribeCertificate", in, &full) == nil {
					judge(c, full.Certificate)
					s["Status"] = full.Certificate["Status"]
				}
			}
			return len(statuses) > 0 && !slices.Contains(statuses, s["Status"])
		})
		for _, certificate := range list.CertificateSummaryList {
			names, _ := certificate["SubjectAlternativeNames"].([]any)
			delete(certificate, "SubjectAlternativeNames")
			certificate["HasAdditionalSubjectAlternativeNames"] = len(names) > summaryNames
			certificate["SubjectAlternativeNameSummaries"] = names[:min(len(names), summaryNames)]
		}
		return proxy.JSONResponse(list)
	})
}
