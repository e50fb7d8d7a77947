package awstest

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	discoverytypes "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	model "github.com/company/deployer/internal/resource/servicediscovery"
)

var _ = liveObjects(answerDiscovery,
	liveType{
		file: "ServiceDiscovery-PrivateDnsNamespace", typ: model.PrivateDNSNamespaceType,
		props: func(l live) (any, string, string) {
			return model.PrivateDNSNamespace{
				Name: l.Declared.text("Name"), VPCID: lit(l.Declared.text("Vpc")), Tags: l.Declared.tags(),
			}, l.Live.text("Id"), ""
		},
	},
	liveType{file: "ServiceDiscovery-Service", typ: model.ServiceType, props: liveDiscovery},
)

func liveDiscovery(l live) (any, string, string) {
	d := l.Declared
	if d.at("DnsConfig") == nil {
		return nil, "", "no DNS"
	}
	p := model.Service{
		Name: d.text("Name"), NamespaceID: lit(d.text("NamespaceId")),
		RoutingPolicy: d.at("DnsConfig").text("RoutingPolicy"),
		CustomHealth:  aws.Bool(d["HealthCheckCustomConfig"] != nil), Tags: d.tags(),
	}
	for _, record := range d.at("DnsConfig").list("DnsRecords") {
		if record.text("Type") != "A" {
			return nil, "", "records of type " + record.text("Type")
		}
		p.TTL = record.int("TTL")
	}
	return p, l.Live.text("Id"), ""
}

func answerDiscovery(l object, parameters any) (any, error) {
	switch parameters.(type) {
	case *servicediscovery.GetNamespaceInput:
		namespace := into[discoverytypes.Namespace](l)
		return &servicediscovery.GetNamespaceOutput{Namespace: &namespace}, nil
	case *servicediscovery.GetServiceInput:
		service := into[discoverytypes.Service](l)
		service.Arn = aws.String("arn:aws:servicediscovery:us-east-1:111111111111:service/" + l.text("Id"))
		if service.NamespaceId == nil {
			service.NamespaceId = aws.String(l.at("DnsConfig").text("NamespaceId"))
		}
		return &servicediscovery.GetServiceOutput{Service: &service}, nil
	case *servicediscovery.ListTagsForResourceInput:
		return &servicediscovery.ListTagsForResourceOutput{Tags: into[[]discoverytypes.Tag](l["Tags"])}, nil
	}
	return nil, nil
}
