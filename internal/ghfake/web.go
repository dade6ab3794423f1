package ghfake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// formPath is the page that takes manifests, of a person and of an organisation.
var formPath = regexp.MustCompile(`^(?:/organizations/([^/]+))?/settings/apps/new$`)

// manifest is what it takes:
// https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest#github-app-manifest-parameters
type manifest struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	Hook struct {
		URL    string `json:"url"`
		Active bool   `json:"active"`
	} `json:"hook_attributes"`
	Redirect    string            `json:"redirect_url"`
	Callbacks   []string          `json:"callback_urls"`
	Setup       string            `json:"setup_url"`
	Description string            `json:"description"`
	Public      bool              `json:"public"`
	Events      []string          `json:"default_events"`
	Permissions map[string]string `json:"default_permissions"`
	OAuth       bool              `json:"request_oauth_on_install"`
	SetupAgain  bool              `json:"setup_on_update"`
}

// web is what a browser is answered: whoever sends a manifest is taken for somebody who
// presses the button, and is sent back with a code.
func (g *GitHub) web(w http.ResponseWriter, r *http.Request) bool {
	at := formPath.FindStringSubmatch(r.URL.Path)
	if at == nil || r.Method != http.MethodPost {
		return false
	}
	if at[1] != "" && g.lookAt(at[1]) == nil {
		http.NotFound(w, r)
		return true
	}
	var m manifest
	strict := json.NewDecoder(strings.NewReader(r.PostFormValue("manifest")))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&m); err != nil {
		g.options.Report("a manifest: " + err.Error())
	}
	if why := g.refused(m); why != "" {
		g.options.Report("a manifest: " + why)
		http.Error(w, why, http.StatusUnprocessableEntity)
		return true
	}
	code := g.Manifest(m.Name, m.Hook.URL, m.Permissions, m.Events...)
	g.calledBack(code, m.Callbacks)
	back := url.Values{"code": {code}, "state": {r.URL.Query().Get("state")}}
	http.Redirect(w, r, m.Redirect+"?"+back.Encode(), http.StatusFound)
	return true
}

// calledBack keeps the callbacks of a manifest.
func (g *GitHub) calledBack(code string, callbacks []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forms[code]["callbacks"] = callbacks
}

func (g *GitHub) lookAt(login string) *Account {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.find(login)
}

// refused says what is wrong with a manifest. The names of permissions are those that a
// token may have, those of events are those whose payloads are described.
func (g *GitHub) refused(m manifest) string {
	if m.Name == "" || len(m.Name) > 34 || m.URL == "" || m.Redirect == "" {
		return "name, url or redirect_url is missing or too long"
	}
	op, params, _ := g.spec.Match(http.MethodPost, "/app/installations/1/access_tokens")
	body, err := json.Marshal(doc{"permissions": m.Permissions})
	if err != nil {
		return err.Error()
	}
	if err := g.spec.Request(op, params, nil, http.Header{"Content-Type": {"application/json"}}, bytes.TrimSpace(body)); err != nil {
		return err.Error()
	}
	for _, event := range m.Events {
		name := strings.ReplaceAll(event, "_", "-")
		if !slices.ContainsFunc(webhooks, func(w string) bool { return w == name || strings.HasPrefix(w, name+"-") }) {
			return fmt.Sprintf("no event %q", event)
		}
	}
	return ""
}
