package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/gate"
)

// of is every finding of a credential, the gravest first.
func (v *view) of(credential string) (all []*gate.Judged) {
	for _, f := range v.byGravity() {
		if f.Credential == credential {
			all = append(all, f)
		}
	}
	return all
}

// How much of an answer each list may take, in bytes.
const explainPlaces, explainAdvice = 20_000, 20_000

// Explain says in Markdown what is known of one credential and what to do; false where
// the report has none of that id.
func (p *Posting) Explain(credential string) (string, bool) {
	v := p.view()
	found := v.of(credential)
	if len(found) == 0 {
		return "", false
	}
	var out strings.Builder
	one := &Posting{Report: &Report{Tool: p.Tool, Result: p.Result, Repository: p.Repository}, Public: p.Public, Warning: p.Warning, Valid: p.Valid}
	for _, f := range found {
		one.Verdict.Findings = append(one.Verdict.Findings, *f)
	}
	m := &postingWriter{markdownWriter{w: &out, v: newView(one.Report)}, one}
	m.line("%s, %s, is **%s**.", m.rule(ruleOf(found[0])), markdownCode(credential), p.valid(found[0]))
	m.line("")
	m.table(explainPlaces)
	m.removed(explainPlaces)
	m.advice(explainAdvice)
	return out.String(), true
}

// maxExceptions is how many places one answer asks an exception for.
const maxExceptions = 50

// Exception is what the policy would have to say, in its own form, so that no place of a
// credential blocks any more until a day; false where the report has none of that id. Who
// merges it into the base decides.
func (p *Posting) Exception(credential, reason, owner string, until time.Time) (string, bool) {
	v := p.view()
	var out strings.Builder
	seen := map[string]bool{}
	for _, f := range v.of(credential) {
		key := f.Fingerprint + "\x00" + f.At.Blob
		if f.Fingerprint == "" || f.At.Blob == "" || seen[key] || len(seen) == maxExceptions {
			continue
		}
		seen[key] = true
		fmt.Fprintf(&out, "  - fingerprint: %s\n    blob: %s\n    reason: %s\n    owner: %s\n    expires: %s\n", strconv.Quote(v.mask.clean(f.Fingerprint)), f.At.Blob,
			strconv.QuoteToASCII(v.mask.clean(reason)), strconv.Quote(owner), until.UTC().Format(time.DateOnly))
	}
	if len(seen) == 0 {
		return "", false
	}
	return "exceptions:\n" + out.String(), true
}
