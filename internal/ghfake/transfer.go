package ghfake

import (
	"fmt"
	"slices"
)

// Transfer gives a repository to another account. It keeps its number, and all that is kept
// beside it. Apps of the new owner are told of the transfer, and an installation that named
// the repository is told that it does not reach it any more: the event of the transfer is
// sent to the new owner alone.
// https://docs.github.com/webhooks/webhook-events-and-payloads#repository
func (g *GitHub) Transfer(r *Repo, login string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	to := g.find(login)
	if to == nil {
		return fmt.Errorf("there is no account %q", login)
	}
	if g.repoByName(login+"/"+r.name) != nil {
		return fmt.Errorf("%s has a repository of that name", login)
	}
	from, dir := r.owner, r.Git.Dir
	r.owner = to
	r.Git = g.git.Repo(r.FullName())
	if err := move(dir, r.Git.Dir); err != nil {
		return err
	}
	for _, app := range g.apps {
		for _, i := range app.installations {
			if i.account == from && slices.Contains(i.repos, r) {
				g.unselect(i, r)
			}
		}
	}
	kind, before := "user", g.accountView(from)
	if from.Kind == "Organization" {
		kind, before = "organization", g.organizationView(from)
	}
	changes := doc{"owner": doc{"from": doc{kind: before}}}
	g.post(r, "repository", "transferred", "repository-transferred", with(g.common(r, to), doc{"changes": changes}))
	return nil
}

// Select adds a repository to those that an installation names, or takes it away. The app
// is told. The last one cannot be taken away.
func (g *GitHub) Select(i *Installation, r *Repo, reached bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch there := slices.Contains(i.repos, r); {
	case len(i.repos) == 0:
		return fmt.Errorf("installation %d names no repositories", i.ID)
	case reached == there:
		return nil
	case !reached && len(i.repos) == 1:
		return fmt.Errorf("installation %d names no other repository", i.ID)
	case !reached:
		g.unselect(i, r)
		return nil
	}
	i.repos = append(slices.Clone(i.repos), r)
	g.emitReach(i, r, true)
	return nil
}

func (g *GitHub) unselect(i *Installation, r *Repo) {
	i.repos = slices.DeleteFunc(slices.Clone(i.repos), func(o *Repo) bool { return o == r })
	g.emitReach(i, r, false)
}

// emitReach tells an app what its own installations reach, whatever it listens to.
func (g *GitHub) emitReach(i *Installation, r *Repo, reached bool) {
	if i.app.Hook == "" || i.suspended {
		return
	}
	one := []doc{{"id": r.id, "node_id": node("R", r.id), "name": r.name, "full_name": r.FullName(), "private": r.Private}}
	v := doc{"installation": g.installationView(i), "repository_selection": i.selection(), "requester": nil, "sender": g.accountView(i.app.owner)}
	action := "removed"
	v["repositories_added"], v["repositories_removed"] = []doc{}, one
	if reached {
		action = "added"
		v["repositories_added"], v["repositories_removed"] = one, []doc{}
	}
	g.postTo(i.app, i, nil, "installation_repositories", action, "installation-repositories-"+action, v)
}
