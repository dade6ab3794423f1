package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/secret"
)

// Alert is one of GitHub's own secret scanning. Its value is nowhere but in Secret.
type Alert struct {
	Number     int64
	Kind       string // GitHub's name of what it is
	State      string // open, resolved
	Resolution string
	Public     bool   // GitHub saw the value in public
	Validity   string // active, inactive, unknown
	Secret     secret.Secret
}

// AlertPlace is where GitHub saw the value of an alert in a file.
type AlertPlace struct {
	Path   string `json:"path"`
	Line   int    `json:"start_line"`
	Blob   string `json:"blob_sha"`
	Commit string `json:"commit_sha"`
}

// ErrNoAlerts: the repository has no secret scanning, or the alert is gone.
var ErrNoAlerts = errors.New("GitHub has no such alert")

// Alert reads one; the value only where it is asked for.
// https://docs.github.com/rest/secret-scanning/secret-scanning#get-a-secret-scanning-alert
func (s *Session) Alert(ctx context.Context, number int64, value bool) (Alert, error) {
	var raw struct {
		Kind       string       `json:"secret_type"`
		State      string       `json:"state"`
		Resolution string       `json:"resolution"`
		Public     bool         `json:"publicly_leaked"`
		Validity   string       `json:"validity"`
		Secret     sealedSecret `json:"secret"`
	}
	query := "?hide_secret=true"
	if value {
		query = ""
	}
	err := s.alerts(ctx, http.MethodGet, fmt.Sprintf("/%d%s", number, query), nil, &raw)
	return Alert{number, raw.Kind, raw.State, raw.Resolution, raw.Public, raw.Validity, raw.Secret.Secret}, err
}

// sealedSecret reads a value into where it cannot be printed.
type sealedSecret struct{ secret.Secret }

func (s *sealedSecret) UnmarshalJSON(text []byte) error {
	var v string
	if json.Unmarshal(text, &v) != nil {
		return errors.New("the value of an alert is no text") // the reason could quote it
	}
	s.Secret = secret.New(v)
	return nil
}

// AlertPlaces reads where the value of an alert is in files, the first hundred.
func (s *Session) AlertPlaces(ctx context.Context, number int64) (all []AlertPlace, err error) {
	var raw []struct {
		Type    string     `json:"type"`
		Details AlertPlace `json:"details"`
	}
	if err := s.alerts(ctx, http.MethodGet, fmt.Sprintf("/%d/locations?per_page=100", number), nil, &raw); err != nil {
		return nil, err
	}
	for _, l := range raw {
		if l.Type == "commit" {
			all = append(all, l.Details)
		}
	}
	return all, nil
}

// ResolveAlert says that the credential of an alert is revoked. One that is resolved stays.
func (s *Session) ResolveAlert(ctx context.Context, number int64, comment string) error {
	a, err := s.Alert(ctx, number, false)
	if err != nil || a.State == "resolved" {
		return err
	}
	body := map[string]string{"state": "resolved", "resolution": "revoked", "resolution_comment": comment}
	return s.alerts(ctx, http.MethodPatch, fmt.Sprintf("/%d", number), body, nil)
}

// alerts makes a request. The answer of a change holds the value: it is not read.
func (s *Session) alerts(ctx context.Context, method, path string, body, into any) error {
	req, err := s.GitHub.NewRequest(ctx, method, fmt.Sprintf("repos/%s/%s/secret-scanning/alerts%s", s.Owner, s.Name, path), body)
	if err != nil {
		return err
	}
	_, err = s.GitHub.Do(req, into)
	if refused, is := errors.AsType[*github.ErrorResponse](err); is && refused.Response.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%w: %s", ErrNoAlerts, s.FullName())
	}
	if err != nil {
		return fmt.Errorf("alerts of secret scanning of %s: %w", s.FullName(), err)
	}
	return nil
}
