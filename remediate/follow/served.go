package follow

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Limits of one look at a server.
const (
	handshake = 20 * time.Second
	maxList   = 64 << 20 // bytes of a list of revoked certificates
)

// judgeServed asks every address of a server which certificate it shows. It must be
// the very one of the Secret: who shows it proves in the handshake to have its key, so no
// authority is asked.
func (r *renewing) judgeServed(ctx context.Context, address string) (Verdict, string) {
	shown, err := shownBy(ctx, address, r.ServerName)
	if err != nil {
		return CannotTell, err.Error()
	}
	for _, c := range shown {
		switch {
		case bytes.Equal(c.Raw, r.Leaked.Raw):
			return NotYet, "it serves the leaked certificate, serial " + serial(c)
		case sameKey(c, r.Leaked):
			return NotYet, "it serves the leaked key, serial " + serial(c)
		case !bytes.Equal(c.Raw, r.leaf.Raw):
			return NotYet, "it serves another certificate than the Secret holds, serial " + serial(c)
		}
	}
	return Proven, fmt.Sprintf("it serves the serial %s, and no longer %s", serial(r.leaf), serial(r.Leaked))
}

// shownBy makes a handshake with every address that a host has.
func shownBy(ctx context.Context, address, name string) (shown []*x509.Certificate, err error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, errors.New("it is not written as HOST:PORT")
	}
	if name == "" {
		name = host
	}
	ctx, cancel := context.WithTimeout(ctx, handshake)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("its name is not resolved: %w", err)
	}
	for _, a := range addresses {
		c, err := shownAt(ctx, net.JoinHostPort(a, port), name)
		if err != nil {
			return nil, err
		}
		shown = append(shown, c)
	}
	return shown, nil
}

func shownAt(ctx context.Context, address, name string) (*x509.Certificate, error) {
	config := &tls.Config{ServerName: name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // which authority vouches for it is not the question; the certificate itself is compared
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("no handshake: %w", err)
	}
	defer func() { _ = conn.Close() }()
	peers := conn.(*tls.Conn).ConnectionState().PeerCertificates
	if len(peers) == 0 {
		return nil, errors.New("it shows no certificate")
	}
	return peers[0], nil
}

// judgeList asks whether the list of revoked certificates, which their issuer signed,
// has the leaked one.
func (r *renewing) judgeList(ctx context.Context) (Verdict, string) {
	list, err := fetchList(ctx, r.List)
	if err != nil {
		return CannotTell, err.Error()
	}
	return r.listed(list)
}

func (r *renewing) listed(list *x509.RevocationList) (Verdict, string) {
	issued := func(c *x509.Certificate) bool {
		return r.Leaked.CheckSignatureFrom(c) == nil && list.CheckSignatureFrom(c) == nil
	}
	now := r.Clock.Now()
	switch {
	case !slices.ContainsFunc(r.Issuers, issued) && !slices.ContainsFunc(r.chain, issued):
		return CannotTell, "it is not signed by a known issuer of the leaked certificate"
	case !list.NextUpdate.IsZero() && now.After(list.NextUpdate):
		return CannotTell, "it was to be replaced at " + list.NextUpdate.UTC().Format(time.RFC3339)
	}
	for _, e := range list.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(r.Leaked.SerialNumber) == 0 {
			return Proven, fmt.Sprintf("it has the serial %s since %s", serial(r.Leaked), e.RevocationTime.UTC().Format(time.RFC3339))
		}
	}
	return NotYet, "it does not have the serial " + serial(r.Leaked)
}

// fetchList reads a list in DER or PEM. It is signed, so plain http does.
func fetchList(ctx context.Context, address string) (*x509.RevocationList, error) {
	if !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") {
		return nil, errors.New("its address begins with https:// or http://")
	}
	ctx, cancel := context.WithTimeout(ctx, handshake)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, errors.New("its address does not parse")
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return nil, errors.New("nobody answers at its address")
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxList+1))
	switch {
	case err != nil || res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("its address answers with status %d", res.StatusCode)
	case len(text) > maxList:
		return nil, fmt.Errorf("it has more than %d bytes", maxList)
	}
	if block, _ := pem.Decode(text); block != nil {
		text = block.Bytes
	}
	list, err := x509.ParseRevocationList(text)
	if err != nil {
		return nil, errors.New("it does not parse")
	}
	return list, nil
}
