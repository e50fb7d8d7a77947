package network

import (
	"net/netip"
	"strings"
)

// The layout of a VPC. Its range has a fixed place for each slot, and the slot of a zone follows from the zone alone: a
// zone that is added later takes a free place and moves no other.
//
//	first half      8 private subnets, 1/16 of the range each
//	third quarter   8 public subnets, 1/32 of the range each
//	last quarter    free
const (
	slots       = 8
	privateBits = 4
	publicBits  = 5
	// narrowest is the longest prefix of a VPC: load balancers need /27 in public subnets.
	narrowest = 27 - publicBits
	widest    = 16
)

// privateRange is the range of the private subnet of a slot, from 1.
func privateRange(vpc netip.Prefix, slot int) string { return part(vpc, privateBits, slot-1) }

// publicRange is the range of the public subnet of a slot, from 1.
func publicRange(vpc netip.Prefix, slot int) string { return part(vpc, publicBits, 2*slots+slot-1) }

// part is one of the equal parts of a range that has so many more bits.
func part(vpc netip.Prefix, bits, n int) string {
	a := vpc.Addr().As4()
	base := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
	length := vpc.Bits() + bits
	base += uint32(n) << (32 - length) //nolint:gosec // n < 1<<bits
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{
		byte(base >> 24), byte(base >> 16), byte(base >> 8), byte(base), //nolint:gosec // the four bytes of base
	}), length).String()
}

// slotOf is the slot of a zone: that of the letter of its name (eu-central-1a is 1), or the number of its id (euc1-az1
// is 1).
func slotOf(zone string) int {
	last := zone[len(zone)-1]
	if byID(zone) {
		return int(last-'1') + 1
	}
	return int(last-'a') + 1
}

// regionPart is the part of a zone's name or id that all zones of its region have: eu-central-1 or euc1-az.
func regionPart(zone string) string { return zone[:len(zone)-1] }

func byID(zone string) bool { return strings.Contains(zone, "-az") }
