package follow

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Renewal is a certificate whose key leaked, and where another one has to take its
// place. Nothing in it is a secret.
type Renewal struct {
	Namespace   string
	Certificate string // name of the object of cert-manager
	Leaked      *x509.Certificate
	Issuers     []*x509.Certificate // that may have signed the leaked one, beside those in the Secret
	Served      []string            // HOST:PORT of all who serve it
	ServerName  string              // that is asked for; "" for the host
	List        string              // address of the list of revoked certificates; "" when nobody asks for it
}

// Renew has cert-manager issue a certificate anew, with another key, and waits until
// that is proven to be served, or the limit is over. One that has taken the place of the
// leaked one already is not renewed again. The error is that of the description or of the context.
func (p Prover) Renew(ctx context.Context, n Renewal) (Proof, error) {
	r, err := p.renewal(n)
	if err != nil {
		return Proof{}, err
	}
	r.force(ctx)
	return p.wait(ctx, r.started, func() (Proof, bool) { proof := r.look(ctx); return proof, r.never != "" })
}

// Renewed says how far a renewal has come, and changes nothing.
func (p Prover) Renewed(ctx context.Context, n Renewal) (Proof, error) {
	r, err := p.renewal(n)
	if err != nil {
		return Proof{}, err
	}
	return r.look(ctx), ctx.Err()
}

// renewing is one proof of a renewal.
type renewing struct {
	Prover
	Renewal
	path    string
	started time.Time
	took    time.Duration
	forced  error             // why it could not be told to issue
	never   string            // why waiting is in vain
	leaf    *x509.Certificate // that the Secret holds
	chain   []*x509.Certificate
}

func (p Prover) renewal(n Renewal) (*renewing, error) {
	path, err := n.place()
	if err != nil {
		return nil, err
	}
	return &renewing{Prover: p, Renewal: n, path: path, started: p.Clock.Now()}, nil
}

// Sound is nil when nothing is missing in the description.
func (n Renewal) Sound() error {
	_, err := n.place()
	return err
}

// place is the path of the object of cert-manager.
func (n Renewal) place() (string, error) {
	path, err := pathOf(n.Namespace, "certificate/"+n.Certificate, map[string]string{"certificate": certificates})
	switch {
	case err != nil || n.Namespace == "" || strings.ContainsAny(n.Namespace, "/?#%"):
		return "", errors.New("a namespace and a Certificate are needed, by their names")
	case n.Leaked == nil:
		return "", errors.New("the certificate that leaked is needed")
	case len(n.Served) == 0:
		return "", errors.New("who serves the certificate is needed, as HOST:PORT: that it was renewed proves nothing of what is served")
	}
	return path, nil
}

// look gathers all facts.
func (r *renewing) look(ctx context.Context) Proof {
	var proof Proof
	add := func(name string, v Verdict, why string) {
		proof.Facts = append(proof.Facts, Fact{name, v, why})
	}
	object, err := r.Cluster.Get(ctx, r.path)
	v, why := r.judgeCertificate(object, err)
	add("certificate/"+r.Certificate, v, why)

	name := word(at(object, "spec", "secretName"))
	held, why := r.judgeHeld(ctx, name)
	add("secret/"+name, held, why)
	for _, address := range r.Served {
		if held != Proven {
			add(address, held, "the Secret holds no other certificate")
			continue
		}
		v, why := r.judgeServed(ctx, address)
		add(address, v, why)
	}
	if r.List != "" {
		v, why := r.judgeList(ctx)
		add("the list of revoked certificates", v, why)
	}
	if proof.Verdict() == Proven && r.took == 0 {
		r.took = max(r.Clock.Now().Sub(r.started), 1)
	}
	proof.Took = r.took
	return proof
}

// judgeHeld asks whether the Secret holds a certificate in place of the leaked one:
// another serial, another key, the same names.
func (r *renewing) judgeHeld(ctx context.Context, name string) (Verdict, string) {
	if name == "" || strings.ContainsAny(name, "/?#%") {
		return CannotTell, "nothing says which Secret"
	}
	chain, err := r.held(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return NotYet, "there is no such Secret"
	}
	if err != nil {
		return CannotTell, err.Error()
	}
	r.leaf, r.chain = chain[0], chain[1:]
	now := r.Clock.Now()
	switch {
	case bytes.Equal(r.leaf.Raw, r.Leaked.Raw):
		return NotYet, "it holds the leaked certificate"
	case sameKey(r.leaf, r.Leaked):
		r.never = "it holds another certificate with the leaked key: set spec.privateKey.rotationPolicy to Always, and renew again"
		return NotYet, r.never
	case r.leaf.SerialNumber.Cmp(r.Leaked.SerialNumber) == 0:
		return CannotTell, "it holds another certificate with the same serial"
	case !covers(r.leaf, r.Leaked):
		return CannotTell, "it holds a certificate for other names than the leaked one"
	case now.Before(r.leaf.NotBefore.Add(-time.Minute)) || now.After(r.leaf.NotAfter):
		return NotYet, "its certificate is not valid now"
	}
	return Proven, "it holds the serial " + serial(r.leaf)
}

// held reads the certificates of a Secret: its own first, then what may have issued it.
func (r *renewing) held(ctx context.Context, name string) (chain []*x509.Certificate, err error) {
	object, err := r.Cluster.Get(ctx, "/api/v1/namespaces/"+r.Namespace+"/secrets/"+name)
	if err != nil {
		return nil, err
	}
	own := inSecret(object, "tls.crt")
	if len(own) == 0 {
		return nil, errors.New("it holds no certificate under tls.crt")
	}
	return append(own, inSecret(object, "ca.crt")...), nil
}

func inSecret(object map[string]any, key string) []*x509.Certificate {
	text, err := base64.StdEncoding.DecodeString(word(at(object, "data", key)))
	if err != nil {
		return nil
	}
	return ParseCertificates(text)
}

// ParseCertificates reads the certificates of a text in PEM, and skips all else.
func ParseCertificates(text []byte) (list []*x509.Certificate) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return list
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			list = append(list, c)
		}
	}
}

func sameKey(a, b *x509.Certificate) bool {
	key, ok := a.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b.PublicKey)
}

// covers reports whether one certificate is for all names of another.
func covers(c, of *x509.Certificate) bool {
	for _, name := range of.DNSNames {
		if !slices.ContainsFunc(c.DNSNames, func(n string) bool { return strings.EqualFold(n, name) }) {
			return false
		}
	}
	for _, ip := range of.IPAddresses {
		if !slices.ContainsFunc(c.IPAddresses, ip.Equal) {
			return false
		}
	}
	return len(of.DNSNames)+len(of.IPAddresses) > 0 || c.Subject.CommonName == of.Subject.CommonName
}

// serial is how it is shown, as openssl does.
func serial(c *x509.Certificate) string { return fmt.Sprintf("%X", c.SerialNumber) }
