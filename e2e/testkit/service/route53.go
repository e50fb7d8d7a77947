package service

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/proxy"
)

var _ = register(Service{
	Name: "route53", ID: "Route 53",
	Fix:       guardRecords,
	Inventory: inventory.Source{List: listRecords},
	Access:    access.Rules{Requests: recordAccess},
	Types:     map[string]ByHand{"route53/record": {Untried: "a record has no tags, and a test of its own"}},
})

// listRecords leaves out the records that each zone has of its own, and zones of Cloud Map.
func listRecords(l *inventory.Lister) error {
	client := route53.NewFromConfig(l.Config)
	zones, err := client.ListHostedZones(l, &route53.ListHostedZonesInput{})
	if err != nil {
		return err
	}
	for _, zone := range zones.HostedZones {
		found, err := client.ListResourceRecordSets(l, &route53.ListResourceRecordSetsInput{HostedZoneId: zone.Id})
		if err != nil {
			return err
		}
		for _, set := range found.ResourceRecordSets {
			if set.Type == types.RRTypeNs || set.Type == types.RRTypeSoa {
				continue
			}
			if err := l.Add("record", *set.Name+" "+string(set.Type), set); err != nil {
				return err
			}
		}
	}
	return nil
}

// recordAccess is what IAM checks. Route 53 is global: its ARNs have no region and no account.
func recordAccess(b *access.Builder) {
	zone := "arn:aws:route53:::hostedzone/" + b.Call.Resource
	switch b.Call.Operation {
	case "ChangeResourceRecordSets":
		var names []string
		for _, m := range recordName.FindAllSubmatch(b.Call.Body, -1) {
			name := strings.ToLower(strings.TrimSuffix(string(m[1]), "."))
			names = append(names, strings.ReplaceAll(name, "*", `\052`))
		}
		b.Context("route53:ChangeResourceRecordSetsNormalizedRecordNames", names...)
		b.On(zone)
	case "ListResourceRecordSets", "GetHostedZone":
		b.On(zone)
	case "GetChange":
		b.On("arn:aws:route53:::change/" + b.Call.Resource)
	case "ListHostedZonesByVPC":
		b.Ask("ec2:DescribeVpcs", "*")
		b.On("*")
	default:
		b.On("*")
	}
}

var recordName = regexp.MustCompile("<Name>([^<]*)</Name>")

// changes are the batches under way: by id, how often the answer is still PENDING.
type changes struct {
	mu     sync.Mutex
	serial int
	left   map[string]int
}

// pendingAnswers is how often GetChange says PENDING about a batch.
const pendingAnswers = 1

// guardRecords makes Route 53 judge a batch of changes as a whole, as AWS does, and takes some time to spread it. The
// emulator creates a record that exists, and deletes one that says something else.
func guardRecords(p *proxy.Proxy) {
	under := &changes{left: map[string]int{}}
	p.Handle("route53", "ChangeResourceRecordSets", func(c *proxy.Call) *proxy.Response {
		var in struct {
			Changes []recordChange `xml:"ChangeBatch>Changes>Change"`
		}
		if err := xml.Unmarshal(c.Body, &in); err != nil {
			return c.Failure(http.StatusBadRequest, "InvalidInput", err.Error())
		}
		there, name, answer := zoneRecords(c, c.Resource)
		if answer != nil {
			return answer
		}
		var problems []string
		for _, change := range in.Changes {
			there, problems = change.judge(there, name, problems)
		}
		if len(problems) > 0 {
			return c.Failure(http.StatusBadRequest, "InvalidChangeBatch", "["+strings.Join(problems, ", ")+"]")
		}
		// What was judged is sure to fit, and the emulator's own checks know only its journal.
		body := strings.NewReplacer("<Action>CREATE</Action>", "<Action>UPSERT</Action>").Replace(string(c.Body))
		made, err := c.ForwardBody([]byte(body))
		if err != nil {
			return c.Failed(err)
		}
		if made.Status != http.StatusOK {
			return made
		}
		return proxy.XMLResponse(changeInfo("ChangeResourceRecordSetsResponse", under.begin(), "PENDING"))
	})
	p.Handle("route53", "GetChange", func(c *proxy.Call) *proxy.Response {
		status, known := under.status(c.Resource)
		if !known {
			return c.Failure(http.StatusNotFound, "NoSuchChange", "Could not find resource with ID: "+c.Resource)
		}
		return proxy.XMLResponse(changeInfo("GetChangeResponse", c.Resource, status))
	})
}

func (u *changes) begin() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.serial++
	id := fmt.Sprintf("C%08d", u.serial)
	u.left[id] = pendingAnswers
	return id
}

func (u *changes) status(id string) (string, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	left, known := u.left[id]
	if left == 0 {
		return "INSYNC", known
	}
	u.left[id]--
	return "PENDING", known
}

func changeInfo(answer, id, status string) string {
	return xml.Header + "<" + answer + ` xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeInfo>` +
		"<Id>/change/" + id + "</Id><Status>" + status + "</Status>" +
		"<SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></ChangeInfo></" + answer + ">"
}

// recordChange is one change of a batch.
type recordChange struct {
	Action string
	Set    recordSet `xml:"ResourceRecordSet"`
}

type recordSet struct {
	Name, Type, SetIdentifier string
	TTL                       int64
	Values                    []string `xml:"ResourceRecords>ResourceRecord>Value"`
	Alias                     *struct {
		DNSName string
		ZoneID  string `xml:"HostedZoneId"`
	} `xml:"AliasTarget"`
}

func (s recordSet) key() string {
	return strings.ToLower(strings.TrimSuffix(s.Name, ".")) + " " + s.Type + " " + s.SetIdentifier
}

func (s recordSet) answer() string {
	if s.Alias != nil {
		return "alias " + strings.ToLower(strings.TrimSuffix(s.Alias.DNSName, ".")) + " " + s.Alias.ZoneID
	}
	values := slices.Clone(s.Values)
	slices.Sort(values)
	return fmt.Sprint(s.TTL, values)
}

// judge adds what AWS says against a change, and returns the records as they are after it.
func (r recordChange) judge(there []recordSet, zone string, problems []string) ([]recordSet, []string) {
	set := r.Set
	what := "resource record set [name='" + set.Name + "', type='" + set.Type + "']"
	name := strings.ToLower(strings.TrimSuffix(set.Name, "."))
	i := slices.IndexFunc(there, func(other recordSet) bool { return other.key() == set.key() })
	add := func(text string) { problems = append(problems, text) }
	if zone = strings.TrimSuffix(zone, "."); name != zone && !strings.HasSuffix(name, "."+zone) {
		add("RRSet with DNS name " + set.Name + " is not permitted in zone " + zone + ".")
		return there, problems
	}
	switch {
	case r.Action == "CREATE" && i >= 0:
		add("Tried to create " + what + " but it already exists")
	case r.Action == "DELETE" && i < 0:
		add("Tried to delete " + what + " but it was not found")
	case r.Action == "DELETE" && there[i].answer() != set.answer():
		add("Tried to delete " + what + " but the values provided do not match the current values")
	case r.Action == "DELETE":
		return slices.Delete(slices.Clone(there), i, i+1), problems
	case i >= 0:
		there = slices.Clone(there)
		there[i] = set
		return there, problems
	default:
		for _, other := range there {
			if strings.EqualFold(strings.TrimSuffix(other.Name, "."), name) && other.Type != set.Type &&
				(other.Type == "CNAME" || set.Type == "CNAME") {
				add("RRSet of type " + set.Type + " with DNS name " + set.Name + " is not permitted as it conflicts " +
					"with other records with the same DNS name in zone " + zone + ".")
				return there, problems
			}
		}
		return append(slices.Clone(there), set), problems
	}
	return there, problems
}

// zoneRecords returns the records and the name of a zone, or the answer that says that there is none.
func zoneRecords(c *proxy.Call, id string) (there []recordSet, name string, answer *proxy.Response) {
	zone, err := c.Get("route53", "/2013-04-01/hostedzone/"+id)
	if err != nil {
		return nil, "", c.Failed(err)
	}
	var found struct {
		Name string `xml:"HostedZone>Name"`
	}
	if zone.Status != http.StatusOK || xml.Unmarshal(zone.Body, &found) != nil {
		return nil, "", zone
	}
	list, err := c.Get("route53", "/2013-04-01/hostedzone/"+id+"/rrset?maxitems=1000")
	if err != nil {
		return nil, "", c.Failed(err)
	}
	var records struct {
		Sets []recordSet `xml:"ResourceRecordSets>ResourceRecordSet"`
	}
	if err := xml.Unmarshal(list.Body, &records); err != nil {
		return nil, "", c.Failed(err)
	}
	return records.Sets, found.Name, nil
}

// hasRecord reports whether a zone of the caller's account has a CNAME record.
func hasRecord(c *proxy.Call, name, target string) bool {
	answer, err := c.Get("route53", "/2013-04-01/hostedzone")
	if err != nil {
		return false
	}
	var zones struct {
		IDs []string `xml:"HostedZones>HostedZone>Id"`
	}
	if xml.Unmarshal(answer.Body, &zones) != nil {
		return false
	}
	for _, id := range zones.IDs {
		there, _, refused := zoneRecords(c, strings.TrimPrefix(id, "/hostedzone/"))
		if refused != nil {
			continue
		}
		for _, set := range there {
			if set.Type == "CNAME" && strings.TrimSuffix(set.Name, ".") == strings.TrimSuffix(name, ".") &&
				len(set.Values) == 1 && strings.TrimSuffix(set.Values[0], ".") == strings.TrimSuffix(target, ".") {
				return true
			}
		}
	}
	return false
}
