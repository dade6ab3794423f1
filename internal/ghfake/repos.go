package ghfake

import (
	"fmt"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitserve"
	"time"
)

// Repo is a repository: a real one of git, and what GitHub keeps beside it. Its fields
// may be changed before the server is used.
type Repo struct {
	Private    bool
	Archived   bool
	Visibility string // by default public or private
	Topics     []string
	Properties map[string]string // custom ones, of the organisation
	// CodeSecurity takes uploads of SARIF; public repositories always do.
	CodeSecurity bool
	Git          *gitserve.Repo

	id       int64
	owner    *Account
	name     string
	parent   *Repo // of a fork
	roles    map[string]string
	created  string
	pushed   string // when anybody pushed last
	number   int64  // of the last issue or pull request
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
		account = g.ensure(owner, "Organization")
	}
	git, err := g.git.Init(full)
	if err != nil {
		return nil, err
	}
	r := &Repo{id: g.id(), owner: account, name: name, Private: private, Git: git, roles: map[string]string{}, created: g.now(), pushed: g.now()}
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

// Rename gives a repository another name; the old one is gone. Apps are told.
func (g *GitHub) Rename(r *Repo, name string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	dir, old := r.Git.Dir, r.name
	r.name = name
	r.Git = g.git.Repo(r.FullName())
	if err := move(dir, r.Git.Dir); err != nil {
		return err
	}
	changes := doc{"repository": doc{"name": doc{"from": old}}}
	g.post(r, "repository", "renamed", "repository-renamed", with(g.common(r, r.owner), doc{"changes": changes}))
	return nil
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

// Rest has the last push into a repository be so long ago.
func (g *GitHub) Rest(r *Repo, ago time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r.pushed = g.options.Clock().Add(-ago).UTC().Format(time.RFC3339)
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
		"created_at": r.created, "updated_at": r.created, "pushed_at": r.pushed, "has_issues": true, "topics": nonNil(r.Topics),
	}
}
