package evidence

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/go-github/v89/github"
)

// clones are numbers without names.
func (a asking) clones(ctx context.Context) Record {
	r := Record{Source: "github traffic", About: "how often the repository was cloned",
		Where: "https://docs.github.com/en/rest/metrics/traffic#get-repository-clones",
		Gaps:  []string{"numbers only, no names; days begin at midnight UTC"}}
	r.window(a.now.Truncate(24*time.Hour), a.q.Since.Truncate(24*time.Hour), cloneKept, "the last 14 days")
	r.To = a.now
	traffic, _, err := a.client.Repositories.ListTrafficClones(ctx, a.owner, a.name, &github.TrafficBreakdownOptions{Per: "day"})
	if err != nil {
		return r.fails(refusal(err, "the traffic", "a token with write access to the repository"))
	}
	r.Totals = map[string]int{"clones": 0}
	for _, day := range traffic.Clones {
		if day.GetTimestamp().Before(r.From) {
			continue
		}
		r.Totals["clones"] += day.GetCount()
		if day.GetCount() > 0 {
			r.Answer = Seen
		}
	}
	return r.whole()
}

// forks are copies that a revocation does not reach.
func (a asking) forks(ctx context.Context) Record {
	r := Record{Source: "github forks", About: "which copies of the repository there are", To: a.now, From: a.q.Since.UTC(),
		Where: "https://docs.github.com/en/rest/repos/forks#list-forks",
		Gaps:  []string{"forks of forks, private forks that the token may not see, deleted forks and copies elsewhere"}}
	o := &github.RepositoryListForksOptions{Sort: "newest", ListOptions: github.ListOptions{PerPage: perPage}}
	return pages(&r, func(page int) (int, error) {
		o.Page = page
		forks, res, err := a.client.Repositories.ListForks(ctx, a.owner, a.name, o)
		if err != nil {
			return 0, errors.New(refusal(err, "the forks", "a token that may read the repository"))
		}
		for _, f := range forks {
			r.add(Use{At: f.GetCreatedAt().UTC(), Who: f.GetOwner().GetLogin(), What: "fork " + f.GetFullName()})
		}
		return res.NextPage, nil
	})
}

// collaborators are who could read it by name.
func (a asking) collaborators(ctx context.Context) Record {
	r := Record{Source: "github collaborators", About: "who may read the repository now", To: a.now, From: a.now,
		Where: "https://docs.github.com/en/rest/collaborators/collaborators#list-repository-collaborators",
		Gaps:  []string{"who could read it earlier and no longer can; deploy keys, applications and owners of the enterprise; that somebody may read it says not that he did"}}
	o := &github.ListCollaboratorsOptions{ListOptions: github.ListOptions{PerPage: perPage}}
	return pages(&r, func(page int) (int, error) {
		o.Page = page
		users, res, err := a.client.Repositories.ListCollaborators(ctx, a.owner, a.name, o)
		if err != nil {
			return 0, errors.New(refusal(err, "the collaborators", "a token with write access to the repository"))
		}
		for _, u := range users {
			r.add(Use{Who: u.GetLogin(), What: "may " + u.GetRoleName()})
		}
		return res.NextPage, nil
	})
}

// pages reads a list to its end, or says why not.
func pages(r *Record, read func(page int) (next int, err error)) Record {
	for page, n := 1, 0; n < maxPages; n++ {
		next, err := read(page)
		if err != nil {
			return r.fails(err.Error())
		}
		if page = next; next == 0 {
			return r.whole()
		}
	}
	return r.fails(fmt.Sprintf("there are more than %d of them", maxPages*perPage))
}

// FirstPush is the source of the record that says when a commit first came to GitHub.
const FirstPush = "github activity"

// maxCompared is how many pushes are looked into for a commit.
const maxCompared = 20

// firstPush looks for the first push that brought the commit.
func (a asking) firstPush(ctx context.Context) Record {
	r := Record{Source: FirstPush, About: "when the commit was first pushed", To: a.now, From: a.q.Since.UTC(),
		Where: "https://docs.github.com/en/rest/repos/repos#list-repository-activities",
		Gaps:  []string{"pushes to branches that were deleted with their history, and to other remotes"}}
	if a.q.Since.IsZero() {
		return r.fails("it is not known of when the commit is")
	}
	pushes, err := a.pushes(ctx)
	if err != nil {
		return r.fails(err.Error())
	}
	for i, p := range pushes {
		if i == maxCompared {
			return r.fails(fmt.Sprintf("none of the first %d pushes after the commit brought it", maxCompared))
		}
		brought, err := a.brought(ctx, p)
		if err != nil {
			return r.fails(err.Error())
		}
		if brought {
			r.add(Use{At: p.GetTimestamp().UTC(), Who: p.GetActor().GetLogin(), What: p.ActivityType + " to " + p.Ref})
			return r
		}
	}
	return r.fails("no push that GitHub still lists brought the commit")
}

// pushes are those that can have brought the commit, the oldest first. A clock of
// an author may be wrong, so a day more is looked at.
func (a asking) pushes(ctx context.Context) (all []*github.RepositoryActivity, err error) {
	since := a.q.Since.Add(-24 * time.Hour)
	o := &github.ListRepositoryActivityOptions{PerPage: perPage}
	for range maxPages {
		page, res, err := a.client.Repositories.ListRepositoryActivities(ctx, a.owner, a.name, o)
		if err != nil {
			return nil, errors.New(refusal(err, "the activity", "a token that may read the repository"))
		}
		past := false
		for _, p := range page {
			past = past || p.GetTimestamp().Before(since)
			if !p.GetTimestamp().Before(since) && p.ActivityType != "branch_deletion" {
				all = append(all, p)
			}
		}
		if o.After = res.After; o.After == "" || past {
			slices.Reverse(all)
			return all, nil
		}
	}
	return nil, fmt.Errorf("there are more than %d pushes since the commit", maxPages*perPage)
}

// brought reports whether the commit is in what a push left.
func (a asking) brought(ctx context.Context, p *github.RepositoryActivity) (bool, error) {
	if p.After == a.q.Commit {
		return true, nil
	}
	c, res, err := a.client.Repositories.CompareCommits(ctx, a.owner, a.name, a.q.Commit, p.After, &github.ListOptions{PerPage: 1})
	if res != nil && res.StatusCode == http.StatusNotFound { // the commit is no longer there
		return false, nil
	}
	if err != nil {
		return false, errors.New(refusal(err, "two commits", "a token that may read the repository"))
	}
	return c.GetStatus() == "ahead" || c.GetStatus() == "identical", nil
}

// refusal says in plain words why GitHub did not tell. It holds no address,
// which may hold a hash of a token.
func refusal(err error, what, needs string) string {
	limit, limited := errors.AsType[*github.RateLimitError](err)
	abuse, abused := errors.AsType[*github.AbuseRateLimitError](err)
	answer, answered := errors.AsType[*github.ErrorResponse](err)
	switch {
	case limited:
		return fmt.Sprintf("GitHub asks for fewer calls until %s: ask again then", limit.Rate.Reset.UTC().Format(time.RFC3339))
	case abused:
		return fmt.Sprintf("GitHub asks for fewer calls: ask again in %s", abuse.GetRetryAfter())
	case answered && (answer.Response.StatusCode == http.StatusTooManyRequests || answer.Response.Header.Get("Retry-After") != ""):
		return "GitHub asks for fewer calls: ask again later"
	case answered && answer.Response.StatusCode == http.StatusUnauthorized:
		return "GitHub does not accept the token (status 401)"
	case answered && answer.Response.StatusCode == http.StatusForbidden:
		return fmt.Sprintf("GitHub does not show %s to this token (status 403): it takes %s", what, needs)
	case answered && answer.Response.StatusCode == http.StatusNotFound:
		return fmt.Sprintf("GitHub knows no such thing for this token (status 404): the plan or the server may not have %s, or it takes %s", what, needs)
	case answered:
		return fmt.Sprintf("GitHub answered with status %d", answer.Response.StatusCode)
	case errors.Is(err, context.DeadlineExceeded):
		return "GitHub did not answer in time"
	}
	return "GitHub's answer could not be read"
}
