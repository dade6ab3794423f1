package revoketest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/leakgate/leakgate/remediate/revoke"
)

// variant is what of the true record a played list holds.
type variant int

const (
	whole  variant = iota
	absent         // decoys only
	twin           // two records fit
)

// pages are the exchanges of a complete list.
func (t *Transcript) pages(v variant) (queue []Exchange) {
	if t.Find == nil {
		return nil
	}
	for _, page := range t.Find.Pages {
		want := t.Find.Request
		want.Query = map[string]string{}
		for name, value := range t.Find.Request.Query {
			want.Query[name] = value
		}
		for name, value := range page.Query {
			want.Query[name] = value
		}
		queue = append(queue, Exchange{want, t.serve(Reply{Status: http.StatusOK, Headers: page.Headers, Body: t.pageBody(page.Body, v)})})
	}
	return queue
}

// pageBody puts the true record where {{record}} stands between two others.
func (t *Transcript) pageBody(body string, v variant) string {
	record := strings.TrimSpace(t.fill(t.Find.Record))
	switch v {
	case absent:
		for _, place := range []string{"{{record}},", ",{{record}}", "{{record}}"} {
			body = strings.ReplaceAll(body, place, "")
		}
	case twin:
		other := strings.Replace(record, `"`+t.fill(t.Record.Target)+`"`, `"twin-of-the-true-one"`, 1)
		if other == record {
			other = strings.Replace(record, ":"+t.Record.Target+",", ":999999,", 1)
		}
		body = strings.ReplaceAll(body, "{{record}}", record+","+other)
	}
	return strings.ReplaceAll(body, "{{record}}", record)
}

// list holds a provider with a list to exactness: without the true record,
// with two that fit, with a page that does not come, and without a date where
// one is needed, nothing is located and nothing can be done.
func (s *suite) list() error {
	if s.script.Find == nil {
		return nil
	}
	if !strings.Contains(fmt.Sprint(s.script.Find.Pages), "{{record}}") {
		return errors.New("the transcript's list has no true record")
	}
	for _, v := range []variant{absent, twin} {
		if v == twin && s.script.Find.SameID {
			continue
		}
		if err := s.refused(s.in, s.script.pages(v)); err != nil {
			return fmt.Errorf("variant %d: %w", v, err)
		}
	}
	broken := s.script.pages(whole)
	broken[len(broken)-1].Serve = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	if err := s.refused(s.in, broken); err != nil {
		return fmt.Errorf("a page that does not come: %w", err)
	}
	if s.script.Record.Proof != revoke.ProofListEdges {
		return nil
	}
	undated, early := s.in, s.in
	undated.Seen, early.Seen = time.Time{}, time.Unix(1, 0)
	return errors.Join(s.refused(undated, nil), s.refused(early, s.script.pages(whole)))
}

func (s *suite) refused(in revoke.Input, queue []Exchange) error {
	report := revoke.Report{}
	if s.script.Check != nil { // what the issuer tells of the value may be a part of the question
		live, _ := s.script.Check.first("live", "")
		var err error
		if report, err = s.checked(live); err != nil {
			return err
		}
	}
	s.fake.Expect(s.script, queue...)
	target, err := s.fake.Client.Locate(ctx, s.provider, in, report)
	if fault := s.fake.Fault(); fault != nil {
		return fault
	}
	if !errors.Is(err, revoke.ErrAmbiguous) {
		return fmt.Errorf("located %q instead of refusing", target.ID)
	}
	for d := range s.deeds() { // and a target that nobody located does nothing, but for undo
		if d == revoke.Undo || !s.provider.Can(d) {
			continue
		}
		s.fake.Expect(s.script)
		if o := s.fake.Client.Act(ctx, s.provider, in, target, d); o.Result != revoke.Refused {
			return fmt.Errorf("%s without a target is %s", d, o.Result)
		}
		if err := s.fake.Fault(); err != nil {
			return err
		}
	}
	return s.quiet(err)
}
