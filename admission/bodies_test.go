package admission

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
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
func served(h http.Handler, version string) *httptest.Server {
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = version == "HTTP/2.0"
	server.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 100, MaxReceiveBufferPerStream: 64 << 10, MaxReceiveBufferPerConnection: 4<<20 - 1}
	server.StartTLS()
	return server
}

// state is how many bodies arrive, and what was held at most.
func (p *bodies) state() (arriving, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.slow), p.most
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
		if arriving, most := d.bodies.state(); arriving >= senders || most > (bodyBudget-firstRoom)*3/4 {
			break
		}
	}
	return server, d
}

// arriving is a body that has come so far, and whose sender was waited for so long.
func arriving(t *testing.T, p *bodies, size int, waited time.Duration) (b *body, cut *int) {
	t.Helper()
	cut = new(int)
	b = &body{cut: func() { *cut++ }}
	p.begin(b)
	if freed, err := p.tryTake(b, size); freed != nil || err != nil {
		t.Fatalf("no room for %d bytes beside %d: %v", size, p.held, err)
	}
	if waited > 0 {
		b.since = time.Now().Add(-waited)
	}
	return b, cut
}

// Only who is waited for gives way, no more of them than is needed, and each once.
func TestWhoIsWaitedForGivesWay(t *testing.T) {
	p := newBodies()
	slow, slowCut := arriving(t, p, 10<<20, time.Hour)
	quick, quickCut := arriving(t, p, 3<<20, 0)
	_, otherCut := arriving(t, p, 3<<20, time.Hour)
	next := &body{}
	p.begin(next)
	for range 3 {
		if freed, err := p.tryTake(next, 8<<20); freed == nil || err != nil {
			t.Fatalf("there is room: %v", err)
		}
	}
	if !slow.gone || *slowCut != 1 || quick.gone || *quickCut != 0 || *otherCut != 0 {
		t.Errorf("cut %d, %d and %d times", *slowCut, *quickCut, *otherCut)
	}
	if _, err := p.tryTake(slow, 1); !errors.Is(err, errSlow) {
		t.Errorf("who gave way takes more: %v", err)
	}
	freed := p.freed
	p.arrived(slow)
	p.give(slow)
	if p.leaving != 0 {
		t.Errorf("%d bytes leave still", p.leaving)
	}
	<-freed
	if freed, err := p.tryTake(next, 8<<20); freed != nil || err != nil {
		t.Errorf("no room after one gave way: %v", err)
	}
}

// The first that arrives has room to its end whatever others hold, and small ones
// have theirs.
func TestTheFirstHasRoomToItsEnd(t *testing.T) {
	p := newBodies()
	first, _ := arriving(t, p, bodyCost, 0)
	for p.held+(2<<20) <= bodyBudget-firstRoom {
		arriving(t, p, 2<<20, 0)
	}
	large := &body{}
	p.begin(large)
	if freed, _ := p.tryTake(large, 2<<20); freed == nil {
		t.Error("there is room for a large one")
	}
	for p.held+smallBody <= bodyBudget-firstRoom+smallRoom {
		arriving(t, p, smallBody, 0)
	}
	if freed, err := p.tryTake(first, MaxBody+1); freed != nil || err != nil {
		t.Errorf("the first has no room beside %d: %v", p.held, err)
	}
}

// Where too many wait, who came first gives up: his is the call that ends first.
func TestTooManyDoNotWait(t *testing.T) {
	p := newBodies()
	arriving(t, p, bodyBudget, 0)
	var waiting []*body
	for range maxWaiters + 1 {
		b := &body{}
		p.begin(b)
		if freed, err := p.tryTake(b, bodyBudget); freed == nil || err != nil {
			t.Fatalf("it does not wait: %v", err)
		}
		waiting = append(waiting, b)
	}
	if _, err := p.tryTake(waiting[0], bodyCost); !errors.Is(err, errBusy) {
		t.Errorf("the first waits on: %v", err)
	}
	if _, err := p.tryTake(waiting[1], bodyBudget); err != nil {
		t.Errorf("the second does not: %v", err)
	}
}

// eventually does something until it succeeds: on a machine that others fill, a call
// may be slow itself.
func eventually(do func() error) (err error) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if err = do(); err == nil {
			return nil
		}
	}
	return err
}

// Whoever reaches the webhook may send slowly, many at once. Calls of an API server are
// answered all the same, and what all of them hold is bounded.
func TestSlowSendersDoNotHoldUpOthers(t *testing.T) {
	for _, version := range []string{"HTTP/1.1", "HTTP/2.0"} {
		for name, siege := range map[string]struct{ senders, each int }{
			"a small body":  {180, 100 << 10},
			"a large share": {24, 2 << 20},
		} {
			t.Run(version+"/"+name, func(t *testing.T) {
				t.Parallel() // they wait more than they work
				server, d := besieged(t, version, siege.senders, siege.each)
				client := &http.Client{Transport: server.Client().Transport.(*http.Transport).Clone()} // as an API server has a connection of its own
				filled := byCreator.with(func(c *call) { c.data = map[string]string{"note": "${" + strings.Repeat("x", 60<<10) + "}"} })
				for i := range 3 {
					for size, c := range map[string]call{"small": byCreator, "large": filled} {
						body := c.review(t)
						if err := eventually(func() error { return answered(client, server.URL, version, body) }); err != nil {
							t.Fatalf("call %d, %s: %v", i, size, err)
						}
					}
				}
				if _, most := d.bodies.state(); most > bodyBudget+smallRoom {
					t.Errorf("%d bytes were held", most)
				}
			})
		}
	}
}

func answered(client *http.Client, url, version string, body []byte) error {
	response, err := client.Post(url+"?timeout=30s", "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || response.Proto != version {
		return fmt.Errorf("%s: HTTP %d: %s %w", response.Proto, response.StatusCode, text, err)
	}
	return nil
}

// Many large bodies at once over one connection, more than there is room for: all of
// them come to their end. Nothing is decided here, so that little time is needed.
func TestManyLargeBodiesAllArrive(t *testing.T) {
	p, size := newBodies(), 3<<20
	p.bodyTime, p.slowTime = time.Hour, time.Hour // nobody gives way: there has to be room for all in turn
	server := served(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, release, err := p.read(context.Background(), w, r)
		defer release()
		if err != nil || len(text) != size {
			http.Error(w, fmt.Sprint(len(text), err), http.StatusBadRequest)
		}
	}), "HTTP/2.0")
	defer server.Close()
	body := bytes.Repeat([]byte("v"), size)
	var group errgroup.Group
	for range 12 {
		group.Go(func() error { return answered(server.Client(), server.URL, "HTTP/2.0", body) })
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	server.Close() // waits for those that are answered and not yet at their end
	if p.held != 0 || p.leaving != 0 || len(p.slow) != 0 || len(p.waiters) != 0 || p.most > bodyBudget+smallRoom {
		t.Errorf("held %d, leaving %d, arriving %d, waiting %d, at most %d", p.held, p.leaving, len(p.slow), len(p.waiters), p.most)
	}
}
