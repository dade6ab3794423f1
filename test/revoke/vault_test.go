// Package revoke holds the revocation of credentials against real issuers that
// run on this machine: what a transcript says of them is what they do.
package revoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/test/kube"
)

func TestRevokeVault(t *testing.T) {
	if os.Getenv("LEAKGATE_E2E") != "true" {
		t.Skip("needs real components: test/e2e/run")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	v := startVault(ctx, t)
	catalogue, err := revoke.Default()
	if err != nil {
		t.Fatal(err)
	}

	t.Run("a token revokes itself", func(t *testing.T) {
		p, token, bystander := catalogue.Provider("vault-token"), v.token(t, true), v.token(t, true)
		report := v.check(ctx, t, p, token, revoke.Live)
		if !slices.Contains(report.Scopes, "default") || report.Identity["id"] == "" {
			t.Errorf("%+v", report)
		}
		v.act(ctx, t, p, token, report, revoke.Done)
		v.check(ctx, t, p, token, revoke.Dead)
		v.act(ctx, t, p, token, report, revoke.Gone)
		v.check(ctx, t, p, bystander, revoke.Live)
	})
	t.Run("an administrator revokes by accessor", func(t *testing.T) {
		p, token, bystander := catalogue.Provider("vault-accessor"), v.token(t, true), v.token(t, true)
		report := v.check(ctx, t, p, token, revoke.Live)
		v.act(ctx, t, p, token, report, revoke.Done)
		v.check(ctx, t, p, token, revoke.Dead)
		v.act(ctx, t, p, token, report, revoke.Gone)
		v.check(ctx, t, p, bystander, revoke.Live)
	})
	t.Run("a token that may not look itself up is not called dead", func(t *testing.T) {
		v.check(ctx, t, catalogue.Provider("vault-token"), v.token(t, false), revoke.Unknown)
	})
	t.Run("a token that never was is dead", func(t *testing.T) {
		v.check(ctx, t, catalogue.Provider("vault-token"), secret.New("hvs."+"never0was0a0token0000000"), revoke.Dead)
	})
	t.Run("a Vault without an audit device says so", func(t *testing.T) {
		p := catalogue.Provider("vault-token")
		live := revoke.Report{Status: revoke.Live}
		said := v.client.Look(ctx, p, v.input(v.root), live)
		if said != "this Vault has no audit device: nothing shows what was done with the token" {
			t.Errorf("without a device: %q", said)
		}
		if said := v.client.Look(ctx, p, v.input(v.token(t, true)), live); said != "nobody can tell whether this Vault has an audit device" {
			t.Errorf("asked by who may not look: %q", said)
		}
	})
	t.Run("a root token says so", func(t *testing.T) {
		report := v.check(ctx, t, catalogue.Provider("vault-token"), v.root, revoke.Live)
		if !slices.Equal(report.Scopes, []string{"root"}) || !catalogue.Provider("vault-token").Critical(report.Scopes) {
			t.Errorf("scopes %q", report.Scopes)
		}
	})
}

// vault is a real Vault behind a door that speaks TLS.
type vault struct {
	root   secret.Secret
	host   string
	client *revoke.Client
	door   *httptest.Server
}

func startVault(ctx context.Context, t *testing.T) *vault {
	t.Helper()
	folders, err := kube.Components(ctx, "vault")
	if missing, ok := errors.AsType[*kube.MissingError](err); ok && os.Getenv("CI") != "true" {
		t.Skip(missing.Why)
	}
	if err != nil {
		t.Fatal(err)
	}
	listen, file := freeAddress(t), filepath.Join(t.TempDir(), "token")
	cmd := exec.CommandContext(ctx, filepath.Join(folders["vault"], "vault"), "-listen", listen, "-token-file", file)
	cmd.Dir = t.TempDir()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	v := &vault{}
	err = kube.Eventually(ctx, func(context.Context) error {
		text, err := os.ReadFile(file)
		v.root = secret.New(string(bytes.TrimSpace(text)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	v.door = httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: listen}))
	t.Cleanup(v.door.Close)
	v.host = v.door.Listener.Addr().String()
	roots := v.door.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	v.client = &revoke.Client{Timeout: 2 * time.Minute, Roots: roots, Private: []string{v.host}}
	return v
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// token is a new token, with the default policy or without any.
func (v *vault) token(t *testing.T, able bool) secret.Secret {
	t.Helper()
	var made struct {
		Auth struct {
			Token string `json:"client_token"`
		} `json:"auth"`
	}
	body := v.post(t, "auth/token/create", map[string]any{"policies": []string{"nothing"}, "no_default_policy": !able, "ttl": "1h"})
	if err := json.Unmarshal(body, &made); err != nil || made.Auth.Token == "" {
		t.Fatalf("no token: %v", err)
	}
	return secret.New(made.Auth.Token)
}

// post asks Vault as its administrator.
func (v *vault) post(t *testing.T, path string, document any) []byte {
	t.Helper()
	body, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.door.URL+"/v1/"+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", v.root.Reveal())
	res, err := v.door.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		t.Fatalf("%s: status %d, %v: %s", path, res.StatusCode, err, answer)
	}
	return answer
}

func (v *vault) input(token secret.Secret) revoke.Input {
	return revoke.Input{Secret: token, Given: map[string]secret.Secret{"host": secret.New(v.host), "admin_token": v.root}}
}

func (v *vault) check(ctx context.Context, t *testing.T, p *revoke.Provider, token secret.Secret, want revoke.Status) revoke.Report {
	t.Helper()
	report := v.client.Check(ctx, p, v.input(token))
	if report.Status != want {
		t.Fatalf("%s, want %s: %s", report.Status, want, report.Why)
	}
	return report
}

func (v *vault) act(ctx context.Context, t *testing.T, p *revoke.Provider, token secret.Secret, report revoke.Report, want revoke.Result) {
	t.Helper()
	target, err := v.client.Locate(ctx, p, v.input(token), report)
	if err != nil {
		t.Fatal(err)
	}
	if o := v.client.Act(ctx, p, v.input(token), target, revoke.Revoke); o.Result != want {
		t.Fatalf("%s, want %s: %s", o.Result, want, o.Why)
	}
}
