package ghfake

import (
	"net/http"
	"strings"
)

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
