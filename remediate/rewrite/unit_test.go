package rewrite

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/gittest"
)

// FuzzParts holds that a commit or tag that is taken apart and written again is the same.
func FuzzParts(f *testing.F) {
	for _, seed := range []string{
		"", "\n", "tree x", "tree x\nparent y\n\nmessage", "gpgsig a\n b\n \n c\n\n\nm\n\n", " x\n y\n\n", "a\n \n", "mergetag object x\n type commit\n \n -----BEGIN PGP SIGNATURE-----\n\nm",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p := split(raw)
		if got := p.join(); !bytes.Equal(got, raw) {
			t.Errorf("%q becomes %q", raw, got)
		}
		for i := range p.fields {
			f := &p.fields[i]
			if again := newField(f.key(), f.value()); bytes.HasPrefix(f.raw, []byte(f.key()+" ")) && bytes.HasSuffix(f.raw, []byte("\n")) && !bytes.Equal(again.raw, f.raw) {
				t.Errorf("the field %q becomes %q", f.raw, again.raw)
			}
		}
		if at := signatureAt(p.rest); at < 0 || at > len(p.rest) {
			t.Errorf("the signature is at %d of %d", at, len(p.rest))
		}
	})
}

// plainly is what the matcher should find.
func plainly(texts [][]byte, in []byte, from int) (at, which int) {
	for at := from; at < len(in); at++ {
		best := -1
		for i, t := range texts {
			if bytes.HasPrefix(in[at:], t) && (best < 0 || len(t) > len(texts[best])) {
				best = i
			}
		}
		if best >= 0 {
			return at, best
		}
	}
	return -1, -1
}

func randomText(n, letters int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte('a' + rand.N(letters))
	}
	return out
}

// TestMatcher holds the matcher against a search by hand.
func TestMatcher(t *testing.T) {
	for range 3000 {
		var texts [][]byte
		for range 1 + rand.N(6) {
			if one := randomText(1+rand.N(12), 2); !slices.ContainsFunc(texts, func(b []byte) bool { return bytes.Equal(b, one) }) {
				texts = append(texts, one)
			}
		}
		in := randomText(rand.N(200), 2)
		m := newMatcher(texts)
		for from := 0; from <= len(in); from += 1 + rand.N(20) {
			at, which := m.find(in, from)
			wantAt, wantWhich := plainly(texts, in, from)
			if at != wantAt || which != wantWhich {
				t.Fatalf("%q in %q from %d: %d %d, not %d %d", texts, in, from, at, which, wantAt, wantWhich)
			}
		}
	}
}

// TestStretches holds that a delta of a clean text is searched well enough: what
// the whole text says, the new stretches say.
func TestStretches(t *testing.T) {
	hits := 0
	for range 4000 {
		value := string(randomText(2+rand.N(8), 2))
		s := stretches{editor: newEditor(&Spec{Literals: []Literal{lit(value)}})}
		base := randomText(rand.N(60), 2)
		if s.editor.matcher.has(base) {
			continue
		}
		target, delta := randomDelta(base)
		o := &gitrepo.Packed{Data: target, Delta: delta, Note: clean{}}
		got, _ := s.look(o)
		want := s.editor.matcher.has(target)
		if got != want {
			t.Fatalf("%q in %q from %q by %q: %v", value, target, base, delta, got)
		}
		if want {
			hits++
		}
	}
	if hits < 100 {
		t.Errorf("only %d texts had a value", hits)
	}
}

// TestTraits holds that what a delta brings of what hides is seen, wherever it is cut.
func TestTraits(t *testing.T) {
	s := stretches{editor: newEditor(&Spec{Literals: []Literal{lit(gittest.Letters(30))}})}
	text := func() (out []byte) {
		for range 1 + rand.N(4) {
			out = append(out, []string{"H4sI", "H4", "sI", "UEs", "DB", "SDRz", "SU", "x", "y z", "\x00"}[rand.N(10)]...)
		}
		return out
	}
	seen := map[traits]int{}
	for range 20000 {
		base := text()
		_, note := s.look(&gitrepo.Packed{Data: base})
		target := slices.Concat(base[rand.N(len(base)):], text()[:1], base[rand.N(len(base)):])
		s.look(&gitrepo.Packed{Data: target, Delta: deltaOf(base, target), Note: note})
		var want traits
		want.see(target)
		if want.packed && !s.traits.packed || want.nul && !s.traits.nul {
			t.Fatalf("%q made of %q has %v, not %v", target, base, s.traits, want)
		}
		seen[want]++
	}
	if len(seen) < 4 {
		t.Errorf("only %v", seen)
	}
}

// randomDelta makes instructions over a base, and what comes of them.
func randomDelta(base []byte) (target, delta []byte) {
	var ops []byte
	for range rand.N(7) {
		if rand.N(2) == 0 || len(base) == 0 {
			text := randomText(1+rand.N(9), 2)
			ops, target = append(append(ops, byte(len(text))), text...), append(target, text...)
			continue
		}
		from := rand.N(len(base))
		n := 1 + rand.N(len(base)-from)
		ops = append(ops, 0x80|1|0x10, byte(from), byte(n))
		target = append(target, base[from:from+n]...)
	}
	return target, append([]byte{byte(len(base)), byte(len(target))}, ops...)
}

// TestEditTwice holds that no spelling of a value is left, and that editing again changes nothing.
func TestEditTwice(t *testing.T) {
	for range 300 {
		a := gittest.Letters(6 + rand.N(20))
		b := a[rand.N(3):] + gittest.Letters(4)
		spec := Spec{Literals: []Literal{lit(a), {Value: lit(b).Value, With: ""}}}
		e := newEditor(&spec)
		forms := spellings(a, b)
		var text strings.Builder
		for range 1 + rand.N(12) {
			text.WriteString([]string{"", "\n", "x", "=", "ZZZZ", a[:len(a)/2], b[len(b)/2:]}[rand.N(7)])
			text.WriteString(forms[rand.N(len(forms))])
		}
		once, err := e.blob([]byte(text.String()))
		if err != nil {
			t.Fatal(err)
		}
		if holds(string(once), forms) {
			t.Fatalf("something is left in a text of %d bytes", len(once))
		}
		if twice, err := e.blob(once); err != nil || !bytes.Equal(once, twice) {
			t.Fatal("editing again changes something")
		}
	}
}
