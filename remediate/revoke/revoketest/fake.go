package revoketest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/leakgate/leakgate/remediate/revoke"
)

// Exchange is one request that the fake waits for, and its answer.
type Exchange struct {
	Request Expected
	Serve   http.HandlerFunc
}

// Fake is every provider at once: a TLS server behind the client's dialer. It
// plays one transcript at a time and compares every byte that it is sent.
type Fake struct {
	Client *revoke.Client

	server *httptest.Server
	mu     sync.Mutex
	play   *Transcript
	queue  []Exchange
	faults []string
	hosts  map[string]bool // that were dialled
}

// NewFake starts a fake. Close it.
func NewFake(timeout time.Duration) (*Fake, error) {
	f := &Fake{hosts: map[string]bool{}}
	authority, certificate, err := newAuthority()
	if err != nil {
		return nil, err
	}
	f.server = httptest.NewUnstartedServer(f)
	f.server.Config.ErrorLog = silent
	f.server.TLS = &tls.Config{GetCertificate: certificate}
	f.server.StartTLS()
	f.Client = &revoke.Client{Timeout: timeout, Roots: authority, Dial: f.dial}
	return f, nil
}

// Close ends the server.
func (f *Fake) Close() {
	f.Client.CloseIdleConnections()
	f.server.CloseClientConnections()
	f.server.Close()
}

// Expect sets what comes next, in this order and nothing else.
func (f *Fake) Expect(t *Transcript, queue ...Exchange) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.play, f.queue, f.faults = t, queue, nil
}

// Fault is what went otherwise than expected since Expect.
func (f *Fake) Fault() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.faults) > 0 {
		return fmt.Errorf("%s", strings.Join(f.faults, "; "))
	}
	if len(f.queue) > 0 {
		return fmt.Errorf("%d expected requests did not come", len(f.queue))
	}
	return nil
}

// Dialled are the hosts that were connected to.
func (f *Fake) Dialled() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return keys(f.hosts)
}

func (f *Fake) dial(ctx context.Context, network, address string) (net.Conn, error) {
	f.mu.Lock()
	f.hosts[strings.TrimSuffix(address, ":443")] = true
	f.mu.Unlock()
	var d net.Dialer
	return d.DialContext(ctx, network, f.server.Listener.Addr().String())
}

// ServeHTTP answers the request that is next, if it is the one.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	f.mu.Lock()
	var next *Exchange
	if len(f.queue) > 0 {
		next = &f.queue[0]
		f.queue = f.queue[1:]
	}
	fault := "a request that nobody expected"
	if err == nil && next != nil {
		fault = f.play.differs(r, string(body), next.Request)
	}
	if fault != "" {
		f.faults = append(f.faults, fault)
	}
	f.mu.Unlock()
	if fault != "" {
		http.Error(w, `{"fake":"unexpected"}`, http.StatusTeapot)
		return
	}
	next.Serve(w, r)
}

// newAuthority makes a certificate authority that vouches for every name.
func newAuthority() (*x509.CertPool, func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fake"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	issue := func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(2), DNSNames: []string{hello.ServerName},
			NotBefore: root.NotBefore, NotAfter: root.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		}
		der, err := x509.CreateCertificate(rand.Reader, leaf, parsed, key.Public(), key)
		return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
	}
	return pool, issue, nil
}
