package revoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/remediate/rotate"
	"github.com/leakgate/leakgate/remediate/rotate/stores"
)

// TestRotateVault rotates a value in the KV engine of a real Vault with a token
// that may do only that.
func TestRotateVault(t *testing.T) {
	if os.Getenv("LEAKGATE_E2E") != "true" {
		t.Skip("needs real components: test/e2e/run")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	v := startVault(ctx, t)
	v.call(t, http.MethodPost, "sys/mounts/kv", map[string]any{"type": "kv", "options": map[string]string{"version": "2"}}, http.StatusNoContent)
	v.call(t, http.MethodPut, "sys/policies/acl/rotate", map[string]string{"policy": `
path "kv/data/team/app" { capabilities = ["read", "update"] }
path "kv/metadata/team/app" { capabilities = ["patch"] }
path "kv/destroy/team/app" { capabilities = ["update"] }`}, http.StatusNoContent)
	made := v.call(t, http.MethodPost, "auth/token/create", map[string]any{"policies": []string{"rotate"}, "ttl": "1h"}, http.StatusOK)
	token := at(made, "auth", "client_token").(string)

	t.Run("a leaked version is replaced and destroyed", func(t *testing.T) {
		v.put(t, "the-old-value-1")
		e := v.rotation(t, v.client, v.host, token)
		digest := planned(ctx, t, e)
		applied(ctx, t, e, digest, rotate.Rotated)
		data := v.call(t, http.MethodGet, "kv/data/team/app", nil, http.StatusOK)
		if value := at(data, "data", "data", "password").(string); len(value) != 43 || at(data, "data", "data", "port") != 5432.0 {
			t.Errorf("%d characters, port %v", len(value), at(data, "data", "data", "port"))
		}
		version := int(at(data, "data", "metadata", "version").(float64))
		meta := v.call(t, http.MethodGet, "kv/metadata/team/app", nil, http.StatusOK)
		if at(meta, "data", "custom_metadata", "rotated_reason") != "found in github.com/acme/app" || at(meta, "data", "custom_metadata", "owner") != "payments" ||
			at(meta, "data", "custom_metadata", "rotated_version") != "2" {
			t.Errorf("%v", at(meta, "data", "custom_metadata"))
		}
		if at(meta, "data", "versions", "1", "destroyed") != true || version != 2 {
			t.Errorf("version %d, %v", version, at(meta, "data", "versions"))
		}
		v.call(t, http.MethodPost, "kv/undelete/team/app", map[string]any{"versions": []int{1}}, http.StatusNoContent)
		v.call(t, http.MethodGet, "kv/data/team/app?version=1", nil, http.StatusNotFound)
	})
	t.Run("a role signs in with its secret id", func(t *testing.T) {
		v.call(t, http.MethodPost, "sys/auth/approle", map[string]string{"type": "approle"}, http.StatusNoContent)
		v.call(t, http.MethodPost, "auth/approle/role/rotate", map[string]any{"token_policies": []string{"rotate"}, "token_ttl": "20m"}, http.StatusNoContent)
		role := v.call(t, http.MethodGet, "auth/approle/role/rotate/role-id", nil, http.StatusOK)
		id := v.call(t, http.MethodPost, "auth/approle/role/rotate/secret-id", nil, http.StatusOK)
		v.put(t, "the-old-value-5")
		e := v.rotation(t, v.client, v.host, at(id, "data", "secret_id").(string))
		e.Policy.Stores[0].Settings = map[string]string{"role_id": at(role, "data", "role_id").(string)}
		e.Policy.Stores[0].Credentials = map[string]string{"secret_id": "env:SECRET_ID"}
		applied(ctx, t, e, planned(ctx, t, e), rotate.Rotated)
		e = v.rotation(t, v.client, v.host, "not-the-secret-id-of-anybody")
		e.Policy.Stores[0].Settings = map[string]string{"role_id": at(role, "data", "role_id").(string)}
		e.Policy.Stores[0].Credentials = map[string]string{"secret_id": "env:SECRET_ID"}
		plan, _, err := e.Plan(ctx, []rotate.Wish{{Place: "app"}})
		if err != nil || plan.Acts() != 0 || !strings.Contains(plan.Steps[0].Note, "sign in") {
			t.Errorf("%v, %+v", err, plan)
		}
	})
	t.Run("Vault refuses to write over another", func(t *testing.T) {
		v.put(t, "the-old-value-2")
		race := v.meddling(t, func() { v.put(t, "what-another-wrote") })
		e := v.rotation(t, race.client, race.host, token)
		o := applied(ctx, t, e, planned(ctx, t, e), remediate.Refused)
		if !strings.Contains(o.Why, rotate.ErrConflict.Error()) || !strings.Contains(o.Why, "no longer the current one") {
			t.Error(o.Why)
		}
		data := v.call(t, http.MethodGet, "kv/data/team/app", nil, http.StatusOK)
		if at(data, "data", "data", "password") != "what-another-wrote" {
			t.Error("what another wrote is lost")
		}
	})
	t.Run("the old value comes back within the grace", func(t *testing.T) {
		v.put(t, "the-old-value-3")
		week := revoke.Duration(7 * 24 * time.Hour)
		e := v.rotation(t, v.client, v.host, token)
		e.Policy.Stores[0].Grace = &week
		digest := planned(ctx, t, e)
		applied(ctx, t, e, digest, rotate.Waiting)
		out, err := e.Undo(ctx, digest)
		if err != nil || out[0].Effect != remediate.Nothing {
			t.Fatal(err, out)
		}
		data := v.call(t, http.MethodGet, "kv/data/team/app", nil, http.StatusOK)
		if at(data, "data", "data", "password") != "the-old-value-3" {
			t.Error("it did not: " + out[0].Why)
		}
	})
	t.Run("a token that may not write changes nothing", func(t *testing.T) {
		v.put(t, "the-old-value-4")
		v.call(t, http.MethodPut, "sys/policies/acl/rotate", map[string]string{"policy": `path "kv/data/team/app" { capabilities = ["read"] }`}, http.StatusNoContent)
		e := v.rotation(t, v.client, v.host, token)
		o := applied(ctx, t, e, planned(ctx, t, e), remediate.Refused)
		if !strings.Contains(o.Why, rotate.ErrDenied.Error()) {
			t.Error(o.Why)
		}
	})
}

// put writes a new version as an administrator.
func (v *vault) put(t *testing.T, value string) {
	t.Helper()
	v.call(t, http.MethodPost, "kv/data/team/app", map[string]any{"data": map[string]any{"password": value, "port": 5432}}, http.StatusOK)
	v.call(t, http.MethodPost, "kv/metadata/team/app", map[string]any{"custom_metadata": map[string]string{"owner": "payments"}}, http.StatusNoContent)
}

// call asks Vault as its root.
func (v *vault) call(t *testing.T, method, path string, body any, want int) map[string]any {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(method, v.door.URL+"/v1/"+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", v.root.Reveal())
	res, err := v.door.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		t.Fatalf("%s %s: status %d, want %d: %v %s", method, path, res.StatusCode, want, err, said)
	}
	var tree map[string]any
	if len(said) > 0 {
		if err := json.Unmarshal(said, &tree); err != nil {
			t.Fatal(err)
		}
	}
	return tree
}

func at(node any, path ...string) any {
	for _, name := range path {
		m, _ := node.(map[string]any)
		node = m[name]
	}
	return node
}

// meddling is a door to the same Vault behind which somebody else writes first.
func (v *vault) meddling(t *testing.T, meddle func()) *vault {
	target, err := url.Parse(v.door.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = v.door.Client().Transport
	done := false
	door := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/data/") && !done {
			done = true
			meddle()
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(door.Close)
	host := door.Listener.Addr().String()
	roots := door.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return &vault{host: host, client: &revoke.Client{Timeout: 2 * time.Minute, Roots: roots, Private: []string{host}}}
}

// rotation is an operator with one place in Vault.
func (v *vault) rotation(t *testing.T, client *revoke.Client, host, token string) *rotate.Engine {
	t.Helper()
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	if err != nil {
		t.Fatal(err)
	}
	state, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "leakgate.db"), store.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close() })
	place := remediate.Place{Name: "app", Kind: "vault", Address: "https://" + host, Path: "kv/team/app", Key: "password", Grace: new(revoke.Duration),
		Credentials: map[string]string{"token": "env:TOKEN"}}
	return &rotate.Engine{
		Engine: &remediate.Engine{Store: state, Key: key, Clock: wall{}, Actor: "ann", Policy: remediate.Policy{Stores: []remediate.Place{place}}},
		World:  stores.World{Client: client, Env: func(string) string { return token }},
	}
}

type wall struct{}

func (wall) Now() time.Time { return time.Now() }

func (wall) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return errors.New("the test took too long")
	}
}

func planned(ctx context.Context, t *testing.T, e *rotate.Engine) string {
	t.Helper()
	plan, digest, err := e.Plan(ctx, []rotate.Wish{{Place: "app", Reason: "found in github.com/acme/app"}})
	if err != nil {
		t.Fatal(err)
	}
	if plan.Acts() != 1 {
		t.Fatal(plan.Steps[0].Note)
	}
	return digest
}

func applied(ctx context.Context, t *testing.T, e *rotate.Engine, digest string, want remediate.Effect) remediate.Outcome {
	t.Helper()
	out, err := e.Apply(ctx, digest)
	if err != nil {
		t.Fatal(err)
	}
	if out[0].Effect != want {
		t.Fatalf("%s, want %s: %s", out[0].Effect, want, out[0].Why)
	}
	return out[0]
}
