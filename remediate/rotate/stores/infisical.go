package stores

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// infisical is a secret of an environment in Infisical. It has no write that
// another's write refuses: the version is looked at before, and the number that
// the write gave tells whether somebody was in between.
type infisical struct {
	door
	project, environment, folder, name string
}

var infisicalKind = rotate.Kind{
	ID: "infisical", Name: "Infisical", Fate: rotate.Kept, History: true, Settle: 30 * time.Second,
	Kept:   "Infisical keeps it among the versions of the secret: see that the old credential is revoked",
	Source: "https://infisical.com/docs/api-reference/endpoints/secrets/update",
	Needs:  []string{"path = \"ENVIRONMENT\" or \"ENVIRONMENT/FOLDER\"", "key = name of the secret", "settings.project = id", "address (default https://app.infisical.com)", "credentials.token"},
}

func newInfisical(s setup) (rotate.Store, error) {
	host := "app.infisical.com"
	if s.place.Address != "" {
		var err error
		if host, err = hostOf(s.place.Address); err != nil {
			return nil, err
		}
	}
	environment, folder, _ := strings.Cut(s.place.Path, "/")
	if s.place.Settings["project"] == "" || s.place.Key == "" || s.place.IDKey != "" {
		return nil, errors.New("settings.project and key are needed, and id_key is a secret of its own: give it a [[store]]")
	}
	return &infisical{door{s.client, host, bearer(s.given["token"])}, s.place.Settings["project"], environment, "/" + folder, s.place.Key}, s.needs("token")
}

type infisicalSaid struct {
	Secret *struct {
		Value   text        `json:"secretValue"`
		Version json.Number `json:"version"`
	} `json:"secret"`
	Approval json.RawMessage `json:"approval"`
}

func (i *infisical) call(ctx context.Context, method, query string, body any) (said infisicalSaid, err error) {
	path, err := under("/api/v4/secrets", i.name)
	if err != nil {
		return said, err
	}
	a, err := i.ask(ctx, method, path+query, body)
	switch {
	case err != nil:
		return said, fmt.Errorf("infisical: %w", err)
	case a.status == http.StatusNotFound:
		return said, rotate.ErrGone
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden || a.status == http.StatusBadRequest || a.status == http.StatusUnprocessableEntity:
		return said, denied(fmt.Sprintf("infisical: status %d", a.status))
	case a.status != http.StatusOK:
		return said, a.unclear("infisical")
	}
	if err := a.into(&said); err != nil {
		return said, err
	}
	if said.Approval != nil {
		return said, errors.New("infisical: a policy wants the change approved there: approve it, and apply again")
	}
	if said.Secret == nil || said.Secret.Version == "" {
		return said, a.unclear("infisical")
	}
	return said, nil
}

// Read reads a version.
func (i *infisical) Read(ctx context.Context, version string) (rotate.Version, error) {
	query := url.Values{"projectId": {i.project}, "environment": {i.environment}, "secretPath": {i.folder},
		"viewSecretValue": {"true"}, "expandSecretReferences": {"false"}, "includeImports": {"false"}}
	if version != "" {
		query.Set("version", version)
	}
	said, err := i.call(ctx, http.MethodGet, "?"+query.Encode(), nil)
	if err != nil {
		return rotate.Version{}, err
	}
	id := said.Secret.Version.String()
	if version != "" && id != version { // some answer with the newest one instead: https://github.com/Infisical/infisical/issues/3263
		return rotate.Version{}, rotate.ErrGone
	}
	return rotate.Version{ID: id, Values: map[string]secret.Secret{i.name: said.Secret.Value.Secret}}, nil
}

// Write updates the secret.
func (i *infisical) Write(ctx context.Context, from string, values map[string]secret.Secret) (string, error) {
	v, err := i.Read(ctx, "")
	if err != nil {
		return "", denied("what is there cannot be read: " + err.Error())
	}
	if v.ID != from {
		return "", conflict(v.ID, from)
	}
	if err := literal(values); err != nil {
		return "", err
	}
	said, err := i.call(ctx, http.MethodPatch, "", map[string]string{"projectId": i.project, "environment": i.environment, "secretPath": i.folder,
		"type": "shared", "secretValue": values[i.name].Reveal()}) // Infisical is to have it
	if errors.Is(err, rotate.ErrGone) {
		return "", denied("there is no such secret")
	}
	if err != nil {
		return "", err
	}
	return behind(from, said.Secret.Version.String())
}

// Destroy cannot be done.
func (i *infisical) Destroy(context.Context, string) error { return denied(infisicalKind.Kept) }
