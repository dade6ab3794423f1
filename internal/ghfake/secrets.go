package ghfake

import (
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
	public                               bool
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

// SecretState is what became of an alert.
type SecretState struct{ State, Resolution, Comment string }

// SecretAlert is what became of one.
func (g *GitHub) SecretAlert(r *Repo, number int64) SecretState {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := r.secrets[number-1]
	return SecretState{a.state, a.resolution, a.note}
}

// LeakSecret has GitHub see the value of an alert in public. Apps are told.
func (g *GitHub) LeakSecret(r *Repo, number int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := r.secrets[number-1]
	a.public = true
	g.emitSecret(r, a, "publicly_leaked", g.find(r.owner.Login))
}

// ValidateSecret has GitHub ask an issuer about the value of an alert: active or inactive.
func (g *GitHub) ValidateSecret(r *Repo, number int64, validity string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := r.secrets[number-1]
	a.validity = validity
	g.emitSecret(r, a, "validated", g.find(r.owner.Login))
}

// ResolveSecret has somebody resolve an alert on its page, or open it again for "".
func (g *GitHub) ResolveSecret(r *Repo, number int64, resolution, login string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.decide(r, r.secrets[number-1], resolution, "", g.find(login))
}

// decide resolves an alert, or opens it again for "".
func (g *GitHub) decide(r *Repo, a *SecretAlert, resolution, note string, who *Account) {
	a.state, a.resolution, a.note, a.by = "open", "", "", nil
	action := "reopened"
	if resolution != "" {
		a.state, a.resolution, a.note, a.by, action = "resolved", resolution, note, who, "resolved"
	}
	g.emitSecret(r, a, action, who)
}

func (g *GitHub) secretView(r *Repo, a *SecretAlert) doc {
	url := g.repoURL(r, "/secret-scanning/alerts/%d", a.number)
	v := doc{
		"number": a.number, "created_at": a.created, "url": url, "html_url": g.webURL(r, "/security/secret-scanning/%d", a.number), "locations_url": url + "/locations",
		"state": a.state, "secret_type": a.kind, "secret_type_display_name": strings.ReplaceAll(a.kind, "_", " "), "validity": a.validity,
		"resolution": null(a.resolution), "resolution_comment": null(a.note), "resolved_by": nil, "resolved_at": nil,
	}
	if !g.options.Enterprise {
		v["publicly_leaked"], v["multi_repo"] = a.public, false
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
	switch c.text("state") {
	case "resolved":
		c.decide(c.repo, a, c.text("resolution"), c.text("resolution_comment"), c.who.account)
	case "open":
		c.decide(c.repo, a, "", "", c.who.account)
	}
	return ok(c.shown(a))
}
