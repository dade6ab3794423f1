package roles

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/dbrole"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/remediate/vaultdb"
	"github.com/leakgate/leakgate/test/kube"
)

// vault is a real Vault, behind a door that speaks TLS, whose database engine
// administers the real PostgreSQL as a user of its own.
type vault struct {
	*leak
	engine vaultdb.Engine
	door   *httptest.Server
	user   string        // of the engine
	pass   secret.Secret // of the engine, until it is rotated
}

func startVault(t *testing.T, l *leak) *vault {
	if os.Getenv("LEAKGATE_E2E") != "true" {
		t.Skip("needs real components: test/e2e/run roles")
	}
	folders, err := kube.Components(l.ctx, "vault")
	must(t, err)
	listen, file := freeAddress(t), filepath.Join(t.TempDir(), "token")
	cmd := exec.CommandContext(l.ctx, filepath.Join(folders["vault"], "vault"), "-listen", listen, "-token-file", file)
	cmd.Dir = t.TempDir()
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	v := &vault{leak: l, user: "engine_" + word(t)[:6], pass: secret.New(word(t))}
	must(t, kube.Eventually(l.ctx, func(context.Context) error {
		text, err := os.ReadFile(file)
		v.engine.Token = secret.New(string(bytes.TrimSpace(text)))
		return err
	}))
	v.door = httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: listen}))
	t.Cleanup(v.door.Close)
	v.engine.Address, v.engine.HTTP = v.door.URL, v.door.Client()
	v.configure(t)
	return v
}

// configure gives the engine its user, and makes a dynamic and a static role.
func (v *vault) configure(t *testing.T) {
	must(t, v.group.Mint(v.ctx, v.user, v.pass))
	v.admin(t, "engine", map[string][]string{dbrole.PostgreSQL: {"ALTER ROLE " + v.user + " SUPERUSER", "ALTER ROLE " + v.user + " RESET role"}})
	v.write(t, "sys/mounts/database", map[string]any{"type": "database"})
	v.write(t, "database/config/shop", map[string]any{
		"plugin_name": "postgresql-database-plugin", "allowed_roles": "*", "username": v.user, "password": v.pass.Reveal(), "password_authentication": "scram-sha-256",
		"connection_url": "postgres://{{username}}:{{password}}@" + v.server.Host + "/postgres?sslmode=disable",
	})
	v.write(t, "database/roles/app", map[string]any{
		"db_name": "shop", "default_ttl": "1h", "creation_statements": []string{`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`},
	})
	static := "static_" + word(t)[:6]
	must(t, v.group.Mint(v.ctx, static, secret.New(word(t))))
	v.write(t, "database/static-roles/nightly", map[string]any{"db_name": "shop", "username": static, "rotation_period": "24h"})
}

func (v *vault) write(t *testing.T, path string, body any) {
	t.Helper()
	v.call(t, http.MethodPost, path, body)
}

func (v *vault) call(t *testing.T, method, path string, body any) (answer struct {
	Lease string `json:"lease_id"`
	Data  struct{ Username, Password string }
}) {
	t.Helper()
	text, err := json.Marshal(body)
	must(t, err)
	req, err := http.NewRequestWithContext(v.ctx, method, v.door.URL+"/v1/"+path, bytes.NewReader(text))
	must(t, err)
	req.Header.Set("X-Vault-Token", v.engine.Token.Reveal())
	res, err := v.door.Client().Do(req)
	must(t, err)
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		t.Fatalf("%s: %s", path, res.Status)
	}
	if res.StatusCode != http.StatusNoContent {
		must(t, json.NewDecoder(res.Body).Decode(&answer))
	}
	return answer
}

// of is the leak of another user on the same server.
func (v *vault) of(user, password string) *leak {
	l := *v.leak
	l.user = user
	l.in = with(l.in, "role", user)
	l.in.Secret = secret.New(password)
	return &l
}

// ends does an ending as its user does.
func (v *vault) ends(t *testing.T, what, name string, leaked secret.Secret) {
	t.Helper()
	end, err := v.engine.Ending(what, name)
	must(t, err)
	must(t, end.Before(v.ctx, leaked))
	must(t, end.Do(v.ctx))
	must(t, end.After(v.ctx))
}

func TestVaultEndsWhatItIssued(t *testing.T) {
	postgresOnly(t, func(t *testing.T, l *leak) {
		v := startVault(t, l)
		t.Run("a lease is revoked and its login refused", v.lease)
		t.Run("a static role is rotated and its old login refused", v.static)
		t.Run("the engine's own password is rotated", v.root)
		t.Run("who may not is refused", v.refused)
	})
}

func (v *vault) lease(t *testing.T) {
	one, other := v.call(t, http.MethodGet, "database/creds/app", nil), v.call(t, http.MethodGet, "database/creds/app", nil)
	leaked, bystander := v.of(one.Data.Username, one.Data.Password), v.of(other.Data.Username, other.Data.Password)
	leaked.check(t, revoke.Live)
	v.ends(t, vaultdb.RevokeLease, one.Lease, leaked.in.Secret)
	leaked.check(t, revoke.Dead)
	bystander.check(t, revoke.Live)
	if exists, _, err := v.engine.Lease(v.ctx, other.Lease); !exists || err != nil {
		t.Errorf("another lease ended: %v", err)
	}
	end, err := v.engine.Ending(vaultdb.RevokeLease, one.Lease)
	must(t, err)
	if err := end.Before(v.ctx, leaked.in.Secret); err == nil || !strings.Contains(err.Error(), "knows no such lease") {
		t.Error(err)
	}
	for _, id := range []string{"", "database/creds/app", "database/creds/app/", "database/creds/app/../x", "auth/token/create/abc", "database/creds/app/a/b"} {
		if _, err := v.engine.Ending(vaultdb.RevokeLease, id); err == nil {
			t.Errorf("%q is taken for a lease", id)
		}
	}
}

func (v *vault) static(t *testing.T) {
	user, password, _, err := v.engine.Static(v.ctx, "nightly")
	must(t, err)
	leaked := v.of(user, password.Reveal())
	leaked.check(t, revoke.Live)
	end, err := v.engine.Ending(vaultdb.RotateRole, "nightly")
	must(t, err)
	if err := end.Before(v.ctx, secret.New("another"+" value")); err == nil || !strings.Contains(err.Error(), "REFUSED_AMBIGUOUS") {
		t.Errorf("a value that is not the role's was taken for it: %v", err)
	}
	v.ends(t, vaultdb.RotateRole, "nightly", password)
	leaked.check(t, revoke.Dead)
	_, now, _, err := v.engine.Static(v.ctx, "nightly")
	must(t, err)
	v.of(user, now.Reveal()).check(t, revoke.Live)
}

func (v *vault) root(t *testing.T) {
	leaked := v.of(v.user, v.pass.Reveal())
	leaked.check(t, revoke.Live)
	v.ends(t, vaultdb.RotateRoot, "shop", v.pass)
	leaked.check(t, revoke.Dead)
	v.ends(t, vaultdb.RotateRole, "nightly", secret.Secret{}) // the engine still administers
}

func (v *vault) refused(t *testing.T) {
	nobody := v.engine
	nobody.Token = secret.New("hvs." + "nobody")
	if err := nobody.RotateRoot(v.ctx, "shop"); !errors.Is(err, vaultdb.ErrRefused) {
		t.Error(err)
	}
	nobody.Address = strings.Replace(nobody.Address, "https", "http", 1)
	if err := nobody.RotateRoot(v.ctx, "shop"); err == nil || !strings.Contains(err.Error(), "https://") {
		t.Error(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}
