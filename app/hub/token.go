package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/secret"
)

// Permissions are those of a token, as GitHub names them: checks, write.
// https://docs.github.com/rest/authentication/permissions-required-for-github-apps
type Permissions map[string]string

// The permissions of the jobs. A token has those of its job and no others.
func ToKnow() Permissions   { return Permissions{"metadata": "read"} }
func ToRead() Permissions   { return Permissions{"contents": "read", "pull_requests": "read"} }
func ToCheck() Permissions  { return Permissions{"checks": "write"} }
func ToReport() Permissions { return Permissions{"checks": "write", "pull_requests": "write"} }
func ToUpload() Permissions { return Permissions{"security_events": "write"} }
func ToAlerts() Permissions { return Permissions{"secret_scanning_alerts": "write"} }

// ErrGone: the installation was removed or suspended, or it does not reach the
// repository any more. Trying again does not help.
var ErrGone = errors.New("the App has no access any more")

// ErrSuspended is an [ErrGone] that may end: the installation is there.
var ErrSuspended = fmt.Errorf("%w: the installation is suspended", ErrGone)

// Session is access to one repository, until Close.
type Session struct {
	Installation int64
	Repository   int64
	Owner, Name  string // as they are now, however the repository was renamed
	Account      int64  // the number of the owner, which stays when he is renamed
	Private      bool   // not to be seen by everybody
	Branch       string // the default branch
	GitHub       *github.Client

	app   *App
	token secret.Secret
}

// Open asks for a token that reaches one repository and may do no more than permissions.
// The repository is given by its number, which stays when it is renamed or transferred.
func (a *App) Open(ctx context.Context, installation, repository int64, p Permissions) (*Session, error) {
	return a.open(ctx, installation, p, github.InstallationTokenOptions{RepositoryIDs: []int64{repository}})
}

// openByName is Open for a repository of which only the name is known, without its owner.
func (a *App) openByName(ctx context.Context, installation int64, name string, p Permissions) (*Session, error) {
	return a.open(ctx, installation, p, github.InstallationTokenOptions{Repositories: []string{name}})
}

func (a *App) open(ctx context.Context, installation int64, p Permissions, o github.InstallationTokenOptions) (*Session, error) {
	wanted, err := p.body()
	if err != nil {
		return nil, err
	}
	o.Permissions = wanted
	t, resp, err := a.client.Apps.CreateInstallationToken(ctx, installation, &o)
	if err != nil {
		return nil, fmt.Errorf("ask for a token of installation %d: %w", installation, tokenError(resp, err))
	}
	s := &Session{Installation: installation, app: a, token: secret.New(t.GetToken())}
	if s.GitHub, err = a.newClient(a.meter(installation), bearer{s.token, a.base}); err != nil {
		return nil, err
	}
	if len(t.Repositories) != 1 || len(o.RepositoryIDs) == 1 && t.Repositories[0].GetID() != o.RepositoryIDs[0] {
		return nil, errors.Join(fmt.Errorf("GitHub gave a token for %d repositories where one was asked for", len(t.Repositories)), s.Close(ctx))
	}
	r := t.Repositories[0]
	s.Repository, s.Owner, s.Name, s.Private, s.Branch = r.GetID(), r.GetOwner().GetLogin(), r.GetName(), r.GetPrivate(), r.GetDefaultBranch()
	s.Account = r.GetOwner().GetID()
	return s, nil
}

// anywhere is a token for no repository in particular: to read what is of the whole
// installation. It has no more than is named.
func (a *App) anywhere(ctx context.Context, installation int64, p Permissions) (*Session, error) {
	wanted, err := p.body()
	if err != nil {
		return nil, err
	}
	t, resp, err := a.client.Apps.CreateInstallationToken(ctx, installation, &github.InstallationTokenOptions{Permissions: wanted})
	if err != nil {
		return nil, fmt.Errorf("ask for a token of installation %d: %w", installation, tokenError(resp, err))
	}
	s := &Session{Installation: installation, app: a, token: secret.New(t.GetToken())}
	s.GitHub, err = a.newClient(a.meter(installation), bearer{s.token, a.base})
	return s, err
}

// tokenError tells what will never work from what may.
func tokenError(resp *github.Response, err error) error {
	if resp == nil {
		return err
	}
	switch resp.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%w: the installation is not there: %w", ErrGone, err)
	case http.StatusForbidden:
		return fmt.Errorf("%w: %w", ErrSuspended, err)
	case http.StatusUnprocessableEntity:
		if !strings.Contains(err.Error(), "permissions") {
			return fmt.Errorf("%w: the installation does not reach the repository: %w", ErrGone, err)
		}
		return fmt.Errorf("the App was not granted what this job needs; `leakgate-app doctor` lists it: %w", err)
	case http.StatusUnauthorized:
		return fmt.Errorf("GitHub does not know the App by this key and id; `leakgate-app doctor` says more: %w", err)
	}
	return err
}

// body is a request for permissions. Names that GitHub does not have are refused.
func (p Permissions) body() (*github.InstallationPermissions, error) {
	if len(p) == 0 {
		return nil, errors.New("a token without named permissions would have all of the App")
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	out, strict := &github.InstallationPermissions{}, json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(out); err != nil {
		return nil, fmt.Errorf("permissions of a job: %w", err)
	}
	return out, nil
}

// Token is what git needs as the password of x-access-token. It ends with the session.
func (s *Session) Token() secret.Secret { return s.token }

// CloneURL is where git fetches the repository, without the token.
func (s *Session) CloneURL() (string, error) { return s.app.Server.Clone(s.Owner, s.Name) }

// FullName is OWNER/NAME.
func (s *Session) FullName() string { return s.Owner + "/" + s.Name }

// closeTimeout is for giving the token back, also when the job was cancelled.
const closeTimeout = 15 * time.Second

// Close gives the token back, after which it opens nothing. A token that could not be
// given back ends by itself within the hour.
func (s *Session) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	resp, err := s.GitHub.Apps.RevokeInstallationToken(ctx)
	if resp != nil && resp.StatusCode == http.StatusUnauthorized {
		return nil // it ended before
	}
	if err != nil {
		return fmt.Errorf("give the token of installation %d back: %w", s.Installation, err)
	}
	return nil
}

// bearer sends the token of a session.
type bearer struct {
	token secret.Secret
	next  http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token.Reveal()) // to GitHub, whose token it is
	return b.next.RoundTrip(r)
}
