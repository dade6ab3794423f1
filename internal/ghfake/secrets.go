package ghfake

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// SecretAlert is one of GitHub's own secret scanning. It holds the value, as GitHub's
// answers do unless hide_secret is asked for.
type SecretAlert struct {
	number                               int64
	kind, value, state, resolution, note string
	validity, created                    string
	by                                   *Account
	locations                            []doc
}

// FindSecret makes GitHub's scanner find a value in a file of a commit. Apps are told.
func (g *GitHub) FindSecret(r *Repo, kind, value, path, sha string, line int) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	blob, _ := r.Git.Git("rev-parse", sha+":"+path)
	a := &SecretAlert{
		number: int64(len(r.secrets) + 1), kind: kind, value: value, state: "open", validity: "unknown", created: g.now(),
		locations: []doc{{"type": "commit", "details": doc{
			"path": path, "start_line": line, "end_line": line, "start_column": 1, "end_column": 2, "blob_sha": blob, "commit_sha": sha,
			"blob_url": g.repoURL(r, "/git/blobs/%s", blob), "commit_url": g.repoURL(r, "/git/commits/%s", sha),
		}}},
	}
	r.secrets = append(r.secrets, a)
	g.emitSecret(r, a, "created", g.find(r.owner.Login))
	return a.number
}

func (g *GitHub) secretView(r *Repo, a *SecretAlert) doc {
	url := g.repoURL(r, "/secret-scanning/alerts/%d", a.number)
	v := doc{
		"number": a.number, "created_at": a.created, "url": url, "html_url": g.webURL(r, "/security/secret-scanning/%d", a.number), "locations_url": url + "/locations",
		"state": a.state, "secret_type": a.kind, "secret_type_display_name": strings.ReplaceAll(a.kind, "_", " "), "validity": a.validity,
		"resolution": null(a.resolution), "resolution_comment": null(a.note), "resolved_by": nil, "resolved_at": nil,
	}
	if !g.options.Enterprise {
		v["publicly_leaked"], v["multi_repo"] = false, false
	}
	if a.by != nil {
		v["resolved_by"], v["resolved_at"] = g.accountView(a.by), g.now()
	}
	return v
}

// shown adds the value, unless it is to be hidden.
func (c *call) shown(a *SecretAlert) doc {
	v := c.secretView(c.repo, a)
	if c.query.Get("hide_secret") != "true" {
		v["secret"] = a.value
	}
	return v
}

func listSecretAlerts(c *call) answer {
	var out []*SecretAlert
	for _, a := range c.repo.secrets {
		if c.matches("state", a.state) && c.matches("resolution", a.resolution) && (!c.query.Has("secret_type") || slices.Contains(strings.Split(c.query.Get("secret_type"), ","), a.kind)) {
			out = append(out, a)
		}
	}
	return list(c, out, c.shown)
}

func withSecretAlert(handle func(*call, *SecretAlert) answer) func(*call) answer {
	return func(c *call) answer {
		n := c.path("alert_number")
		if n < 1 || n > int64(len(c.repo.secrets)) {
			return notFound()
		}
		return handle(c, c.repo.secrets[n-1])
	}
}

func getSecretAlert(c *call, a *SecretAlert) answer { return ok(c.shown(a)) }

func listSecretLocations(c *call, a *SecretAlert) answer {
	return list(c, a.locations, func(l doc) doc { return l })
}

func updateSecretAlert(c *call, a *SecretAlert) answer {
	if c.text("state") == "resolved" && c.text("resolution") == "" {
		return fail(http.StatusUnprocessableEntity, "resolution is required when state is resolved")
	}
	if v := c.text("validity"); v != "" {
		a.validity = v
	}
	if state := c.text("state"); state != "" {
		a.state, a.resolution, a.note, a.by = state, c.text("resolution"), c.text("resolution_comment"), nil
		action := "reopened"
		if state == "resolved" {
			a.by, action = c.who.account, "resolved"
		}
		c.emitSecret(c.repo, a, action, c.who.account)
	}
	return ok(c.shown(a))
}

// revokeCredentials kills whatever of GitHub's own tokens is in the list, and says the
// same of those it does not know. https://docs.github.com/rest/credentials/revoke
func revokeCredentials(c *call) answer {
	for _, text := range texts(c.body["credentials"]) {
		if t := c.tokens[text]; t != nil && t.kind == asUser {
			c.kill(text)
		}
	}
	return answer{status: http.StatusAccepted, body: doc{}}
}

func revokeInstallationToken(c *call) answer {
	c.kill(c.who.text)
	return empty()
}

// checkToken, deleteToken and deleteGrant are for the app whose client id is in the path.
func checkToken(c *call) answer {
	t := c.tokens[c.text("access_token")]
	if t == nil || t.app != c.who.app || c.params["client_id"] != c.who.app.ClientID {
		return notFound()
	}
	return ok(doc{
		"id": 1, "url": c.API + "/authorizations/1", "app": doc{"name": t.app.Slug, "client_id": t.app.ClientID, "url": c.URL + "/apps/" + t.app.Slug},
		"token": t.text, "user": c.accountView(t.account), "created_at": c.now(), "updated_at": c.now(), "scopes": []string{},
	})
}

func deleteToken(c *call) answer {
	t := c.tokens[c.text("access_token")]
	if t == nil || t.app != c.who.app || c.params["client_id"] != c.who.app.ClientID {
		return fail(http.StatusUnprocessableEntity, "Validation Failed", doc{"resource": "OauthAccess", "code": "invalid", "field": "access_token"})
	}
	if strings.HasSuffix(c.op.Path, "/grant") {
		for text, other := range c.tokens {
			if other.account == t.account && other.app == t.app {
				c.kill(text)
			}
		}
	}
	c.kill(t.text)
	return empty()
}

func getApp(c *call) answer {
	v := c.appView(c.who.app)
	v["installations_count"] = len(c.who.app.installations)
	return ok(v)
}

// Manifest is what a browser does with the manifest of an app on /settings/apps/new: it
// returns the code with which GitHub sends the browser back.
// https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
func (g *GitHub) Manifest(name, hook string, permissions map[string]string, events ...string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	code := random(20)
	g.forms[code] = doc{"name": name, "hook": hook, "permissions": permissions, "events": events}
	return code
}

// convertManifest registers the app, once.
func convertManifest(c *call) answer {
	form := c.forms[c.params["code"]]
	if form == nil {
		return notFound()
	}
	delete(c.forms, c.params["code"])
	app, err := c.register(form["name"].(string), form["hook"].(string), form["permissions"].(map[string]string), form["events"].([]string))
	if err != nil {
		return fail(http.StatusUnprocessableEntity, err.Error())
	}
	return created(with(c.appView(app), doc{
		"client_id": app.ClientID, "client_secret": app.ClientSecret, "webhook_secret": app.WebhookSecret, "pem": string(app.Key),
	}))
}

func listInstallations(c *call) answer {
	return list(c, c.who.app.installations, c.installationView)
}

// findInstallation looks by number, by organisation or by repository.
func findInstallation(c *call) answer {
	for _, i := range c.who.app.installations {
		switch {
		case c.repo != nil && i.covers(c.repo),
			c.params["org"] != "" && strings.EqualFold(c.params["org"], i.account.Login),
			c.params["installation_id"] == fmt.Sprint(i.ID):
			return ok(c.installationView(i))
		}
	}
	return notFound()
}

// listUserInstallations are those of the user's app that reach what he may read.
func listUserInstallations(c *call) answer {
	var out []*Installation
	for _, i := range c.userApp() {
		if len(c.readable(i)) > 0 {
			out = append(out, i)
		}
	}
	return counted(c, "installations", out, c.installationView)
}

func (c *call) userApp() []*Installation {
	if c.who.app == nil {
		return nil
	}
	return c.who.app.installations
}

func (c *call) readable(i *Installation) []*Repo {
	return slices.DeleteFunc(c.covered(i), func(r *Repo) bool { return !c.sees(c.who, r) })
}

func listUserRepos(c *call) answer {
	for _, i := range c.userApp() {
		if i.ID == c.path("installation_id") {
			return counted(c, "repositories", c.readable(i), c.repoView)
		}
	}
	return notFound()
}
