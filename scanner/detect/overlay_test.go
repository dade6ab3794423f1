package detect

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// edit makes a text of stretches of another and of new text, as a delta does.
func edit(rnd *rand.Rand, base string, fresh func() string) (text string, copies []Copy) {
	var out strings.Builder
	at := 0
	for at < len(base) {
		n := min(len(base)-at, 1+rnd.IntN(12000))
		switch rnd.IntN(6) {
		case 0: // left out
			at += n
			continue
		case 1: // out of order
			from := rnd.IntN(len(base))
			size := min(len(base)-from, rnd.IntN(4000))
			copies = append(copies, Copy{from, out.Len(), size})
			out.WriteString(base[from : from+size])
		case 2:
			out.WriteString(fresh())
		}
		copies = append(copies, Copy{at, out.Len(), n})
		out.WriteString(base[at : at+n])
		at += n
	}
	return out.String(), slices.DeleteFunc(copies, func(c Copy) bool { return c.Size == 0 })
}

func described(found []Match) []string {
	out := make([]string, len(found))
	for i, m := range found {
		out[i] = fmt.Sprintf("%s %v %v line %d %v %q %v %v", m.Rule.ID, m.Match, m.Span, m.Line, m.DecodedFrom, m.Secret.Reveal(), m.Confidence, m.Allowed)
	}
	sort.Strings(out)
	return out
}

// TestOverlaysFindWhatTheWholeTextHolds follows chains of deltas, in which each
// text is laid over the one before.
func TestOverlaysFindWhatTheWholeTextHolds(t *testing.T) {
	d, _ := pair(t)
	rnd, found, known := rand.New(rand.NewPCG(7, 8)), 0, 0
	s := &Scratch{}
	rule := func() string {
		for {
			if r := d.set.Rules[rnd.IntN(len(d.set.Rules))]; r.Regex != nil {
				g := &generator{rnd: rnd}
				return g.wrap(generate(t, rnd, r.Regex.String()))
			}
		}
	}
	fresh := func() string {
		if rnd.IntN(2) == 0 {
			return rule()
		}
		return strings.Repeat(fmt.Sprintf("line %d with a key and a token\n", rnd.IntN(100)), rnd.IntN(20))
	}
	for range 40 {
		m := d.NewMemory()
		text := ""
		for range 60 {
			text += fresh() + strings.Repeat("plain text of some length\n", rnd.IntN(12))
		}
		var over *Overlay
		for range 8 {
			got, err := m.Text(context.Background(), s, []byte(text), over, nil)
			if err != nil {
				t.Fatal(err)
			}
			outline := s.Outline()
			if over != nil {
				known += overlaid(over, len(text))
			}
			if diff := cmp.Diff(listing(t, d, s, text), described(got)); diff != "" {
				t.Fatalf("laying a text over another changes the matches in %q (-text +overlay):\n%s", shorten(text), diff)
			}
			found += len(got)
			next, copies := edit(rnd, text, fresh)
			over, text = &Overlay{Base: outline, Copies: copies}, next
		}
	}
	if found < 1000 || known < 1000 {
		t.Errorf("%d matches, %d sections known from the base: the test is broken", found, known)
	}
	t.Logf("%d matches, %d sections known from the base", found, known)
}

// overlaid counts the sections of a text that are known from its base, wherever
// one begins.
func overlaid(o *Overlay, size int) (n int) {
	c := o.cursor(size)
	for at := 0; at < size; at++ {
		if _, ok := c.known(at); ok {
			n++
		}
	}
	return n
}
