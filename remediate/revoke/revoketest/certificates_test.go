package revoketest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// Anybody can commit a key with a certificate that has the serial of another one.
// Only what the named authority signed is asked about, and Vault must have the very
// same certificate.
func TestACertificateWithTheSerialOfAnotherOneIsNotRevoked(t *testing.T) {
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
	defer f.Close()
	script := all["vault-certificate"]
	p, in := catalogue.Provider("vault-certificate"), script.Input()

	first, _, _ := strings.Cut(script.values["ca"], "-----END CERTIFICATE-----\n")
	for name, ca := range map[string]string{"another authority": first + "-----END CERTIFICATE-----\n", "none": "pki"} {
		forged := script.Input()
		forged.Given["ca"] = secret.New(ca)
		if err := p.Fits(forged); err == nil {
			t.Errorf("%s: it fits", name)
		}
		f.Expect(script)
		if r := f.Client.Check(ctx, p, forged); r.Status != revoke.Unknown || f.Fault() != nil {
			t.Errorf("%s: %s, %v", name, r.Status, f.Fault())
		}
	}

	decoy, _, _ := strings.Cut(script.values["certificate"], "-----END CERTIFICATE-----\n")
	for name, held := range map[string]string{"another certificate": decoy + "-----END CERTIFICATE-----\n", "two of them": script.values["certificate"]} {
		live, _ := script.Check.first("live", "")
		live.Body = strings.ReplaceAll(live.Body, "{{issued|json}}", strings.ReplaceAll(held, "\n", `\n`))
		f.Expect(script, Exchange{script.Check.Request, script.serve(live)})
		report := f.Client.Check(ctx, p, in)
		target, err := f.Client.Locate(ctx, p, in, report)
		if name == "another certificate" && !errors.Is(err, revoke.ErrAmbiguous) {
			t.Errorf("%s: located %v, %v", name, target.ID, err)
		}
		if report.Identity["id"] == script.values["certificate_sha256"] {
			t.Errorf("%s: it is said to be the one that leaked", name)
		}
	}
}
