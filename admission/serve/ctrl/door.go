package ctrl

import (
	"net"
	"sync"

	"golang.org/x/net/netutil"
)

// Connections that are held: in all, and of one address, so that whoever takes as many
// as he gets leaves room for API servers, which need a few each.
const (
	connections = 1000
	ofAddress   = 200
)

// bounded closes at once what one address opens too much, and keeps waiting what is
// too much in all.
func bounded(l net.Listener) net.Listener {
	return &door{Listener: netutil.LimitListener(l, connections), open: map[string]int{}}
}

// door counts the connections of each address.
type door struct {
	net.Listener

	mu   sync.Mutex
	open map[string]int
}

// Accept gives the next connection that its address may have.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		host, _, err := net.SplitHostPort(c.RemoteAddr().String())
		if err == nil && d.enter(host) {
			return &guest{Conn: c, leave: sync.OnceFunc(func() { d.leave(host) })}, nil
		}
		_ = c.Close() // it was refused
	}
}

func (d *door) enter(host string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[host] >= ofAddress {
		return false
	}
	d.open[host]++
	return true
}

func (d *door) leave(host string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[host]--; d.open[host] == 0 {
		delete(d.open, host)
	}
}

// guest is a connection that is counted until it is closed.
type guest struct {
	net.Conn
	leave func()
}

// Close ends the connection.
func (g *guest) Close() error {
	defer g.leave()
	return g.Conn.Close()
}
