package follow

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	webPath    = "/apis/cert-manager.io/v1/namespaces/shop/certificates/web"
	webTLSPath = "/api/v1/namespaces/shop/secrets/web-tls"
)

// authority issues the certificates of a test.
type authority struct {
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	serial int64
}

func newAuthority(t *testing.T) *authority {
	a := &authority{key: newKey(t), serial: 100}
	a.cert = a.sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte{1, 2, 3}}, a.key)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) sign(t *testing.T, of *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	a.serial++
	of.SerialNumber, of.NotBefore = big.NewInt(a.serial), time.Now().Add(-time.Hour)
	if of.NotAfter.IsZero() {
		of.NotAfter = time.Now().Add(time.Hour)
	}
	by := a.cert
	if by == nil {
		by = of
	}
	der, err := x509.CreateCertificate(rand.Reader, of, by, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (a *authority) issue(t *testing.T, name string) tls.Certificate {
	return a.issueFor(t, name, newKey(t))
}

func (a *authority) issueFor(t *testing.T, name string, key *ecdsa.PrivateKey) tls.Certificate {
	c := a.sign(t, &x509.Certificate{DNSNames: []string{name}}, key)
	return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: key, Leaf: c}
}

func (a *authority) list(t *testing.T, next time.Time, serials ...*big.Int) *x509.RevocationList {
	t.Helper()
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: next}
	for _, s := range serials {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: s, RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, a.cert, a.key)
	if err != nil {
		t.Fatal(err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func inPEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// shop is a cluster whose cert-manager issues on demand, and a server that follows it.
type shop struct {
	*fake
	authority *authority
	leaked    tls.Certificate
	served    atomic.Pointer[tls.Certificate]
	list      atomic.Pointer[x509.RevocationList]
	next      tls.Certificate // what cert-manager issues
	patches   []map[string]any
	Renewal
}

func newShop(t *testing.T) (*shop, Prover) {
	a := newAuthority(t)
	s := &shop{fake: &fake{now: time.Now(), err: map[string]error{}}, authority: a, leaked: a.issue(t, "web.shop"), next: a.issue(t, "web.shop")}
	s.served.Store(&s.leaked)
	s.list.Store(a.list(t, time.Now().Add(time.Hour), big.NewInt(5)))
	s.objects = map[string]map[string]any{
		webPath:    certificate("Always", 1, ""),
		webTLSPath: s.secret(s.leaked.Leaf),
	}
	s.react = func(path string, patch map[string]any) {
		s.patches = append(s.patches, patch)
		s.objects[webPath] = certificate("Always", 2, "")
		s.objects[webTLSPath] = s.secret(s.next.Leaf)
		s.served.Store(&s.next)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(s.list.Load().Raw) }))
	server.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.served.Load(), nil }}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	lists := httptest.NewServer(server.Config.Handler)
	t.Cleanup(lists.Close)
	s.Renewal = Renewal{Namespace: "shop", Certificate: "web", Leaked: s.leaked.Leaf, Served: []string{server.Listener.Addr().String()}, ServerName: "web.shop", List: lists.URL}
	return s, Prover{Cluster: s.fake, Clock: s.fake, Limit: time.Minute}
}

func (s *shop) secret(leaf *x509.Certificate) map[string]any {
	encode := base64.StdEncoding.EncodeToString
	return object(`{"data":{"tls.crt":%q,"ca.crt":%q}}`, encode(inPEM(leaf)), encode(inPEM(s.authority.cert)))
}

func certificate(policy string, revision int, more string) map[string]any {
	return object(`{"metadata":{"resourceVersion":"9","generation":3},"spec":{"secretName":"web-tls","privateKey":{"rotationPolicy":%q}},
		"status":{"revision":%d,"conditions":[{"type":"Ready","status":"True","reason":"Ready"}%s]}}`, policy, revision, more)
}

// renews does it and holds the proof to a verdict and to a text.
func (s *shop) renews(t *testing.T, prove func(context.Context, Renewal) (Proof, error), want Verdict, text string) {
	t.Helper()
	proof, err := prove(t.Context(), s.Renewal)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(proof.Facts); proof.Verdict() != want || !strings.Contains(got, text) {
		t.Errorf("%s, want %s with %q: %s", proof.Verdict(), want, text, got)
	}
}

func (s *shop) revoke(t *testing.T) {
	s.list.Store(s.authority.list(t, time.Now().Add(time.Hour), big.NewInt(5), s.leaked.Leaf.SerialNumber))
}

func TestARenewalIsProvenByWhatIsServed(t *testing.T) {
	s, p := newShop(t)
	s.renews(t, p.Renewed, NotYet, "it holds the leaked certificate")
	if len(s.merged) > 0 {
		t.Fatalf("who only looks changed %v", s.merged)
	}
	s.revoke(t)
	s.renews(t, p.Renew, Proven, fmt.Sprintf("it serves the serial %X, and no longer %X", s.next.Leaf.SerialNumber, s.leaked.Leaf.SerialNumber))
	want := []any{
		map[string]any{"type": "Ready", "status": "True", "reason": "Ready"},
		map[string]any{"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "Certificate re-issuance manually triggered",
			"lastTransitionTime": stamp(s.now), "observedGeneration": float64(3)},
	}
	if len(s.merged) != 1 || s.merged[0] != webPath+"/status" || fmt.Sprint(at(s.patches[0], "status", "conditions")) != fmt.Sprint(want) || at(s.patches[0], "metadata", "resourceVersion") != "9" {
		t.Errorf("%v: %v", s.merged, s.patches)
	}
	s.renews(t, p.Renew, Proven, "revision 2") // again
	if len(s.merged) != 1 {
		t.Errorf("what was renewed was renewed again: %v", s.merged)
	}
}

func TestWhatIsNoRenewal(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*testing.T, *shop)
		want   Verdict
		text   string
	}{
		"the leaked key again": {func(t *testing.T, s *shop) {
			s.next = s.authority.issueFor(t, "web.shop", s.leaked.PrivateKey.(*ecdsa.PrivateKey))
		}, NotYet, "with the leaked key"},
		"a policy that keeps the key": {func(_ *testing.T, s *shop) { s.objects[webPath] = certificate("Never", 1, "") }, NotYet, "rotationPolicy is Never"},
		"other names":                 {func(t *testing.T, s *shop) { s.next = s.authority.issue(t, "other.shop") }, CannotTell, "for other names"},
		"another one of that serial": {func(t *testing.T, s *shop) {
			s.authority.serial = s.leaked.Leaf.SerialNumber.Int64() - 1
			s.next = s.authority.issue(t, "web.shop")
		}, CannotTell, "the same serial"},
		"a server that did not reload": {func(_ *testing.T, s *shop) {
			react := s.react
			s.react = func(path string, patch map[string]any) { react(path, patch); s.served.Store(&s.leaked) }
		}, NotYet, "it serves the leaked certificate"},
		"a server with yet another one": {func(t *testing.T, s *shop) {
			other, react := s.authority.issue(t, "web.shop"), s.react
			s.react = func(path string, patch map[string]any) { react(path, patch); s.served.Store(&other) }
		}, NotYet, "another certificate than the Secret holds"},
		"a server that is away": {func(_ *testing.T, s *shop) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err == nil {
				s.Served = append(s.Served, l.Addr().String())
				l.Close()
			}
		}, CannotTell, "no handshake"},
		"a list without it": {func(t *testing.T, s *shop) { s.list.Store(s.authority.list(t, time.Now().Add(time.Hour))) }, NotYet, "it does not have the serial"},
		"an outdated list": {func(t *testing.T, s *shop) {
			s.list.Store(s.authority.list(t, time.Now().Add(-time.Minute), s.leaked.Leaf.SerialNumber))
		}, CannotTell, "it was to be replaced"},
		"a list of a stranger": {func(t *testing.T, s *shop) {
			s.list.Store(newAuthority(t).list(t, time.Now().Add(time.Hour), s.leaked.Leaf.SerialNumber))
		}, CannotTell, "not signed by a known issuer"},
		"no list":               {func(_ *testing.T, s *shop) { s.List = "http://" + s.Served[0] }, CannotTell, "the list of revoked"},
		"an address of no list": {func(_ *testing.T, s *shop) { s.List = "ftp://list" }, CannotTell, "https://"},
		"a failure to issue": {func(_ *testing.T, s *shop) {
			s.react = func(string, map[string]any) {
				s.objects[webPath] = certificate("Always", 1, `,{"type":"Issuing","status":"False","reason":"Failed"}`)
				s.objects[webPath]["status"].(map[string]any)["lastFailureTime"] = stamp(s.now)
			}
		}, NotYet, "it could not be issued: Failed"},
		"who may not ask for it": {func(_ *testing.T, s *shop) { s.err["merge "+webPath+"/status"] = errors.New("status 403 Forbidden") }, NotYet, "it cannot be told to issue"},
		"no Certificate":         {func(_ *testing.T, s *shop) { delete(s.objects, webPath) }, NotYet, "there is no such object"},
		"no Secret":              {func(_ *testing.T, s *shop) { delete(s.objects, webTLSPath) }, NotYet, "there is no such"},
		"a Secret of nothing":    {func(_ *testing.T, s *shop) { s.objects[webTLSPath] = object(`{"data":{"tls.crt":"bm9uZQ=="}}`) }, CannotTell, "no certificate under tls.crt"},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := newShop(t)
			s.revoke(t)
			c.change(t, s)
			s.renews(t, p.Renew, c.want, c.text)
		})
	}
}

func TestARenewalNeedsItsNames(t *testing.T) {
	s, p := newShop(t)
	for name, change := range map[string]func(*Renewal){
		"no namespace":   func(n *Renewal) { n.Namespace = "" },
		"a path":         func(n *Renewal) { n.Namespace = "a/b" },
		"no Certificate": func(n *Renewal) { n.Certificate = "" },
		"no server":      func(n *Renewal) { n.Served = nil },
		"nothing leaked": func(n *Renewal) { n.Leaked = nil },
	} {
		n := s.Renewal
		change(&n)
		if _, err := p.Renew(t.Context(), n); err == nil {
			t.Errorf("%s: it begins", name)
		}
	}
}
