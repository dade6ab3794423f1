package rules

import "strings"

// Verdict is what the content criteria of an allowlist say about a match.
type Verdict int

const (
	// No: whatever the place, the match is not allowed by this list.
	No Verdict = iota
	// Yes: whatever the place, it is.
	Yes
	// DependsOnPlace: ask Place.
	DependsOnPlace
)

// Allowlists are evaluated in two halves, because a text found once can lie at
// many paths and commits. The content half is judged once per match:
//
//	switch a.Content(value, match, line) {
//	case Yes: // allowed everywhere
//	case DependsOnPlace: // allowed where a.Place(path, commit, true)
//	}
//
// Before a text is read, and for rules on paths only, a.Place(path, commit,
// false) says whether the place alone is enough. The two together are what
// gitleaks 8.30.1 decides in checkCommitOrPathAllowed and checkFindingAllowed
// (detect/detect.go).

// Content judges the value, the whole match and the line or lines it lies in.
func (a *Allowlist) Content(value, match, line string) Verdict {
	if a.MatchAll {
		return a.allContent(value, match, line)
	}
	switch {
	case a.RegexAllowed(value, match, line) || a.StopWordIn(value):
		return Yes
	case len(a.Commits) > 0 || a.Paths != nil:
		return DependsOnPlace
	}
	return No
}

func (a *Allowlist) allContent(value, match, line string) Verdict {
	switch {
	case a.Regexes != nil && !a.RegexAllowed(value, match, line):
		return No
	case len(a.StopWords) > 0 && !a.StopWordIn(value):
		return No
	case len(a.Commits) > 0 || a.Paths != nil:
		return DependsOnPlace
	}
	return Yes
}

// Place judges a path and a commit, either of which may be unknown (""). In a
// list whose criteria must all hold, content says whether Content left the
// answer to the place; elsewhere it changes nothing.
func (a *Allowlist) Place(path, commit string, content bool) bool {
	if !a.MatchAll {
		return a.CommitAllowed(commit) || a.PathAllowed(path)
	}
	switch {
	case !content && (a.Regexes != nil || len(a.StopWords) > 0):
		return false
	case len(a.Commits) > 0 && !a.CommitAllowed(commit):
		return false
	case a.Paths != nil && !a.PathAllowed(path):
		return false
	}
	return len(a.Commits) > 0 || a.Paths != nil
}

// AppliesTo reports whether the list is meant for the rule: the built-in list
// of paths (lock files, images, vendored code) excuses doubtful rules only.
func (a *Allowlist) AppliesTo(r *Rule) bool {
	return !a.Default || r.Confidence == Possible
}

// CommitAllowed compares full hexadecimal ids, in any case.
func (a *Allowlist) CommitAllowed(commit string) bool {
	if commit == "" || len(a.Commits) == 0 {
		return false
	}
	return a.indexed().commits[strings.ToLower(commit)]
}

// PathAllowed matches a path with forward slashes.
func (a *Allowlist) PathAllowed(path string) bool {
	return path != "" && a.Paths.MatchString(path)
}

// RegexAllowed matches the text that RegexTarget names.
func (a *Allowlist) RegexAllowed(value, match, line string) bool {
	target := value
	switch a.RegexTarget {
	case "match":
		target = match
	case "line":
		target = line
	}
	return target != "" && a.Regexes.MatchString(target)
}

// StopWordIn reports whether the value contains a stop word, in any case.
func (a *Allowlist) StopWordIn(value string) bool {
	if value == "" || len(a.StopWords) == 0 {
		return false
	}
	return a.indexed().words.in(value)
}

// allowIndex is what makes long lists fast.
type allowIndex struct {
	commits map[string]bool
	words   *wordSet
}

func (a *Allowlist) indexed() *allowIndex {
	a.once.Do(func() {
		a.index.commits = make(map[string]bool, len(a.Commits))
		for _, c := range a.Commits {
			a.index.commits[strings.TrimSpace(strings.ToLower(c))] = true
		}
		a.index.words = newWordSet(a.StopWords)
	})
	return &a.index
}
