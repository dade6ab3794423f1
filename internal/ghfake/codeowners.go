package ghfake

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ownersOf reads who owns a file by CODEOWNERS of a commit: the last line that matches
// it counts. Teams own nothing here.
// https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
func (g *GitHub) ownersOf(r *Repo, sha, file string) []*Account {
	var owners []*Account
	for _, line := range strings.Split(r.codeowners(sha), "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 || !ownerPattern(fields[0]).MatchString(file) {
			continue
		}
		owners = nil
		for _, name := range fields[1:] {
			if account := g.find(strings.TrimPrefix(name, "@")); account != nil {
				owners = append(owners, account)
			}
		}
	}
	return owners
}

// codeowners is the first of the three places that has one.
func (r *Repo) codeowners(sha string) string {
	for _, path := range []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"} {
		if text, err := r.Git.Git("cat-file", "blob", sha+":"+path); err == nil {
			return text
		}
	}
	return ""
}

// ownerPattern is anchored when a slash stands before its end, and holds for all below.
func ownerPattern(text string) *regexp.Regexp {
	start := `^(?:.*/)?`
	if strings.Contains(strings.TrimSuffix(text, "/"), "/") {
		start = `^`
	}
	text = regexp.QuoteMeta(strings.Trim(text, "/"))
	text = strings.NewReplacer(`\*\*/`, `(?:.*/)?`, `\*\*`, `.*`, `\*`, `[^/]*`, `\?`, `[^/]`).Replace(text)
	return regexp.MustCompile(start + text + `(?:/.*)?$`)
}

// askOwners requests a review of everybody who owns a changed file, but the author.
func (g *GitHub) askOwners(p *Pull) {
	for _, file := range g.diff(p.base, p.from(), p.headSHA) {
		for _, owner := range g.ownersOf(p.base, p.baseSHA, file["filename"].(string)) {
			if owner != p.user && !slices.Contains(p.reviewers, owner) {
				p.reviewers = append(p.reviewers, owner)
			}
		}
	}
}

// ownersMissing names a changed file of which no owner has approved.
func (g *GitHub) ownersMissing(p *Pull, approved func(*Account) bool) string {
	for _, file := range g.diff(p.base, p.from(), p.headSHA) {
		owners := g.ownersOf(p.base, p.baseSHA, file["filename"].(string))
		if len(owners) > 0 && !slices.ContainsFunc(owners, approved) {
			return fmt.Sprintf("Waiting on code owner review of %s.", file["filename"])
		}
	}
	return ""
}
