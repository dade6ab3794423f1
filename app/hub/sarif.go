package hub

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v89/github"
)

// Analysis is a SARIF log of one category at one commit. GitHub replaces what it had of
// the same tool, category and ref, so that sending it twice changes nothing.
type Analysis struct {
	Ref string // refs/heads/main, refs/pull/7/head
	SHA string
	Log []byte // SARIF 2.1.0; its automation id has the category
}

// Upload is an analysis that GitHub took and will look at.
type Upload struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

// Errors of an analysis. A scan does not fail by them: its check run says the same.
var (
	ErrNoCodeScanning = errors.New("the repository takes no code scanning: Code Security is not enabled for it")
	ErrRejected       = errors.New("GitHub rejected the SARIF file")
)

// maxUpload is what GitHub takes, compressed.
const maxUpload = 10 << 20

// UploadSARIF sends an analysis. Whether it was good is known later: see Processed.
func (s *Session) UploadSARIF(ctx context.Context, a Analysis) (Upload, error) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err := zip.Write(a.Log)
	if err := errors.Join(err, zip.Close()); err != nil {
		return Upload{}, err
	}
	if packed.Len() > maxUpload {
		return Upload{}, fmt.Errorf("%w: it has %d bytes compressed, and GitHub takes %d", ErrRejected, packed.Len(), maxUpload)
	}
	text := base64.StdEncoding.EncodeToString(packed.Bytes())
	id, resp, err := s.GitHub.CodeScanning.UploadSarif(ctx, s.Owner, s.Name, &github.SarifAnalysis{CommitSHA: &a.SHA, Ref: &a.Ref, Sarif: &text})
	switch {
	case resp != nil && resp.StatusCode == http.StatusForbidden && strings.Contains(fmt.Sprint(err), "Code Security"):
		return Upload{}, ErrNoCodeScanning
	case resp != nil && (resp.StatusCode == http.StatusBadRequest || resp.StatusCode == http.StatusRequestEntityTooLarge):
		return Upload{}, fmt.Errorf("%w: %w", ErrRejected, err)
	case err != nil:
		return Upload{}, fmt.Errorf("upload SARIF for %.10s in %s: %w", a.SHA, s.FullName(), err)
	}
	return Upload{id.GetID(), s.app.now().UTC()}, nil
}

// GitHub looks at an upload within seconds to minutes; who asks all the time is limited.
const (
	firstLook = 5 * time.Second
	longLook  = 2 * time.Minute
)

// Processed says that GitHub made alerts of an upload: nil. A [Later] means that it has
// not looked at it yet, [ErrRejected] that it never will, with GitHub's reasons.
func (s *Session) Processed(ctx context.Context, u Upload) error {
	var state struct { // go-github's type lacks the errors
		Status string   `json:"processing_status"`
		Errors []string `json:"errors"`
	}
	resp, err := s.get(ctx, fmt.Sprintf("repos/%s/%s/code-scanning/sarifs/%s", s.Owner, s.Name, u.ID), &state)
	if err != nil && (resp == nil || resp.StatusCode != http.StatusNotFound) { // not found: not there yet
		return fmt.Errorf("ask for the SARIF upload %s: %w", u.ID, err)
	}
	switch state.Status {
	case "complete":
		return nil
	case "failed":
		return fmt.Errorf("%w: %s", ErrRejected, strings.Join(state.Errors, "; "))
	}
	now := s.app.now()
	wait := min(max(now.Sub(u.At), firstLook), longLook) // twice as long every time
	return &Later{At: now.Add(wait), Why: "GitHub has not processed the SARIF upload yet"}
}
