package report

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
)

// hostile is what a repository may put into any text.
const hostile = ":: ##[error]##vso[x]###\x1b]0;x\a|`@all</td><script>]]>\r\n::error::\u202e\xff&#124;\\|${{ x }}##["

// randomValue is a value that no other text holds by chance, with characters
// that every encoding changes.
func randomValue(t testing.TB, tail string) string {
	t.Helper()
	raw := make([]byte, 24)
	if _, err := rand.Read(raw); err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw) + tail
}

// canaries is a report whose every text holds a value of its findings in some
// spelling, beside hostile characters.
func canaries(t testing.TB) (*Report, []secret.Secret) {
	r := blocked()
	var values []secret.Secret
	for i, tail := range []string{"", "/+ =&<\"'", "\n-----\nx", "ünï|`", "%41\\u0041"} {
		value := randomValue(t, tail)
		s := secret.New(value)
		values = append(values, s)
		spell := []string{
			value, url.PathEscape(value), url.QueryEscape(value), hex.EncodeToString([]byte(value)),
			base64.StdEncoding.EncodeToString([]byte("u:" + value + ":p")),
		}
		say := func(n int) string { return hostile + spell[(i+n)%len(spell)] + hostile }
		for kind, at := range map[scanner.Kind]scanner.Place{
			scanner.InContent:  place(say(0)+"/"+say(1), 3, 4, 5),
			scanner.InMessage:  {Origin: scanner.FromCommit, StartLine: 1, EndLine: 1},
			scanner.InPath:     {Origin: scanner.FromStaged, Path: fmt.Sprintf("%x", "rot13 of a value, as far as anyone knows")},
			scanner.InManifest: place(say(2), 0, 0, 0),
		} {
			at.Kind, at.Field, at.DecodedFrom = kind, say(3), []string{say(4)}
			for _, d := range []gate.Decision{gate.Undecided, gate.Allow, gate.Warn, gate.Block} {
				r.Verdict.Findings = append(r.Verdict.Findings, gate.Judged{
					Finding: scanner.Finding{
						Rule:   &rules.Rule{ID: say(0), Description: say(1), Provider: say(2), Advice: say(3), Tags: []string{say(4)}, Origin: "gitleaks"},
						Secret: s, At: at, Context: say(1), Fix: say(1), Fingerprint: "v1:x", LineHash: "1:1",
						Commit: scanner.Commit{ID: strings.Repeat("a", 40), Author: say(2), Email: say(3)},
					},
					Credential: fmt.Sprintf("LG-%d", i), Decision: d, Reason: say(4), Environment: say(0), Exception: say(1),
				})
			}
		}
		r.Result.Credentials = append(r.Result.Credentials, scanner.Credential{ID: fmt.Sprintf("LG-%d", i), Secret: s, Occurrences: 1, Rules: []string{say(0)}, Paths: []string{say(1)}})
		r.Result.Coverage.Excluded = append(r.Result.Coverage.Excluded, scanner.Skip{Path: say(0), Reason: say(1)})
		r.Result.Coverage.Missed = append(r.Result.Coverage.Missed, scanner.Skip{Path: say(2), Reason: say(3)})
		r.Verdict.Notices = append(r.Verdict.Notices, gate.Notice{Text: say(0), Path: say(1), Line: 1, Block: i == 0})
		r.Verdict.Err = errors.New(say(2))
		r.Result.Range.Text, r.Repository, r.Ref, r.RunID = say(3), "https://example.org/"+spell[i%len(spell)], say(0), say(1)
	}
	return r, values
}

func TestNoOutputHoldsAValueInAnySpelling(t *testing.T) {
	r, values := canaries(t)
	for _, colour := range []bool{false, true} {
		for _, format := range Formats() {
			r.Color, r.Width = colour, 80
			outputs := map[string]string{"writer": write(t, format, r)}
			path := filepath.Join(t.TempDir(), "out")
			if err := WriteFile(path, format, r); err != nil {
				t.Fatal(err)
			}
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			outputs["file"] = string(file)
			for way, out := range outputs {
				if n := leaks(out, values); n > 0 {
					t.Errorf("%s by %s holds %d spellings of values", format, way, n)
				}
			}
		}
	}
}

// leaks counts the spellings of values in an output, in the way they look
// after each format's own escaping too.
func leaks(out string, values []secret.Secret) int {
	n := 0
	for _, s := range values {
		for _, form := range secret.Forms(s) {
			for _, look := range []string{form, visible(form), xmlText(form), markdownText(form), sarifText(form), jsonLook(form)} {
				if strings.Contains(out, look) {
					n++
				}
			}
		}
	}
	return n
}

func jsonLook(text string) string {
	var out strings.Builder
	o := &object{w: &out}
	o.value(text)
	return strings.Trim(out.String(), `"`)
}

func TestTheCanaryTestSeesALeak(t *testing.T) {
	value := secret.New(randomValue(t, "/+ =&<\"'"))
	for _, form := range secret.Forms(value) {
		if leaks("x "+xmlText(form)+" y", []secret.Secret{value}) == 0 {
			t.Error("a value in XML was not seen")
		}
	}
}

func TestAPathThatIsAnUnknownSpellingOfItsValueIsWithheldEverywhere(t *testing.T) {
	r := blocked()
	odd := "keys/" + strings.Repeat("mD4e", 6)
	r.Verdict.Findings[5].At.Path = odd
	r.Verdict.Findings[0].At.Path = odd
	r.Result.Coverage.Missed[0].Path = odd
	r.Result.Credentials[0].Paths = []string{odd}
	for _, format := range Formats() {
		if strings.Contains(write(t, format, r), odd) {
			t.Errorf("%s shows the path", format)
		}
	}
}

// many is a report of n findings with n values, paths and authors.
func many(n int) *Report {
	r := blocked()
	first := r.Verdict.Findings[0]
	r.Verdict.Findings = nil
	for i := range n {
		f := first
		f.Secret = secret.New(fmt.Sprintf("ghp_%036d", i*7919))
		f.Credential = fmt.Sprintf("LG-%016d", i)
		f.Fingerprint = fmt.Sprintf("v1:%d", i)
		f.At.Path = fmt.Sprintf("services/team-%d/config/%d.env", i%500, i)
		r.Verdict.Findings = append(r.Verdict.Findings, f)
		r.Result.Credentials = append(r.Result.Credentials, scanner.Credential{ID: f.Credential, Secret: f.Secret, Occurrences: 1, Paths: []string{f.At.Path}})
	}
	return r
}
