package stores

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// doppler is a secret of a config in Doppler. Doppler numbers no secrets: the
// version is the newest entry of the config's log, so a change of any secret
// there is a new one.
type doppler struct {
	door
	project, config, name string
}

var dopplerKind = rotate.Kind{
	ID: "doppler", Name: "Doppler", Fate: rotate.Kept, Settle: 30 * time.Second,
	Kept:   "Doppler keeps it in the log of the config, from which a person can roll back in the dashboard",
	Source: "https://docs.doppler.com/reference/secrets-update",
	Needs:  []string{"path = \"PROJECT/CONFIG\"", "key = name of the secret", "credentials.token"},
}

func newDoppler(s setup) (rotate.Store, error) {
	project, config, ok := strings.Cut(s.place.Path, "/")
	if !ok || s.place.Key == "" {
		return nil, errors.New("path is PROJECT/CONFIG, and key names the secret")
	}
	return &doppler{door{s.client, "api.doppler.com", bearer(s.given["token"])}, project, config, s.place.Key}, s.needs("token")
}

// call makes one call about the config and reads the answer.
func (d *doppler) call(ctx context.Context, method, path string, query url.Values, body, into any) error {
	if body == nil {
		query.Set("project", d.project)
		query.Set("config", d.config)
		path += "?" + query.Encode()
	}
	a, err := d.ask(ctx, method, "/v3/configs/config/"+path, body)
	switch {
	case err != nil:
		return fmt.Errorf("doppler: %w", err)
	case a.status == http.StatusNotFound:
		return rotate.ErrGone
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden || a.status == http.StatusBadRequest || a.status == http.StatusUnprocessableEntity:
		return denied(fmt.Sprintf("doppler: status %d", a.status))
	case a.status != http.StatusOK:
		return a.unclear("doppler")
	}
	return a.into(into)
}

// newest is the id of the config's newest change.
func (d *doppler) newest(ctx context.Context) (string, error) {
	var said struct {
		Logs []struct {
			ID string `json:"id"`
		} `json:"logs"`
	}
	err := d.call(ctx, http.MethodGet, "logs", url.Values{"page": {"1"}, "per_page": {"1"}}, nil, &said)
	if err == nil && (len(said.Logs) == 0 || said.Logs[0].ID == "") {
		err = errors.New("doppler: the log of the config is empty")
	}
	if err != nil {
		return "", err
	}
	return said.Logs[0].ID, nil
}

func (d *doppler) value(ctx context.Context, name string) (secret.Secret, error) {
	var said struct {
		Value struct {
			Raw      text `json:"raw"`
			Computed text `json:"computed"`
		} `json:"value"`
	}
	if err := d.call(ctx, http.MethodGet, "secret", url.Values{"name": {name}}, nil, &said); err != nil {
		return secret.Secret{}, err
	}
	if !said.Value.Raw.Equal(said.Value.Computed.Secret) {
		return secret.Secret{}, denied("the value refers to another secret: rotate that one")
	}
	return said.Value.Raw.Secret, nil
}

// Read reads what is there now. The log is read on both sides of the value, so
// that the two belong together.
func (d *doppler) Read(ctx context.Context, version string) (rotate.Version, error) {
	id, err := d.newest(ctx)
	if err != nil {
		return rotate.Version{}, err
	}
	if version != "" && version != id {
		return rotate.Version{}, rotate.ErrGone
	}
	value, err := d.value(ctx, d.name)
	if err != nil {
		return rotate.Version{}, err
	}
	if again, err := d.newest(ctx); err != nil || again != id {
		return rotate.Version{}, errors.Join(err, errors.New("doppler: the config changed while it was read"))
	}
	return rotate.Version{ID: id, Values: map[string]secret.Secret{d.name: value}}, nil
}

// Write sets the secrets, if the config is as it was.
func (d *doppler) Write(ctx context.Context, from string, values map[string]secret.Secret) (string, error) {
	id, err := d.newest(ctx)
	if err != nil {
		return "", denied("what is there cannot be read: " + err.Error())
	}
	if id != from {
		return "", conflict(id, from)
	}
	if err := literal(values); err != nil {
		return "", err
	}
	set := map[string]string{}
	for name, value := range values {
		set[name] = value.Reveal() // Doppler is to have it
	}
	err = d.call(ctx, http.MethodPost, "secrets", nil, map[string]any{"project": d.project, "config": d.config, "secrets": set}, &struct{}{})
	if errors.Is(err, rotate.ErrGone) {
		return "", denied("there is no such config")
	}
	if err != nil {
		return "", err
	}
	if id, err = d.newest(ctx); err != nil {
		return "", errors.New("it is set, and which version that is was not told: " + err.Error()) // no refusal any more
	}
	return id, nil
}

// Destroy cannot be done.
func (d *doppler) Destroy(context.Context, string) error { return denied(dopplerKind.Kept) }
