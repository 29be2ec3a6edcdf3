package auth

import (
	"context"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks whose forwarding headers are believed (B26). None by default: the address of the connection is
// the client's.
type Proxies []netip.Prefix

// Client returns the address of the client that a request comes from: the right-most address on its way that is not one
// of ours. peer is the address of the connection, "ip:port" or "ip"; header returns all values of a header, and may be nil.
//
// Each proxy appends the address it was connected from, so reading from the right only what proxies of ours wrote is
// read. The first of Forwarded (RFC 7239), X-Forwarded-For and X-Real-IP that is there counts. A proxy sets one of them and
// passes on what a client wrote into the others: when they contradict each other the address is unknown. An unknown
// address is the zero Addr, which is in no network.
func (p Proxies) Client(peer string, header func(name string) []string) netip.Addr {
	addr := parseAddr(peer)
	if !addr.IsValid() || !p.contain(addr) || header == nil {
		return addr
	}
	var found netip.Addr
	for _, way := range [][]string{forwardedFor(header("Forwarded")), split(header("X-Forwarded-For"))} {
		if len(way) == 0 {
			continue
		}
		client := p.walk(addr, way)
		if found.IsValid() && client != found || !client.IsValid() {
			return netip.Addr{}
		}
		found = client
	}
	if nearest := split(header("X-Real-IP")); len(nearest) > 0 {
		client := parseAddr(nearest[len(nearest)-1])
		switch {
		case !client.IsValid(), len(nearest) > 1:
			return netip.Addr{}
		case !found.IsValid():
			return client
		case client != found && !p.contain(client): // of several proxies the last one names the one before it
			return netip.Addr{}
		}
	}
	if !found.IsValid() {
		return addr // the proxy itself asks
	}
	return found
}

// walk returns the right-most address of way that is no proxy; its first one if all are, unknown if it can't be read.
func (p Proxies) walk(addr netip.Addr, way []string) netip.Addr {
	for _, node := range slices.Backward(way) {
		if addr = parseAddr(node); !addr.IsValid() || !p.contain(addr) {
			return addr
		}
	}
	return addr
}

func (p Proxies) contain(addr netip.Addr) bool {
	for _, n := range p {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

// split returns the elements of comma-separated header values, in order.
func split(values []string) []string {
	var parts []string
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			parts = append(parts, strings.TrimSpace(part))
		}
	}
	return parts
}

// forwardedFor returns the `for` parameters of Forwarded headers, "" where an element has none.
func forwardedFor(values []string) []string {
	var nodes []string
	for _, element := range split(values) { // quoted strings hold addresses here, never commas
		node := ""
		for pair := range strings.SplitSeq(element, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if strings.EqualFold(name, "for") {
				node = strings.Trim(value, `"`)
			}
		}
		nodes = append(nodes, node)
	}
	return nodes
}

// parseAddr reads "ip", "ip:port", "[ipv6]" or "[ipv6]:port"; the zero Addr if it is none. IPv4-mapped addresses become
// IPv4 ones, zones are dropped.
func parseAddr(s string) netip.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		s = s[1 : len(s)-1]
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// ParseNetwork reads a CIDR, or an address for that address alone. Bits after the prefix are a mistake: whoever wrote
// them meant another network.
func ParseNetwork(s string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	n, err := netip.ParsePrefix(s)
	if err != nil || n != n.Masked() {
		return netip.Prefix{}, false
	}
	if n.Addr().Is4In6() {
		if n.Bits() < 96 {
			return netip.Prefix{}, false
		}
		n = netip.PrefixFrom(n.Addr().Unmap(), n.Bits()-96)
	}
	return n, true
}

type clientKey struct{}

// client is where a request comes from.
type client struct {
	addr netip.Addr // invalid when unknown
	peer netip.Addr // of the connection
}

// WithClient returns a context that carries the address of the client, see [Proxies.Client], and of the connection.
func WithClient(ctx context.Context, addr netip.Addr, peer string) context.Context {
	return context.WithValue(ctx, clientKey{}, client{addr: addr, peer: parseAddr(peer)})
}

// ClientAddr returns the address of the client of the request in ctx; the zero Addr if it is unknown. Logs, audit, limits
// and networks of keys all use this one.
func ClientAddr(ctx context.Context) netip.Addr {
	c, _ := ctx.Value(clientKey{}).(client)
	return c.addr
}

// limitedAddr is whom failures are counted for: the client, or the proxy that hides it.
func limitedAddr(ctx context.Context) netip.Addr {
	c, _ := ctx.Value(clientKey{}).(client)
	if c.addr.IsValid() {
		return c.addr
	}
	return c.peer
}
