package remediate

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/evidence"
	"github.com/leakgate/leakgate/remediate/revoke"
)

var update = flag.Bool("update", false, "rewrite the golden files; read the diff before committing")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if got != string(want) {
		t.Errorf("%s is not what is written; -update writes it anew. Got:\n%s", path, got)
	}
}

// telling is a source that says what it was given.
type telling struct {
	records []evidence.Record
	asked   []evidence.Question
}

func (f *telling) Ask(_ context.Context, q evidence.Question) []evidence.Record {
	f.asked = append(f.asked, q)
	return f.records
}

const hostile = "a|b`<img src=x>`[c](https://evil.example) *@all*\n# x\u202e"

// leaked makes an incident of a commit two days before.
func (w *world) leaked(t *testing.T, value string) Case {
	t.Helper()
	v := secret.New(value)
	c := Case{Credential: w.Key.ID(v), Value: v, Rule: "rule-soft", Preview: "x…(9)", Severity: "high", Repository: "acme/app", Exposure: Public}
	at := store.Place{Commit: "c0ffee", Author: hostile, Date: w.clock.Now().Add(-48 * time.Hour).Format(time.RFC3339), Path: "deploy/" + hostile, Line: 3}
	must(t, w.Store.Tx(t.Context(), func(tx *store.Tx) error {
		if err := tx.Record(t.Context(), "scanner", []store.Sighting{{Credential: store.Credential{ID: c.Credential, Rule: c.Rule, Preview: c.Preview, Severity: "high"}, Repository: c.Repository, Fingerprint: "f", Body: at}}); err != nil {
			return err
		}
		return tx.SetExposure(t.Context(), c.Credential, "ann", "public")
	}))
	return c
}

func (w *world) report(t *testing.T, c Case) string {
	t.Helper()
	text, err := w.Report(t.Context(), c.Credential)
	must(t, err)
	return text
}

func TestAReportOfAWholeIncident(t *testing.T) {
	w := newWorld(t, t.TempDir())
	c := w.leaked(t, "a value of the whole incident")
	base := w.clock.Now().UTC()
	_ = w.clock.Sleep(t.Context(), time.Minute)
	source := &telling{records: []evidence.Record{
		{Source: "github audit log, git events", About: "who cloned: acme/app", From: base.Add(-48 * time.Hour), To: base, Answer: evidence.Seen, Count: 2, Where: "https://docs.example/audit",
			Uses: []evidence.Use{{At: base.Add(-time.Hour), Who: "mallory", What: "git.clone", From: "198.51.100.9", Agent: hostile}, {At: base.Add(-2 * time.Hour), What: "git.fetch of " + c.Value.Reveal()}},
			Gaps: []string{"only seven days are kept"}},
		{Source: "github traffic", About: "clones: acme/app", From: base.Add(-24 * time.Hour), To: base, Answer: evidence.Nothing, Totals: map[string]int{"clones": 0}},
		{Source: "aws cloudtrail, eu-west-1", About: "what was done", Why: "AWS does not show it (status 403)"},
		{Source: evidence.FirstPush, About: "first push: acme/app", From: base.Add(-48 * time.Hour), To: base, Answer: evidence.Seen, Count: 1, Uses: []evidence.Use{{At: base.Add(-47 * time.Hour), Who: "bob", What: "push"}}},
	}}
	_, err := w.Evidence(t.Context(), c.Credential, c.Value, []evidence.Source{source})
	must(t, err)
	if q := source.asked[0]; q.Commit != "c0ffee" || len(q.Repositories) != 1 || q.Repositories[0] != "acme/app" || !q.Since.Equal(base.Add(-48*time.Hour)) || !q.Value.Equal(c.Value) {
		t.Errorf("the source was asked %+v", q)
	}
	_, digest := w.plan(t, c)
	_ = w.clock.Sleep(t.Context(), time.Hour)
	w.apply(t, digest, c)
	must(t, w.Annotate(t.Context(), c.Credential, Note{Cause: "a test file " + hostile}))
	must(t, w.Annotate(t.Context(), c.Credential, Note{Prevention: "a hook"}))
	text := w.report(t, c)
	if strings.Contains(text, c.Value.Reveal()) || strings.Contains(text, "<img") || strings.Contains(text, "](https://evil") {
		t.Errorf("the report shows a value or foreign markup:\n%s", text)
	}
	text = strings.ReplaceAll(text, digest, "DIGEST")
	text = strings.ReplaceAll(text, "plan "+digest[:12], "plan DIGEST")
	golden(t, "report.md", headless(text))
}

// headless hides the head of the trail, which hashes depend on the plan's digest.
func headless(text string) string {
	before, _, _ := strings.Cut(text, ", whose head was")
	return before + "\n"
}

func TestAReportMakesNothingUp(t *testing.T) {
	w := newWorld(t, t.TempDir())
	c := w.leak(t, "a value that is only known to be", "hard")
	golden(t, "report_unknown.md", headless(w.report(t, c)))
}

// A sum that was read once is not forgotten because the source forgot.
func TestWhatWasSeenStaysSeen(t *testing.T) {
	w := newWorld(t, t.TempDir())
	c := w.leaked(t, "a value that was seen")
	seen := evidence.Record{Source: "s", About: "a", Answer: evidence.Seen, Count: 1, Uses: []evidence.Use{{Who: "mallory"}}}
	for _, r := range []evidence.Record{{Source: "s", About: "a", Why: "no"}, seen, {Source: "s", About: "a", Answer: evidence.Nothing}, {Source: "s", About: "a", Why: "it forgot"}} {
		_, err := w.Evidence(t.Context(), c.Credential, secret.Secret{}, []evidence.Source{&telling{records: []evidence.Record{r}}})
		must(t, err)
	}
	if text := w.report(t, c); !strings.Contains(text, "mallory") || strings.Contains(text, "it forgot") {
		t.Errorf("what was seen is gone:\n%s", text)
	}
}

func TestNobodyIsAskedAboutStrangers(t *testing.T) {
	w := newWorld(t, t.TempDir(), func(w *world) { w.Policy.Owned = []string{"other/*"} })
	c := w.leaked(t, "a value of a stranger")
	source := &telling{}
	_, err := w.Evidence(t.Context(), c.Credential, c.Value, []evidence.Source{source})
	if err == nil || !strings.Contains(err.Error(), "REFUSED_NOT_OWNED") || len(source.asked) > 0 {
		t.Errorf("%v, asked %d times", err, len(source.asked))
	}
	w.Policy.Owned = []string{"acme/*"}
	if _, err := w.Evidence(t.Context(), c.Credential, secret.New("another value"), []evidence.Source{source}); err == nil || len(source.asked) > 0 {
		t.Errorf("another value was taken: %v", err)
	}
	if _, err := w.Evidence(t.Context(), "INC-NONE", c.Value, nil); err == nil {
		t.Error("an incident that is not there")
	}
}

func TestTheIssuersLastUseIsEvidence(t *testing.T) {
	w := newWorld(t, t.TempDir())
	c := w.leaked(t, "a value with a last use")
	for _, each := range []struct {
		report revoke.Report
		want   string
	}{
		{revoke.Report{Status: revoke.Live, Identity: map[string]string{"last_used": "2026-02-28T10:00:00Z"}}, "2026-02-28T10:00:00Z"},
		{revoke.Report{Status: revoke.Live}, "does not tell when it was last used"},
		{revoke.Report{Status: revoke.Live, Identity: map[string]string{"last_used": "yesterday"}}, "could not be read"},
		{revoke.Report{Status: revoke.Dead, Why: "gone"}, "this one is dead: gone"},
		{revoke.Report{Why: "no answer"}, "this one is unknown: no answer"},
	} {
		w.Issuer = checked{w.fake, each.report}
		all, err := w.Evidence(t.Context(), c.Credential, c.Value, nil)
		must(t, err)
		if r := all[0]; r.Source != "issuer, soft" || !strings.Contains(r.Why+window(r)+usesOf(r), each.want) {
			t.Errorf("want %q: %+v", each.want, r)
		}
	}
}

func usesOf(r evidence.Record) string {
	var b strings.Builder
	uses(&b, r)
	return b.String()
}

// checked answers every check the same.
type checked struct {
	*issuers
	report revoke.Report
}

func (c checked) Check(context.Context, *revoke.Provider, revoke.Input) revoke.Report {
	return c.report
}

func TestANoteWithTheValueIsRefused(t *testing.T) {
	w := newWorld(t, t.TempDir())
	c := w.leaked(t, "a-value-in-a-note")
	if err := w.Annotate(t.Context(), c.Credential, Note{Cause: `somebody wrote token="a-value-in-a-note"`}); err == nil {
		t.Error("a note with the value is taken")
	}
	if err := w.Annotate(t.Context(), c.Credential, Note{Cause: strings.Repeat("x", maxNote+1)}); err == nil {
		t.Error("a note without end is taken")
	}
}

func TestANoteWithTheValueWithinAWordIsRefused(t *testing.T) {
	w := newWorld(t, t.TempDir())
	const word = "p:ss=w(r)d é"
	v := secret.New(word)
	must(t, w.Store.Tx(t.Context(), func(tx *store.Tx) error {
		return tx.Record(t.Context(), "test", []store.Sighting{{Credential: store.Credential{ID: w.Key.ID(v), Rule: "rule-soft", Preview: v.Preview("")}, Repository: "acme/app", Fingerprint: "f", Body: "x"}})
	}))
	for _, text := range []string{word, "it was " + word + ".", "xx" + word + "xx", "postgres://app:" + word + "@db/app", "…" + word} {
		if err := w.Annotate(t.Context(), w.Key.ID(v), Note{Prevention: text}); err == nil {
			t.Errorf("a note with the value is taken: %q", text)
		}
	}
	must(t, w.Annotate(t.Context(), w.Key.ID(v), Note{Cause: "a test that logged " + word[1:]}))
}

// A value that was put back is not rotated, whatever was done before.
func TestWhatWasPutBackIsNotRotated(t *testing.T) {
	w := newWorld(t, t.TempDir())
	c := w.leaked(t, "a value that comes back")
	for _, each := range []struct{ action, row string }{{"rotate ended", "| Rotated | 2026"}, {"rotate restored", "| Rotated | unknown |"}} {
		must(t, w.Store.Tx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Audit(t.Context(), "ann", each.action, c.Credential, struct{}{})
			return err
		}))
		if text := w.report(t, c); !strings.Contains(text, each.row) {
			t.Errorf("behind %s:\n%s", each.action, text)
		}
	}
}
