package ctrl

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// One address may have so many connections, and as many again when they are closed.
func TestOneAddressDoesNotTakeAllConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := bounded(l).(*door)
	defer d.Close()
	accepted := make(chan net.Conn, 2*ofAddress)
	go func() {
		for {
			c, err := d.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	for range 2 {
		var inside []net.Conn
		for range ofAddress {
			dial()
			select {
			case c := <-accepted:
				inside = append(inside, c)
			case <-time.After(30 * time.Second):
				t.Fatalf("only %d are let in", len(inside))
			}
		}
		more := dial()
		if err := more.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := more.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("one too many is not closed: %v", err)
		}
		for _, c := range inside {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			_ = c.Close() // as net/http may: it is counted once
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.open) != 0 {
		t.Errorf("%v are counted still", d.open)
	}
}
