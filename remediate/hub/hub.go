// Package hub is the GitHub part of a rewrite: the pull request that asks for it,
// the reviews that approve it, the check that it can be made again elsewhere, the
// rulesets that stand in its way, and what people are told afterwards. What is
// rewritten, and whether it may be, is decided in package purge.
//
// Nothing that is written to GitHub holds a value: only ids, names of refs and
// numbers go into its texts, and names are encoded so that none becomes markup.
package hub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/secret"
)

// Options say how a GitHub is reached.
type Options struct {
	// API is where its interface is: https://api.github.com, or
	// https://HOST/api/v3 of a server of one's own.
	API   string
	Token secret.Secret
	// App is the number of the App whose token it is; 0: the token is a user's.
	App int64
}

// Hub is one repository on a GitHub.
type Hub struct {
	client      *github.Client
	owner, name string
	app         int64
}

// patience is how long one call may take.
const patience = time.Minute

// Open understands the address of a git remote as a repository of a GitHub.
func Open(remote string, o Options) (*Hub, error) {
	_, full, _ := strings.Cut(gitrepo.RemoteName(remote), "/")
	owner, name, ok := strings.Cut(full, "/")
	if !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		return nil, errors.New("the remote is no repository of a GitHub, as https://github.com/OWNER/NAME")
	}
	if o.Token.IsZero() {
		return nil, errors.New("GitHub is asked for nothing without a token: set GITHUB_TOKEN, or name its file (--github none is for git alone)")
	}
	base, err := address(o.API)
	if err != nil {
		return nil, err
	}
	client, err := github.NewClient(github.WithURLs(&base, &base), github.WithAuthToken(o.Token.Reveal()), github.WithUserAgent("leakgate"), // the GitHub that the operator named
		github.WithHTTPClient(&http.Client{Timeout: patience, CheckRedirect: stay}))
	if err != nil {
		return nil, errors.New("the address of GitHub's interface does not parse")
	}
	return &Hub{client: client, owner: owner, name: name, app: o.App}, nil
}

// stay refuses to take the token elsewhere: a repository that was renamed is to be
// named by its new address.
func stay(*http.Request, []*http.Request) error {
	return errors.New("GitHub sends elsewhere: was the repository renamed?")
}

// address accepts https, and http to the machine itself, and gives it with the slash
// that the client needs.
func address(api string) (string, error) {
	u, err := url.Parse(api)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("the address of GitHub's interface is like https://api.github.com, or https://HOST/api/v3")
	}
	if local := net.ParseIP(u.Hostname()); u.Scheme != "https" && (u.Scheme != "http" || local == nil || !local.IsLoopback()) {
		return "", errors.New("a token is sent to GitHub by https only")
	}
	return strings.TrimSuffix(api, "/") + "/", nil
}

// API is where the GitHub answers that has a git remote.
func API(remote string) string {
	host, _, _ := strings.Cut(gitrepo.RemoteName(remote), "/")
	switch {
	case host == "github.com" || host == "ssh.github.com":
		return "https://api.github.com"
	case strings.HasSuffix(host, ".ghe.com"):
		return "https://api." + host
	}
	return "https://" + host + "/api/v3"
}

const (
	perPage  = 100
	maxPages = 100
)

// all reads every page of a list, or fails: half a list is none.
func all[T any](read func(github.ListOptions) ([]T, *github.Response, error)) (list []T, err error) {
	o := github.ListOptions{PerPage: perPage}
	for range maxPages {
		part, res, err := read(o)
		if err != nil {
			return nil, err
		}
		list = append(list, part...)
		if o.Page = res.NextPage; o.Page == 0 {
			return list, nil
		}
	}
	return nil, fmt.Errorf("there are more than %d of them", maxPages*perPage)
}

// failed says in plain words what GitHub did not do, and what to do.
func failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	limit, limited := errors.AsType[*github.RateLimitError](err)
	abuse, abused := errors.AsType[*github.AbuseRateLimitError](err)
	answer, answered := errors.AsType[*github.ErrorResponse](err)
	why := "no answer that can be read: run it again"
	switch {
	case limited:
		why = fmt.Sprintf("GitHub asks for fewer calls until %s: run it again then", limit.Rate.Reset.UTC().Format(time.RFC3339))
	case abused:
		why = fmt.Sprintf("GitHub asks for fewer calls: run it again in %s", abuse.GetRetryAfter())
	case answered:
		why = answeredWith(answer)
	case errors.Is(err, context.DeadlineExceeded):
		why = "no answer in time: run it again"
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", doing, context.Canceled)
	}
	return &Error{Doing: doing, Why: why, status: status(err)}
}

func answeredWith(e *github.ErrorResponse) string {
	code := e.Response.StatusCode
	switch {
	case code == http.StatusUnauthorized:
		return "GitHub does not accept the token (status 401)"
	case code == http.StatusForbidden || code == http.StatusNotFound:
		return fmt.Sprintf("GitHub does not let this token (status %d): %s", code, e.Message)
	case code >= 500:
		return fmt.Sprintf("GitHub is not well (status %d): run it again", code)
	}
	why := fmt.Sprintf("GitHub refused (status %d): %s", code, e.Message)
	for _, detail := range e.Errors {
		why += "; " + strings.Join(strings.Fields(detail.Field+" "+detail.Code+" "+detail.Message), " ")
	}
	return why
}

// Error is what GitHub did not do. It holds no address.
type Error struct {
	Doing, Why string
	status     int
}

func (e *Error) Error() string { return e.Doing + ": " + e.Why }

func status(err error) int {
	if answer, ok := errors.AsType[*github.ErrorResponse](err); ok && answer.Response != nil {
		return answer.Response.StatusCode
	}
	if own, ok := errors.AsType[*Error](err); ok {
		return own.status
	}
	return 0
}

// self reports whether an account, or the App that acted, is who the token is of.
func (h *Hub) self(ctx context.Context) (func(u *github.User, app *github.App) bool, error) {
	if h.app != 0 {
		return func(_ *github.User, app *github.App) bool { return app.GetID() == h.app }, nil
	}
	me, _, err := h.client.Users.Get(ctx, "")
	if err != nil {
		return nil, failed("ask whose token it is (for that of an App, give its number)", err)
	}
	return func(u *github.User, _ *github.App) bool { return u.GetID() == me.GetID() }, nil
}

// call is for what the client's types would leave out.
func (h *Hub) call(ctx context.Context, method, path string, body, into any) (*github.Response, error) {
	req, err := h.client.NewRequest(ctx, method, "repos/"+h.owner+"/"+h.name+"/"+path, body)
	if err != nil {
		return nil, err
	}
	return h.client.Do(req, into)
}
