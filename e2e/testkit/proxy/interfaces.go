package proxy

import (
	"bytes"
	"fmt"
	"strings"
)

// ShowInterface adds to an answer of ec2:DescribeNetworkInterfaces the interface with which an object of another
// service uses a security group, if the call asks for the interfaces of that group.
func (c *Call) ShowInterface(answer *Response, group, description string) {
	if c.InterfacesOf() != group || answer.Status >= 300 {
		return
	}
	item := fmt.Sprintf("<item><networkInterfaceId>eni-%017x</networkInterfaceId><description>%s</description>"+
		"<status>in-use</status><requesterManaged>true</requesterManaged></item>", len(answer.Body), description)
	const end = "</networkInterfaceSet>"
	body := bytes.Replace(answer.Body, []byte("<networkInterfaceSet/>"), []byte("<networkInterfaceSet>"+end), 1)
	answer.Body = bytes.Replace(body, []byte(end), []byte(item+end), 1)
	answer.Header.Del("Content-Length")
}

// InterfacesOf returns the security group whose network interfaces the call asks EC2 for; "" for any other call.
func (c *Call) InterfacesOf() string {
	if c.Service != "ec2" || c.Operation != "DescribeNetworkInterfaces" {
		return ""
	}
	for key, values := range c.Form {
		if n, ok := strings.CutSuffix(key, ".Name"); ok && values[0] == "group-id" {
			return c.Form.Get(n + ".Value.1")
		}
	}
	return ""
}
