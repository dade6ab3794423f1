package ghfake

func (g *GitHub) side(r *Repo, branch, sha string) doc {
	return doc{"label": r.owner.Login + ":" + branch, "ref": branch, "sha": sha, "user": g.accountView(r.owner), "repo": g.repoView(r)}
}

// pullSimple is a pull request in a list, pullView one alone.
func (g *GitHub) pullSimple(p *Pull) doc {
	url := g.repoURL(p.base, "/pulls/%d", p.number)
	link := func(format string) doc { return doc{"href": g.repoURL(p.base, format, p.number)} }
	v := doc{
		"url": url, "id": p.id, "node_id": node("PR", p.id), "number": p.number, "state": p.state, "title": p.title, "body": p.body,
		"html_url": g.webURL(p.base, "/pull/%d", p.number), "diff_url": g.webURL(p.base, "/pull/%d.diff", p.number), "patch_url": g.webURL(p.base, "/pull/%d.patch", p.number),
		"issue_url": g.repoURL(p.base, "/issues/%d", p.number), "user": g.accountView(p.user), "draft": p.draft, "created_at": p.created, "updated_at": g.now(),
		"merge_commit_sha": null(p.mergeSHA), "head": g.side(p.head, p.headBranch, p.headSHA), "base": g.side(p.base, p.baseBranch, p.baseSHA),
		"requested_reviewers": views(p.reviewers, g.accountView), "author_association": "CONTRIBUTOR",
		"_links": doc{
			"self": doc{"href": url}, "html": doc{"href": g.webURL(p.base, "/pull/%d", p.number)}, "issue": link("/issues/%d"), "comments": link("/issues/%d/comments"),
			"review_comments": link("/pulls/%d/comments"), "commits": link("/pulls/%d/commits"), "statuses": doc{"href": g.repoURL(p.base, "/statuses/%s", p.headSHA)},
			"review_comment": doc{"href": g.repoURL(p.base, "/pulls/comments{/number}")},
		},
	}
	if p.state == "closed" {
		v["closed_at"] = g.now()
	}
	if p.merged {
		v["merged_at"] = g.now()
	}
	return v
}

func null(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (g *GitHub) pullView(p *Pull) doc {
	v := g.pullSimple(p)
	v["merged"], v["mergeable"], v["maintainer_can_modify"] = p.merged, p.mergeable, p.maintainerCanModify
	v["mergeable_state"] = map[bool]string{true: "clean", false: "dirty"}[p.mergeable]
	v["commits"] = p.base.count(p.baseSHA + ".." + p.headSHA)
	files := g.diff(p.base, p.from(), p.headSHA)
	v["changed_files"], v["additions"], v["deletions"] = len(files), sum(files, "additions"), sum(files, "deletions")
	v["comments"], v["review_comments"] = 0, len(p.comments)
	return v
}

func sum(files []doc, key string) int {
	n := 0
	for _, f := range files {
		n += f[key].(int)
	}
	return n
}

// from is the commit that a pull request is compared with.
func (p *Pull) from() string {
	shared, err := p.base.Git.Git("merge-base", p.baseSHA, p.headSHA)
	if err != nil {
		return emptyTree
	}
	return shared
}
