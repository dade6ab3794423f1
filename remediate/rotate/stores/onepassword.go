package stores

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// onePassword is a field of an item, by a 1Password Connect server. A patch
// changes the field alone; the version is looked at before.
type onePassword struct {
	door
	path string
}

var onePasswordKind = rotate.Kind{
	ID: "1password", Name: "1Password Connect", Fate: rotate.Kept, Settle: 30 * time.Second,
	Kept:   "1Password keeps it in the history of the item, which only its apps show and restore",
	Source: "https://developer.1password.com/docs/connect/api-reference",
	Needs:  []string{"address", "path = \"VAULT/ITEM\" (their ids)", "key = label or id of the field", "credentials.token"},
}

func newOnePassword(s setup) (rotate.Store, error) {
	host, err := hostOf(s.place.Address)
	if err != nil {
		return nil, err
	}
	vault, item, ok := strings.Cut(s.place.Path, "/")
	if !ok || s.place.Key == "" {
		return nil, errors.New("path is VAULT/ITEM, and key names the field")
	}
	path, err := under("/v1/vaults", vault, "items", item)
	if err != nil {
		return nil, err
	}
	return &onePassword{door{s.client, host, bearer(s.given["token"])}, path}, s.needs("token")
}

type onePasswordItem struct {
	Version json.Number `json:"version"`
	Fields  []struct {
		ID    string `json:"id"`
		Label string `json:"label"`
		Value text   `json:"value"`
	} `json:"fields"`
}

func (o *onePassword) call(ctx context.Context, method string, body any) (item onePasswordItem, err error) {
	a, err := o.ask(ctx, method, o.path, body)
	switch {
	case err != nil:
		return item, fmt.Errorf("1password: %w", err)
	case a.status == http.StatusNotFound:
		return item, rotate.ErrGone
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden || a.status == http.StatusBadRequest:
		return item, denied(fmt.Sprintf("1password: status %d", a.status))
	case a.status != http.StatusOK:
		return item, a.unclear("1password")
	}
	if err = a.into(&item); err == nil && item.Version == "" {
		err = a.unclear("1password")
	}
	return item, err
}

// values are the fields by label and by id. A label that two fields have names none.
func (i onePasswordItem) values() map[string]secret.Secret {
	all, twice := map[string]secret.Secret{}, map[string]bool{}
	for _, f := range i.Fields {
		twice[f.Label] = twice[f.Label] || hasKey(all, f.Label)
		all[f.Label] = f.Value.Secret
	}
	for label, is := range twice {
		if is {
			delete(all, label)
		}
	}
	for _, f := range i.Fields {
		all[f.ID] = f.Value.Secret
	}
	return all
}

func hasKey(all map[string]secret.Secret, key string) bool { _, ok := all[key]; return ok }

// field is the id of the field that a key names.
func (i onePasswordItem) field(key string) (string, error) {
	found := ""
	for _, f := range i.Fields {
		if f.ID == key {
			return f.ID, nil
		}
		if f.Label == key {
			if found != "" {
				return "", denied("two fields are called " + key + ": give the id of one")
			}
			found = f.ID
		}
	}
	if found == "" {
		return "", denied("no field is called " + key)
	}
	return found, nil
}

// Read reads the item as it is now.
func (o *onePassword) Read(ctx context.Context, version string) (rotate.Version, error) {
	item, err := o.call(ctx, http.MethodGet, nil)
	if err == nil && version != "" && item.Version.String() != version {
		err = rotate.ErrGone
	}
	return rotate.Version{ID: item.Version.String(), Values: item.values()}, err
}

// Write replaces the values of fields.
func (o *onePassword) Write(ctx context.Context, from string, values map[string]secret.Secret) (string, error) {
	item, err := o.call(ctx, http.MethodGet, nil)
	if err != nil {
		return "", denied("what is there cannot be read: " + err.Error())
	}
	if id := item.Version.String(); id != from {
		return "", conflict(id, from)
	}
	var patch []map[string]string
	for _, key := range sorted(values) {
		id, err := item.field(key)
		if err != nil {
			return "", err
		}
		at := strings.NewReplacer("~", "~0", "/", "~1").Replace(id)                                                                  // https://www.rfc-editor.org/rfc/rfc6901
		patch = append(patch, map[string]string{"op": "replace", "path": "/fields/" + at + "/value", "value": values[key].Reveal()}) // 1Password is to have it
	}
	made, err := o.call(ctx, http.MethodPatch, patch)
	if errors.Is(err, rotate.ErrGone) {
		return "", denied("there is no such item")
	}
	if err != nil {
		return "", err
	}
	return behind(from, made.Version.String())
}

// Destroy cannot be done.
func (o *onePassword) Destroy(context.Context, string) error { return denied(onePasswordKind.Kept) }
