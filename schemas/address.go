package schemas

import (
	"fmt"
	"net/netip"
	"syscall"
)

// special are blocks that are neither private, loopback, link-local nor multicast for net/netip, and not on the public internet either
// (RFC 6890 and its successors); 64:ff9b::/96, ::ffff:0:0:0/96, ::/96, 2002::/16 and 192.88.99.0/24 lead to any IPv4 address or did so.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("::/96"), netip.MustParsePrefix("fec0::/10"),
	netip.MustParsePrefix("::ffff:0:0:0/96"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("5f00::/16"),
}

// PublicAddress says whether an address is one on the public internet, not one of this machine, its network or a special block.
func PublicAddress(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	public := a.IsGlobalUnicast() && !a.IsPrivate()
	for _, block := range special {
		public = public && !block.Contains(a)
	}
	return public
}

// DialPublic is a Control of a net.Dialer that refuses with ErrDenied to connect to an address that is not on the public internet. It looks at the
// address itself, behind DNS: what a name stands for may have changed since it was checked.
func DialPublic(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %s: %w", address, ErrDenied)
	}
	if !PublicAddress(at.Addr()) {
		return fmt.Errorf("address %s: %w: it is not on the public internet", at.Addr().Unmap(), ErrDenied)
	}
	return nil
}
