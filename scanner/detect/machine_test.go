package detect

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"

	"github.com/leakgate/leakgate/internal/dfa"
	"github.com/leakgate/leakgate/rules"
)

// TestMachinesFindWhatRegexpFinds holds the machine of every rule against regexp,
// on texts made of what the rule matches.
func TestMachinesFindWhatRegexpFinds(t *testing.T) {
	set, err := rules.Default()
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	total, declined := 0, 0
	for _, r := range set.Rules {
		if r.Regex == nil {
			continue
		}
		p, err := dfa.Compile(r.Regex.String())
		if err != nil {
			t.Logf("%s has no machine: %v", r.ID, err)
			continue
		}
		re, m := regexp.MustCompile(r.Regex.String()), dfa.New(p)
		for range 100 {
			g := generator{rnd: rnd}
			text := []byte(g.wrap(generate(t, rnd, r.Regex.String())))
			total++
			got, _, ok := m.All(text, 0, -1, len(text), nil)
			if !ok {
				declined++
				continue
			}
			var want [][2]int
			for _, loc := range re.FindAllIndex(text, -1) {
				want = append(want, [2]int{loc[0], loc[1]})
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s on %q finds %v, want %v", r.ID, text, got, want)
			}
		}
	}
	t.Logf("%d texts, %d declined", total, declined)
}
