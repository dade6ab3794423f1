package hub

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/remediate/purge"
)

// forks are the copies that nobody but their owners can rewrite.
func (h *Hub) forks(ctx context.Context) ([]string, error) {
	list, err := all(func(page github.ListOptions) ([]*github.Repository, *github.Response, error) {
		return h.client.Repositories.ListForks(ctx, h.owner, h.name, &github.RepositoryListForksOptions{Sort: "newest", ListOptions: page})
	})
	if err != nil {
		return nil, failed("list the forks", err)
	}
	out := []string{}
	for _, f := range list {
		out = append(out, f.GetFullName())
	}
	return out, nil
}

// remains counts what GitHub keeps beside git. What cannot be counted is said so.
func (h *Hub) remains(ctx context.Context, d *purge.Done) []string {
	out := []string{fmt.Sprintf("refs of pull requests that hold a value: %d", len(d.Pulls()))}
	count := func(what string, n func() (int, error)) {
		if total, err := n(); err != nil {
			out = append(out, fmt.Sprintf("%s: could not tell (%s)", what, failed("ask", err)))
		} else {
			out = append(out, fmt.Sprintf("%s: %d", what, total))
		}
	}
	count("releases, whose files and source archives are not rewritten", func() (int, error) {
		list, err := all(func(page github.ListOptions) ([]*github.RepositoryRelease, *github.Response, error) {
			return h.client.Repositories.ListReleases(ctx, h.owner, h.name, &page)
		})
		return len(list), err
	})
	count("artifacts of workflows", func() (int, error) {
		list, _, err := h.client.Actions.ListArtifacts(ctx, h.owner, h.name, &github.ListArtifactsOptions{ListOptions: github.ListOptions{PerPage: 1}})
		return int(list.GetTotalCount()), err
	})
	count("caches of workflows", func() (int, error) {
		usage, _, err := h.client.Actions.GetCacheUsageForRepo(ctx, h.owner, h.name)
		if err != nil {
			return 0, err
		}
		return usage.ActiveCachesCount, nil
	})
	return append(out, "logs of workflows, packages, images, pages, the wiki, gists, clones and deployments that name old commits: look at them yourself")
}

// ticket asks GitHub's support for what only it can do. Its facts are those that
// https://docs.github.com/authentication/keeping-your-account-and-data-secure/removing-sensitive-data-from-a-repository asks for.
func (h *Hub) ticket(d *purge.Done, told *Told) string {
	m := d.Manifest
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("Subject: Remove sensitive data from %s/%s after a rewrite of its history\n", h.owner, h.name)
	say("Repository (owner/name): %s/%s", h.owner, h.name)
	say("Number of affected pull requests: %d", len(d.Pulls()))
	say("First Changed Commit(s):")
	for _, id := range m.First {
		say("  %s", id)
	}
	say("LFS objects orphaned: %d", len(m.LFS))
	for _, id := range m.LFS {
		say("  %s", id)
	}
	say("\nAll branches and tags that held the data were replaced; the credentials in it %s.", alive(m))
	say("Please")
	say("  1. dereference or delete the refs of the affected pull requests below, refs/pull/*/head and refs/pull/*/merge,")
	say("  2. run garbage collection, so that the old commits are no longer reached by their ids,")
	say("  3. clear cached views of old commits and of these pull requests.")
	for _, name := range d.Pulls() {
		say("  %s", name)
	}
	if len(told.Forks) > 0 {
		say("\nForks that the owners have to rewrite or delete themselves: %d", len(told.Forks))
	}
	return b.String()
}

func alive(m *purge.Manifest) string {
	if m.Override != "" || len(m.Credentials) == 0 {
		return "could not be proven revoked, which is why rotation alone does not help"
	}
	return "are revoked"
}
