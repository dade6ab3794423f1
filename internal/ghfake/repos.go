package ghfake

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitserve"
)

// Repo is a repository: a real one of git, and what GitHub keeps beside it. Its fields
// may be changed before the server is used.
type Repo struct {
	Private    bool
	Archived   bool
	Visibility string // by default public or private
	Topics     []string
	// CodeSecurity takes uploads of SARIF; public repositories always do.
	CodeSecurity bool
	Git          *gitserve.Repo

	id       int64
	owner    *Account
	name     string
	parent   *Repo // of a fork
	roles    map[string]string
	created  string
	number   int64 // of the last issue or pull request
	issues   []*Issue
	pulls    []*Pull
	comments []*Comment
	checks   []*Check
	suites   []*Suite
	statuses []doc
	rulesets []*Ruleset
	sarifs   []*Sarif
	scanning []*CodeAlert
	secrets  []*SecretAlert
}

// Repository makes an empty one: OWNER/NAME. The owner is made as an organisation if
// there is none.
func (g *GitHub) Repository(full string, private bool) (*Repo, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.newRepo(full, private)
}

func (g *GitHub) newRepo(full string, private bool) (*Repo, error) {
	owner, name, _ := strings.Cut(full, "/")
	account := g.find(owner)
	if account == nil {
		account = g.make(owner, "Organization")
	}
	git, err := g.git.Init(full)
	if err != nil {
		return nil, err
	}
	r := &Repo{id: g.id(), owner: account, name: name, Private: private, Git: git, roles: map[string]string{}, created: g.now()}
	g.repos = append(g.repos, r)
	return r, nil
}

// Fork copies a repository to another owner.
func (g *GitHub) Fork(parent *Repo, owner string) (*Repo, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	fork, err := g.newRepo(owner+"/"+parent.name, parent.Private)
	if err != nil {
		return nil, err
	}
	fork.parent = parent
	_, err = fork.Git.Git("fetch", "-q", parent.Git.Dir, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
	return fork, err
}

// Rename gives a repository another name; the old one is gone.
func (g *GitHub) Rename(r *Repo, name string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	old := r.Git.Dir
	r.name = name
	r.Git = g.git.Repo(r.FullName())
	return move(old, r.Git.Dir)
}

// Collaborator gives a user a role: read, triage, write, maintain or admin.
func (g *GitHub) Collaborator(r *Repo, login, role string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r.roles[strings.ToLower(login)] = role
}

// FullName is OWNER/NAME, ID its number.
func (r *Repo) FullName() string { return r.owner.Login + "/" + r.name }

// ID is the number that a repository keeps when it is renamed.
func (r *Repo) ID() int64 { return r.id }

// CloneURL is where git finds it.
func (g *GitHub) CloneURL(r *Repo) string { return g.URL + "/" + r.FullName() + ".git" }

func (r *Repo) role(a *Account) string {
	switch {
	case a == nil:
		return ""
	case a == r.owner:
		return "admin"
	}
	return r.roles[strings.ToLower(a.Login)]
}

func (g *GitHub) findRepo(owner, name string) *Repo {
	return g.repoByName(owner + "/" + strings.TrimSuffix(name, ".git"))
}

func (g *GitHub) repoByName(full string) *Repo {
	i := slices.IndexFunc(g.repos, func(r *Repo) bool { return strings.EqualFold(r.FullName(), full) })
	if i < 0 {
		return nil
	}
	return g.repos[i]
}

func (r *Repo) visibility() string {
	switch {
	case r.Visibility != "":
		return r.Visibility
	case r.Private:
		return "private"
	}
	return "public"
}

// defaultBranch is where HEAD points.
func (r *Repo) defaultBranch() string {
	name, err := r.Git.Git("symbolic-ref", "--short", "HEAD")
	if err != nil {
		return "main"
	}
	return name
}

// repoURL is that of the interface, with more of a path.
func (g *GitHub) repoURL(r *Repo, format string, args ...any) string {
	return g.API + "/repos/" + r.FullName() + fmt.Sprintf(format, args...)
}

func (g *GitHub) webURL(r *Repo, format string, args ...any) string {
	return g.URL + "/" + r.FullName() + fmt.Sprintf(format, args...)
}

// repoView holds what every shape of a repository in the description has.
func (g *GitHub) repoView(r *Repo) doc {
	return doc{
		"id": r.id, "node_id": node("R", r.id), "name": r.name, "full_name": r.FullName(), "owner": g.accountView(r.owner),
		"private": r.Private, "visibility": r.visibility(), "html_url": g.webURL(r, ""), "url": g.repoURL(r, ""),
		"clone_url": g.CloneURL(r), "fork": r.parent != nil, "archived": r.Archived, "default_branch": r.defaultBranch(),
		"created_at": r.created, "updated_at": r.created, "pushed_at": r.created, "has_issues": true, "topics": nonNil(r.Topics),
	}
}

func getRepo(c *call) answer {
	v := c.repoView(c.repo)
	if c.repo.parent != nil {
		v["parent"], v["source"] = c.repoView(c.repo.parent), c.repoView(c.repo.parent)
	}
	return ok(v)
}

func listOrgRepos(c *call) answer {
	var out []*Repo
	for _, r := range c.repos {
		if strings.EqualFold(r.owner.Login, c.params["org"]) && c.sees(c.who, r) {
			out = append(out, r)
		}
	}
	return list(c, out, c.repoView)
}

func listForks(c *call) answer {
	var out []*Repo
	for _, r := range c.repos {
		if r.parent == c.repo && c.sees(c.who, r) {
			out = append(out, r)
		}
	}
	return list(c, out, c.repoView)
}

func listInstallationRepos(c *call) answer {
	var out []*Repo
	for _, r := range c.repos {
		if c.who.reaches(r) {
			out = append(out, r)
		}
	}
	a := counted(c, "repositories", out, c.repoView)
	a.body.(doc)["repository_selection"] = c.who.installation.selection()
	return a
}

func getTopics(c *call) answer { return ok(doc{"names": nonNil(c.repo.Topics)}) }

// getPermission is what a user may do: only admin, write, read and none are said.
// https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user
func getPermission(c *call) answer {
	account := c.find(c.params["username"])
	if account == nil {
		return notFound()
	}
	role := c.repo.role(account)
	if role == "" && !c.repo.Private {
		role = "read"
	}
	said := map[string]string{"": "none", "triage": "read", "maintain": "write"}[role]
	if said == "" {
		said = role
	}
	if role == "" {
		role = "none"
	}
	user := c.accountView(account)
	user["role_name"] = role
	return ok(doc{"permission": said, "role_name": role, "user": user})
}

func getUser(c *call) answer {
	account := c.who.account
	if name := c.params["username"]; name != "" {
		account = c.find(name)
	}
	if account == nil {
		return notFound()
	}
	v := c.accountView(account)
	v["user_view_type"] = "public"
	v["created_at"], v["updated_at"] = c.now(), c.now()
	return ok(v)
}

func getOrg(c *call) answer {
	account := c.find(c.params["org"])
	if account == nil || account.Kind != "Organization" {
		return notFound()
	}
	v := c.accountView(account)
	delete(v, "site_admin")
	v["created_at"], v["updated_at"] = c.now(), c.now()
	return ok(v)
}

func getMeta(*call) answer {
	return ok(doc{"verifiable_password_authentication": false})
}

func noReleases(*call) answer { return answer{status: http.StatusOK, body: []doc{}} }
