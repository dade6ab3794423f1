package stores

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// gcp is a secret of Google Cloud's Secret Manager. A version once added never
// changes, and the number of the new one tells whether somebody was in between.
type gcp struct {
	door
	base string // /v1/projects/P/secrets/S
}

var gcpKind = rotate.Kind{
	ID: "gcp-secret-manager", Name: "Google Cloud Secret Manager", Fate: rotate.Destroyed, History: true, Settle: time.Minute,
	Source: "https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions",
	Needs:  []string{"path = \"projects/P/secrets/S\"", "key (of a JSON secret)", "credentials.token (OAuth) or credentials.key (file of a service account)"},
}

func newGCP(s setup) (rotate.Store, error) {
	parts := strings.Split(s.place.Path, "/")
	if len(parts) != 4 || parts[0] != "projects" || parts[2] != "secrets" {
		return nil, errors.New("path is projects/PROJECT/secrets/NAME")
	}
	base, err := under("/v1", parts...)
	if err != nil {
		return nil, err
	}
	dress := bearer(s.given["token"])
	if key := s.given["key"]; !key.IsZero() {
		if dress, err = googleKey(s, key); err != nil {
			return nil, err
		}
	} else if err := s.needs("token"); err != nil {
		return nil, err
	}
	return &gcp{door{s.client, "secretmanager.googleapis.com", dress}, base}, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crcOf(text string) string {
	return strconv.FormatUint(uint64(crc32.Checksum([]byte(text), castagnoli)), 10)
}

// judged is the error for what the API answered, nil for 200.
func (g *gcp) judged(a answer, what string) error {
	var said struct {
		Error struct {
			Status string `json:"status"`
		} `json:"error"`
	}
	if a.status == http.StatusOK {
		return nil
	}
	if a.into(&said) != nil {
		return a.unclear(what)
	}
	switch said.Error.Status {
	case "NOT_FOUND", "FAILED_PRECONDITION": // of a version that is disabled or destroyed
		return rotate.ErrGone
	case "PERMISSION_DENIED", "UNAUTHENTICATED", "INVALID_ARGUMENT":
		return denied(what + ": " + said.Error.Status)
	}
	return a.unclear(what)
}

func (g *gcp) read(ctx context.Context, version string) (id string, d document, err error) {
	a, err := g.ask(ctx, http.MethodGet, g.base+"/versions/"+version+":access", nil)
	if err == nil {
		err = g.judged(a, "access")
	}
	if err != nil {
		return "", d, err
	}
	var said struct {
		Name    string `json:"name"`
		Payload struct {
			Data text   `json:"data"`
			CRC  string `json:"dataCrc32c"`
		} `json:"payload"`
	}
	if err := a.into(&said); err != nil {
		return "", d, err
	}
	text, err := base64.StdEncoding.DecodeString(said.Payload.Data.Reveal()) // it goes into a secret
	if err != nil || said.Payload.CRC != "" && said.Payload.CRC != crcOf(string(text)) {
		return "", d, errors.New("access: the value came damaged")
	}
	return path.Base(said.Name), document{secret.New(string(text))}, nil
}

// Read reads a version.
func (g *gcp) Read(ctx context.Context, version string) (rotate.Version, error) {
	if version == "" {
		version = "latest"
	} else if err := numbered(version); err != nil {
		return rotate.Version{}, err
	}
	id, d, err := g.read(ctx, version)
	return rotate.Version{ID: id, Values: d.values()}, err
}

// Write adds a version.
func (g *gcp) Write(ctx context.Context, from string, values map[string]secret.Secret) (string, error) {
	id, d, err := g.read(ctx, "latest")
	if err != nil {
		return "", denied("what is there cannot be read: " + err.Error())
	}
	if id != from {
		return "", conflict(id, from)
	}
	if d, err = d.with(values); err != nil {
		return "", denied(err.Error())
	}
	text := d.text.Reveal() // Google is to have it
	a, err := g.ask(ctx, http.MethodPost, g.base+":addVersion", map[string]any{"payload": map[string]string{
		"data": base64.StdEncoding.EncodeToString([]byte(text)), "dataCrc32c": crcOf(text)}})
	if err != nil {
		return "", fmt.Errorf("add version: %w", err)
	}
	if err := g.judged(a, "add version"); err != nil {
		if errors.Is(err, rotate.ErrGone) {
			err = denied("add version: there is no such secret")
		}
		return "", err
	}
	var made struct {
		Name string `json:"name"`
	}
	if err := a.into(&made); err != nil {
		return "", err
	}
	return behind(from, path.Base(made.Name))
}

// Destroy disables a version, which holds at once for everybody, and then
// destroys its data.
func (g *gcp) Destroy(ctx context.Context, version string) error {
	if err := numbered(version); err != nil {
		return err
	}
	at := g.base + "/versions/" + version
	state, err := g.change(ctx, http.MethodGet, at, nil)
	if err == nil && state == "ENABLED" {
		state, err = g.change(ctx, http.MethodPost, at+":disable", struct{}{})
	}
	if err == nil && state == "DISABLED" {
		state, err = g.change(ctx, http.MethodPost, at+":destroy", struct{}{})
	}
	if err == nil && state != "DESTROYED" {
		err = fmt.Errorf("destroy: the version is %q", state)
	}
	return err
}

// change makes a call that answers with the state of a version.
func (g *gcp) change(ctx context.Context, method, at string, body any) (state string, err error) {
	a, err := g.ask(ctx, method, at, body)
	if err == nil {
		err = g.judged(a, "version")
	}
	var said struct {
		State string `json:"state"`
	}
	if err == nil {
		err = a.into(&said)
	}
	return said.State, err
}
