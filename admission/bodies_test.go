package admission

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// trickle sends some bytes and then nothing more until it is stopped.
type trickle struct {
	left int
	stop <-chan struct{}
}

func (b *trickle) Read(p []byte) (int, error) {
	if b.left > 0 {
		n := min(b.left, len(p))
		b.left -= n
		copy(p, strings.Repeat(" ", n))
		return n, nil
	}
	<-b.stop
	return 0, io.EOF
}

// served is a server with the bounds of the real one.
func served(d *door, version string) *httptest.Server {
	server := httptest.NewUnstartedServer(d)
	server.EnableHTTP2 = version == "HTTP/2.0"
	server.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 100, MaxReceiveBufferPerStream: 64 << 10, MaxReceiveBufferPerConnection: 4<<20 - 1}
	server.StartTLS()
	return server
}

// besieged is a server to which many send some bytes of a body that never ends. All of
// them are there, or the room is full, when it returns.
func besieged(t *testing.T, version string, senders, each int) (*httptest.Server, *door) {
	t.Helper()
	d := newDoor(t, corpusPolicy, corpusCluster())
	server := served(d, version)
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop); server.CloseClientConnections(); server.Close() })
	for i := range senders {
		client := server.Client()
		if i%100 == 0 { // so many that no connection has all streams that it may
			client = &http.Client{Transport: server.Client().Transport.(*http.Transport).Clone()}
		}
		go func() {
			body := &trickle{left: each, stop: stop}
			r, err := http.NewRequest(http.MethodPost, server.URL+"?timeout=30s", body)
			if err != nil {
				return
			}
			r.ContentLength = MaxBody
			r.Header.Set("Content-Type", "application/json")
			if response, err := client.Do(r); err == nil {
				response.Body.Close()
			}
		}()
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		d.bodies.mu.Lock()
		arriving, most := len(d.bodies.slow), d.bodies.most
		d.bodies.mu.Unlock()
		if arriving >= senders || most > bodyBudget-firstRoom-smallBody {
			break
		}
	}
	return server, d
}

// Whoever reaches the webhook may send slowly, many at once. No call of an API server
// fails by it, and what all of them hold is bounded.
func TestSlowSendersDoNotHoldUpOthers(t *testing.T) {
	for _, version := range []string{"HTTP/1.1", "HTTP/2.0"} {
		for name, siege := range map[string]struct{ senders, each int }{
			"a small body":  {300, 100 << 10},
			"a large share": {24, 2 << 20},
		} {
			t.Run(version+"/"+name, func(t *testing.T) {
				server, d := besieged(t, version, siege.senders, siege.each)
				client := &http.Client{Transport: server.Client().Transport.(*http.Transport).Clone()} // as an API server has a connection of its own
				filled := byCreator.with(func(c *call) { c.data = map[string]string{"note": "${" + strings.Repeat("x", 60<<10) + "}"} })
				for i := range 5 {
					for size, c := range map[string]call{"small": byCreator, "large": filled} {
						response, err := client.Post(server.URL+"?timeout=10s", "application/json", bytes.NewReader(c.review(t)))
						if err != nil {
							t.Fatalf("call %d, %s: %v", i, size, err)
						}
						response.Body.Close()
						if response.StatusCode != http.StatusOK || response.Proto != version {
							t.Fatalf("call %d, %s: %s: HTTP %d", i, size, response.Proto, response.StatusCode)
						}
					}
				}
				if most := d.bodies.most; most > bodyBudget+smallRoom {
					t.Errorf("%d bytes were held", most)
				}
			})
		}
	}
}

// Many large calls at once, more than there is room for: all of them are answered.
func TestManyLargeCallsAreAllAnswered(t *testing.T) {
	d := newDoor(t, corpusPolicy, corpusCluster())
	server := served(d, "HTTP/2.0")
	defer server.Close()
	large := strings.Repeat("v", 1<<20)
	body := byLabeller.with(func(c *call) { c.data["password"], c.old.data["password"] = large, large }).review(t)
	var group sync.WaitGroup
	failed := make(chan string, 32)
	for range 32 {
		group.Go(func() {
			response, err := server.Client().Post(server.URL+"?timeout=30s", "application/json", bytes.NewReader(body))
			if err != nil {
				failed <- err.Error()
				return
			}
			defer response.Body.Close()
			if text, err := io.ReadAll(response.Body); err != nil || !allows(text) {
				failed <- fmt.Sprintf("HTTP %d: %s %v", response.StatusCode, text, err)
			}
		})
	}
	group.Wait()
	close(failed)
	for why := range failed {
		t.Error(why)
	}
	if p := d.bodies; p.held != 0 || p.leaving != 0 || len(p.slow) != 0 || len(p.waiters) != 0 || p.most > bodyBudget+smallRoom {
		t.Errorf("held %d, leaving %d, arriving %d, waiting %d, at most %d", p.held, p.leaving, len(p.slow), len(p.waiters), p.most)
	}
}
