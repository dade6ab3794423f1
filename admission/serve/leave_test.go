package serve_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/admission"
	"github.com/leakgate/leakgate/admission/serve"
)

// trusting is how a caller trusts a replica.
func trusting(keeper *serve.Memory) *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(keeper.Bundle())
	return &tls.Config{RootCAs: pool, ServerName: name, NextProtos: []string{"h2"}}
}

// slow answers after the replica has ended, as long as anybody waits for it.
type slow struct {
	asked, answer chan struct{}
	once          *sync.Once
}

func (s slow) Find(ctx context.Context, _ admission.Kind, _, _ string, _ func(admission.Object) bool) (admission.Object, error) {
	s.once.Do(func() { close(s.asked) })
	<-s.answer
	return nil, ctx.Err()
}

// What is in flight at the end is decided by the cluster, not by the end.
func TestTheEndCutsOffNoQuestion(t *testing.T) {
	keeper := &serve.Memory{}
	r := newReplica(t, keeper, &clock{}, policyFile(t, "version: 1\nkubernetes: {presets: {sealed-secrets: {}}, modes: {default: enforce}}\n"))
	cluster := slow{make(chan struct{}), make(chan struct{}), &sync.Once{}}
	r.cluster = cluster
	r.start(t)
	review := bytes.Replace(reviewOf(`"password":"bm90LWEtcmVhbC1wYXNzd29yZA=="`), []byte(`"username":"alice"`),
		[]byte(`"username":"system:serviceaccount:kube-system:sealed-secrets-controller","uid":"1"`), 1)
	said := make(chan string, 1)
	go func() { said <- message(t, r, keeper, review) }()
	<-cluster.asked
	r.stop()
	time.Sleep(time.Second) // twice as long as it drains
	close(cluster.answer)
	if text := <-said; !strings.Contains(text, "writer-identity") {
		t.Errorf("it says %q", text)
	}
	r.end(t)
}

// message sends a review and gives what the writer would read.
func message(t *testing.T, r *replica, keeper *serve.Memory, review []byte) string {
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: trusting(keeper)}}
	defer client.CloseIdleConnections()
	response, err := client.Post("https://"+r.address+serve.ReviewPath+"?timeout=5s", "application/json", bytes.NewReader(review))
	if err != nil {
		t.Error(err)
		return ""
	}
	defer response.Body.Close()
	var answer struct {
		Response struct {
			Status struct{ Message string }
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Error(err)
	}
	return answer.Response.Status.Message
}

// While a replica drains it answers, and sends callers elsewhere.
func TestDrainingSendsCallersAway(t *testing.T) {
	keeper := &serve.Memory{}
	r := newReplica(t, keeper, &clock{}, policyFile(t, enforcing))
	r.start(t)
	dialled := 0
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: trusting(keeper),
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			dialled++
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}}}
	defer client.CloseIdleConnections()
	call := func() {
		t.Helper()
		response, err := client.Post("https://"+r.address+serve.ReviewPath+"?timeout=5s", "application/json", bytes.NewReader(reviewOf("")))
		if err != nil {
			t.Fatal(err)
		}
		if response.Body.Close(); response.StatusCode != http.StatusOK {
			t.Fatal(response.Status)
		}
	}
	call()
	call()
	if dialled != 1 {
		t.Fatalf("%d connections for two calls", dialled)
	}
	r.stop()
	r.await(t, false)
	call() // over the connection that is there
	time.Sleep(50 * time.Millisecond)
	call()
	if dialled != 2 {
		t.Errorf("%d connections: the one that was there is kept", dialled)
	}
	r.end(t)
}
