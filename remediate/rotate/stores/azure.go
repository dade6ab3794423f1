package stores

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// azure is a secret of an Azure Key Vault. It has no write that another's write
// refuses; the version is looked at before.
type azure struct {
	door
	base string // /secrets/NAME
}

var azureKind = rotate.Kind{
	ID: "azure-key-vault", Name: "Azure Key Vault", Fate: rotate.Disabled, History: true, Settle: time.Minute,
	Kept:   "Azure destroys only all versions of a secret together",
	Source: "https://learn.microsoft.com/rest/api/keyvault/secrets/set-secret/set-secret",
	Needs:  []string{"address = \"https://NAME.vault.azure.net\"", "path = name", "key (of a JSON secret)", "credentials.token, or settings.tenant and settings.client_id with credentials.client_secret"},
}

const azureVersion = "?api-version=7.4"

func newAzure(s setup) (rotate.Store, error) {
	host, err := hostOf(s.place.Address)
	if err != nil {
		return nil, err
	}
	base, err := under("/secrets", s.place.Path)
	if err != nil {
		return nil, err
	}
	dress := bearer(s.given["token"])
	if !s.given["client_secret"].IsZero() {
		if dress, err = entra(s); err != nil {
			return nil, err
		}
	} else if err := s.needs("token"); err != nil {
		return nil, err
	}
	return &azure{door{s.client, host, dress}, base}, nil
}

// entra signs in as an application:
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
func entra(s setup) (func(*http.Request, []byte) error, error) {
	tenant, err := under("", s.place.Settings["tenant"], "oauth2", "v2.0", "token")
	if err != nil || s.place.Settings["client_id"] == "" {
		return nil, errors.New("settings.tenant and settings.client_id belong to credentials.client_secret")
	}
	claim := func() (url.Values, error) {
		return url.Values{"grant_type": {"client_credentials"}, "client_id": {s.place.Settings["client_id"]},
			"client_secret": {s.given["client_secret"].Reveal()}, "scope": {"https://vault.azure.net/.default"}}, nil // Entra is to have it
	}
	return (&session{door: door{client: s.client, host: "login.microsoftonline.com"}, path: tenant, claim: claim, now: s.now}).dress, nil
}

type azureSecret struct {
	ID    string            `json:"id"`
	Value text              `json:"value"`
	Type  string            `json:"contentType"`
	Tags  map[string]string `json:"tags"`
}

// secret makes a call that answers with a secret.
func (z *azure) secret(ctx context.Context, method, at string, body any, what string) (s azureSecret, err error) {
	a, err := z.ask(ctx, method, at+azureVersion, body)
	switch {
	case err != nil:
		return s, fmt.Errorf("%s: %w", what, err)
	case a.status == http.StatusNotFound:
		return s, rotate.ErrGone
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden || a.status == http.StatusBadRequest:
		return s, denied(fmt.Sprintf("%s: status %d", what, a.status))
	case a.status != http.StatusOK:
		return s, a.unclear(what)
	}
	if err = a.into(&s); err == nil && !strings.Contains(s.ID, "/secrets/") {
		err = a.unclear(what)
	}
	return s, err
}

// Read reads a version.
func (z *azure) Read(ctx context.Context, version string) (rotate.Version, error) {
	at, err := z.base, error(nil)
	if version != "" {
		at, err = under(z.base, version)
	}
	if err != nil {
		return rotate.Version{}, err
	}
	s, err := z.secret(ctx, http.MethodGet, at, nil, "get")
	return rotate.Version{ID: path.Base(s.ID), Values: document{s.Value.Secret}.values()}, err
}

// Write sets the secret, which makes a version. Its type and tags stay; the day
// on which the old value was to end does not.
func (z *azure) Write(ctx context.Context, from string, values map[string]secret.Secret) (string, error) {
	s, err := z.secret(ctx, http.MethodGet, z.base, nil, "get")
	if err != nil {
		return "", denied("what is there cannot be read: " + err.Error())
	}
	if id := path.Base(s.ID); id != from {
		return "", conflict(id, from)
	}
	d, err := document{s.Value.Secret}.with(values)
	if err != nil {
		return "", denied(err.Error())
	}
	body := map[string]any{"value": d.text.Reveal()} // Azure is to have it
	if s.Type != "" {
		body["contentType"] = s.Type
	}
	if len(s.Tags) > 0 {
		body["tags"] = s.Tags
	}
	made, err := z.secret(ctx, http.MethodPut, z.base, body, "set")
	if errors.Is(err, rotate.ErrGone) {
		err = denied("set: there is no such vault")
	}
	return path.Base(made.ID), err
}

// Destroy disables a version.
func (z *azure) Destroy(ctx context.Context, version string) error {
	at, err := under(z.base, version)
	if err != nil {
		return err
	}
	_, err = z.secret(ctx, http.MethodPatch, at, map[string]any{"attributes": map[string]bool{"enabled": false}}, "disable")
	if errors.Is(err, rotate.ErrGone) {
		return nil
	}
	return err
}
