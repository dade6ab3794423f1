package revoketest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/rules"
)

// Conform holds a provider to its transcript: the record, every documented
// answer, the whole life of a value, and lists with decoys.
func Conform(f *Fake, p *revoke.Provider, t *Transcript) error {
	s := &suite{fake: f, provider: p, script: t, in: t.Input()}
	for _, part := range []struct {
		name string
		run  func() error
	}{{"record", s.record}, {"answers", s.answers}, {"place", s.place}, {"many", s.many}, {"look", s.look}, {"list", s.list}, {"life", s.life}} {
		if err := part.run(); err != nil {
			return fmt.Errorf("%s: %s: %w", p.ID, part.name, err)
		}
	}
	return nil
}

type suite struct {
	fake     *Fake
	provider *revoke.Provider
	script   *Transcript
	in       revoke.Input
}

var ctx = context.Background()

// record compares what the provider says of itself with the documentation.
func (s *suite) record() error {
	p, want, got := s.provider, s.script.Record, recordOf(s.provider)
	got.Target, got.Shown, got.Minted = want.Target, want.Shown, want.Minted
	if p.ID != s.script.ID {
		return fmt.Errorf("the id is not %s", s.script.ID)
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("the data says %+v, the documentation %+v", got, want)
	}
	if err := s.form(); err != nil {
		return err
	}
	for d, step := range s.deeds() {
		if has := s.provider.Can(d); has != (step != nil) {
			return fmt.Errorf("%s: in the data %v, documented %v", d, has, step != nil)
		}
		if err := s.rate(d, step); err != nil {
			return err
		}
	}
	return nil
}

// recordOf is what a provider says of itself.
func recordOf(p *revoke.Provider) Record {
	got := Record{
		Class: p.Class, Place: p.Place, Proof: p.Proof, Rules: p.Rules, Hosts: p.Hosts, Effects: p.Effects, Critical: p.Crown,
		Over: p.Over, Public: p.Public, Batch: p.Batch, Settle: p.Settle, Notifies: p.Notifies, InURL: p.SecretInURL != "",
	}
	if p.Rate.Calls > 0 {
		got.Rate = fmt.Sprintf("%d per %s", p.Rate.Calls, time.Duration(p.Rate.Per))
	}
	for _, n := range p.Needs {
		switch n.From {
		case "admin":
			got.Admin = append(got.Admin, n.Name)
		case "leak":
			got.Leak = append(got.Leak, n.Name)
		case "leak-public":
			got.LeakedIDs = append(got.LeakedIDs, n.Name)
		default:
			if got.Settings == nil {
				got.Settings = map[string]string{}
			}
			got.Settings[n.Name] = n.Default
			if len(n.Choices) > 0 {
				if got.Choices == nil {
					got.Choices = map[string][]string{}
				}
				got.Choices[n.Name] = n.Choices
			}
		}
	}
	return got
}

// form compares which values the provider takes for its own.
func (s *suite) form() error {
	if !s.provider.Accepts(s.in.Secret) {
		return errors.New("it does not accept its own kind of value")
	}
	if s.provider.Value != "" && len(s.script.Foreign) == 0 {
		return errors.New("it is particular about values, and the transcript names none of another kind")
	}
	for _, template := range s.script.Foreign {
		value, err := rules.ExpandExample(template, 1)
		if err != nil {
			return err
		}
		if s.provider.Accepts(secret.New(value)) {
			return fmt.Errorf("it accepts a value of another kind, %s", template)
		}
	}
	return s.misfits()
}

// misfits are values that what is given shows to be somebody else's.
func (s *suite) misfits() error {
	if err := s.provider.Fits(s.in); err != nil {
		return err
	}
	for name, value := range s.script.Misfits {
		in := s.in
		in.Given = maps.Clone(in.Given)
		in.Given[name] = secret.New(value)
		s.fake.Expect(s.script)
		if r := s.fake.Client.Check(ctx, s.provider, in); s.provider.Fits(in) == nil || r.Status != revoke.Unknown || s.fake.Fault() != nil {
			return fmt.Errorf("it is asked about (%s), though %s says that it is somebody else's", r.Status, name)
		}
	}
	return nil
}

func (s *suite) deeds() map[revoke.Deed]*Step {
	return map[revoke.Deed]*Step{revoke.Disable: s.script.Disable, revoke.Undo: s.script.Undo, revoke.Revoke: s.script.Revoke}
}

// answers plays every documented answer of every step.
func (s *suite) answers() error {
	if c := s.script.Check; c != nil {
		for _, a := range c.Answers {
			if err := s.check(a); err != nil {
				return fmt.Errorf("check: %s: %w", a.Name, err)
			}
		}
	}
	target, err := s.locate()
	if err != nil {
		return err
	}
	for _, d := range []revoke.Deed{revoke.Disable, revoke.Undo, revoke.Revoke} {
		step := s.deeds()[d]
		if step == nil {
			continue
		}
		for _, a := range step.Answers {
			if err := s.act(d, target, a); err != nil {
				return fmt.Errorf("%s: %s: %w", d, a.Name, err)
			}
		}
	}
	return nil
}

// check plays one answer to the check and compares what was understood.
func (s *suite) check(a Reply) error {
	_, err := s.checked(a)
	return err
}

func (s *suite) checked(a Reply) (revoke.Report, error) {
	s.fake.Expect(s.script, Exchange{s.script.Check.Request, s.script.serve(a)})
	report := s.fake.Client.Check(ctx, s.provider, s.in)
	err := s.fake.Fault()
	switch {
	case err != nil:
	case report.Status.String() != a.Expect:
		err = fmt.Errorf("status %s (%s), documented %s", report.Status, report.Why, a.Expect)
	case report.Why == "":
		err = errors.New("it does not say why")
	case a.Expect == "live" && !equalMaps(report.Identity, s.script.fillMap(a.Identity)):
		err = fmt.Errorf("identity %v, documented %v", report.Identity, a.Identity)
	case a.Expect == "live" && !slices.Equal(report.Scopes, a.Scopes):
		err = fmt.Errorf("scopes %q, documented %q", report.Scopes, a.Scopes)
	}
	return report, errors.Join(err, s.quiet(report))
}

func (s *suite) act(d revoke.Deed, target revoke.Target, a Reply) error {
	s.fake.Expect(s.script, s.script.queue(s.deeds()[d], s.script.serve(a))...)
	outcome := s.fake.Client.Act(ctx, s.provider, s.in, target, d)
	err := s.fake.Fault()
	switch {
	case err != nil:
	case outcome.Result.String() != a.Expect:
		err = fmt.Errorf("outcome %s (%s), documented %s", outcome.Result, outcome.Why, a.Expect)
	case outcome.Why == "":
		err = errors.New("it does not say why")
	case outcome.Result == revoke.Done && outcome.Settle != time.Duration(s.script.Record.Settle):
		err = fmt.Errorf("it settles within %s, documented %s", outcome.Settle, time.Duration(s.script.Record.Settle))
	}
	return errors.Join(err, s.quiet(outcome))
}

// locate plays a check that says live, and the list where there is one.
func (s *suite) locate() (revoke.Target, error) {
	report := revoke.Report{}
	if s.script.Check != nil {
		live, ok := s.script.Check.first("live", "")
		if !ok {
			return revoke.Target{}, errors.New("the transcript has no answer that means live")
		}
		var err error
		if report, err = s.checked(live); err != nil {
			return revoke.Target{}, err
		}
	}
	s.fake.Expect(s.script, s.script.pages(whole)...)
	target, err := s.fake.Client.Locate(ctx, s.provider, s.in, report)
	if err = errors.Join(s.fake.Fault(), err, s.quiet(target)); err != nil {
		return target, err
	}
	if want := s.script.fill(s.script.Record.Target); target.ID != want {
		return target, fmt.Errorf("located the record %q, and the true one is %q", target.ID, want)
	}
	return target, nil
}

// life walks a value from live to dead.
func (s *suite) life() error {
	target, err := s.locate()
	if err != nil {
		return err
	}
	if err := s.kept(target); err != nil {
		return err
	}
	if s.script.Disable != nil {
		if err := errors.Join(s.done(revoke.Disable, target), s.status("dead", "disabled"), s.done(revoke.Undo, target), s.status("live", "")); err != nil {
			return err
		}
	}
	if s.script.Revoke == nil {
		return nil
	}
	if err := s.done(revoke.Revoke, target); err != nil {
		return err
	}
	if s.script.Record.Settle > 0 { // accepted, and dead a while later
		if err := s.status("live", ""); err != nil {
			return err
		}
	}
	if err := s.status("dead", ""); err != nil {
		return err
	}
	gone, ok := s.script.Revoke.first("gone", "")
	if !ok {
		return nil
	}
	return s.act(revoke.Revoke, target, gone)
}

// kept holds a target that a journal kept to what it is good for: nothing but
// undo until somebody vouches for it, and then the very same calls, unless they
// need what the provider told and nobody may write down.
func (s *suite) kept(target revoke.Target) error {
	text, err := json.Marshal(target)
	if err != nil {
		return err
	}
	var back revoke.Target
	if err := errors.Join(json.Unmarshal(text, &back), s.quiet(string(text))); err != nil {
		return err
	}
	for _, d := range []revoke.Deed{revoke.Disable, revoke.Revoke} {
		s.fake.Expect(s.script)
		if o := s.fake.Client.Act(ctx, s.provider, s.in, back, d); o.Result != revoke.Refused {
			return fmt.Errorf("%s by a target that was read back is %s", d, o.Result)
		}
		if err := s.fake.Fault(); err != nil {
			return err
		}
	}
	if s.script.Undo != nil {
		if err := s.done(revoke.Undo, back); err != nil {
			return fmt.Errorf("read back: %w", err)
		}
	}
	if s.script.Revoke == nil || len(s.script.Record.Minted) > 0 && s.script.Disable == nil {
		return nil
	}
	if err := s.done(revoke.Revoke, back.Vouched()); err != nil { // as behind a grace
		return fmt.Errorf("vouched for: %w", err)
	}
	return nil
}

func (s *suite) done(d revoke.Deed, target revoke.Target) error {
	done, ok := s.deeds()[d].first("done", "")
	if !ok {
		return fmt.Errorf("the transcript has no answer that means that %s is done", d)
	}
	if err := s.act(d, target, done); err != nil {
		return fmt.Errorf("%s: %w", d, err)
	}
	return nil
}

// status plays the first answer that means it; a kind without a check is
// checked by its list.
func (s *suite) status(want, state string) error {
	if s.script.Check == nil && s.script.Find == nil { // it cannot be checked, and says so
		s.fake.Expect(s.script)
		if r := s.fake.Client.Check(ctx, s.provider, s.in); r.Status != revoke.Unknown || r.Why == "" {
			return fmt.Errorf("status %s without a check", r.Status)
		}
		return s.fake.Fault()
	}
	if s.script.Check != nil {
		a, ok := s.script.Check.first(want, state)
		if !ok {
			return fmt.Errorf("the transcript has no answer that means %s", want)
		}
		return s.check(a)
	}
	kept := map[string]variant{"live": whole, "dead": absent}[want]
	s.fake.Expect(s.script, s.script.pages(kept)...)
	report := s.fake.Client.Check(ctx, s.provider, s.in)
	if err := errors.Join(s.fake.Fault(), s.quiet(report)); err != nil {
		return err
	}
	if report.Status.String() != want {
		return fmt.Errorf("status %s (%s), documented %s", report.Status, report.Why, want)
	}
	return nil
}

// quiet holds what was said to hold no value.
func (s *suite) quiet(said any) error {
	text := fmt.Sprintf("%+v", said)
	for _, value := range s.script.Secrets() {
		for _, form := range secret.Forms(value) {
			if strings.Contains(text, form) {
				return errors.New("a secret is visible in what was said")
			}
		}
	}
	return nil
}

func (t *Step) first(expect, state string) (Reply, bool) {
	for _, a := range t.Answers {
		if a.Expect == expect && a.State == state {
			return a, true
		}
	}
	return Reply{}, false
}

// serve is the handler of an answer.
func (t *Transcript) serve(a Reply) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		kind := a.Type
		if kind == "" {
			kind = "application/json"
		}
		if a.Body != "" {
			w.Header().Set("Content-Type", kind)
		}
		for name, value := range a.Headers {
			w.Header().Set(name, t.fill(value))
		}
		w.WriteHeader(a.Status)
		_, _ = w.Write([]byte(t.fill(a.Body)))
	}
}

func (t *Transcript) fillMap(m map[string]string) map[string]string {
	filled := map[string]string{}
	for name, value := range m {
		filled[name] = t.fill(value)
	}
	return filled
}

func equalMaps(a, b map[string]string) bool {
	return len(a) == len(b) && (len(a) == 0 || reflect.DeepEqual(a, b))
}

// CheckExchange is the check's request with one of its answers.
func (t *Transcript) CheckExchange(a Reply) Exchange {
	return Exchange{t.Check.Request, t.serve(a)}
}
