package revoketest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/leakgate/leakgate/remediate/revoke"
)

// look plays every answer to the second question about a live value, and asks
// nothing about one that is not.
func (s *suite) look() error {
	if has := s.provider.Look != nil; has != (s.script.Look != nil) {
		return fmt.Errorf("in the data %v, documented %v", has, s.script.Look != nil)
	}
	for _, scope := range s.script.Record.Critical {
		if !s.provider.Critical([]string{"other", scope}) {
			return fmt.Errorf("the scope %s is not critical", scope)
		}
	}
	if !slices.Equal(s.provider.Crown, s.script.Record.Critical) {
		return fmt.Errorf("critical are %q, documented %q", s.provider.Crown, s.script.Record.Critical)
	}
	if s.script.Look == nil {
		return nil
	}
	live := revoke.Report{Status: revoke.Live}
	for _, a := range append(slices.Clone(s.script.Look.Answers), Reply{Name: "out of order", Expect: "unknown", Status: 503}) {
		s.fake.Expect(s.script, Exchange{s.script.Look.Request, s.script.serve(a)})
		said := s.fake.Client.Look(ctx, s.provider, s.in, live)
		if err := errors.Join(s.fake.Fault(), s.quiet(said)); err != nil {
			return fmt.Errorf("%s: %w", a.Name, err)
		}
		open := "nobody can tell " + s.provider.Look.About
		if got := map[bool]string{said == "": "fine", said == open: "unknown"}[true]; got != a.Expect && (got != "" || a.Expect != "worse") {
			return fmt.Errorf("%s: said %q, documented %s", a.Name, said, a.Expect)
		}
	}
	s.fake.Expect(s.script)
	if said := s.fake.Client.Look(ctx, s.provider, s.in, revoke.Report{Status: revoke.Dead}); said != "" {
		return fmt.Errorf("of a dead value it says %q", said)
	}
	return s.fake.Fault()
}
