package detect

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// FuzzWindowsAreLossless moves texts with matches over window, block and line
// borders and compares with the whole-text search.
func FuzzWindowsAreLossless(f *testing.F) {
	windowed, reference := pair(f)
	rs := windowed.rules
	f.Add(uint16(0), uint64(1), uint16(0), "")
	f.Add(uint16(70), uint64(2), uint16(4), "key=\ntoken: ")
	f.Add(uint16(130), uint64(3), uint16(60), "\u017f\xff")
	s := &Scratch{}
	f.Fuzz(func(t *testing.T, which uint16, seed uint64, gap uint16, between string) {
		if len(between) > 512 {
			return
		}
		rnd := rand.New(rand.NewPCG(seed, 1))
		g := &generator{rnd: rnd}
		one := generate(t, rnd, rs[int(which)%len(rs)].Regex.String())
		two := generate(t, rnd, rs[rnd.IntN(len(rs))].Regex.String())
		text := g.wrap(one) + strings.Repeat("x ", int(gap)%600) + between + two + between + one[:rnd.IntN(len(one)+1)]
		if cut := rnd.IntN(len(text) + 1); rnd.IntN(2) == 0 {
			text = text[cut:]
		}
		if len(text) < 20_000 {
			same(t, windowed, reference, s, text)
		}
	})
}

func TestEveryCutOfATextIsSearchedLosslessly(t *testing.T) {
	windowed, reference := pair(t)
	rnd, s := rand.New(rand.NewPCG(7, 8)), &Scratch{}
	g := &generator{rnd: rnd}
	for range 60 {
		r := windowed.rules[rnd.IntN(len(windowed.rules))]
		text := g.wrap(generate(t, rnd, r.Regex.String()))
		for range 12 {
			from := rnd.IntN(len(text) + 1)
			same(t, windowed, reference, s, text[from:from+rnd.IntN(len(text)-from+1)])
		}
	}
}
