package access

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// ParseNetwork reads an address or a network in CIDR notation.
func ParseNetwork(text string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address such as 10.0.0.7 nor a network such as 10.0.0.0/8", text)
	}
	addr = addr.Unmap()
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}

// anonymous returns the caller without regard to keys.
func (g *Guard) anonymous(a ports.Approach) ports.Caller {
	c := ports.Caller{Client: network(g.client(a)), Allowance: g.cfg.Anonymous}
	if c.Allowance.Cost > 0 {
		c.Account = "a:" + c.Client.String()
	}
	return c
}

// client returns the address that asks: that of the connection, or the last one in X-Forwarded-For that is no trusted
// proxy's. What stands before it anybody can have written.
func (g *Guard) client(a ports.Approach) netip.Addr {
	addr := a.PeerAddr().Unmap().WithZone("")
	if !g.trusted(addr) {
		return addr
	}
	hops := strings.Split(a.HeaderValue("X-Forwarded-For"), ",")
	for _, hop := range slices.Backward(hops) {
		next, ok := hopAddr(strings.TrimSpace(hop))
		if !ok {
			return addr
		}
		if addr = next; !g.trusted(addr) {
			return addr
		}
	}
	return addr
}

// hopAddr reads an address with or without a port.
func hopAddr(text string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return addr.Unmap().WithZone(""), err == nil
}

// Forwards implements ports.Gatekeeper.
func (g *Guard) Forwards(addr netip.Addr) bool { return g.trusted(addr.Unmap().WithZone("")) }

func (g *Guard) trusted(addr netip.Addr) bool {
	return slices.ContainsFunc(g.proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// network joins the addresses that one client can use at will.
func network(addr netip.Addr) netip.Prefix {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits)
	return p
}

// forwarding are the headers by which proxies of all kinds give themselves away.
var forwarding = []string{
	"Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Server", "X-Forwarded-Prefix",
	"X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Envoy-External-Address", "X-Original-Forwarded-For", "Via",
}

// onThisMachine refuses callers that are not, or may not be, a program on this machine. A proxy on this machine calls
// from here for anybody: it adds a header, keeps the name that its client used, or speaks HTTP/1.0; and where the
// operator named proxies, nothing is local. A page of another site in a browser on this machine is not the operator
// either.
func (g *Guard) onThisMachine(a ports.Approach) error {
	if len(g.proxies) > 0 {
		return refusal(domain.KindForbidden, "no admin keys are configured, and behind a proxy (http.trusted_proxies) this is open to nobody; "+
			"configure a key with the scope admin (security.keys_file)")
	}
	if !a.PeerAddr().Unmap().IsLoopback() || a.OldHTTP() || !LocalName(a.AuthorityName()) || !ownPage(a) ||
		slices.ContainsFunc(forwarding, func(name string) bool { return a.HeaderValue(name) != "" }) {
		return refusal(domain.KindForbidden, "no admin keys are configured, so this is open to callers on the same machine only; "+
			"configure a key with the scope admin (security.keys_file)")
	}
	return nil
}

// ownPage reports whether no page asks, or one of this service that was opened on this machine.
func ownPage(a ports.Approach) bool {
	origin := a.HeaderValue("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == a.AuthorityName() && LocalName(u.Host)
}

// LocalName reports whether a host, with or without a port, names this machine.
func LocalName(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
	}
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}
