package stores

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// vault is a secret of HashiCorp Vault's KV engine, version 2.
// https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
type vault struct {
	door
	mount string
	path  []string
}

var vaultKind = rotate.Kind{
	ID: "vault", Name: "HashiCorp Vault, KV version 2", Fate: rotate.Destroyed, History: true, Atomic: true, Settle: 30 * time.Second,
	Source: "https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2",
	Needs:  []string{"address", "path = \"MOUNT/NAME\"", "key", "settings.namespace (optional)", "settings.mount (when the mount has a slash)", "credentials.token, or settings.role_id with credentials.secret_id (and settings.approle, its mount)"},
}

func newVault(s setup) (rotate.Store, error) {
	host, err := hostOf(s.place.Address)
	if err != nil {
		return nil, err
	}
	mount, path, ok := strings.Cut(s.place.Path, "/")
	if m := s.place.Settings["mount"]; m != "" {
		mount = m
		path, ok = strings.CutPrefix(s.place.Path, m+"/")
	}
	if !ok || path == "" || s.place.Key == "" {
		return nil, fmt.Errorf("path is MOUNT/NAME, and key names the value in it")
	}
	plain := func(req *http.Request, _ []byte) error {
		req.Header.Set("X-Vault-Request", "true")
		if namespace := s.place.Settings["namespace"]; namespace != "" {
			req.Header.Set("X-Vault-Namespace", namespace)
		}
		return nil
	}
	token, err := vaultToken(s, door{s.client, host, plain})
	dress := func(req *http.Request, _ []byte) error {
		value, err := token(req)
		req.Header.Set("X-Vault-Token", value.Reveal()) // the request is what it is for
		return errors.Join(err, plain(req, nil))
	}
	return &vault{door{s.client, host, dress}, mount, strings.Split(path, "/")}, err
}

// at is the address of one of the engine's halves: data, metadata or destroy.
func (v *vault) at(half string) (string, error) {
	segments := append(strings.Split(v.mount, "/"), half)
	return under("/v1", append(segments, v.path...)...)
}

// vaultData is what the engine says of a version.
type vaultData struct {
	Data struct {
		Data     map[string]json.RawMessage `json:"data"`
		Metadata struct {
			Version json.Number `json:"version"`
		} `json:"metadata"`
	} `json:"data"`
}

func (v *vault) read(ctx context.Context, version string) (d vaultData, err error) {
	path, err := v.at("data")
	if err != nil {
		return d, err
	}
	if version != "" {
		if err := numbered(version); err != nil {
			return d, err
		}
		path += "?version=" + version
	}
	a, err := v.ask(ctx, http.MethodGet, path, nil)
	switch {
	case err != nil:
		return d, fmt.Errorf("read: %w", err)
	case a.status == http.StatusNotFound: // with a body for a version that was deleted or destroyed
		return d, rotate.ErrGone
	case a.status == http.StatusForbidden:
		return d, denied("the token may not read " + v.mount)
	case a.status != http.StatusOK:
		return d, a.unclear("read")
	}
	if err = a.into(&d); err == nil && (d.Data.Data == nil || d.Data.Metadata.Version == "") {
		err = a.unclear("read")
	}
	return d, err
}

// Read reads a version.
func (v *vault) Read(ctx context.Context, version string) (rotate.Version, error) {
	d, err := v.read(ctx, version)
	if err != nil {
		return rotate.Version{}, err
	}
	values := map[string]secret.Secret{}
	for key, raw := range d.Data.Data {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			values[key] = secret.New(text)
		}
	}
	return rotate.Version{ID: d.Data.Metadata.Version.String(), Values: values}, nil
}

// Write writes the whole secret with the check-and-set of the version before,
// so the other keys in it are those of that version.
func (v *vault) Write(ctx context.Context, from string, values map[string]secret.Secret) (string, error) {
	d, err := v.read(ctx, "")
	if err != nil {
		return "", denied("what is there cannot be read: " + err.Error())
	}
	if d.Data.Metadata.Version.String() != from {
		return "", conflict(d.Data.Metadata.Version.String(), from)
	}
	for key, value := range values {
		if d.Data.Data[key], err = encode(value.Reveal()); err != nil { // Vault is to have it
			return "", err
		}
	}
	path, err := v.at("data")
	if err != nil {
		return "", err
	}
	a, err := v.ask(ctx, http.MethodPost, path, map[string]any{"options": map[string]any{"cas": d.Data.Metadata.Version}, "data": d.Data.Data})
	if err != nil {
		return "", fmt.Errorf("write: %w", err)
	}
	return vaultWritten(a, from)
}

func vaultWritten(a answer, from string) (string, error) {
	var made struct {
		Data struct {
			Version json.Number `json:"version"`
		} `json:"data"`
	}
	switch {
	case a.status == http.StatusBadRequest && strings.Contains(a.text.Reveal(), "check-and-set parameter did not match the current version"):
		return "", fmt.Errorf("%w: version %s is no longer the current one", rotate.ErrConflict, from)
	case a.status == http.StatusBadRequest || a.status == http.StatusForbidden:
		return "", denied(fmt.Sprintf("write: status %d", a.status))
	case a.status != http.StatusOK:
		return "", a.unclear("write")
	}
	if err := a.into(&made); err != nil || made.Data.Version == "" {
		return "", a.unclear("write")
	}
	return made.Data.Version.String(), nil
}

// Destroy makes a version unreadable for good: a deleted one could be undeleted.
func (v *vault) Destroy(ctx context.Context, version string) error {
	n, err := strconv.Atoi(version)
	if err != nil {
		return fmt.Errorf("%q is no version of Vault", version)
	}
	path, err := v.at("destroy")
	if err != nil {
		return err
	}
	a, err := v.ask(ctx, http.MethodPut, path, map[string]any{"versions": []int{n}})
	switch {
	case err != nil:
		return fmt.Errorf("destroy: %w", err)
	case a.status == http.StatusForbidden:
		return denied("the token may not destroy versions in " + v.mount)
	case a.status != http.StatusNoContent:
		return a.unclear("destroy")
	}
	return nil
}

// Annotate says in the metadata of the secret why the version is there. Vault
// keeps it for the secret, not for a version, so it names the version too; what
// was before is in the audit trail. A patch leaves the metadata of others alone.
func (v *vault) Annotate(ctx context.Context, version string, n rotate.Note) error {
	path, err := v.at("metadata")
	if err != nil {
		return err
	}
	meta := map[string]string{"rotated_version": version, "rotated_at": n.At.UTC().Format(time.RFC3339), "rotated_plan": n.Plan[:min(16, len(n.Plan))]}
	if meta["rotated_reason"] = cut(n.Reason, 512); n.Reason == "" { // Vault's longest value
		meta["rotated_reason"] = "rotation"
	}
	a, err := v.ask(ctx, http.MethodPatch, path, map[string]any{"custom_metadata": meta}, "Content-Type", "application/merge-patch+json")
	switch {
	case err != nil:
		return fmt.Errorf("custom metadata: %w", err)
	case a.status == http.StatusForbidden:
		return denied("the token may not patch the metadata (capability patch)")
	case a.status != http.StatusNoContent:
		return a.unclear("custom metadata")
	}
	return nil
}

// cut is the first n bytes of a text, in whole characters.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}
