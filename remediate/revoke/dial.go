package revoke

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// lazyClient makes the http.Client at its first use.
type lazyClient struct {
	once   sync.Once
	client *http.Client
}

func (c *Client) http() *http.Client {
	c.lazy.once.Do(func() { c.lazy.client = c.newHTTP() })
	return c.lazy.client
}

// guardedDial connects to public addresses only. It judges the address that
// the socket is about to use, after name resolution, so a name that answers
// differently the second time gains nothing.
func (c *Client) guardedDial(ctx context.Context, network, address string) (net.Conn, error) {
	return c.dialJudged(ctx, network, address, slices.ContainsFunc(c.Private, func(host string) bool {
		return strings.EqualFold(host, address) || strings.EqualFold(host+":443", address)
	}))
}

// dialListed connects to a server that the operator's list names with its port
// and its administrator: it may be private without being named twice.
func (c *Client) dialListed(ctx context.Context, network, address string) (net.Conn, error) {
	return c.dialJudged(ctx, network, address, true)
}

func (c *Client) dialJudged(ctx context.Context, network, address string, own bool) (net.Conn, error) {
	dialer := net.Dialer{
		Resolver: c.Resolver,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			return guard(address, own)
		},
	}
	return dialer.DialContext(ctx, network, address)
}

// reserved are the networks that are not of the public internet.
// https://www.iana.org/assignments/iana-ipv4-special-registry
// https://www.iana.org/assignments/iana-ipv6-special-registry
var reserved = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
)

// metadata are the addresses at which clouds hand out credentials and that are
// not link-local.
var metadata = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16")}

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// guard judges the address of a socket. The operator's own hosts may be
// private; nobody's may be link-local or a cloud's metadata service.
func guard(address string, own bool) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("refused to connect: %q is no address", address)
	}
	ip := at.Addr().Unmap().WithZone("")
	refused := fmt.Errorf("refused to connect: %s is not a public address", ip)
	switch {
	case slices.Contains(metadata, ip), ip.IsUnspecified(), ip.IsMulticast(), ip.IsLinkLocalUnicast():
		return refused
	case ip.IsPrivate(), ip.IsLoopback():
		if own {
			return nil
		}
		return refused
	}
	for _, network := range reserved {
		if network.Contains(ip) {
			return refused
		}
	}
	return nil
}
