package revoke

import (
	"errors"
	"fmt"
	"slices"
)

// Where a value would be known if it worked. A credential that is asked about at
// the wrong place is answered like a dead one, so "not known here" is a death
// only where the place is proven. See [Provider.Place].
const (
	// PlaceForm: the form of the value says whose it is, and there is one place.
	PlaceForm = "form"
	// PlaceNone: one account, cluster or tenant of many is asked.
	PlaceNone = "none"
)

// Placed reports whether the value is asked about where it would be known.
func (p *Provider) Placed(in Input) bool {
	return in.Home || p.Place == PlaceForm || p.Place != PlaceNone && !in.Given[p.Place].IsZero()
}

// doubtful reports whether an answer can say that a value is merely not known here.
func (p *Provider) doubtful() bool {
	if p.Check == nil || p.Place == PlaceForm {
		return false
	}
	n := p.Need(p.Place)
	return n == nil || n.Default != ""
}

// elsewhere makes a death unknown that says only that the value is not known
// where it was asked about.
func (p *Provider) elsewhere(means string) Report {
	if n := p.Need(p.Place); n != nil {
		return Report{Answered: true, Why: fmt.Sprintf("%s, as it is of values from elsewhere; nobody said that they are from %s: set %s in [settings.%s]", means, n.Default, n.Name, p.ID)}
	}
	return Report{Answered: true, Why: fmt.Sprintf("%s, as it is of values of other accounts; if there are none, name %s in home", means, p.ID)}
}

// validatePlace holds every kind that can be checked to say what proves the
// place, and every answer that means dead to say whether it needs that.
func (p *Provider) validatePlace() error {
	need := p.Need(p.Place)
	switch {
	case p.Check == nil && p.Unchecked != "":
		if p.Place != "" {
			return errors.New("place belongs to a check")
		}
		return nil
	case p.Check == nil && p.Place != PlaceNone:
		return fmt.Errorf("place: a list is that of one account, so it is %s", PlaceNone)
	case p.Place != PlaceForm && p.Place != PlaceNone && (need == nil || need.From != "setting"):
		return fmt.Errorf("place is %s, %s or the name of a setting, not %q", PlaceForm, PlaceNone, p.Place)
	case p.Check == nil:
		return nil
	}
	said := func(a Answer) bool { return (a.Absent != nil) != p.doubtful() }
	if slices.ContainsFunc(p.Check.Dead, said) {
		return errors.New("check: each dead answer says with absent whether it is only that the value is not known here, if the place can be the wrong one; else none does")
	}
	return nil
}

// words say what proves the place.
func (p *Provider) placeWords() string {
	switch p.Place {
	case PlaceForm:
		return "the form of the value says whose it is"
	case PlaceNone:
		return "one account of many is asked, so that it does not know a value proves nothing, unless the value was seen alive there or `home` names this kind"
	}
	return fmt.Sprintf("the operator's word, `%s`; where that is only the default, not being known there proves nothing", p.Place)
}
