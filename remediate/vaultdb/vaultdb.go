// Package vaultdb has HashiCorp Vault's database engine end what it issued: the
// lease of a dynamic user, the password of a static role, and that of the engine's
// own connection. It decides nothing; whether a password still works is asked of
// the database.
// https://developer.hashicorp.com/vault/api-docs/secret/databases
package vaultdb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// Engine is a database engine of a Vault.
type Engine struct {
	Address string // as https://vault.example.com:8200
	Mount   string // "database" when empty
	Token   secret.Secret
	HTTP    *http.Client // one with a limit of a minute when nil; redirects are not followed
}

// ErrRefused is that Vault does not allow it: nothing was done.
var ErrRefused = errors.New("vault refuses (status 403)")

// errName does not say what was given: it may be a value by mistake.
var errName = errors.New("it is no name of a role or a connection: letters, digits, dots and dashes")

// name is what a role or a connection may be called.
var name = regexp.MustCompile(`^\w[\w.-]{0,127}$`)

func (e Engine) mount() string {
	if e.Mount == "" {
		return "database"
	}
	return strings.Trim(e.Mount, "/")
}

// Lease reports whether a lease exists and when it ends. Only leases of dynamic
// users of this engine are looked at.
func (e Engine) Lease(ctx context.Context, id string) (exists bool, ends time.Time, err error) {
	if err := e.ours(id); err != nil {
		return false, ends, err
	}
	status, answer, err := e.call(ctx, http.MethodPut, "sys/leases/lookup", map[string]any{"lease_id": id})
	switch {
	case err != nil:
		return false, ends, err
	case status == http.StatusBadRequest && strings.Contains(strings.Join(answer.Errors, " "), "invalid lease"):
		return false, ends, nil
	case status != http.StatusOK || answer.Data.ID != id:
		return false, ends, unexpected("sys/leases/lookup", status)
	}
	return true, answer.Data.ExpireTime, nil
}

// RevokeLease ends a lease and drops its user; it returns when that is done.
func (e Engine) RevokeLease(ctx context.Context, id string) error {
	if err := e.ours(id); err != nil {
		return err
	}
	return e.do(ctx, "sys/leases/revoke", map[string]any{"lease_id": id, "sync": true})
}

// ours refuses leases of other engines, and prefixes of several.
func (e Engine) ours(id string) error {
	rest, ok := strings.CutPrefix(id, e.mount()+"/creds/")
	role, key, more := strings.Cut(rest, "/")
	if !ok || !more || !name.MatchString(role) || !name.MatchString(key) {
		return fmt.Errorf("it is no lease of this engine, as in %s/creds/ROLE/ID", e.mount()) // which may be a value by mistake
	}
	return nil
}

// Static is the password that a static role has now, and since when.
func (e Engine) Static(ctx context.Context, role string) (user string, password secret.Secret, since time.Time, err error) {
	if !name.MatchString(role) {
		return "", secret.Secret{}, since, errName
	}
	status, answer, err := e.call(ctx, http.MethodGet, e.mount()+"/static-creds/"+role, nil)
	if err == nil && (status != http.StatusOK || answer.Data.Password == "" || answer.Data.Rotated.IsZero()) {
		err = unexpected("static-creds", status)
	}
	return answer.Data.Username, secret.New(answer.Data.Password), answer.Data.Rotated, err
}

// RotateRole gives a static role another password.
func (e Engine) RotateRole(ctx context.Context, role string) error {
	if !name.MatchString(role) {
		return errName
	}
	return e.do(ctx, e.mount()+"/rotate-role/"+role, map[string]any{})
}

// RotateRoot gives the user of a connection another password, which only Vault knows.
func (e Engine) RotateRoot(ctx context.Context, connection string) error {
	if !name.MatchString(connection) {
		return errName
	}
	return e.do(ctx, e.mount()+"/rotate-root/"+connection, map[string]any{})
}

// do makes a call that changes something.
func (e Engine) do(ctx context.Context, path string, body any) error {
	status, _, err := e.call(ctx, http.MethodPost, path, body)
	if err == nil && status != http.StatusNoContent && status != http.StatusOK {
		err = unexpected(path, status)
	}
	return err
}

func unexpected(path string, status int) error {
	return fmt.Errorf("vault answers %s with status %d, which says nothing", path, status)
}

// answer is what is read of Vault's.
type answer struct {
	Errors []string `json:"errors"`
	Data   struct {
		ID         string    `json:"id"`
		ExpireTime time.Time `json:"expire_time"`
		Username   string    `json:"username"`
		Password   string    `json:"password"`
		Rotated    time.Time `json:"last_vault_rotation"`
	} `json:"data"`
}

const maxAnswer = 1 << 20 // bytes

// call makes one call and repeats nothing. Its errors hold no answer, in which a
// password may be.
func (e Engine) call(ctx context.Context, method, path string, body any) (int, answer, error) {
	var a answer
	req, err := e.request(ctx, method, path, body)
	if err != nil {
		return 0, a, err
	}
	client := http.Client{Timeout: time.Minute}
	if e.HTTP != nil {
		client = *e.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(req)
	if err != nil {
		return 0, a, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case err != nil:
		return 0, a, fmt.Errorf("read Vault's answer: %w", err)
	case res.StatusCode == http.StatusForbidden:
		return 0, a, ErrRefused
	case len(text) > 0 && json.Unmarshal(text, &a) != nil:
		return 0, a, fmt.Errorf("vault answers with status %d and no JSON", res.StatusCode)
	}
	return res.StatusCode, a, nil
}

func (e Engine) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	u, err := url.Parse(e.Address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, errors.New("the address of Vault is written as https://HOST:PORT")
	}
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "https://"+u.Host+"/v1/"+path, bytes.NewReader(text))
	if err != nil {
		return nil, errors.New("the address of Vault does not parse")
	}
	req.Header.Set("X-Vault-Token", e.Token.Reveal()) // to the Vault of the operator
	return req, nil
}
