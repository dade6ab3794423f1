package ghfake

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitserve"
)

// active lists the rulesets that are enforced on a ref.
func (r *Repo) active(ref string) []*Ruleset {
	var out []*Ruleset
	for _, s := range r.rulesets {
		if s.Body["enforcement"] == "active" && s.covers(r, ref) {
			out = append(out, s)
		}
	}
	return out
}

// covers says whether a ref is included, and not excluded. A ruleset without conditions
// covers nothing. https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/creating-rulesets-for-a-repository
func (s *Ruleset) covers(r *Repo, ref string) bool {
	prefix := map[string]string{"branch": "refs/heads/", "tag": "refs/tags/"}[s.target()]
	if prefix == "" || !strings.HasPrefix(ref, prefix) {
		return false
	}
	names, _ := s.Body["conditions"].(doc)
	refName, _ := names["ref_name"].(doc)
	match := func(pattern string) bool {
		switch pattern {
		case "~ALL":
			return true
		case "~DEFAULT_BRANCH":
			return ref == "refs/heads/"+r.defaultBranch()
		}
		ok, err := path.Match(pattern, ref)
		return err == nil && ok || strings.HasSuffix(pattern, "/**/*") && strings.HasPrefix(ref, strings.TrimSuffix(pattern, "**/*"))
	}
	return slices.ContainsFunc(texts(refName["include"]), match) && !slices.ContainsFunc(texts(refName["exclude"]), match)
}

// rule returns the parameters of an active rule on a ref, or nil.
func (r *Repo) rule(ref, kind string) doc {
	for _, s := range r.active(ref) {
		for _, rule := range s.list("rules") {
			if rule.(doc)["type"] == kind {
				p, _ := rule.(doc)["parameters"].(doc)
				if p == nil {
					p = doc{}
				}
				return p
			}
		}
	}
	return nil
}

// bypassed says whether an account need not keep a ruleset when it pushes. Who may only
// by pull request may not.
func (s *Ruleset) bypassed(r *Repo, who *Account) bool {
	mode := s.bypass(r, who)
	return mode == "always" || mode == "exempt"
}

// bypass is how an account may: an app or a user by its number, others by their role.
func (s *Ruleset) bypass(r *Repo, who *Account) string {
	best := "never"
	for _, entry := range s.list("bypass_actors") {
		mode, _ := entry.(doc)["bypass_mode"].(string)
		switch {
		case who == nil || !acts(entry.(doc), r, who):
		case mode == "exempt":
			return mode
		case mode == "pull_request":
			best = max(best, "pull_requests_only")
		default:
			best = "always"
		}
		if best == "always" {
			return best
		}
	}
	return best
}

// acts says whether an actor is an account, or has its role.
func acts(actor doc, r *Repo, who *Account) bool {
	id, _ := actor["actor_id"].(float64)
	switch actor["actor_type"] {
	case "Integration":
		return who.app != nil && who.app.ID == int64(id)
	case "User":
		return who.Kind == "User" && who.ID == int64(id)
	case "RepositoryRole": // 5 is admin, 4 write, 2 maintain
		return rank(r.role(who)) >= rank(map[float64]string{2: "maintain", 4: "write", 5: "admin"}[id]) && rank(r.role(who)) > 0
	case "OrganizationAdmin":
		return who == r.owner
	}
	return false
}

// rules holds one change of a ref against the rulesets, as GitHub does in its hook.
func (g *GitHub) rules(r *Repo, who *Account, change gitserve.Change) error {
	var broken []string
	for _, s := range r.active(change.Ref) {
		if s.bypassed(r, who) {
			continue
		}
		for _, rule := range s.list("rules") {
			if why := r.breaks(rule.(doc), change); why != "" {
				broken = append(broken, "- "+why)
			}
		}
	}
	if broken == nil {
		return nil
	}
	return fmt.Errorf("error: GH013: Repository rule violations found for %s.\n\n%s", change.Ref, strings.Join(broken, "\n\n"))
}

func (r *Repo) breaks(rule doc, change gitserve.Change) string {
	kind, _ := rule["type"].(string)
	if kind == "required_status_checks" && change.New != zeros {
		parameters, _ := rule["parameters"].(doc)
		return r.checksMissing(parameters, change.New, change.Old == zeros)
	}
	isNew, isGone := change.Old == zeros, change.New == zeros
	switch {
	case kind == "creation" && isNew:
		return "Cannot create ref due to creations being restricted."
	case kind == "deletion" && isGone:
		return "Cannot delete this branch"
	case kind == "update" && !isNew && !isGone:
		return "Cannot update this protected ref."
	case kind == "non_fast_forward" && !isNew && !isGone && !r.contains(change.New, change.Old):
		return "Cannot force-push to this branch"
	case kind == "pull_request" && !isNew && !isGone:
		return "Changes must be made through a pull request."
	case kind == "required_signatures" && !isGone && r.anyNew(change, func(sha string) bool { return !r.signed(sha) }):
		return "Commits must have verified signatures."
	case kind == "required_linear_history" && !isGone && r.anyNew(change, func(sha string) bool { return len(r.commit(sha).parents) > 1 }):
		return "This branch must not contain merge commits."
	}
	return ""
}

// anyNew asks of each commit that a change brings.
func (r *Repo) anyNew(change gitserve.Change, is func(string) bool) bool {
	args := []string{"rev-list", change.New}
	if change.Old != zeros {
		args = append(args, "^"+change.Old)
	}
	out, _ := r.Git.Git(args...)
	return slices.ContainsFunc(strings.Fields(out), is)
}

// checksMissing names a check that a commit needs and does not have: a check run, of the
// app that is asked for, or a status of that name, the newest of which succeeded.
func (r *Repo) checksMissing(parameters doc, sha string, isNew bool) string {
	if isNew && parameters["do_not_enforce_on_create"] == true {
		return ""
	}
	needed, _ := parameters["required_status_checks"].([]any)
	for _, entry := range needed {
		need := entry.(doc)
		name, _ := need["context"].(string)
		app, _ := need["integration_id"].(float64)
		if !r.succeeded(sha, name, int64(app)) {
			return fmt.Sprintf("Required status check %q is expected.", name)
		}
	}
	return ""
}

func (r *Repo) succeeded(sha, name string, app int64) bool {
	for _, k := range slices.Backward(r.checks) {
		if k.SHA == sha && k.Name == name && (app == 0 || k.App.ID == app) {
			return slices.Contains([]string{"success", "neutral", "skipped"}, k.Conclusion)
		}
	}
	for _, s := range slices.Backward(r.statuses) {
		if status := s["status"].(doc); s["sha"] == sha && status["context"] == name && app == 0 {
			return status["state"] == "success"
		}
	}
	return false
}
