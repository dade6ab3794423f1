package ghfake

import (
	"io/fs"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
)

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
	a := counted(c, "repositories", out, func(r *Repo) doc { return with(c.repoView(r), doc{"size": r.size()}) })
	a.body.(doc)["repository_selection"] = c.who.installation.selection()
	return a
}

// size is what a repository takes on disk, in kB.
func (r *Repo) size() (kb int64) {
	_ = filepath.WalkDir(r.Git.Dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				kb += info.Size()
			}
		}
		return nil
	})
	return kb >> 10
}

func getProperties(c *call) answer {
	out := []doc{}
	for _, name := range slices.Sorted(maps.Keys(c.repo.Properties)) {
		out = append(out, doc{"property_name": name, "value": c.repo.Properties[name]})
	}
	return ok(out)
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
	return c.userAnswer(account)
}

func getUserByID(c *call) answer {
	for _, account := range c.accounts {
		if account.ID == c.path("account_id") {
			return c.userAnswer(account)
		}
	}
	return notFound()
}

func (c *call) userAnswer(account *Account) answer {
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

// listArtifacts and getCacheUsage answer for a repository without workflows.
func listArtifacts(*call) answer { return ok(doc{"total_count": 0, "artifacts": []doc{}}) }

func getCacheUsage(c *call) answer {
	return ok(doc{"full_name": c.repo.FullName(), "active_caches_size_in_bytes": 0, "active_caches_count": 0})
}
