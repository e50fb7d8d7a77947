package proxy

import (
	"net/http"
	"strings"
)

// route53Operation names a Route 53 request, and its hosted zone or change.
func route53Operation(method, path string) (operation, resource string) {
	parts := strings.Split(strings.Trim(path, "/"), "/")[1:] // without the version of the API
	noun, verb := strings.Join(parts, "/"), map[string]string{
		http.MethodGet: "Get", http.MethodPost: "Create", http.MethodDelete: "Delete",
	}[method]
	id, sub := "", ""
	if len(parts) > 1 {
		noun, id = parts[0], parts[1]
	}
	if len(parts) > 2 {
		sub = parts[2]
	}
	switch {
	case noun == "hostedzone" && sub == "rrset" && method == http.MethodGet:
		return "ListResourceRecordSets", id
	case noun == "hostedzone" && sub == "rrset":
		return "ChangeResourceRecordSets", id
	case noun == "hostedzone" && sub == "associatevpc":
		return "AssociateVPCWithHostedZone", id
	case noun == "hostedzone" && id == "" && method == http.MethodGet:
		return "ListHostedZones", ""
	case noun == "hostedzone":
		return verb + "HostedZone", id
	case noun == "hostedzonesbyname":
		return "ListHostedZonesByName", ""
	case noun == "hostedzonesbyvpc":
		return "ListHostedZonesByVPC", ""
	case noun == "change":
		return "GetChange", id
	}
	return method + " " + path, path
}
