package live

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Proxy stands for the Service: it hands each connection to a replica that was ready
// a moment ago, and leaves alone what is open.
type Proxy struct {
	Address  string
	listener net.Listener

	mu    sync.Mutex
	ready []string // addresses of replicas
	next  int
}

// NewProxy listens until the context ends, and looks at the health addresses of the
// replicas, by the address of each.
func NewProxy(ctx context.Context, health map[string]string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{Address: listener.Addr().String(), listener: listener}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	go p.follow(ctx, health)
	go p.serve()
	return p, nil
}

// Knows reports whether connections go to a replica.
func (p *Proxy) Knows(address string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.ready, address)
}

func (p *Proxy) follow(ctx context.Context, health map[string]string) {
	client := &http.Client{Timeout: time.Second}
	for ctx.Err() == nil {
		var ready []string
		for address, at := range health {
			response, err := client.Get("http://" + at + "/readyz")
			if err != nil {
				continue
			}
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				ready = append(ready, address)
			}
		}
		p.mu.Lock()
		p.ready = ready
		p.mu.Unlock()
		time.Sleep(100 * time.Millisecond)
	}
}

func (p *Proxy) serve() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.join(conn)
	}
}

func (p *Proxy) join(client net.Conn) {
	defer func() { _ = client.Close() }()
	replica, err := net.DialTimeout("tcp", p.pick(), time.Second)
	if err != nil {
		return
	}
	defer func() { _ = replica.Close() }()
	done := make(chan struct{}, 2)
	for from, to := range map[net.Conn]net.Conn{client: replica, replica: client} {
		go func() {
			_, _ = io.Copy(to, from)
			done <- struct{}{}
		}()
	}
	<-done
}

// pick takes the ready replicas in turn; an address that nobody has where there is none.
func (p *Proxy) pick() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ready) == 0 {
		return "127.0.0.1:0"
	}
	p.next++
	return p.ready[p.next%len(p.ready)]
}
