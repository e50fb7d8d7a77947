package network

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// subnets are the ranges of all subnets of a VPC, by side and zone.
func subnets(vpc netip.Prefix, zones []string) map[string]string {
	out := map[string]string{}
	for _, zone := range zones {
		out["private "+zone] = privateRange(vpc, slotOf(zone))
		out["public "+zone] = publicRange(vpc, slotOf(zone))
	}
	return out
}

// Whatever the size of a VPC and the order of its zones: subnets are inside of it, do not overlap, and are large
// enough; a zone that is added, wherever in the list, moves no subnet.
func TestLayout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.IntRange(widest, narrowest).Draw(t, "bits")
		address := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")))
		vpc := netip.PrefixFrom(address, bits).Masked()
		form := rapid.SampledFrom([]string{"eu-central-1%c", "euc1-az%c"}).Draw(t, "form")
		first := map[string]rune{"eu-central-1%c": 'a', "euc1-az%c": '1'}[form]
		var all []string
		for n := range slots {
			all = append(all, fmt.Sprintf(form, first+rune(n)))
		}
		all = rapid.Permutation(all).Draw(t, "zones")
		zones := all[:rapid.IntRange(2, slots).Draw(t, "count")]
		before := subnets(vpc, zones)
		if len(before) != 2*len(zones) {
			t.Fatalf("%d ranges for %d zones", len(before), len(zones))
		}
		var ranges []netip.Prefix
		for name, text := range before {
			subnet := netip.MustParsePrefix(text)
			if !vpc.Contains(subnet.Addr()) || subnet.Bits() <= vpc.Bits() || subnet != subnet.Masked() {
				t.Fatalf("%s %s is no part of %s", name, subnet, vpc)
			}
			if subnet.Bits() > 27 { // AWS's least for a load balancer
				t.Fatalf("%s %s is too small", name, subnet)
			}
			for _, other := range ranges {
				if other.Overlaps(subnet) {
					t.Fatalf("%s %s overlaps %s", name, subnet, other)
				}
			}
			ranges = append(ranges, subnet)
		}
		if len(zones) == slots {
			return
		}
		at := rapid.IntRange(0, len(zones)).Draw(t, "at")
		added := slices.Insert(slices.Clone(zones), at, all[len(zones)])
		after := subnets(vpc, added)
		for name, text := range before {
			if after[name] != text {
				t.Fatalf("%s moved from %s to %s when %s was added", name, text, after[name], all[len(zones)])
			}
		}
	})
}
