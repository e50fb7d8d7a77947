package ec2

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/value"
)

func zonesLookup(api *api, region string) resource.Lookup {
	return resource.Lookup{
		Type: model.ZonesLookupType, Outputs: value.Fields[model.Zones](),
		Permissions: func(resource.Scope) []resource.Statement {
			return []resource.Statement{{Actions: []string{"ec2:DescribeAvailabilityZones", "ec2:DescribeSubnets"}}}
		},
		Read: func(ctx context.Context, props value.Value) (value.Value, error) {
			var ask model.ZonesLookup
			if err := decode(model.ZonesLookupType, props, &ask); err != nil {
				return value.NullValue, err
			}
			var zones []types.AvailabilityZone
			var subnets []types.Subnet
			group, groupCtx := errgroup.WithContext(ctx)
			group.Go(func() (err error) {
				zones, err = api.zones(groupCtx)
				return err
			})
			if len(ask.Zones) == 0 {
				group.Go(func() (err error) {
					var filters []types.Filter
					for _, key := range tagging.Keys(ask.Tags) {
						filters = append(filters, filter("tag:"+key, ask.Tags[key]))
					}
					subnets, err = api.listSubnets(groupCtx, filters)
					return failed(err)
				})
			}
			if err := group.Wait(); err != nil {
				return value.NullValue, err
			}
			names, err := chooseZones(ask, zones, subnets, region)
			if err != nil {
				return value.NullValue, err
			}
			return value.Encode(model.Zones{Names: names}), nil
		},
	}
}

// zones returns the availability zones of the region that the account may use, by name.
func (a *api) zones(ctx context.Context) ([]types.AvailabilityZone, error) {
	out, err := a.client.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{
		Filters: []types.Filter{filter("zone-type", "availability-zone"), filter("state", "available")},
	})
	if err != nil {
		return nil, failed(err)
	}
	zones := slices.DeleteFunc(out.AvailabilityZones, func(z types.AvailabilityZone) bool {
		return aws.ToString(z.ZoneType) != "availability-zone" && aws.ToString(z.ZoneType) != "" ||
			z.OptInStatus == types.AvailabilityZoneOptInStatusNotOptedIn
	})
	slices.SortFunc(zones, func(a, b types.AvailabilityZone) int {
		return cmp.Compare(aws.ToString(a.ZoneName), aws.ToString(b.ZoneName))
	})
	return zones, nil
}

func chooseZones(
	ask model.ZonesLookup, zones []types.AvailabilityZone, subnets []types.Subnet, region string,
) ([]string, error) {
	if len(ask.Zones) > 0 {
		return namedZones(ask.Zones, zones, region)
	}
	var usable []string
	for _, z := range zones {
		if !withoutFargate[aws.ToString(z.ZoneId)] {
			usable = append(usable, aws.ToString(z.ZoneName))
		}
	}
	if len(usable) < ask.Count {
		return nil, &resource.OpError{
			Operation: "ec2:DescribeAvailabilityZones", Err: resource.ErrNotFound,
			Message: fmt.Sprintf("%s has %d availability zones in which Fargate runs (%s), and the Network asks for %d",
				region, len(usable), strings.Join(usable, ", "), ask.Count),
			Next: fmt.Sprintf("set vpc.azs of the Network to %d or less", len(usable)),
		}
	}
	// Subnets that exist keep their zones. The others get the zone with the letter of their slot, else the next zone
	// that is free.
	out := make([]string, ask.Count)
	for i := range out {
		for _, s := range subnets {
			if i < len(ask.Resources) && tagging.Map(s.Tags, tag)[resource.TagResource] == ask.Resources[i] {
				out[i] = aws.ToString(s.AvailabilityZone)
			}
		}
	}
	take := func(i int, fits func(zone string) bool) {
		for _, zone := range usable {
			if out[i] == "" && !slices.Contains(out, zone) && fits(zone) {
				out[i] = zone
			}
		}
	}
	for i := range out {
		take(i, func(zone string) bool { return zone == region+string(rune('a'+i)) })
	}
	for i := range out {
		take(i, func(string) bool { return true })
	}
	if i := slices.Index(out, ""); i >= 0 {
		return nil, &resource.OpError{
			Operation: "ec2:DescribeAvailabilityZones", Err: resource.ErrNotFound,
			Message: fmt.Sprintf("no availability zone of %s is left for zone %d of the Network", region, i+1),
			Next:    fmt.Sprintf("set vpc.azs of the Network to %d", i),
		}
	}
	return out, nil
}

// namedZones returns the names of zones that are given by name or id.
func namedZones(asked []string, zones []types.AvailabilityZone, region string) ([]string, error) {
	var out, wrong, have []string
	for _, z := range zones {
		have = append(have, aws.ToString(z.ZoneName)+" ("+aws.ToString(z.ZoneId)+")")
	}
	for _, name := range asked {
		i := slices.IndexFunc(zones, func(z types.AvailabilityZone) bool {
			return aws.ToString(z.ZoneName) == name || aws.ToString(z.ZoneId) == name
		})
		if i < 0 {
			wrong = append(wrong, name)
			continue
		}
		out = append(out, aws.ToString(zones[i].ZoneName))
	}
	if len(wrong) > 0 {
		return nil, &resource.OpError{
			Operation: "ec2:DescribeAvailabilityZones", Code: "InvalidZone.NotFound", Err: resource.ErrNotFound,
			Message: fmt.Sprintf("%s has no availability zones %s for this account; it has %s", region,
				strings.Join(wrong, ", "), strings.Join(have, ", ")),
			Next: "correct vpc.zones of the Network",
		}
	}
	return out, nil
}

func endpointServicesLookup(api *api, region string) resource.Lookup {
	return resource.Lookup{
		Type: model.ServicesLookupType, Outputs: value.Fields[model.EndpointServiceNames](),
		Permissions: func(resource.Scope) []resource.Statement {
			return []resource.Statement{{Actions: []string{"ec2:DescribeVpcEndpointServices"}}}
		},
		Read: func(ctx context.Context, props value.Value) (value.Value, error) {
			var ask model.EndpointServices
			if err := decode(model.ServicesLookupType, props, &ask); err != nil {
				return value.NullValue, err
			}
			found, err := api.endpointServices(ctx, ask.Services, region)
			if err != nil {
				return value.NullValue, err
			}
			answer := model.EndpointServiceNames{Names: map[string]string{}}
			var wrong []string
			for _, short := range ask.Services {
				full := serviceNames(short, region)
				if i := slices.IndexFunc(full, func(name string) bool { return found[name] }); i >= 0 {
					answer.Names[short] = full[i]
				} else {
					wrong = append(wrong, short)
				}
			}
			if len(wrong) > 0 {
				return value.NullValue, &resource.OpError{
					Operation: "ec2:DescribeVpcEndpointServices", Code: "InvalidServiceName", Err: resource.ErrNotFound,
					Message: "AWS has no VPC endpoints in " + region + " for " + strings.Join(wrong, ", "),
					Next: "correct vpc.endpoints of the Network; list the services with: aws ec2 " +
						"describe-vpc-endpoint-services --region " + region,
				}
			}
			return value.Encode(answer), nil
		},
	}
}

// serviceNames are the full names that a service may have. Most services in China have a prefix of their own.
func serviceNames(short, region string) []string {
	name := "com.amazonaws." + region + "." + short
	return []string{name, "cn." + name}
}

// endpointServices returns which of the services have endpoints, by full name.
func (a *api) endpointServices(ctx context.Context, short []string, region string) (map[string]bool, error) {
	var names []string
	for _, s := range short {
		names = append(names, serviceNames(s, region)...)
	}
	in := &ec2.DescribeVpcEndpointServicesInput{Filters: []types.Filter{filter("service-name", names...)}}
	list, err := call.All(ctx, a.client.DescribeVpcEndpointServices, in, &in.NextToken,
		func(page *ec2.DescribeVpcEndpointServicesOutput) ([]string, *string) {
			return page.ServiceNames, page.NextToken
		})
	if err != nil {
		return nil, failed(err)
	}
	found := map[string]bool{}
	for _, name := range list {
		found[name] = true
	}
	return found, nil
}
