package awsfix

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// repeatLoadBalancers makes CreateLoadBalancer and CreateListener return an existing object with the same settings, and
// refuse when the settings differ. The emulator makes a second load balancer of the name and a second listener on the
// port.
func repeatLoadBalancers(p *proxy.Proxy) {
	p.Handle("elasticloadbalancing", "CreateLoadBalancer", func(c *proxy.Call) *proxy.Response {
		name := c.Form.Get("Name")
		// Like AWS, the emulator returns an error when no load balancer has the name: then nothing is repeated.
		found, err := query(c, "elasticloadbalancing", elbVersion, "DescribeLoadBalancers", "Names.member.1", name)
		if err != nil {
			return nil
		}
		there, err := flatten(found, "LoadBalancers", "member")
		if err != nil || len(there) == 0 {
			return nil
		}
		settings := under(c.Form, "Scheme", "Type", "IpAddressType")
		if !within(settings, there[0]) || !sameSet(listed(c.Form, "SecurityGroups"),
			suffixed(there[0], "SecurityGroups.member.", "")) ||
			!sameSet(listed(c.Form, "Subnets"), suffixed(there[0], "AvailabilityZones.member.", ".SubnetId")) {
			return c.Failure(400, "DuplicateLoadBalancerName",
				"A load balancer with the same name '"+name+"' exists, but with different settings")
		}
		return renamed(found, "DescribeLoadBalancers", "CreateLoadBalancer")
	})
	p.Handle("elasticloadbalancing", "SetSubnets", stayInVPC)
	p.Handle("elasticloadbalancing", "DeleteLoadBalancer", keepProtected)
	p.Handle("elasticloadbalancing", "CreateListener", func(c *proxy.Call) *proxy.Response {
		found, err := query(c, "elasticloadbalancing", elbVersion, "DescribeListeners", "LoadBalancerArn",
			c.Form.Get("LoadBalancerArn"))
		if err != nil {
			return nil
		}
		there, err := flatten(found, "Listeners", "member")
		if err != nil {
			return nil
		}
		i := slices.IndexFunc(there, func(l map[string]string) bool { return l["Port"] == c.Form.Get("Port") })
		if i < 0 {
			return nil
		}
		if !within(under(c.Form, "Protocol", "SslPolicy", "Certificates", "DefaultActions"), there[i]) {
			return c.Failure(400, "DuplicateListener", "A listener already exists on this port for this load balancer")
		}
		one, err := query(c, "elasticloadbalancing", elbVersion, "DescribeListeners", "ListenerArns.member.1",
			there[i]["ListenerArn"])
		if err != nil {
			return nil
		}
		return renamed(one, "DescribeListeners", "CreateListener")
	})
}

// keepProtected refuses to delete a load balancer with deletion protection, which the emulator ignores.
func keepProtected(c *proxy.Call) *proxy.Response {
	arn := c.Form.Get("LoadBalancerArn")
	found, err := query(c, "elasticloadbalancing", elbVersion, "DescribeLoadBalancerAttributes", "LoadBalancerArn", arn)
	if err != nil {
		return nil // it does not exist
	}
	attributes, err := flatten(found, "Attributes", "member")
	if err != nil {
		return nil
	}
	for _, a := range attributes {
		if a["Key"] == "deletion_protection.enabled" && a["Value"] == "true" {
			return c.Failure(400, "OperationNotPermitted",
				"Load balancer '"+arn+"' cannot be deleted because deletion protection is enabled")
		}
	}
	return nil
}

// stayInVPC refuses subnets of another VPC than the load balancer's. The emulator accepts them.
func stayInVPC(c *proxy.Call) *proxy.Response {
	found, err := query(c, "elasticloadbalancing", elbVersion, "DescribeLoadBalancers", "LoadBalancerArns.member.1",
		c.Form.Get("LoadBalancerArn"))
	if err != nil {
		return nil
	}
	there, err := flatten(found, "LoadBalancers", "member")
	if err != nil || len(there) == 0 {
		return nil
	}
	pairs := []string{}
	for i, id := range listed(c.Form, "Subnets") {
		pairs = append(pairs, "SubnetId."+strconv.Itoa(i+1), id)
	}
	var subnets struct {
		VPCs []string `xml:"subnetSet>item>vpcId"`
	}
	if err := ec2(c, &subnets, "DescribeSubnets", pairs...); err != nil {
		return nil
	}
	if slices.ContainsFunc(subnets.VPCs, func(vpc string) bool { return vpc != there[0]["VpcId"] }) {
		return c.Failure(400, "InvalidConfigurationRequest",
			"The subnets must be in the VPC of the load balancer, "+there[0]["VpcId"])
	}
	return nil
}

const elbVersion = "2015-12-01"

// renamed turns the answer of one operation into the answer of another with the same content.
func renamed(document []byte, from, to string) *proxy.Response {
	for _, part := range []string{"Response", "Result"} {
		document = bytes.ReplaceAll(document, []byte(from+part), []byte(to+part))
	}
	return proxy.XMLResponse(string(document))
}

// under returns the parameters of a form with those names, and the parameters below them.
func under(form map[string][]string, names ...string) map[string]string {
	out := map[string]string{}
	for key, texts := range form {
		top, _, _ := strings.Cut(key, ".")
		if slices.Contains(names, top) && len(texts) > 0 {
			out[key] = texts[0]
		}
	}
	return out
}

// within reports whether there has all parameters of asked. It may have defaults in addition.
func within(asked, there map[string]string) bool {
	for key, text := range asked {
		if there[key] != text {
			return false
		}
	}
	return true
}

// listed returns the elements of a list in a form.
func listed(form map[string][]string, name string) []string {
	return slices.Collect(maps.Values(under(form, name)))
}

// suffixed returns the texts whose keys have that prefix and suffix, and no dot between.
func suffixed(there map[string]string, prefix, suffix string) []string {
	var out []string
	for key, text := range there {
		middle, found := strings.CutPrefix(key, prefix)
		if !found {
			continue
		}
		if middle, found = strings.CutSuffix(middle, suffix); found && !strings.Contains(middle, ".") {
			out = append(out, text)
		}
	}
	return out
}

func sameSet(a, b []string) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}
