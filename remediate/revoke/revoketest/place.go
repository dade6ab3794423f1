package revoketest

import (
	"errors"
	"fmt"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// place asks about a value where nobody said that it is from: what says only
// that the value is not known there is no death, and what the issuer says of a
// value that it knows still is one.
func (s *suite) place() error {
	if s.script.Record.Place == "" || s.script.Record.Place == revoke.PlaceForm || s.given() {
		return s.sure()
	}
	defer s.unplace()()
	if s.script.Check == nil {
		return s.unlisted()
	}
	doubted := 0
	for _, a := range s.script.Check.Answers {
		if a.Expect != "dead" {
			continue
		}
		if a.Absent {
			doubted++
			a.Expect = "unknown"
		}
		if err := s.check(a); err != nil {
			return fmt.Errorf("where nobody said that it is from: %s: %w", a.Name, err)
		}
		if !a.Absent {
			continue
		}
		a.Expect, s.in.Home = "dead", true
		if err := s.check(a); err != nil {
			return fmt.Errorf("where it was seen alive: %s: %w", a.Name, err)
		}
		s.in.Home = false
	}
	if doubted == 0 {
		return errors.New("the transcript has no answer for a value that is not known there")
	}
	return nil
}

// given reports whether the place is a setting that has to be given, so that
// nobody can be asked without the operator's word.
func (s *suite) given() bool {
	value, setting := s.script.Record.Settings[s.script.Record.Place]
	return setting && value == ""
}

// sure holds kinds with one place to transcripts that doubt none.
func (s *suite) sure() error {
	if s.script.Check == nil {
		return nil
	}
	for _, a := range s.script.Check.Answers {
		if a.Absent {
			return fmt.Errorf("%s: the transcript doubts the only place that there is", a.Name)
		}
	}
	return nil
}

// unplace takes the operator's word on the place back, until what it returns is called.
func (s *suite) unplace() (restore func()) {
	place, before := s.script.Record.Place, s.in
	value, setting := s.script.values[place]
	s.in.Home, s.in.Given = false, map[string]secret.Secret{}
	for name, given := range before.Given {
		if name != place {
			s.in.Given[name] = given
		}
	}
	if setting {
		s.script.values[place] = s.script.Record.Settings[place]
	}
	return func() {
		s.in = before
		if setting {
			s.script.values[place] = value
		}
	}
}

// unlisted asks a list that lacks the value.
func (s *suite) unlisted() error {
	if s.script.Find == nil {
		return nil
	}
	s.fake.Expect(s.script, s.script.pages(absent)...)
	report := s.fake.Client.Check(ctx, s.provider, s.in)
	if err := errors.Join(s.fake.Fault(), s.quiet(report)); err != nil {
		return err
	}
	if report.Status != revoke.Unknown || report.Why == "" {
		return fmt.Errorf("a list of one account that lacks it says %s (%s)", report.Status, report.Why)
	}
	return nil
}
