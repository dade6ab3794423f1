package ghfake

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

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
	app.Callbacks, _ = form["callbacks"].([]string)
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
