package e2e

import (
	"context"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/rogpeppe/go-internal/testscript"
)

// dnsCommand acts in Route 53, beside the binary.
//
//	dns zone NAME VARIABLE [VPC]       make a hosted zone, private with a VPC; its id is $VARIABLE
//	dns record ZONE NAME TYPE VALUE    make or change a record
//	dns records ZONE FILE              write the records of a zone into a file, one on a line, without NS and SOA
func dnsCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "dns")
	w := worldOf(ts)
	ctx := context.Background()
	config := w.Config.Copy() // in the account of the last `aws login`
	config.Credentials = credentials.NewStaticCredentialsProvider(ts.Getenv("AWS_ACCESS_KEY_ID"),
		ts.Getenv("AWS_SECRET_ACCESS_KEY"), ts.Getenv("AWS_SESSION_TOKEN"))
	client := route53.NewFromConfig(config)
	switch {
	case len(args) > 2 && args[0] == "zone":
		in := &route53.CreateHostedZoneInput{Name: &args[1], CallerReference: aws.String(strings.Join(args, " "))}
		if len(args) > 3 {
			in.VPC = &types.VPC{VPCId: &args[3], VPCRegion: types.VPCRegion(w.Region)}
			in.HostedZoneConfig = &types.HostedZoneConfig{PrivateZone: true}
		}
		made, err := client.CreateHostedZone(ctx, in)
		ts.Check(err)
		ts.Setenv(args[2], strings.TrimPrefix(*made.HostedZone.Id, "/hostedzone/"))
	case len(args) == 5 && args[0] == "record":
		_, err := client.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{
			HostedZoneId: &args[1], ChangeBatch: &types.ChangeBatch{Changes: []types.Change{{
				Action: types.ChangeActionUpsert, ResourceRecordSet: &types.ResourceRecordSet{
					Name: &args[2], Type: types.RRType(args[3]), TTL: aws.Int64(60),
					ResourceRecords: []types.ResourceRecord{{Value: &args[4]}},
				},
			}}},
		})
		ts.Check(err)
	case len(args) == 3 && args[0] == "records":
		found, err := client.ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{HostedZoneId: &args[1]})
		ts.Check(err)
		var lines strings.Builder
		for _, set := range found.ResourceRecordSets {
			if set.Type == types.RRTypeNs || set.Type == types.RRTypeSoa {
				continue
			}
			lines.WriteString(strings.TrimSuffix(*set.Name, ".") + " " + string(set.Type))
			if set.AliasTarget != nil {
				lines.WriteString(" alias " + *set.AliasTarget.DNSName)
			}
			for _, v := range set.ResourceRecords {
				lines.WriteString(" " + *v.Value)
			}
			lines.WriteString("\n")
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(lines.String()), 0o644))
	default:
		ts.Fatalf("unknown: dns %s", strings.Join(args, " "))
	}
}
