package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/secret"
)

// GitHub asks github.com or a GitHub Enterprise Server about a repository that
// leaked, and about tokens of GitHub's own.
type GitHub struct {
	HTTP  *http.Client // guarded, for the host of [APIHost]
	Host  string       // github.com, or a server of one's own
	Token secret.Secret
	Now   func() time.Time
}

// APIHost is the host that answers for a GitHub.
func APIHost(host string) string {
	if host == "github.com" {
		return "api.github.com"
	}
	return host
}

const (
	gitKept   = 7 * 24 * time.Hour
	webKept   = 180 * 24 * time.Hour
	cloneKept = 14 * 24 * time.Hour
	perPage   = 100
	maxPages  = 50
)

// Ask reads the audit log of the organization, the traffic, the forks, the
// collaborators and the pushes of each repository.
func (g GitHub) Ask(ctx context.Context, q Question) (all []Record) {
	client, err := g.client()
	if err != nil {
		return []Record{Record{Source: "github", About: "the repository"}.fails(err.Error())}
	}
	for i, repository := range q.Repositories {
		host, rest, _ := strings.Cut(repository, "/")
		owner, name, ok := strings.Cut(rest, "/")
		if !ok || !strings.EqualFold(host, g.Host) || strings.Contains(name, "/") {
			continue
		}
		a := asking{g, client, owner, name, q, g.Now().UTC()}
		if i > 0 {
			a.q.Commit = ""
		}
		all = append(all, a.repository(ctx)...)
	}
	return all
}

// repository asks about one, and about the token in its organization.
func (a asking) repository(ctx context.Context) []Record {
	all := []Record{a.gitEvents(ctx), a.downloads(ctx), a.clones(ctx), a.forks(ctx), a.collaborators(ctx)}
	if a.q.Commit != "" {
		all = append(all, a.firstPush(ctx))
	}
	if r, ok := a.token(ctx); ok {
		all = append(all, r)
	}
	for i := range all {
		all[i].About += ": " + a.owner + "/" + a.name
	}
	return all
}

func (g GitHub) client() (*github.Client, error) {
	options := []github.ClientOptionsFunc{github.WithHTTPClient(g.HTTP), github.WithAuthToken(g.Token.Reveal()), github.WithUserAgent("leakgate")} // its own issuer's client
	if g.Host != "github.com" {
		options = append(options, github.WithEnterpriseURLs("https://"+g.Host, "https://"+g.Host))
	}
	client, err := github.NewClient(options...)
	if err != nil {
		return nil, errors.New("the address of GitHub does not parse")
	}
	return client, nil
}

// asking is one question to one repository.
type asking struct {
	GitHub
	client      *github.Client
	owner, name string
	q           Question
	now         time.Time
}

// gitEvents are clones, fetches and pushes by name, which are kept for seven days.
func (a asking) gitEvents(ctx context.Context) Record {
	r := Record{Source: "github audit log, git events", About: "who cloned, fetched from and pushed to the repository",
		Where: "https://docs.github.com/en/enterprise-cloud@latest/rest/orgs/orgs#get-the-audit-log-for-an-organization"}
	words := "the git events of the last 7 days"
	r.window(a.now, a.q.Since, gitKept, words)
	r.Gaps = append(r.Gaps, "reading in the browser is no git event; addresses are shown only where the organization switched that on")
	return a.log(ctx, r, "repo:"+a.owner+"/"+a.name, "git")
}

// downloads are archives of the repository, which no git event tells of.
func (a asking) downloads(ctx context.Context) Record {
	r := Record{Source: "github audit log, downloads", About: "who downloaded the repository as an archive",
		Where: "https://docs.github.com/en/organizations/keeping-your-organization-secure/managing-security-settings-for-your-organization/audit-log-events-for-your-organization"}
	r.window(a.now, a.q.Since, webKept, "the events of the last 180 days")
	return a.log(ctx, r, "repo:"+a.owner+"/"+a.name+" action:repo.download_zip created:>="+a.oldest(), "web")
}

// token is what GitHub's audit log knows a leaked token by.
func (a asking) token(ctx context.Context) (Record, bool) {
	if !strings.HasPrefix(a.q.Rule, "github-") {
		return Record{}, false
	}
	r := Record{Source: "github audit log, by token", About: "what was done in the organization with the leaked token",
		Where: "https://docs.github.com/en/enterprise-cloud@latest/organizations/keeping-your-organization-secure/managing-security-settings-for-your-organization/identifying-audit-log-events-performed-by-an-access-token"}
	r.window(a.now, a.q.Since, webKept, "the events of the last 180 days, and git events of the last 7")
	r.Gaps = append(r.Gaps, "what was done in other organizations is in their logs; reads by the API are in no log")
	if a.q.Value.IsZero() {
		return r.fails("the value was not given: name the repository, or give it on standard input"), true
	}
	sum := sha256.Sum256([]byte(a.q.Value.Reveal())) // GitHub, which issued it, searches by this hash; nobody else sees it
	phrase := `hashed_token:"` + base64.StdEncoding.EncodeToString(sum[:]) + `" created:>=` + r.From.Format(time.DateOnly)
	return a.log(ctx, r, phrase, "all"), true
}

// oldest is the first day that is kept: without one GitHub looks at three months.
func (a asking) oldest() string { return a.now.Add(-webKept).Format(time.DateOnly) }

// log reads all pages of a search in the audit log.
func (a asking) log(ctx context.Context, r Record, phrase, include string) Record {
	o := &github.GetAuditLogOptions{Phrase: &phrase, Include: &include, ListCursorOptions: github.ListCursorOptions{PerPage: perPage}}
	for range maxPages {
		entries, res, err := a.client.Organizations.GetAuditLog(ctx, a.owner, o)
		if err != nil {
			return r.fails(refusal(err, "the audit log", "a token of an owner of the organization with read:audit_log, and GitHub Enterprise Cloud"))
		}
		for _, e := range entries {
			if u := useOf(e); u.At.IsZero() || !u.At.Before(r.From) {
				r.add(u)
			}
		}
		if o.After = res.After; o.After == "" {
			return r.whole()
		}
	}
	return r.fails(fmt.Sprintf("there are more than %d entries", maxPages*perPage))
}

// useOf takes what is named out of an entry, and never its hash of a token.
func useOf(e *github.AuditEntry) Use {
	word := func(name string) string { text, _ := e.AdditionalFields[name].(string); return text }
	u := Use{Who: e.GetActor(), What: e.GetAction(), From: word("actor_ip"), Agent: word("user_agent")}
	if e.Timestamp != nil {
		u.At = e.Timestamp.UTC()
	} else if e.CreatedAt != nil {
		u.At = e.CreatedAt.UTC()
	}
	if u.From == "" {
		u.From = e.GetActorLocation().GetCountryCode()
	}
	if u.Who == "" {
		u.Who = word("deploy_key_fingerprint")
	}
	if protocol := word("transport_protocol_name"); protocol != "" {
		u.What += " by " + protocol
	}
	return u
}
