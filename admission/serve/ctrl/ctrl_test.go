package ctrl

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A caller that never ends its request does not keep the process: it is told.
func TestTheEndWaitsOnlySoLong(t *testing.T) {
	leaveTime = 300 * time.Millisecond
	defer func() { leaveTime = 20 * time.Second }()
	folder := t.TempDir()
	writePair(t, folder, 1, true)
	pair, err := tls.LoadX509KeyPair(folder+"/tls.crt", folder+"/tls.key")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	address := l.Addr().String()
	l.Close()
	ctx, stop := context.WithCancel(context.Background())
	reached := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- Listen(ctx, "127.0.0.1", port, "/", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(reached)
			_, _ = io.Copy(io.Discard, r.Body)
		}), func(c *tls.Config) {
			c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil }
		})
	}()
	body, feed := io.Pipe()
	defer feed.Close()
	go func() {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		for range 200 {
			if c, err := net.Dial("tcp", address); err == nil {
				c.Close()
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if response, err := client.Post("https://"+address+"/", "text/plain", body); err == nil {
			response.Body.Close()
		}
	}()
	<-reached
	stop()
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "still held a connection") {
			t.Errorf("it says %v", err)
		}
	case <-time.After(8 * time.Second):
		t.Error("it waits on")
	}
}
