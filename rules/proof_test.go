package rules

import (
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/zricethezav/gitleaks/v8/config"
)

func proofOf(expr string, keywords ...string) *Proof {
	return (&Rule{ID: "x", Regex: NewPattern(expr), Keywords: keywords}).Prove()
}

func TestProofKnowsWhetherEveryMatchHoldsAKeyword(t *testing.T) {
	for _, c := range []struct {
		expr, keyword string
		proven        bool
	}{
		{`ghp_[a-z]{3}`, "ghp_", true},
		{`(?i)ghp_[a-z]{3}`, "GHP_", true},
		{`(?:ghp|ghs)_[a-z]{3}`, "ghp_", false},
		{`hooks.slack.com/x`, "hooks.slack.com", false}, // the dots match anything
		{`(?i)\w{0,5}token\w{3}`, "token", true},        // though a long s is no "s" elsewhere
		{`a?`, "a", false},
		{`[a-z]{4}`, "abcd", false},
		{`(?:ab)+c`, "ababc", false},
		{`x(?:ab){2}c`, "ababc", true},
	} {
		if p := proofOf(c.expr, c.keyword); p.Proven != c.proven {
			t.Errorf("%s with keyword %s: proven = %v (%s)", c.expr, c.keyword, p.Proven, p.Reason)
		}
	}
}

func TestProofBoundsAMatch(t *testing.T) {
	for _, c := range []struct {
		expr, keyword string
		left, right   int
	}{
		{`ab{2}key=[a-z]{3}`, "key", 6, 10},
		{`.{2}key`, "key", 11, 11}, // four bytes a character
		{`(?i)[a-z]{2}key`, "key", 2*3 + 5, 2*3 + 5},
		{`key=\w+`, "key", 3, -1},
		{`x*key`, "key", -1, -1},
		{`[kx]{0,3}ey?key`, "key", 3 + 2 + 3, 3 + 2 + 3},
		{`key|longer_key_x`, "key", 10, 12},
	} {
		p := proofOf(c.expr, c.keyword)
		if !p.Proven || p.Left != c.left || p.Right != c.right {
			t.Errorf("%s: proven %v left %d right %d, want %d and %d", c.expr, p.Proven, p.Left, p.Right, c.left, c.right)
		}
	}
}

func TestRulesThatCannotBeProvenSayWhy(t *testing.T) {
	for name, p := range map[string]*Proof{
		"no keywords": proofOf(`abc`),
		"not ASCII":   proofOf(`größe`, "größe"),
		"paths":       (&Rule{Path: NewPattern("x")}).Prove(),
		"too large":   proofOf(`[ab]{0,990}`+strings.Repeat("a", 200), strings.Repeat("a", 200)),
		"need not":    proofOf(`abc`, "abcd"),
	} {
		if p.Proven || p.Reason == "" || (name != "paths" && !strings.Contains(p.Reason, name)) {
			t.Errorf("%s: proven %v because %q", name, p.Proven, p.Reason)
		}
	}
}

// The figures were measured on gitleaks 8.30.1's default rules.
func TestMostDefaultRulesOfGitleaksAreProven(t *testing.T) {
	var pack struct {
		Rules []struct {
			ID, Regex string
			Keywords  []string
		}
	}
	if err := toml.Unmarshal([]byte(config.DefaultConfig), &pack); err != nil {
		t.Fatal(err)
	}
	all, guaranteed, bounded := 0, 0, 0
	for _, r := range pack.Rules {
		if r.Regex == "" {
			continue
		}
		all++
		if w := proofOf(r.Regex, r.Keywords...).Window; w.Guaranteed {
			guaranteed++
			if w.Right >= 0 {
				bounded++
			}
		}
	}
	if all != 221 || guaranteed != 215 || bounded != 198 {
		t.Errorf("of %d rules %d are guaranteed and %d of these bounded, want 221, 215, 198", all, guaranteed, bounded)
	}
}

func TestWordsAreInEveryMatch(t *testing.T) {
	p := proofOf(`(?i)(?:kind:x+data:|data:y*kind:)(?:key)+(?:z|w)(?:q){0,2}`, "key")
	if got := strings.Join(p.Words, " "); got != "data: key kind:" {
		t.Errorf("words are %q", got)
	}
}

func BenchmarkProve(b *testing.B) {
	set, err := Default()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for _, r := range set.Rules {
			r.Prove()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(set.Rules)), "µs/rule")
}
