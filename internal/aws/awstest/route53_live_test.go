package awstest

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	model "github.com/company/deployer/internal/resource/route53"
)

var _ = liveObjects(answerRoute53, liveType{file: "Route53-RecordSet", typ: model.RecordType, props: liveRecord})

func liveRecord(l live) (any, string, string) {
	d := l.Declared
	if d["SetIdentifier"] != nil {
		return nil, "", "a record of several with one name"
	}
	r := model.Record{
		ZoneID: lit(d.text("HostedZoneId")), Name: strings.TrimSuffix(d.text("Name"), "."),
		Types: []string{d.text("Type")}, Values: d.texts("ResourceRecords"),
	}
	r.TTL, _ = strconv.Atoi(d.text("TTL"))
	if a := d.at("AliasTarget"); a != nil {
		r.Values = nil
		r.Alias = &model.Alias{DNSName: lit(a.text("DNSName")), ZoneID: lit(a.text("HostedZoneId"))}
	}
	return r, r.ZoneID.Get() + "/" + r.Name, ""
}

func answerRoute53(l object, parameters any) (any, error) {
	if _, ok := parameters.(*route53.ListResourceRecordSetsInput); !ok {
		return nil, nil
	}
	set := types.ResourceRecordSet{Name: aws.String(l.text("Name")), Type: types.RRType(l.text("Type"))}
	if ttl, err := strconv.ParseInt(l.text("TTL"), 10, 64); err == nil {
		set.TTL = &ttl
	}
	if a := l.at("AliasTarget"); a != nil {
		set.AliasTarget = &types.AliasTarget{
			DNSName: aws.String(a.text("DNSName")), HostedZoneId: aws.String(a.text("HostedZoneId")),
		}
	} else {
		for _, v := range l.texts("ResourceRecords") {
			set.ResourceRecords = append(set.ResourceRecords, types.ResourceRecord{Value: aws.String(v)})
		}
	}
	return &route53.ListResourceRecordSetsOutput{ResourceRecordSets: []types.ResourceRecordSet{set}}, nil
}
