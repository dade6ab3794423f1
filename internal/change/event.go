// Package change says what a change is: which commits an event of a CI or of GitHub
// asks to be judged, in the repository at hand, and by the policy of which commit. It
// fetches what a clone lacks through whatever it is handed, and knows no program and
// no service by name.
package change

import "strings"

// Kind is what an event asks to be judged.
type Kind int

// The kinds of event.
const (
	Everything Kind = iota // the whole history
	Proposal               // what would come into Target: a pull request, a merge queue
	Push                   // what came into Branch after Base
	Tag                    // what a tag reaches and Target does not
	Nothing                // no commits at all: a branch or tag was deleted
)

// Event is what a CI says about the change that it runs for. Commits are named
// by full ids. It is what was said, not yet what is in the clone.
type Event struct {
	Name    string // for the log, as in "GitHub pull_request"
	Kind    Kind
	Head    string // commit to judge; "" for what is checked out
	Merged  string // of a Proposal: the commit that Head merges into Target, if Head is a test merge
	Base    string // tip of Target for a Proposal, tip before a Push; "" or zeros when not said
	Target  string // branch a Proposal goes into, else the default branch; "" when not said
	Branch  string // for the environments of the policy: Target of a Proposal, else the branch
	Commits int    // how many commits the CI counts; 0 when not said
	Local   bool   // nobody waits for a clone to be made complete: never fetch
	Fix     string // what to write where, when the clone is not deep enough
}

// IsZero reports whether an id says "there is none": empty, or zeros only.
func IsZero(id string) bool {
	for i := range len(id) {
		if id[i] != '0' {
			return false
		}
	}
	return true
}

// BranchOf is the branch that a ref names, "" for other refs.
func BranchOf(ref string) string {
	if branch, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		return branch
	}
	return ""
}
