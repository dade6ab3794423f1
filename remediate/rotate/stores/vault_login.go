package stores

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// appRole signs in to Vault as an AppRole, and keeps the token until shortly
// before it ends: https://developer.hashicorp.com/vault/api-docs/auth/approle
type appRole struct {
	door
	role   string
	secret secret.Secret
	path   string
	now    func() time.Time
	token  secret.Secret
	until  time.Time
}

// vaultToken gives the token for a request: the operator's, or that of a role.
func vaultToken(s setup, d door) (func(*http.Request) (secret.Secret, error), error) {
	if s.given["secret_id"].IsZero() {
		return func(*http.Request) (secret.Secret, error) { return s.given["token"], nil }, s.needs("token")
	}
	if s.place.Settings["role_id"] == "" {
		return nil, errors.New("settings.role_id belongs to credentials.secret_id")
	}
	mount := s.place.Settings["approle"]
	if mount == "" {
		mount = "approle"
	}
	path, err := under("/v1/auth", mount, "login")
	role := &appRole{door: d, role: s.place.Settings["role_id"], secret: s.given["secret_id"], path: path, now: s.now}
	return role.get, err
}

func (r *appRole) get(req *http.Request) (secret.Secret, error) {
	if r.now().Before(r.until) {
		return r.token, nil
	}
	a, err := r.ask(req.Context(), http.MethodPost, r.path, map[string]string{"role_id": r.role, "secret_id": r.secret.Reveal()}) // Vault is to have it
	if err != nil {
		return secret.Secret{}, fmt.Errorf("sign in: %w", err)
	}
	var got struct {
		Auth struct {
			Token text        `json:"client_token"`
			Lives json.Number `json:"lease_duration"`
		} `json:"auth"`
	}
	if a.status != http.StatusOK || a.into(&got) != nil || got.Auth.Token.IsZero() {
		return secret.Secret{}, denied(fmt.Sprintf("sign in: Vault gave no token (status %d)", a.status))
	}
	seconds, _ := got.Auth.Lives.Int64() // nonsense is a token for one call
	r.token, r.until = got.Auth.Token.Secret, r.now().Add(time.Duration(seconds)*time.Second-10*time.Second)
	return r.token, nil
}
