package detect

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// listing is everything that a match says, for comparison.
func listing(t testing.TB, d *Detector, s *Scratch, text string) []string {
	t.Helper()
	found, err := d.Text(context.Background(), s, []byte(text))
	if err != nil {
		t.Error(err)
	}
	out := make([]string, len(found))
	for i, m := range found {
		out[i] = fmt.Sprintf("%s %v %v line %d %v %q %v %v", m.Rule.ID, m.Match, m.Span, m.Line, m.DecodedFrom, m.Secret.Reveal(), m.Confidence, m.Allowed)
	}
	sort.Strings(out)
	return out
}

// same compares the windowed search with the reference.
func same(t testing.TB, windowed, reference *Detector, s *Scratch, text string) int {
	t.Helper()
	want := listing(t, reference, nil, text)
	got := listing(t, windowed, s, text)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("windows change the matches in %q (-reference +windowed):\n%s", shorten(text), diff)
	}
	return len(want)
}

func shorten(text string) string { return text[:min(len(text), 4000)] }

func pair(t testing.TB) (windowed, reference *Detector) {
	set := defaultSet(t)
	return New(set, Options{Depth: 5}), New(set, Options{Depth: 5, Reference: true})
}

func TestWindowsFindWhatTheWholeTextHolds(t *testing.T) {
	windowed, reference := pair(t)
	rnd, s, found := rand.New(rand.NewPCG(3, 4)), &Scratch{}, 0
	for _, r := range windowed.set.Rules {
		if r.Regex == nil {
			continue
		}
		for range 6 {
			g := &generator{rnd: rnd}
			text := strings.Repeat("filler text without anything\n", rnd.IntN(30)) + g.wrap(generate(t, rnd, r.Regex.String())) +
				strings.Repeat(" more filler, token key ey\n", rnd.IntN(30))
			found += same(t, windowed, reference, s, text)
		}
	}
	if found < 500 {
		t.Errorf("only %d matches: the generator is broken", found)
	}
	t.Logf("%d matches", found)
}

func TestOneDetectorServesManyGoroutines(t *testing.T) {
	d, _ := pair(t)
	rnd := rand.New(rand.NewPCG(9, 10))
	var texts []string
	for _, r := range d.rules {
		texts = append(texts, generate(t, rnd, r.Regex.String()))
	}
	text := strings.Join(texts, "\n")
	results := make([][]string, 8)
	var group sync.WaitGroup
	for i := range results {
		group.Go(func() { results[i] = listing(t, d, nil, text) })
	}
	group.Wait()
	for _, r := range results[1:] {
		if diff := cmp.Diff(results[0], r); diff != "" || len(r) < 100 {
			t.Fatalf("%d matches; goroutines differ:\n%s", len(r), diff)
		}
	}
}
