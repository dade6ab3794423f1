package report

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/scanner"
)

// suite is one testsuite: a rule, or the coverage.
type suite struct {
	name                             string
	findings                         []*gate.Judged
	tests, failures, errors, skipped int
}

// writeJUnit writes one testsuite per rule, one testcase per finding: a failure
// for a block, skipped for what is allowed, output for a warning; and a
// testsuite for the coverage with an error for each item that was missed, so
// that a clean report has a test too.
func writeJUnit(w io.Writer, v *view) error {
	suites := v.suites()
	coverage := suite{name: "coverage", tests: max(1, v.problems()), errors: v.problems()}
	total := suite{}
	for _, s := range append(suites, coverage) {
		total.tests += s.tests
		total.failures += s.failures
		total.errors += s.errors
		total.skipped += s.skipped
	}
	x := &xmlWriter{w: w}
	x.line(`<?xml version="1.0" encoding="UTF-8"?>`)
	x.line(`<testsuites name="%s" tests="%d" failures="%d" errors="%d" skipped="%d" time="%s">`,
		xmlText(v.Tool.Name), total.tests, total.failures, total.errors, total.skipped, v.seconds())
	for _, s := range suites {
		x.open(v, s)
		for _, f := range s.findings {
			x.testcase(v, s.name, f)
		}
		x.line(`  </testsuite>`)
	}
	x.open(v, coverage)
	x.coverage(v)
	x.line(`  </testsuite>`)
	x.line(`</testsuites>`)
	return x.err
}

// suites groups the findings by rule, in the order of the rules' ids.
func (v *view) suites() []suite {
	byRule := map[string]*suite{}
	var names []string
	for i := range v.Verdict.Findings {
		f := &v.Verdict.Findings[i]
		name := ruleOf(f).ID
		s := byRule[name]
		if s == nil {
			s = &suite{name: v.mask.clean(name)}
			byRule[name] = s
			names = append(names, name)
		}
		s.add(f)
	}
	slices.Sort(names)
	suites := make([]suite, 0, len(names))
	for _, name := range names {
		suites = append(suites, *byRule[name])
	}
	return suites
}

func (s *suite) add(f *gate.Judged) {
	s.findings = append(s.findings, f)
	s.tests++
	switch f.Decision {
	case gate.Block:
		s.failures++
	case gate.Allow:
		s.skipped++
	case gate.Undecided:
		s.errors++
	}
}

// problems is the number of errors of the coverage testsuite.
func (v *view) problems() int {
	n := len(v.missed)
	for _, notice := range v.Verdict.Notices {
		if notice.Block {
			n++
		}
	}
	if len(v.missed) == 0 && !v.complete() {
		n++
	}
	return n
}

func (v *view) seconds() string {
	return fmt.Sprintf("%.3f", max(0, v.Finished.Sub(v.Started).Seconds()))
}

// xmlWriter prints lines and remembers the first error.
type xmlWriter struct {
	w   io.Writer
	err error
}

func (x *xmlWriter) line(format string, args ...any) {
	if x.err == nil {
		_, x.err = fmt.Fprintf(x.w, format+"\n", args...)
	}
}

func (x *xmlWriter) open(v *view, s suite) {
	x.line(`  <testsuite name="%s" tests="%d" failures="%d" errors="%d" skipped="%d" time="0" timestamp="%s">`,
		xmlText(s.name), s.tests, s.failures, s.errors, s.skipped, utcSeconds(v.Started))
}

func (x *xmlWriter) testcase(v *view, suite string, f *gate.Judged) {
	name := v.placeText(f)
	if f.Commit.ID != "" {
		name += " in " + short(f.Commit.ID)
	}
	x.line(`    <testcase classname="%s" name="%s" time="0">`, xmlText(suite), xmlText(name))
	body := xmlText(v.junitBody(f))
	message := xmlText(v.mask.clean(title(ruleOf(f))) + ": " + preview(f))
	kind := f.Severity.String()
	switch f.Decision {
	case gate.Block:
		x.line(`      <failure message="%s" type="%s">%s</failure>`, message, kind, body)
	case gate.Allow:
		x.line(`      <skipped message="%s"/>`, xmlText(joinWords(": ", "allowed", v.mask.clean(f.Reason))))
	case gate.Warn:
		x.line(`      <system-out>%s</system-out>`, message+"; "+body)
	default:
		x.line(`      <error message="%s" type="undecided">%s</error>`, message, body)
	}
	x.line(`    </testcase>`)
}

func (v *view) junitBody(f *gate.Judged) string {
	return joinWords("; ",
		"severity "+f.Severity.String(),
		"confidence "+f.Confidence.String(),
		"credential "+f.Credential,
		v.mask.clean(f.Reason),
		v.mask.clean(f.Fix),
		v.mask.clean(adviceOf(ruleOf(f))))
}

func (x *xmlWriter) coverage(v *view) {
	if v.problems() == 0 {
		x.line(`    <testcase classname="coverage" name="%s" time="0"/>`, xmlText("everything was looked at: "+v.looked()))
		return
	}
	wrong := func(name, kind, message string) {
		x.line(`    <testcase classname="coverage" name="%s" time="0">`, xmlText(name))
		x.line(`      <error message="%s" type="%s"/>`, xmlText(message), kind)
		x.line(`    </testcase>`)
	}
	for _, s := range v.missed {
		wrong(v.missedName(s), "missed", v.mask.clean(s.Reason))
	}
	for _, n := range v.Verdict.Notices {
		if n.Block {
			wrong("policy", "policy", v.noticeText(n))
		}
	}
	if len(v.missed) == 0 && !v.complete() {
		wrong("verdict", "undecided", v.whyIncomplete())
	}
}

// missedName says what was missed.
func (v *view) missedName(s scanner.Skip) string {
	if s.Commit == "" {
		return orElse(v.mask.clean(s.Path), "scan")
	}
	return joinWords(" in ", v.mask.clean(s.Path), short(s.Commit))
}

// utcSeconds is the form of a time that JUnit and GitLab readers ask for.
func utcSeconds(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }
