package ghfake

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// kind is what sort of credential a request carries; a set of them in the table.
type kind int

const (
	asNobody       kind = 1 << iota // none
	asApp                           // the JWT of an app
	asInstallation                  // ghs_
	asUser                          // a personal token, or a user's through OAuth
	asClient                        // Basic with the client id and secret of an app
)

// token is a credential that was accepted.
type token struct {
	kind         kind
	text         string
	account      *Account // who acts
	app          *App
	installation *Installation
	permissions  map[string]string // of an installation token
	repos        []*Repo           // of an installation token: nil is all of the installation
	expires      time.Time
}

// PAT gives a user a personal access token, in the form of GitHub's.
func (g *GitHub) PAT(login string) string { return g.userToken(login, "gh"+"p_", nil) }

// OAuth gives a user a token through an app.
func (g *GitHub) OAuth(login string, app *App) string { return g.userToken(login, "gh"+"u_", app) }

func (g *GitHub) userToken(login, prefix string, app *App) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	text := prefix + random(18)
	g.tokens[text] = &token{kind: asUser, text: text, account: g.find(login), app: app}
	return text
}

// Revoked says whether a token that was once issued is dead.
func (g *GitHub) Revoked(text string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Contains(g.revoked, text)
}

// RevokeAll has a user take back what he allowed apps: his tokens through them are dead.
func (g *GitHub) RevokeAll(login string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for text, t := range g.tokens {
		if t.kind == asUser && t.app != nil && t.account == g.find(login) {
			g.kill(text)
		}
	}
}

func (g *GitHub) kill(text string) {
	if g.tokens[text] != nil {
		delete(g.tokens, text)
		g.revoked = append(g.revoked, text)
	}
}

// identify reads the Authorization header. An answer that is not zero is the refusal.
func (g *GitHub) identify(h http.Header) (*token, answer) {
	scheme, text, _ := strings.Cut(h.Get("Authorization"), " ")
	switch {
	case text == "":
		return &token{kind: asNobody}, answer{}
	case strings.EqualFold(scheme, "Basic"):
		return g.basic(h)
	case strings.Count(text, ".") == 2 && !strings.HasPrefix(text, "gh"+"s_"):
		return g.jwt(text)
	}
	return g.lookup(text)
}

func (g *GitHub) lookup(text string) (*token, answer) {
	t := g.tokens[text]
	if t == nil || !t.expires.IsZero() && g.options.Clock().After(t.expires) {
		return nil, fail(http.StatusUnauthorized, "Bad credentials")
	}
	if t.installation != nil && t.installation.suspended {
		return nil, fail(http.StatusForbidden, "This installation has been suspended")
	}
	return t, answer{}
}

// basic is a client of OAuth, or a token as the password.
func (g *GitHub) basic(h http.Header) (*token, answer) {
	user, word, _ := (&http.Request{Header: h}).BasicAuth()
	for _, app := range g.apps {
		if app.ClientID == user && app.ClientSecret == word {
			return &token{kind: asClient, app: app}, answer{}
		}
	}
	return g.lookup(word)
}

// jwt verifies the token of an app: RS256, not older than ten minutes.
// https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
func (g *GitHub) jwt(text string) (*token, answer) {
	var app *App
	claims := jwt.RegisteredClaims{}
	_, err := jwt.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) {
		for _, a := range g.apps {
			if claims.Issuer == strconv.FormatInt(a.ID, 10) || claims.Issuer == a.ClientID {
				app = a
				return a.key, nil
			}
		}
		return nil, fmt.Errorf("no app %q", claims.Issuer)
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithTimeFunc(g.options.Clock), jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	if err != nil {
		return nil, fail(http.StatusUnauthorized, "A JSON web token could not be decoded")
	}
	if claims.ExpiresAt.Sub(g.options.Clock()) > 10*time.Minute {
		return nil, fail(http.StatusUnauthorized, "'Expiration time' claim ('exp') is too far in the future")
	}
	return &token{kind: asApp, app: app, account: app.bot}, answer{}
}

// issue makes a token of an installation, narrowed to repositories and permissions.
// https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app
func issue(c *call) answer {
	i := c.installation(c.path("installation_id"))
	if i == nil || i.app != c.who.app {
		return notFound()
	}
	if i.suspended {
		return fail(http.StatusForbidden, "This installation has been suspended")
	}
	t := &token{kind: asInstallation, account: i.app.bot, app: i.app, installation: i, permissions: i.app.Permissions}
	if refused := c.narrow(t); refused.status != 0 {
		return refused
	}
	t.text = c.form(i)
	t.expires = c.options.Clock().Add(time.Hour)
	c.tokens[t.text] = t
	body := doc{"token": t.text, "expires_at": stamp(t.expires), "permissions": t.permissions, "repository_selection": i.selection()}
	if t.repos != nil {
		body["repository_selection"] = "selected"
		body["repositories"] = views(t.repos, c.repoView)
	}
	return created(body)
}

// form is the text of a new token: in turn the short form and the long one with the
// app's number, as GitHub issues both. https://github.blog/changelog/2026-05-15-github-app-installation-tokens-format-change
func (c *call) form(i *Installation) string {
	if c.id()%2 == 0 {
		return "gh" + "s_" + random(18)
	}
	return fmt.Sprintf("gh"+"s_%d_%s.%s.%s", i.app.ID, random(20), random(200), random(20))
}

func (c *call) narrow(t *token) answer {
	asked, _ := c.body["permissions"].(doc)
	if asked != nil {
		t.permissions = map[string]string{}
	}
	for name, level := range asked {
		if rank(level.(string)) > rank(t.app.Permissions[name]) {
			return fail(http.StatusUnprocessableEntity, "The permissions requested are not granted to this installation.")
		}
		t.permissions[name] = level.(string)
	}
	names, ids := texts(c.body["repositories"]), c.body["repository_ids"]
	for _, r := range c.covered(t.installation) {
		if slices.Contains(names, r.name) || contains(ids, r.id) {
			t.repos = append(t.repos, r)
		}
	}
	list, _ := ids.([]any)
	if len(t.repos) < len(names)+len(list) {
		return fail(http.StatusUnprocessableEntity, "There is at least one repository that does not exist or is not accessible to the parent installation.")
	}
	return answer{}
}

func contains(list any, id int64) bool {
	items, _ := list.([]any)
	return slices.ContainsFunc(items, func(item any) bool { return item == float64(id) })
}

// rank orders levels of access.
func rank(level string) int {
	return slices.Index([]string{"", "none", "read", "triage", "write", "maintain", "admin"}, level)
}
