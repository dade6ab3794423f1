package hub

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/leakgate/leakgate/remediate/purge"
)

// Needs are what the operator wants before a rewrite is applied.
type Needs struct {
	Approvals int
	Users     []int64 // ids of the approvers on GitHub
}

// listed is how many refs a text names; the manifest has all.
const listed = 50

func title(digest string) string {
	return "Rewrite history to take leaked values out (plan " + digest[:16] + ")"
}

// body is the text of the pull request. It holds ids, names of refs and numbers.
func body(m *purge.Manifest, digest string, p *purge.Proposal, n Needs) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("%s", marker("rewrite", digest))
	say("**Merging this rewrites nothing.** It takes the values out of the tip of %s, and asks for a rewrite of the history of this repository.\n", span(strings.TrimPrefix(p.Base, "refs/heads/")))
	say("### Why\n")
	why(say, m)
	say("\n### What would change\n")
	say("| what | how much |\n|---|---|")
	say("| commits with another id | %d, from %d that brought a value |", m.Commits, len(m.First))
	say("| files that held a value, in all versions | %d |", len(m.Blobs))
	say("| branches and tags that move | %d of %d refs |", len(m.Changes), m.Refs)
	say("| signatures that fall | %d |", len(m.Signatures))
	say("| refs that only GitHub can remove | %d |", len(m.Remaining))
	moves(say, m)
	before(say, p.Mended)
	say("\n### Who has to do what\n")
	say("- **Reviewers** look at the change here, which is the tip only, and at the manifest %s, and approve with a review: %d of the operator's approvers are needed. A review counts for the commit that it was given on; who asked for the rewrite does not count.", span(purge.Path(digest)), n.Approvals)
	say("- **Who applies it** runs, until %s:", m.Expires.UTC().Format(time.RFC3339))
	say("\n%s", fenced("leakgate rewrite approve "+digest+" --from-reviews", "leakgate rewrite apply "+digest, "leakgate rewrite verify "+digest, "leakgate rewrite tell "+digest))
	say("- **Everybody else** goes on working: commits that come on top go along. After the rewrite each open pull request is told its new head and what to type. Clones from before must not be pushed from.")
	say("- **Afterwards** this is merged, so that the guard knows what may not come back.")
	say("\nPlan %s, asked for by %s. The check “%s” says whether another machine comes to the same ids.", span(digest), span(m.Requester), CheckName)
	return b.String()
}

func why(say func(string, ...any), m *purge.Manifest) {
	switch {
	case m.Override != "":
		say("Values are in this history that must not be there. The operator says why it may be done although nobody proved them dead: %s", plain(clip(m.Override, 500)))
	case len(m.Credentials) > 0:
		say("Values of these credentials are in this history; it is rewritten only once they are dead:\n")
		for _, id := range m.Credentials[:min(listed, len(m.Credentials))] {
			say("- %s", span(id))
		}
	}
	say("\nA rewrite is hygiene: whoever has a value keeps it. Only revoking helps against that.")
}

// moves are a table of the refs that move.
func moves(say func(string, ...any), m *purge.Manifest) {
	say("\n<details><summary>Refs that move</summary>\n\n| ref | from | to, as of the plan |\n|---|---|---|")
	for _, c := range m.Changes[:min(listed, len(m.Changes))] {
		say("| %s | %s | %s |", span(c.Name), span(c.Old), span(cmp.Or(c.New, "deleted")))
	}
	say("\n</details>")
	if more := len(m.Changes) - listed; more > 0 {
		say("\nand %d more in the manifest", more)
	}
}

// before are names of what people have to see to before they merge.
func before(say func(string, ...any), m purge.Mended) {
	sections := m.Sections()
	if len(sections) == 0 && !m.Untold {
		return
	}
	say("\n### Before this is merged\n")
	if m.Untold {
		say("- What has to be set, and which files are removed, is in the message of the first commit: the run that made it was cut off.")
	}
	for _, s := range sections {
		say("- %s:", s.What)
		for _, name := range s.Names[:min(listed, len(s.Names))] {
			say("  - %s", span(name))
		}
		if more := len(s.Names) - listed; more > 0 {
			say("  - and %d more in the message of the commit", more)
		}
	}
}
