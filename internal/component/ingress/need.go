// Package ingress is the synthetic component infra/ingress: the load balancers that all services of a stack share in
// one environment. There is one public and one internal load balancer, each only while a service needs it.
//
// In: the needs of services. Out: load balancers with security groups, listeners, certificates and redirects to HTTPS,
// and the priority of each service's rule (Rules). It is pure and must not know the kinds that need it.
package ingress

import (
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/value"
)

// Address is the address of the component.
const Address = "infra/ingress"

// Need is what one service needs of the load balancers.
type Need struct {
	Public bool
	Hosts  []string // empty: any
	Path   string   // as users write it; "" is any
	// Priority is the user's own choice; 0: deployer chooses one by specificity.
	Priority int
	// Certificate is the ARN for all hosts; Null with Auto and without HTTPS.
	Certificate value.Value
	Auto        bool // find a certificate by each host's name
	// Zone is the id or the name of the hosted zone for the records of the hosts, NoZone for no records, or "" for the
	// zone that fits best. ZoneRole is the ARN of a role that may change it.
	Zone     string
	ZoneRole value.Value
	// Seed is the text that the rule's priority is hashed from: a service that is renamed keeps its priority.
	Seed string
}

// HTTPS reports whether the service is reached over HTTPS.
func (n Need) HTTPS() bool { return n.Auto || !n.Certificate.IsNull() }

// Demand asks for a share of the load balancers.
func (n Need) Demand() component.Demand { return component.Demand{Address: Address, Data: n} }

// OutputName is the name of an output of one load balancer: "publicDnsName".
func OutputName(public bool, what string) string { return scheme(public) + what }

// Output refers to an output of one load balancer.
func Output(public bool, what string) value.Value {
	return value.Output(Address, OutputName(public, what))
}

// Arguments of OutputName and Output: the outputs that each load balancer has.
const (
	DNSName       = "DnsName"
	ZoneID        = "ZoneId"
	ARNSuffix     = "ArnSuffix"
	SecurityGroup = "SecurityGroupId"
	DNSRecords    = "DnsRecords" // those to make by hand
	HTTPListener  = "HttpListenerArn"
	HTTPSListener = "HttpsListenerArn"
)

var perScheme = []string{DNSName, ZoneID, ARNSuffix, SecurityGroup, HTTPListener, HTTPSListener, DNSRecords}

func scheme(public bool) string {
	if public {
		return "public"
	}
	return "internal"
}

// Rules are the priorities of all rules on the listeners of one load balancer.
type Rules struct {
	public         bool
	set            Balancer
	needs          []needed
	http, https    map[string]int // priorities by address of the service, or "redirect " and host
	hostsWithHTTPS []string       // sorted
}

type needed struct {
	from string
	Need
}

// Arrange gives every rule on the public or the internal load balancer its priority. Every component that calls it gets
// the same result, because all see all demands and the settings.
func Arrange(public bool, c component.Context) *Rules {
	set := Balancer{}
	if spec, ok := c.Shared[Address].(*Spec); ok {
		set = spec.balancer(public)
	}
	return arrange(public, set, c.Demands)
}

func arrange(public bool, set Balancer, demands []component.Demand) *Rules {
	r := &Rules{public: public, set: set}
	var http, https []elbv2.Rule
	for _, d := range demands {
		n, ok := d.Data.(Need)
		if d.Address != Address || !ok || n.Public != public {
			continue
		}
		r.needs = append(r.needs, needed{from: d.From, Need: n})
		rule := elbv2.Rule{Address: d.From, Seed: n.Seed, Path: n.Path, Explicit: n.Priority}
		if len(n.Hosts) > 0 {
			rule.Host = n.Hosts[0]
		}
		if r.onHTTP(n) {
			http = append(http, rule)
		}
		if n.HTTPS() {
			https = append(https, rule)
			r.hostsWithHTTPS = append(r.hostsWithHTTPS, n.Hosts...)
		}
	}
	slices.Sort(r.hostsWithHTTPS)
	r.hostsWithHTTPS = slices.Compact(r.hostsWithHTTPS)
	if set.redirects() {
		for _, host := range r.hostsWithHTTPS {
			http = append(http, elbv2.Rule{Address: "redirect " + host, Host: host})
		}
	}
	r.http, _ = elbv2.Assign(http)
	r.https, _ = elbv2.Assign(https)
	return r
}

// onHTTP reports whether a service has a rule on the listener for HTTP.
func (r *Rules) onHTTP(n Need) bool { return !n.HTTPS() || !r.set.redirects() }

// Place is where a service has a rule.
type Place struct {
	Listener, LoadBalancer value.Value
	Priority               int
	Shared                 bool // the listener belongs to somebody else
}

// Places are the places of a service's rules. The first is that of the service's URL.
func (r *Rules) Places(address string) []Place {
	if r.set.Existing != nil {
		return []Place{{
			Listener: joined(
				r.public,
				"listenerArn",
			), LoadBalancer: value.NewString(elbv2.BalancerOf(r.set.Existing.arn())),
			Priority: r.http[address], Shared: true,
		}}
	}
	var out []Place
	add := func(priorities map[string]int, listener string) {
		if p, ok := priorities[address]; ok {
			out = append(out, Place{
				Listener: Output(r.public, listener), LoadBalancer: Output(r.public, ARNSuffix), Priority: p,
			})
		}
	}
	add(r.https, HTTPSListener)
	add(r.http, HTTPListener)
	return out
}

// Origin returns the beginning of a service's URL and the end of its host, Null for the usual port.
func (r *Rules) Origin(address string) (origin, port value.Value) {
	switch _, https := r.https[address]; {
	case r.set.Existing != nil:
		return joined(r.public, "origin"), joined(r.public, "port")
	case https:
		return value.NewString("https://"), value.NullValue
	}
	return value.NewString("http://"), value.NullValue
}

// joined refers to what is known about an existing load balancer.
func joined(public bool, what string) value.Value {
	return value.Output(Address+":"+scheme(public)+existing, what)
}

// Check says where the need of one service conflicts with those of the others; paths are below spec.ingress.
func (r *Rules) Check(address string) []value.Problem {
	i := slices.IndexFunc(r.needs, func(n needed) bool { return n.from == address })
	if i < 0 {
		return nil
	}
	mine := r.needs[i]
	var problems []value.Problem
	add := func(key, format string, args ...any) {
		problems = append(problems, component.Invalid([]string{"ingress", key}, format, args...))
	}
	if r.set.Existing != nil && mine.HTTPS() {
		add("certificate", "the %s load balancer exists already, and its listener has its own certificates: leave "+
			"certificate out", scheme(r.public))
	}
	for _, other := range r.needs {
		if other.from == address {
			continue
		}
		sameListener := other.HTTPS() == mine.HTTPS() || r.onHTTP(other.Need) && r.onHTTP(mine.Need)
		if sameListener && mine.Priority != 0 && mine.Priority == other.Priority {
			add("priority", "%s has the priority %d on the same load balancer: choose another priority", other.from,
				mine.Priority)
		}
		if sameListener && samePath(mine.Path, other.Path) {
			if host, both := shared(mine.Hosts, other.Hosts); both {
				add(key(mine), "%s already takes %s on the %s load balancer: give one of them another host or path",
					other.from, requests(host, mine.Path), scheme(r.public))
			}
		}
		if host, both := shared(mine.Hosts, other.Hosts); both && host != "" && !sameZone(mine.Need, other.Need) {
			add("zone", "%s has another zone for %s: a host has one zone", other.from, host)
		}
		if r.set.redirects() && !mine.HTTPS() && other.HTTPS() {
			if host, both := shared(mine.Hosts, other.Hosts); both && host != "" {
				add("host", "%s serves %s over HTTPS, and HTTP requests for it are redirected: set "+
					"ingress.certificate here too", other.from, host)
			}
		}
	}
	return problems
}

func key(n needed) string {
	if len(n.Hosts) == 0 && strings.Trim(n.Path, "/") != "" {
		return "path"
	}
	return "host"
}

// shared returns a host that is in both lists. Two empty lists share "", which is any host.
func shared(a, b []string) (string, bool) {
	if len(a) == 0 && len(b) == 0 {
		return "", true
	}
	for _, host := range a {
		if slices.Contains(b, host) {
			return host, true
		}
	}
	return "", false
}

func samePath(a, b string) bool { return strings.TrimRight(a, "/") == strings.TrimRight(b, "/") }

func requests(host, path string) string {
	if host == "" {
		host = "any host"
	}
	if strings.TrimRight(path, "/") == "" {
		return host + ", all paths"
	}
	return fmt.Sprintf("%s, path %s", host, path)
}
