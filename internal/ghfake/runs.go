package ghfake

import (
	"net/http"
	"slices"
)

// listChecks answers for a commit: the newest of each name, unless all are asked for.
func listChecks(c *call) answer {
	sha, found := c.repo.resolve(c.params["ref"])
	if !found {
		return fail(http.StatusNotFound, "No commit found for SHA: "+c.params["ref"])
	}
	return c.runs(func(k *Check) bool { return k.SHA == sha })
}

func listSuiteChecks(c *call) answer {
	return c.runs(func(k *Check) bool { return k.suite.id == c.path("check_suite_id") })
}

func (c *call) runs(match func(*Check) bool) answer {
	var out []*Check
	seen := map[string]bool{}
	for _, k := range slices.Backward(c.repo.checks) {
		key := k.Name + " " + k.App.Slug
		if !match(k) || c.query.Get("filter") != "all" && seen[key] {
			continue
		}
		seen[key] = true
		if c.matches("check_name", k.Name) && c.matches("status", k.Status) && c.matches("app_id", jsonNumber(k.App.ID)) {
			out = append(out, k)
		}
	}
	return counted(c, "check_runs", out, c.checkView)
}

// matches says whether the query asks for this value, or for none in particular.
func (c *call) matches(name, value string) bool {
	return !c.query.Has(name) || c.query.Get(name) == value
}
