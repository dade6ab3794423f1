package ghfake

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
)

// Account is a user, an organisation, or the bot of an app.
type Account struct {
	ID    int64
	Login string
	Kind  string // User, Organization, Bot
	app   *App

	patterns []*customPattern // of an organisation's secret scanning
}

// App is a registered GitHub App.
type App struct {
	ID            int64
	Slug          string
	ClientID      string
	ClientSecret  string
	WebhookSecret string
	Hook          string   // the URL to which deliveries go; none are made without
	Callbacks     []string // where people may be sent back to
	Events        []string
	Permissions   map[string]string // contents: read
	Key           []byte            // the private key, PEM, PKCS#1
	key           *rsa.PublicKey
	owner, bot    *Account
	created       string
	installations []*Installation
}

// Installation is an app on an account.
type Installation struct {
	ID        int64
	app       *App
	account   *Account
	repos     []*Repo // nil: all of the account
	suspended bool
	created   string

	suspendedAt string
}

// User makes an account for a person, or returns the one there is.
func (g *GitHub) User(login string) *Account { return g.account(login, "User") }

// Org makes an organisation, or returns the one there is.
func (g *GitHub) Org(login string) *Account { return g.account(login, "Organization") }

func (g *GitHub) account(login, kind string) *Account {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ensure(login, kind)
}

func (g *GitHub) ensure(login, kind string) *Account {
	key := strings.ToLower(login)
	if g.accounts[key] == nil {
		g.accounts[key] = &Account{ID: g.id(), Login: login, Kind: kind}
	}
	return g.accounts[key]
}

func (g *GitHub) find(login string) *Account { return g.accounts[strings.ToLower(login)] }

// App registers one, with a key of its own. What it may do at most is permissions; its
// deliveries go to hook.
func (g *GitHub) App(slug, hook string, permissions map[string]string, events ...string) (*App, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.register(slug, hook, permissions, events)
}

func (g *GitHub) register(slug, hook string, permissions map[string]string, events []string) (*App, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	a := &App{
		ID: g.id(), Slug: slug, Hook: hook, Events: events, Permissions: permissions, key: &key.PublicKey, created: g.now(),
		ClientID: "Iv23" + random(8), ClientSecret: random(20), WebhookSecret: random(20),
		Key: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
	}
	a.owner = g.ensure("app-owner", "User")
	a.bot = g.ensure(slug+"[bot]", "Bot")
	a.bot.app = a
	g.apps = append(g.apps, a)
	return a, nil
}

// Apps lists the apps that were registered, the oldest first.
func (g *GitHub) Apps() []*App {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.apps)
}

// Install puts an app on an account, on all of its repositories or on those named. The
// app is told by a delivery.
func (g *GitHub) Install(app *App, login string, repos ...*Repo) *Installation {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := &Installation{ID: g.id(), app: app, account: g.find(login), repos: repos, created: g.now()}
	app.installations = append(app.installations, i)
	g.emitInstallation(i, "created")
	return i
}

// Suspend takes an installation's access away until it is called with false.
func (g *GitHub) Suspend(i *Installation, suspended bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	i.suspended, i.suspendedAt = suspended, g.now()
	g.emitInstallation(i, map[bool]string{true: "suspend", false: "unsuspend"}[suspended])
}

// Uninstall removes an installation; its tokens are dead.
func (g *GitHub) Uninstall(i *Installation) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.emitInstallation(i, "deleted")
	i.app.installations = slices.DeleteFunc(i.app.installations, func(o *Installation) bool { return o == i })
	for text, t := range g.tokens {
		if t.installation == i {
			delete(g.tokens, text)
		}
	}
}

// covers says whether an installation reaches a repository.
func (i *Installation) covers(r *Repo) bool {
	return r.owner == i.account && (len(i.repos) == 0 || slices.Contains(i.repos, r))
}

func (g *GitHub) covered(i *Installation) []*Repo {
	var out []*Repo
	for _, r := range g.repos {
		if i.covers(r) {
			out = append(out, r)
		}
	}
	return out
}

func (g *GitHub) installation(id int64) *Installation {
	for _, app := range g.apps {
		for _, i := range app.installations {
			if i.ID == id {
				return i
			}
		}
	}
	return nil
}

// random is hex of that many random bytes.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func (g *GitHub) accountView(a *Account) doc {
	if a == nil {
		return nil
	}
	return doc{
		"login": a.Login, "id": a.ID, "node_id": node("U", a.ID), "type": a.Kind, "site_admin": false,
		"avatar_url": g.URL + "/avatars/" + a.Login, "url": g.API + "/users/" + a.Login, "html_url": g.URL + "/" + a.Login,
	}
}

func node(kind string, id int64) string { return fmt.Sprintf("%s_%d", kind, id) }

func (g *GitHub) appView(a *App) doc {
	return doc{
		"id": a.ID, "slug": a.Slug, "node_id": node("A", a.ID), "client_id": a.ClientID, "owner": g.accountView(a.owner),
		"name": a.Slug, "html_url": g.URL + "/apps/" + a.Slug, "external_url": "https://leakgate.example.com/",
		"created_at": a.created, "updated_at": a.created, "permissions": a.Permissions, "events": nonNil(a.Events),
	}
}

func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (g *GitHub) installationView(i *Installation) doc {
	v := doc{
		"id": i.ID, "account": g.accountView(i.account), "app_id": i.app.ID, "app_slug": i.app.Slug,
		"target_id": i.account.ID, "target_type": i.account.Kind, "repository_selection": i.selection(), "permissions": i.app.Permissions,
		"events": nonNil(i.app.Events), "access_tokens_url": fmt.Sprintf("%s/app/installations/%d/access_tokens", g.API, i.ID),
		"repositories_url": g.API + "/installation/repositories", "html_url": fmt.Sprintf("%s/settings/installations/%d", g.URL, i.ID),
		"created_at": i.created, "updated_at": i.created,
	}
	if i.suspended {
		v["suspended_at"], v["suspended_by"] = i.suspendedAt, g.accountView(i.app.owner)
	}
	return v
}

func (i *Installation) selection() string {
	if len(i.repos) == 0 {
		return "all"
	}
	return "selected"
}
