package revoketest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/rules"
)

// rate compares how often a deed may be called for.
func (s *suite) rate(d revoke.Deed, step *Step) error {
	if step == nil {
		return nil
	}
	said := ""
	if name, r := s.provider.Pace(d); name != s.provider.ID {
		said = fmt.Sprintf("%d per %s", r.Calls, time.Duration(r.Per))
	}
	if said != step.Rate {
		return fmt.Errorf("%s: the rate is %q, documented %q", d, said, step.Rate)
	}
	return nil
}

// many sends three values in one call, as the documentation says, and holds the
// call to what is proven: a value without a proof, one of another kind, or one
// too many, and nothing is sent.
func (s *suite) many() error {
	if s.script.Record.Batch == 0 {
		return nil
	}
	if s.script.Revoke == nil || s.script.Revoke.Many == nil {
		return errors.New("the transcript does not say how several values are sent in one call")
	}
	shots, err := s.shots("secret", "second", "third")
	if err != nil {
		return err
	}
	for _, a := range s.script.Revoke.Answers {
		o := s.volley(shots, Exchange{*s.script.Revoke.Many, s.script.serve(a)})
		if err := errors.Join(s.fake.Fault(), s.quiet(o), s.hidden(o)); err != nil {
			return fmt.Errorf("%s: %w", a.Name, err)
		}
		if o.Result.String() != a.Expect {
			return fmt.Errorf("%s: %s (%s), documented %s", a.Name, o.Result, o.Why, a.Expect)
		}
	}
	return s.spoiled(shots)
}

func (s *suite) volley(shots []revoke.Shot, queue ...Exchange) revoke.Outcome {
	s.fake.Expect(s.script, queue...)
	return s.fake.Client.ActAll(ctx, s.provider, shots, revoke.Revoke)
}

// shots are values of the transcript with their proofs.
func (s *suite) shots(names ...string) (all []revoke.Shot, err error) {
	for _, name := range names {
		in := s.in
		in.Secret = secret.New(s.script.values[name])
		target, err := s.fake.Client.Locate(ctx, s.provider, in, revoke.Report{})
		if err != nil {
			return nil, err
		}
		all = append(all, revoke.Shot{Input: in, Target: target})
	}
	return all, nil
}

// spoiled is every call of several values that must not be made.
func (s *suite) spoiled(shots []revoke.Shot) error {
	unproved, foreign := clone(shots), clone(shots)
	unproved[1].Target = revoke.Target{Provider: s.provider.ID, Proof: revoke.ProofValue}
	calls := map[string][]revoke.Shot{"none": nil, "without a proof": unproved, "too many": nil}
	for len(calls["too many"]) <= s.script.Record.Batch {
		calls["too many"] = append(calls["too many"], shots[0])
	}
	if len(s.script.Foreign) > 0 {
		value, err := rules.ExpandExample(s.script.Foreign[0], 1)
		if err != nil {
			return err
		}
		foreign[2].Input.Secret = secret.New(value)
		calls["a value of another kind"] = foreign
	}
	for name, shots := range calls {
		o := s.volley(shots)
		if err := errors.Join(s.fake.Fault(), s.quiet(o), s.hidden(o)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if o.Result != revoke.Refused {
			return fmt.Errorf("%s: %s", name, o.Result)
		}
	}
	return nil
}

func clone(shots []revoke.Shot) []revoke.Shot { return append([]revoke.Shot(nil), shots...) }

// hidden holds what was said to none of the further values.
func (s *suite) hidden(o revoke.Outcome) error {
	for _, name := range []string{"second", "third"} {
		if strings.Contains(o.Why, s.script.values[name]) {
			return errors.New("one of several values is visible in what was said")
		}
	}
	return nil
}
