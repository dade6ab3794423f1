package gate

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/scanner"
)

// soon is how long before its last day an exception gets a notice.
const soon = 14 * 24 * time.Hour

// errNoObjects stands for every reading where there are no objects to read.
var errNoObjects = errors.New("there is no repository to read it from")

// pardons are the exceptions and baseline entries of one verdict.
type pardons struct {
	policy     Policy
	now        time.Time
	values     Values
	exceptions map[string][]int    // fingerprint to indexes in policy.Exceptions
	forms      []int               // indexes of the exceptions of forms
	baseline   map[string][]string // fingerprint to blobs, "" for a form
	used       map[int]bool
	read       map[Place]reading
	order      []Place                  // of the failed readings
	same       map[Place]*secret.Secret // the one value found at a place, nil for several
}

// reading is what Values said of a place.
type reading struct {
	values []secret.Secret
	err    error
}

// pardon is what became of a finding's excepted place: holds allows the finding.
// reason says why it does or does not, and is "" where no place is excepted.
type pardon struct {
	reason string
	holds  bool
}

func newPardons(in Input) *pardons {
	p := &pardons{policy: in.Policy, now: in.Now, values: in.Values, used: map[int]bool{},
		exceptions: map[string][]int{}, baseline: map[string][]string{},
		read: map[Place]reading{}, same: map[Place]*secret.Secret{}}
	for i, e := range in.Policy.Exceptions {
		if e.form() {
			p.forms = append(p.forms, i)
			continue
		}
		p.exceptions[e.Fingerprint] = append(p.exceptions[e.Fingerprint], i)
	}
	for _, e := range in.Baseline.Entries {
		p.baseline[e.Fingerprint] = append(p.baseline[e.Fingerprint], e.Blob)
	}
	for _, f := range in.Result.Findings {
		p.note(f)
	}
	return p
}

// note remembers the value of a place, so that a finding in the very blob that
// an entry names needs no second reading, unless the place has two values.
func (p *pardons) note(f scanner.Finding) {
	if p.exceptions[f.Fingerprint] == nil && p.baseline[f.Fingerprint] == nil {
		return
	}
	place := placeOf(f, f.At.Blob)
	known, seen := p.same[place]
	switch {
	case !seen:
		p.same[place] = &f.Secret
	case known != nil && !known.Equal(f.Secret):
		p.same[place] = nil
	}
}

// of finds what pardons a finding: first exceptions, then the baseline.
func (p *pardons) of(f scanner.Finding) pardon {
	switch {
	case f.Form():
		return p.ofForm(f)
	case f.Fingerprint == "" || f.Secret.IsZero():
		return pardon{}
	}
	out := pardon{}
	if slices.ContainsFunc(p.forms, func(i int) bool { return p.policy.Exceptions[i].coversForm(f) }) {
		out.reason = ReasonValue
	}
	for _, i := range p.exceptions[f.Fingerprint] {
		e := p.policy.Exceptions[i]
		if !e.names(f) || e.Expired(p.now) {
			continue
		}
		equal, refusal := p.equal(f, e.Blob)
		if equal {
			p.used[i] = true
			return pardon{ReasonException, true}
		}
		out.reason = refusal
	}
	for _, blob := range p.baseline[f.Fingerprint] {
		equal, refusal := p.equal(f, blob)
		if equal {
			return pardon{ReasonBaseline, true}
		}
		out.reason = refusal
	}
	return out
}

// names reports whether the exception's rule and path, where given, are the finding's.
func (e Exception) names(f scanner.Finding) bool {
	place := placeOf(f, e.Blob)
	return (e.Rule == "" || e.Rule == place.Rule) && (e.Path == "" || e.Path == place.Path)
}

// equal reports whether the finding's place had the finding's value in the
// blob, and if not, why that is refused.
func (p *pardons) equal(f scanner.Finding, blob string) (bool, string) {
	place := placeOf(f, blob)
	if blob == f.At.Blob && p.same[place] != nil {
		return true, "" // f itself is what stands there
	}
	there := p.at(place)
	if there.err != nil {
		return false, ReasonUnread
	}
	for _, v := range there.values {
		if v.Equal(f.Secret) {
			return true, ""
		}
	}
	return false, ReasonChanged
}

// at asks for the values of a place, once.
func (p *pardons) at(place Place) reading {
	if known, seen := p.read[place]; seen {
		return known
	}
	var values []secret.Secret
	err := errNoObjects
	if p.values != nil {
		values, err = p.values.At(place)
	}
	if err != nil {
		values, p.order = nil, append(p.order, place)
	}
	p.read[place] = reading{values, err}
	return p.read[place]
}

// notices are about exceptions that expired, will soon, could not be read again
// or, if all was seen, were not used.
func (p *pardons) notices(all bool) []Notice {
	var out []Notice
	for i, e := range p.policy.Exceptions {
		text, day := "", e.Expires.Format(time.DateOnly)
		switch left := e.Expires.AddDate(0, 0, 1).Sub(p.now); {
		case e.Expired(p.now):
			text = fmt.Sprintf("the exception of %s expired after %s and is not applied", e.owner(), day)
		case all && !p.used[i] && e.form():
			text = fmt.Sprintf("the exception of %s is not used: the rule %s found nothing where it holds", e.owner(), e.Rule)
		case all && !p.used[i]:
			text = fmt.Sprintf("the exception of %s is not used: nothing was found at its place with its value", e.owner())
		case left <= soon:
			text = fmt.Sprintf("the exception of %s expires after %s", e.owner(), day)
		default:
			continue
		}
		out = append(out, Notice{Text: text, Path: cmp.Or(e.File, p.policy.Name), Line: e.Line})
	}
	return append(out, atMost(p.unread(), "more exceptions or baseline entries are not applied")...)
}

// unread are notices about the places whose values could not be read again.
func (p *pardons) unread() (out []Notice) {
	for _, place := range p.order {
		out = append(out, Notice{Path: place.Path, Text: fmt.Sprintf(
			"an exception or baseline entry is not applied: its value cannot be read in blob %s: %v", place.Blob, p.read[place].err)})
	}
	return out
}

// owner is the owner in quotes, since it is free text.
func (e Exception) owner() string { return quote("", e.Owner) }

func placeOf(f scanner.Finding, blob string) Place {
	place := Place{Fingerprint: f.Fingerprint, Blob: blob, Path: f.At.Path}
	if f.Rule != nil {
		place.Rule = f.Rule.ID
	}
	return place
}
