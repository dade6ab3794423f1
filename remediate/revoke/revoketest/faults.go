package revoketest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/remediate/revoke"
)

// fault is one way in which a provider, or what stands before it, fails.
type fault struct {
	name  string
	wait  time.Duration // that is asked for
	serve http.HandlerFunc
}

func status(code int, kind, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}
}

const page = "<!DOCTYPE html><html><title>sign in</title></html>"

// faults are the same for everybody.
var faults = []fault{
	{"too many calls", 7 * time.Second, status(429, "application/json", `{}`, "Retry-After", "7")},
	{"out of order", 0, status(500, "application/json", `{}`)},
	{"unavailable", 90 * time.Second, status(503, "text/html", page, "Retry-After", "90")},
	{"redirect to another host", 0, status(302, "text/plain", "", "Location", "https://elsewhere.example/")},
	{"permanent redirect", 0, status(308, "text/plain", "", "Location", "https://elsewhere.example/")},
	{"HTML that says fine", 0, status(200, "text/html", page)},
	{"HTML in disguise", 0, status(200, "application/json", page)},
	{"HTML that says no", 0, status(401, "text/html; charset=utf-8", page)},
	{"HTML that says forbidden", 0, status(403, "text/html", page)},
	{"HTML that says not here", 0, status(404, "text/html", page)},
	{"nothing", 0, status(200, "application/json", "")},
	{"half a document", 0, status(200, "application/json", `{"ok": tr`)},
	{"two documents", 0, status(200, "application/json", `{}{}`)},
	{"nothing documented", 0, status(418, "application/json", `{}`)},
	{"ten megabytes", 0, status(200, "application/json", `"`+strings.Repeat("x", 10<<20)+`"`)},
	{"ten megabytes that say no", 0, status(401, "application/json", `"`+strings.Repeat("x", 10<<20)+`"`)},
	{"cut off", 0, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte(`{`))
	}},
}

// slow never answers, not even when the client has hung up.
var slow = fault{"slow", 0, func(_ http.ResponseWriter, r *http.Request) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}}

// Slow holds a provider to give up in time when nothing is answered, which is
// learned with the client of the second fake.
func Slow(f, impatient *Fake, p *revoke.Provider, t *Transcript) error {
	s := &suite{fake: f, provider: p, script: t, in: t.Input()}
	target, err := s.locate()
	if err != nil {
		return err
	}
	s.fake = impatient
	return errors.Join(s.faultyCheck(slow), s.faultyAct(slow, target))
}

// Faults holds a provider to learn nothing from an answer that is none: the
// status is unknown, the outcome unclear, the wait passed on, no other host
// asked, no value shown.
func Faults(f *Fake, p *revoke.Provider, t *Transcript) error {
	s := &suite{fake: f, provider: p, script: t, in: t.Input()}
	target, err := s.locate()
	if err != nil {
		return fmt.Errorf("%s: %w", p.ID, err)
	}
	for _, fault := range faults {
		if err := s.faulty(fault, target); err != nil {
			return fmt.Errorf("%s: %s: %w", p.ID, fault.name, err)
		}
	}
	for _, host := range f.Dialled() {
		if host == "elsewhere.example" {
			return fmt.Errorf("%s: followed a redirect", p.ID)
		}
	}
	return nil
}

func (s *suite) faulty(f fault, target revoke.Target) error {
	if err := s.faultyCheck(f); err != nil {
		return err
	}
	if s.script.Find != nil {
		if err := s.refused(s.in, []Exchange{{s.script.pages(whole)[0].Request, f.serve}}); err != nil {
			return fmt.Errorf("find: %w", err)
		}
	}
	return s.faultyAct(f, target)
}

func (s *suite) faultyCheck(f fault) error {
	if s.script.Check == nil {
		return nil
	}
	s.fake.Expect(s.script, Exchange{s.script.Check.Request, f.serve})
	report := s.fake.Client.Check(ctx, s.provider, s.in)
	if err := s.learned(report.Status == revoke.Unknown, report.Why, report.RetryAfter, f, report); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	return nil
}

func (s *suite) faultyAct(f fault, target revoke.Target) error {
	for d, step := range s.deeds() {
		if step == nil || textual(step, f) {
			continue
		}
		s.fake.Expect(s.script, s.script.queue(step, f.serve)...)
		outcome := s.fake.Client.Act(ctx, s.provider, s.in, target, d)
		if err := s.learned(outcome.Result == revoke.Unclear, outcome.Why, outcome.RetryAfter, f, outcome); err != nil {
			return fmt.Errorf("%s: %w", d, err)
		}
	}
	return nil
}

// textual reports whether the fault is none for a deed: an empty answer often
// says that it is done, which a check then proves; and where the documented
// answer is of any text, broken documents are as good.
func textual(step *Step, f fault) bool {
	if f.name == "nothing" {
		return true
	}
	plain := slices.ContainsFunc(step.Answers, func(a Reply) bool { return a.Type == "text/plain" })
	return plain && (f.name == "half a document" || f.name == "two documents")
}

func (s *suite) learned(nothing bool, why string, wait time.Duration, f fault, said any) error {
	err := s.fake.Fault()
	if f.name == slow.name { // a busy machine may give up before it has asked
		err = nil
	}
	switch {
	case err != nil:
	case !nothing:
		err = errors.New("something was learned from it")
	case why == "":
		err = errors.New("it does not say why")
	case wait != f.wait:
		err = fmt.Errorf("the caller is told to wait %s, the provider asked for %s", wait, f.wait)
	}
	return errors.Join(err, s.quiet(said))
}
