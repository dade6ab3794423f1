package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-github/v89/github"
	"golang.org/x/sync/errgroup"

	"github.com/leakgate/leakgate/internal/secret"
)

// Users signs people in by the OAuth of the same App, and asks GitHub what they may read.
// https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
type Users struct {
	Server   Server
	ClientID string
	Secret   secret.Secret
	// Callback is where GitHub sends people back; the App's settings name it, letter by letter.
	Callback  string
	Transport http.RoundTripper // by default one of its own with deadlines
	Version   string            // of leakgate, for the user agent
}

// ErrSignedOut: GitHub does not take the token of a person, or the code for one, any more.
var ErrSignedOut = errors.New("GitHub does not know this person's token")

// Authorize is the page of GitHub at which somebody says who he is. The challenge is that
// of PKCE, by S256; servers that do not know of it pass it over.
// https://github.blog/changelog/2025-07-14-pkce-support-for-oauth-and-github-app-authentication
func (u *Users) Authorize(state, challenge string) string {
	return u.Server.Web + "login/oauth/authorize?" + url.Values{
		"client_id": {u.ClientID}, "redirect_uri": {u.Callback}, "state": {state}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}.Encode()
}

// Grant is a person's token, and how long it lives; 0 is no end that is known.
type Grant struct {
	Token secret.Secret
	Lives time.Duration
}

// userTimeout is for one request on behalf of a person who waits.
const userTimeout = 20 * time.Second

// maxGrant is more than any answer to a code, in bytes.
const maxGrant = 64 << 10

// Exchange gives a code for a token. That which would renew the token is dropped unread.
// What goes wrong holds neither.
func (u *Users) Exchange(ctx context.Context, code, verifier string) (Grant, error) {
	form := url.Values{"client_id": {u.ClientID}, "client_secret": {u.Secret.Reveal()}, // to GitHub, who made it
		"code": {code}, "redirect_uri": {u.Callback}, "code_verifier": {verifier}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.Server.Web+"login/oauth/access_token", strings.NewReader(form.Encode()))
	if err != nil {
		return Grant{}, errors.New("the address of GitHub does not parse")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", u.agent())
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // what is sent is for this address alone
	resp, err := (&http.Client{Transport: u.base(), Timeout: userTimeout, CheckRedirect: stay}).Do(r)
	if err != nil {
		return Grant{}, errors.New("GitHub was not reached to sign somebody in")
	}
	defer resp.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
		Lives int64  `json:"expires_in"`
		Error string `json:"error"`
	}
	if resp.StatusCode != http.StatusOK {
		return Grant{}, fmt.Errorf("GitHub answers %d to a code", resp.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxGrant)).Decode(&answer); err != nil {
		return Grant{}, errors.New("GitHub's answer to a code does not parse")
	}
	if answer.Token == "" {
		return Grant{}, fmt.Errorf("%w: it refuses the code: %.60q", ErrSignedOut, answer.Error)
	}
	return Grant{secret.New(answer.Token), time.Duration(answer.Lives) * time.Second}, nil
}

func (u *Users) agent() string { return "leakgate-app/" + u.Version }

func (u *Users) base() http.RoundTripper {
	if u.Transport != nil {
		return u.Transport
	}
	return shared
}

// shared carries the requests of people.
var shared = transport()

// client acts as a person.
func (u *Users) client(token secret.Secret) (*github.Client, error) {
	return u.through(bearer{token, u.base()})
}

func (u *Users) through(rt http.RoundTripper) (*github.Client, error) {
	base := u.Server.API
	return github.NewClient(github.WithURLs(&base, &base), github.WithTransport(fenced{u.Server.host(), rt}), github.WithTimeout(userTimeout),
		github.WithUserAgent(u.agent()), github.WithDisableRateLimitCheck())
}

// Person is somebody at GitHub.
type Person struct {
	ID    int64
	Login string
}

// Person says whose a token is.
func (u *Users) Person(ctx context.Context, token secret.Secret) (Person, error) {
	c, err := u.client(token)
	if err != nil {
		return Person{}, err
	}
	user, resp, err := c.Users.Get(ctx, "")
	if err != nil {
		return Person{}, fmt.Errorf("ask whose a token is: %w", signedOut(resp, err))
	}
	return Person{user.GetID(), user.GetLogin()}, nil
}

// signedOut tells a token that is dead from a GitHub that does not answer.
func signedOut(resp *github.Response, err error) error {
	if resp != nil && resp.StatusCode == http.StatusUnauthorized {
		return ErrSignedOut // its text could hold what was sent
	}
	return err
}

// Readable is a repository that the App reaches and a person may read.
type Readable struct {
	ID           int64
	Installation int64
	Account      int64  // the number of the owner
	Name         string // OWNER/NAME
	Private      bool
}

// askedAtOnce is for how many installations GitHub is asked at the same time.
const askedAtOnce = 4

// Readable lists every repository that both the App and the person may read, or fails.
func (u *Users) Readable(ctx context.Context, token secret.Secret) ([]Readable, error) {
	c, err := u.client(token)
	if err != nil {
		return nil, err
	}
	var placed []int64
	for o := (&github.ListOptions{PerPage: 100, Page: 1}); o.Page != 0; {
		page, resp, err := c.Apps.ListUserInstallations(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("list a person's installations: %w", signedOut(resp, err))
		}
		for _, i := range page {
			if i.SuspendedAt == nil {
				placed = append(placed, i.GetID())
			}
		}
		o.Page = resp.NextPage
	}
	parts := make([][]Readable, len(placed))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(askedAtOnce)
	for n, installation := range placed {
		group.Go(func() (err error) { parts[n], err = readableOf(ctx, c, installation); return err })
	}
	err = group.Wait()
	var all []Readable
	for _, part := range parts {
		all = append(all, part...)
	}
	return all, err
}

func readableOf(ctx context.Context, c *github.Client, installation int64) (all []Readable, err error) {
	for o := (&github.ListOptions{PerPage: 100, Page: 1}); o.Page != 0; {
		page, resp, err := c.Apps.ListUserRepos(ctx, installation, o)
		if resp != nil && resp.StatusCode == http.StatusNotFound {
			return nil, nil // it was removed since it was listed
		}
		if err != nil {
			return nil, fmt.Errorf("list what a person may read: %w", signedOut(resp, err))
		}
		for _, r := range page.Repositories {
			all = append(all, Readable{r.GetID(), installation, r.GetOwner().GetID(), r.GetFullName(), r.GetPrivate()})
		}
		o.Page = resp.NextPage
	}
	return all, nil
}

// Revoke kills a person's token. One that is dead already is no error.
// https://docs.github.com/rest/apps/oauth-applications#delete-an-app-token
func (u *Users) Revoke(ctx context.Context, token secret.Secret) error {
	c, err := u.through(basic{u.ClientID, u.Secret, u.base()})
	if err != nil {
		return err
	}
	body := map[string]string{"access_token": token.Reveal()} // to GitHub, whose token it is
	r, err := c.NewRequest(ctx, http.MethodDelete, "applications/"+url.PathEscape(u.ClientID)+"/token", body)
	if err != nil {
		return errors.New("the address of GitHub does not parse")
	}
	resp, err := c.Do(r, nil)
	if resp != nil && (resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusUnprocessableEntity) {
		return nil
	}
	if err != nil {
		status := 0
		if resp != nil {
			status = resp.StatusCode
		}
		return fmt.Errorf("GitHub did not revoke a person's token: status %d", status)
	}
	return nil
}

// Check asks GitHub whether it knows the App by its client id and secret: about a token
// that nobody has it says so, and not that it does not know who asks.
// https://docs.github.com/rest/apps/oauth-applications#check-a-token
func (u *Users) Check(ctx context.Context) error {
	c, err := u.through(basic{u.ClientID, u.Secret, u.base()})
	if err != nil {
		return err
	}
	r, err := c.NewRequest(ctx, http.MethodPost, "applications/"+url.PathEscape(u.ClientID)+"/token", map[string]string{"access_token": "nobody's"})
	if err != nil {
		return errors.New("the address of GitHub does not parse")
	}
	resp, err := c.Do(r, nil)
	switch {
	case resp == nil:
		return errors.New("GitHub was not reached")
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusUnprocessableEntity:
		return nil
	case resp.StatusCode == http.StatusUnauthorized:
		return errors.New("GitHub does not know the App by this client id and secret")
	}
	return fmt.Errorf("GitHub answers %d: %w", resp.StatusCode, err)
}

// basic sends the App's client id and secret.
type basic struct {
	id     string
	secret secret.Secret
	next   http.RoundTripper
}

func (b basic) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth(b.id, b.secret.Reveal()) // to GitHub, who made it
	return b.next.RoundTrip(r)
}
