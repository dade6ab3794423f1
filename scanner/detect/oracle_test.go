package detect

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	gitleaks "github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/logging"

	"github.com/leakgate/leakgate/rules"
)

// place names a finding as gitleaks and this package have it in common.
type place struct {
	rule  string
	line  int
	value string
}

var newOracle = sync.OnceValues(func() (*gitleaks.Detector, error) {
	logging.Logger = zerolog.Nop()
	d, err := gitleaks.NewDetectorDefaultConfig()
	if err == nil {
		d.MaxDecodeDepth = 5
		d.IgnoreGitleaksAllow = true // this package reports allowed matches and says so
	}
	return d, err
})

func oracle(t testing.TB) *gitleaks.Detector {
	t.Helper()
	d, err := newOracle()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func defaultSet(t testing.TB) *rules.Set {
	t.Helper()
	set, err := rules.Default()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func theirs(d *gitleaks.Detector, path, text string) []place {
	var out []place
	for _, f := range d.DetectContext(context.Background(), gitleaks.Fragment{Raw: text, FilePath: path}) {
		if !strings.HasPrefix(f.Match, "file detected:") {
			out = append(out, place{f.RuleID, f.StartLine, f.Secret})
		}
	}
	return out
}

func ours(t testing.TB, d *Detector, s *Scratch, path, text string) map[place]bool {
	t.Helper()
	found, err := d.Text(context.Background(), s, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	verdict := d.Place(path)
	out := map[place]bool{}
	for i, m := range found {
		if d.Accept(&found[i], verdict, "") {
			out[place{m.Rule.ID, m.Line, m.Secret.Reveal()}] = true
		}
	}
	return out
}

// compare reports what gitleaks finds in a text and d does not.
func compare(t *testing.T, d *Detector, s *Scratch, path, text string) (found, more int) {
	t.Helper()
	have := ours(t, d, s, path, text)
	want := theirs(oracle(t), path, text)
	for _, w := range want {
		if !have[w] {
			t.Errorf("%s: gitleaks finds %s at line %d (a value of %d bytes) and we do not", path, w.rule, w.line, len(w.value))
			if testing.Verbose() {
				t.Logf("text of %d bytes, in %q", len(text), excerpt(text, w.value))
			}
		}
	}
	return len(want), len(have)
}

// excerpt is for generated texts and public repositories only.
func excerpt(text, value string) string {
	i := max(0, strings.Index(text, value))
	return text[max(0, i-80):min(len(text), i+len(value)+40)]
}

func TestEveryGitleaksFindingInGeneratedTextsIsFound(t *testing.T) {
	set := defaultSet(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, reference := range []bool{false, true} {
		d, s := New(set, Options{Depth: 5, Reference: reference}), &Scratch{}
		texts, found, more := 0, 0, 0
		for _, r := range set.Rules {
			if r.Regex == nil || r.Origin != "gitleaks" {
				continue
			}
			for range 8 {
				g := &generator{rnd: rnd}
				text := g.wrap(generate(t, rnd, r.Regex.String()))
				f, m := compare(t, d, s, "deploy/a.yaml", text)
				texts, found, more = texts+1, found+f, more+m
			}
		}
		if found < texts/3 {
			t.Errorf("only %d findings in %d texts: the generator is broken", found, texts)
		}
		t.Logf("reference=%v: %d texts, gitleaks finds %d, we find %d", reference, texts, found, more)
	}
}
