package ghfake

// createStatus adds one; a commit takes 1,000 of a context.
func createStatus(c *call) answer {
	sha, found := c.repo.resolve(c.params["sha"])
	if !found {
		return invalid("Status", "sha", "No commit found for SHA: "+c.params["sha"])
	}
	id := c.id()
	context := c.text("context")
	if context == "" {
		context = "default"
	}
	s := doc{
		"id": id, "node_id": node("SC", id), "state": c.text("state"), "description": null(c.text("description")), "target_url": null(c.text("target_url")),
		"context": context, "created_at": c.now(), "updated_at": c.now(), "url": c.repoURL(c.repo, "/statuses/%s", sha), "avatar_url": nil,
	}
	c.repo.statuses = append(c.repo.statuses, doc{"sha": sha, "status": s})
	v := doc{"creator": c.accountView(c.who.account)}
	for key, value := range s {
		v[key] = value
	}
	return created(v)
}

func combinedStatus(c *call) answer {
	sha, found := c.repo.resolve(c.params["ref"])
	if !found {
		return notFound()
	}
	last := map[string]doc{}
	state := "success"
	for _, s := range c.repo.statuses {
		if s["sha"] == sha {
			status := s["status"].(doc)
			last[status["context"].(string)] = status
		}
	}
	out := []doc{}
	for _, s := range last {
		out = append(out, s)
		if s["state"] == "failure" || s["state"] == "error" {
			state = "failure"
		} else if s["state"] == "pending" && state == "success" {
			state = "pending"
		}
	}
	if len(out) == 0 {
		state = "pending"
	}
	return ok(doc{
		"state": state, "statuses": out, "sha": sha, "total_count": len(out), "repository": c.repoView(c.repo),
		"commit_url": c.repoURL(c.repo, "/commits/%s", sha), "url": c.repoURL(c.repo, "/commits/%s/status", sha),
	})
}
