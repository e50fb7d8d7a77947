package ec2

import (
	"context"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/servicequotas"
	"github.com/company/deployer/internal/resource"
)

// defaultVPCs is how many VPCs a region of an account may have by default ("Amazon VPC quotas"). It is for accounts
// whose quota may not be asked for.
const defaultVPCs = 5

// foresee asks whether the account has room for the new VPC.
func (v vpc) foresee(ctx context.Context, planned []vpcCall, _ resource.Neighbours, f *resource.Foresight) {
	made := resource.NewOnes(planned)
	if made == 0 {
		return
	}
	quota := make(chan int, 1)
	f.Ask(func() error {
		most, err := servicequotas.Get(ctx, v.api.cfg, servicequotas.VPCs)
		quota <- int(most)
		return err
	})
	f.Ask(func() error {
		has, err := v.api.vpcsInUse(ctx)
		if err != nil {
			return err
		}
		if most := <-quota; most > 0 {
			f.Quota(planned[0].Resource, "VPCs in this region", has, made, most)
		} else if has+made > defaultVPCs {
			f.Warn(planned[0].Resource, "if it was not raised, ask AWS for a higher quota under Service Quotas, or "+
				"share a VPC (`vpc.id`)", "the region has %d VPCs already, and AWS's default quota is %d", has,
				defaultVPCs)
		}
		return nil
	})
}

// foresee asks whether the zones have room for the new NAT gateways.
func (n natGateway) foresee(ctx context.Context, planned []natCall, _ resource.Neighbours, f *resource.Foresight) {
	quota := sync.OnceValues(func() (float64, error) {
		return servicequotas.Get(ctx, n.api.cfg, servicequotas.NATGateways)
	})
	used := sync.OnceValues(func() (map[string]float64, error) { return n.perZone(ctx) })
	for _, c := range planned {
		zone := c.Uses["subnetId"].Get("availabilityZone").Str()
		if !c.New() || zone == "" {
			continue
		}
		f.Need(resource.Need{
			Resource: c.Resource, What: "NAT gateways in " + zone, N: 1, Most: quota,
			Used: func() (float64, error) {
				zones, err := used()
				return zones[zone], err
			},
		})
	}
}

// perZone counts the NAT gateways of each zone that count for its quota.
func (n natGateway) perZone(ctx context.Context) (map[string]float64, error) {
	var gateways []types.NatGateway
	var subnets []types.Subnet
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		gateways, err = n.list(ctx, []types.Filter{filter("state", "pending", "available", "deleting")})
		return failed(err)
	})
	group.Go(func() (err error) {
		subnets, err = n.api.listSubnets(ctx, nil)
		return failed(err)
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	zones := map[string]string{}
	for _, s := range subnets {
		zones[aws.ToString(s.SubnetId)] = aws.ToString(s.AvailabilityZone)
	}
	out := map[string]float64{}
	for _, g := range gateways {
		if lives(g) || g.State == types.NatGatewayStateDeleting {
			out[zones[aws.ToString(g.SubnetId)]]++
		}
	}
	return out, nil
}

// foresee asks whether the account has room for the new addresses.
func (e elasticIP) foresee(ctx context.Context, planned []addressCall, _ resource.Neighbours, f *resource.Foresight) {
	made := resource.NewOnes(planned)
	if made == 0 {
		return
	}
	quota, used := make(chan int, 1), make(chan int, 1)
	f.Ask(func() error {
		defer close(quota)
		// AWS's model does not know the name of the attribute, so that it cannot be asked for alone.
		out, err := e.api.client.DescribeAccountAttributes(ctx, &ec2.DescribeAccountAttributesInput{})
		if err != nil {
			return failed(err)
		}
		for _, a := range out.AccountAttributes {
			for _, text := range a.AttributeValues {
				if n, err := strconv.Atoi(aws.ToString(text.AttributeValue)); err == nil &&
					aws.ToString(a.AttributeName) == "vpc-max-elastic-ips" {
					quota <- n
					return nil
				}
			}
		}
		return nil
	})
	f.Ask(func() error {
		defer close(used)
		has, err := e.api.addressesInUse(ctx)
		if err == nil {
			used <- has
		}
		return err
	})
	f.Ask(func() error {
		has, known := <-used
		if most, also := <-quota; known && also {
			f.Quota(planned[0].Resource, "elastic IP addresses", has, made, most)
		}
		return nil
	})
}

// foresee refuses to give the range of a subnet to another zone. The old subnet would have to go first, and what is in
// it (tasks, load balancers, endpoints) leaves it only for subnets that exist: the run would wait for itself.
func (s subnet) foresee(_ context.Context, planned []subnetCall, _ resource.Neighbours, f *resource.Foresight) {
	for _, c := range planned {
		if c.ID != "" && c.Request.Old.Inputs.IsNull() { // a replacement that deletes first, and no update
			f.Refuse(c.Resource, "give the zones in the form in which they were given before: as azs, by name, or by "+
				"id. A subnet's range follows from it", "the subnet %s has the range %s in another zone than %s, and "+
				"AWS does not delete it as long as tasks or load balancers are in it", c.ID, c.Props.CIDR,
				c.Props.AvailabilityZone.Get())
		}
	}
}
