// Package evidence asks who had access: to the repository that leaked, and to
// what the credential opens. Each [Source] answers for a window only and says
// what it cannot see. Nothing here changes anything, and what could not be asked
// is never "nothing seen".
package evidence

import (
	"context"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// Question is a leak of which somebody wants to know who used it.
type Question struct {
	Repositories []string      // where it leaked, as HOST/OWNER/NAME, the first one first
	Commit       string        // that brought it to the first, "" when nobody knows
	Rule         string        // that found it
	Value        secret.Secret // the zero Secret when it was not given
	Since        time.Time     // when it was first committed; zero when nobody knows
}

// Source is asked about leaks. What goes wrong is said in the records.
type Source interface {
	// Ask answers with a record for each thing that the source can tell, none
	// when the question is not for it.
	Ask(ctx context.Context, q Question) []Record
}

// Answer is what a source says.
type Answer string

// The zero Answer is that nobody can tell.
const (
	CannotTell Answer = ""
	Nothing    Answer = "nothing seen" // in the whole window, but for the gaps
	Seen       Answer = "seen"
)

// Record is one answer, with what it covers and what it does not.
type Record struct {
	Source string         `json:"source"`
	About  string         `json:"about"`           // what was asked
	From   time.Time      `json:"from,omitzero"`   // the window that was looked at
	To     time.Time      `json:"to,omitzero"`     // its end
	Answer Answer         `json:"answer"`          // "" when nobody can tell
	Why    string         `json:"why,omitempty"`   // of "cannot tell"
	Count  int            `json:"count,omitempty"` // of all uses, listed or not
	Uses   []Use          `json:"uses,omitempty"`
	Totals map[string]int `json:"totals,omitempty"` // numbers without names
	Gaps   []string       `json:"gaps,omitempty"`   // what this source cannot see
	Where  string         `json:"where,omitempty"`  // documentation of the source
}

// Use is one access, as far as the source tells.
type Use struct {
	At    time.Time `json:"at,omitzero"`
	Who   string    `json:"who,omitempty"`
	What  string    `json:"what,omitempty"`
	From  string    `json:"from,omitempty"`  // an address or a country
	Agent string    `json:"agent,omitempty"` // what the program called itself
}

const (
	maxUses = 100 // that a record lists; all are counted
	maxText = 200 // runes of a text of somebody else
)

// add counts a use and lists it while there is room. Sources add the youngest
// first or the oldest, which the gap says.
func (r *Record) add(u Use) {
	r.Answer = Seen
	r.Count++
	if len(r.Uses) < maxUses {
		u.Who, u.What, u.From, u.Agent = short(u.Who), short(u.What), short(u.From), short(u.Agent)
		r.Uses = append(r.Uses, u)
	}
}

// whole says that the source was read to its end.
func (r Record) whole() Record {
	if r.Answer == CannotTell {
		r.Answer = Nothing
	}
	return r
}

// fails says why nobody can tell. What was seen before stays seen.
func (r Record) fails(why string) Record {
	if r.Answer == Seen {
		r.Gaps = append(r.Gaps, "the list was not read to its end: "+why)
		return r
	}
	r.Answer, r.Why = CannotTell, why
	return r
}

func short(text string) string {
	runes := []rune(text)
	if len(runes) > maxText {
		return string(runes[:maxText-1]) + "…"
	}
	return text
}

// older adds the gap of a source that holds less than the life of the leak.
func (r *Record) older(since time.Time) {
	if !since.IsZero() && !r.From.IsZero() && since.Before(r.From) {
		r.Gaps = append(r.Gaps, "the first commit ("+since.UTC().Format(time.RFC3339)+") is older than what was read")
	}
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// window is the part of the last days that is of interest, with a gap where the
// leak is older than what the source keeps.
func (r *Record) window(now, since time.Time, keeps time.Duration, words string) {
	r.From, r.To = later(now.Add(-keeps), since).UTC(), now.UTC()
	switch {
	case since.IsZero():
		r.Gaps = append(r.Gaps, "it is not known when the credential was first committed; only "+words+" are kept")
	case since.Before(r.From):
		r.Gaps = append(r.Gaps, "between the first commit ("+since.UTC().Format(time.RFC3339)+") and the beginning of the window nothing is kept: only "+words)
	}
}
