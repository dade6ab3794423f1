package revoketest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// A directory that names other hosts leads nowhere, and a nonce from elsewhere is not fetched.
func TestADirectoryDoesNotLeadElsewhere(t *testing.T) {
	s, f := certificateSuite(t)
	target, err := s.locate()
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"new-nonce", "revoke-cert"} {
		step := *s.script.Revoke
		step.Before = slices.Clone(step.Before)
		step.Before[0].Body = strings.ReplaceAll(step.Before[0].Body, "https://acme.example/"+field, "https://elsewhere.example/"+field)
		f.Expect(s.script, s.script.queue(&step, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })...)
		if o := f.Client.Act(ctx, s.provider, s.in, target, revoke.Revoke); o.Result != revoke.Unclear {
			t.Errorf("%s elsewhere: %s", field, o.Result)
		}
		if slices.Contains(f.Dialled(), "elsewhere.example") {
			t.Fatalf("%s elsewhere: it was asked", field)
		}
	}
}

// Only the certificate with the key is meant: without it nothing is done.
func TestACertificateOfAnotherKeyIsNotRevoked(t *testing.T) {
	s, f := certificateSuite(t)
	target, err := s.locate()
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(s.script.values["certificate"], "-----END CERTIFICATE-----\n")
	s.in.Given["certificate"] = secret.New(first + "-----END CERTIFICATE-----\n") // the decoy alone
	if err := s.provider.Fits(s.in); err == nil || !strings.Contains(err.Error(), "none of the certificates") {
		t.Errorf("it fits: %v", err)
	}
	f.Expect(s.script)
	if o := f.Client.Act(ctx, s.provider, s.in, target, revoke.Revoke); o.Result != revoke.Refused {
		t.Errorf("revoked: %s", o.Result)
	}
	if err := f.Fault(); err != nil {
		t.Error(err)
	}
}

func certificateSuite(t *testing.T) (*suite, *Fake) {
	t.Helper()
	catalogue, err := revoke.Default()
	if err != nil {
		t.Fatal(err)
	}
	all, err := Transcripts()
	if err != nil {
		t.Fatal(err)
	}
	f, err := NewFake(30 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	script := all["acme-certificate"]
	return &suite{fake: f, provider: catalogue.Provider("acme-certificate"), script: script, in: script.Input()}, f
}
