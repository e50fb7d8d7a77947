package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/company/deployer/internal/aws/call"
)

// VPCsInUse counts the VPCs of the region that count for the account's quota. AWS API: ec2:DescribeVpcs, and where no
// default VPC tells whose account it is, sts:GetCallerIdentity, which needs no permission.
func VPCsInUse(ctx context.Context, cfg aws.Config) (int, error) { return newAPI(cfg).vpcsInUse(ctx) }

// AddressesInUse counts the elastic IP addresses of the region that count for the account's quota. AWS API:
// ec2:DescribeAddresses.
func AddressesInUse(ctx context.Context, cfg aws.Config) (int, error) {
	return newAPI(cfg).addressesInUse(ctx)
}

// vpcsInUse leaves out VPCs of others: AWS lists those whose subnets are shared with the account, too, but counts them
// for their owners.
func (a *api) vpcsInUse(ctx context.Context) (int, error) {
	found, err := a.listVPCs(ctx, nil)
	if err != nil || len(found) == 0 {
		return 0, failed(err)
	}
	account := ""
	for _, v := range found {
		if aws.ToBool(v.IsDefault) { // AWS does not let anybody share it
			account = aws.ToString(v.OwnerId)
		}
	}
	if account == "" {
		caller, err := sts.NewFromConfig(a.cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			return 0, call.Error(err)
		}
		account = aws.ToString(caller.Account)
	}
	own := 0
	for _, v := range found {
		if aws.ToString(v.OwnerId) == account {
			own++
		}
	}
	return own, nil
}

// listVPCs returns all VPCs that pass the filters.
func (a *api) listVPCs(ctx context.Context, filters []types.Filter) ([]types.Vpc, error) {
	in := &ec2.DescribeVpcsInput{Filters: filters}
	return call.All(ctx, a.client.DescribeVpcs, in, &in.NextToken,
		func(page *ec2.DescribeVpcsOutput) ([]types.Vpc, *string) { return page.Vpcs, page.NextToken })
}

func (a *api) addressesInUse(ctx context.Context) (int, error) {
	found, err := a.listAddresses(ctx, nil)
	counted := 0
	for _, address := range found {
		if counts(address) {
			counted++
		}
	}
	return counted, failed(err)
}

// listAddresses returns all elastic IP addresses that pass the filters. AWS has no pages here.
func (a *api) listAddresses(ctx context.Context, filters []types.Filter) ([]types.Address, error) {
	out, err := a.client.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: filters})
	if err != nil {
		return nil, err
	}
	return out.Addresses, nil
}

// counts reports whether an elastic IP address counts for the quota: it is one of Amazon's, and the account itself has
// allocated it. Addresses of an own pool, of a carrier or of the network of an Outpost do not count, nor do those that
// another service manages.
func counts(a types.Address) bool {
	pool := aws.ToString(a.PublicIpv4Pool)
	return (pool == "" || pool == "amazon") && aws.ToString(a.CarrierIp) == "" &&
		aws.ToString(a.CustomerOwnedIp) == "" && aws.ToString(a.CustomerOwnedIpv4Pool) == "" && a.ServiceManaged == ""
}
