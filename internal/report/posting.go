package report

import (
	"fmt"
	"strings"

	"github.com/leakgate/leakgate/internal/gate"
)

// Posting is a report as people read it beside their pull request on GitHub: as a check
// run and as a comment. The zero values of what is beyond the report are the careful ones.
type Posting struct {
	*Report
	Pull    int    // the number of the pull request; 0 for none
	Rules   string // the digest of the rules that were used; "" where it is not told
	Details string // the address of the whole report; "" for none
	Public  bool   // everybody can read the repository: no place of an active credential is told
	Warning bool   // nothing is enforced yet: what would block warns, and a failure is neutral
	CanFix  bool   // somebody is there to fix things for people
	// Valid is whether a credential still opens something; nil where nobody asked.
	Valid func(credential string) Validity
	// Line is where a finding stands at head, and whether it does; nil where none does.
	Line func(*gate.Judged) (int, bool)

	seen *view
}

// Stands says whether a finding is one that somebody has to do something about: the policy
// does not allow it, and it came with this range or blocks all the same.
func Stands(f *gate.Judged) bool { return f.Decision != gate.Allow && counts(f) }

// Clean is a text of the repository without any value that was found in it.
func (p *Posting) Clean(text string) string { return p.view().mask.clean(text) }

// view is made once: nothing of a posting changes after it was first asked for anything.
func (p *Posting) view() *view {
	if p.seen == nil {
		p.seen = newView(p.Report)
	}
	return p.seen
}

// Validity is whether a credential still opens something.
type Validity int

// The validities. NotChecked and Unknown count as active wherever it matters.
const (
	NotChecked Validity = iota
	Unknown
	Active
	Inactive
)

// String is the word that people read.
func (v Validity) String() string {
	return word(int(v), "not checked", "unknown", "active", "inactive")
}

// The conclusions of a check run that a verdict can have.
const (
	Success        = "success"
	Failure        = "failure"
	Neutral        = "neutral"
	ActionRequired = "action_required"
)

// Conclusion is that of the check run: success for a whole range in which nothing stands
// out, and never for a scan that missed something.
func (p *Posting) Conclusion() string {
	v := p.view()
	switch {
	case p.Warning && (v.Verdict.Decision != gate.Allow || !v.complete()):
		return Neutral
	case v.Verdict.Decision == gate.Block:
		return Failure
	case !v.complete():
		return ActionRequired
	case v.Verdict.Decision == gate.Warn:
		return Neutral
	}
	return Success
}

// maxTitle is what GitHub takes of a title, in characters.
const maxTitle = 255

// Title is the outcome in one line of plain text.
func (p *Posting) Title() string {
	lead, why := p.title(p.view())
	return clip(visible(lead+why), maxTitle)
}

// title is in two parts: our own words, and what may hold those of a repository.
func (p *Posting) title(v *view) (lead, why string) {
	if v.Verdict.Decision != gate.Block && !v.complete() {
		return "Scan incomplete: ", v.whyIncomplete()
	}
	return p.outcome(v), ""
}

func (p *Posting) outcome(v *view) string {
	within := " in " + plural(v.Result.Coverage.Commits, "commit")
	switch {
	case v.Verdict.Decision == gate.Block:
		text := p.amount(v, gate.Block) + within
		if v.count(gate.Block) == 0 {
			text = "The policy does not allow this change"
		}
		text += " — " + map[bool]string{false: "merge blocked", true: "would block"}[p.Warning]
		if !v.complete() {
			text += "; the scan is incomplete"
		}
		return text
	case v.lookedAtNothing():
		return "There was nothing to look at"
	case p.standing(v, gate.Warn) > 0:
		return p.amount(v, gate.Warn) + within + ", nothing enforced"
	case v.count(gate.Allow) > 0:
		return "No secrets" + within + " beyond what the policy allows" + ends(v)
	}
	return "No secrets" + within + ends(v)
}

// ends are both ends of the range, "" where it has none.
func ends(v *view) string {
	r := v.Result.Range
	if r.Base == "" || r.Head == "" {
		return ""
	}
	return fmt.Sprintf(" (base %.7s..head %.7s)", r.Base, r.Head)
}

// amount is "2 live secrets" for one decision; live says that at least one was found so.
func (p *Posting) amount(v *view, d gate.Decision) string {
	ids, live := map[string]bool{}, false
	for i := range v.Verdict.Findings {
		if f := &v.Verdict.Findings[i]; f.Decision == d && counts(f) {
			ids[groupKey(f)] = true
			live = live || p.valid(f) == Active
		}
	}
	if live {
		return plural(len(ids), "live secret")
	}
	return plural(len(ids), "secret")
}

// counts leaves out what was there before the range and blocks nothing.
func counts(f *gate.Judged) bool { return !f.Older || f.Decision == gate.Block }

func (p *Posting) standing(v *view, d gate.Decision) int {
	n := 0
	for i := range v.Verdict.Findings {
		if f := &v.Verdict.Findings[i]; f.Decision == d && counts(f) {
			n++
		}
	}
	return n
}

func (p *Posting) valid(f *gate.Judged) Validity {
	if p.Valid == nil || f.Credential == "" {
		return NotChecked
	}
	return p.Valid(f.Credential)
}

// withheld says whether the place of a finding is nobody's business who only reads.
func (p *Posting) withheld(f *gate.Judged) bool { return p.Public && p.valid(f) == Active }

// state is what the gate made of a finding, in words, and why.
func (p *Posting) state(f *gate.Judged) (state, why string) {
	switch {
	case f.Decision == gate.Block && p.Warning:
		return "would block", ""
	case f.Decision == gate.Block:
		return "blocks", ""
	case f.Decision == gate.Warn:
		return "warns", f.Reason
	case f.Decision == gate.Allow:
		return "allowed", f.Reason
	}
	return "not decided", ""
}

// commitLink is a commit, as a link where the repository has an address.
func (v *view) commitLink(id string) string {
	if id == "" {
		return ""
	}
	text := markdownCode(short(id))
	if repository := v.repositoryURL(); repository != "" && isHex(id) {
		return "[" + text + "](" + strings.TrimRight(repository, "/") + "/commit/" + id + ")"
	}
	return text
}

func isHex(id string) bool {
	return id != "" && strings.Trim(id, "0123456789abcdef") == ""
}
