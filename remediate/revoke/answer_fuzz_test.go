package revoke

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// FuzzAnswer gives any answer to every provider. Nothing may panic, a page of
// HTML may decide nothing, one answer may not mean both live and dead, and what
// is shown of it holds no value and no control character.
func FuzzAnswer(f *testing.F) {
	f.Add(200, "application/json", `{"id":"1","ok":true,"data":[{"token":"x"}]}`)
	f.Add(401, "application/json", `{"error":{"code":"invalid_api_key"},"message":"Bad credentials"}`)
	f.Add(403, "text/xml", `<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>`)
	f.Add(200, "text/html", "<html>")
	f.Add(200, "application/json", "<!DOCTYPE html>")
	f.Add(200, "", "")
	catalogue, err := Default()
	if err != nil {
		f.Fatal(err)
	}
	const value = "canary-value-of-some-length"
	f.Fuzz(func(t *testing.T, status int, kind, body string) {
		for _, p := range catalogue.Providers {
			v := vars{"secret": secret.New(value)}
			for _, s := range p.steps() {
				r := &reply{status: status, header: http.Header{"Content-Type": {kind}, "X-Oauth-Scopes": {body}}, text: body}
				if r.parse(s.request.Format) != nil {
					continue
				}
				if p.Check != nil && s.name == "check" {
					judge(t, p, r, v, kind)
				}
				if s.name == "find" {
					for _, item := range []any{r.tree, at(r.tree, p.Find.Items)} {
						p.Find.edges(item, value, time.Unix(1<<40, 0))
					}
					_, _ = p.Find.Page.next(r, 1, 1)
				}
			}
		}
	})
}

func judge(t *testing.T, p *Provider, r *reply, v vars, kind string) {
	live, _ := which(r, p.Check.Live)
	dead, _ := which(r, p.Check.Dead)
	both, _ := which(r, p.Check.Live, p.Check.Dead)
	if live == 0 && dead == 0 && both != -1 {
		t.Errorf("%s: one answer means live and dead: %q", p.ID, r.text)
	}
	if strings.HasPrefix(kind, "text/html") && both >= 0 {
		t.Errorf("%s: a page of HTML decides", p.ID)
	}
	report := p.tell(r, v)
	for _, text := range append(report.Scopes, report.Identity["id"], report.Identity["name"], report.Identity["owner"]) {
		if strings.Contains(text, string(v["secret"].Reveal())) || strings.ContainsFunc(text, func(c rune) bool { return c < 0x20 || c == 0x7f }) {
			t.Errorf("%s: shows %q", p.ID, text)
		}
	}
}
