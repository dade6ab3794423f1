package dfa_test

import (
	"errors"
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/dfa"
)

// oracle is what regexp finds.
func oracle(re *regexp.Regexp, text []byte, n int) [][2]int {
	var out [][2]int
	for _, loc := range re.FindAllIndex(text, n) {
		out = append(out, [2]int{loc[0], loc[1]})
	}
	return out
}

// same compares a machine with regexp on one text.
func same(t *testing.T, m *dfa.Machine, re *regexp.Regexp, text []byte, n int) {
	t.Helper()
	got, _, ok := m.All(text, 0, n, len(text), nil)
	if !ok {
		return
	}
	if groups, ok := m.Groups(text); ok && !slices.Equal(groups, re.FindSubmatchIndex(text)) {
		t.Errorf("%s\non %q gives the groups %v, want %v", re, text, groups, re.FindSubmatchIndex(text))
	}
	if want := oracle(re, text, n); !slices.Equal(got, want) {
		t.Errorf("%s\non %q (n = %d)\nfinds %v\nwant  %v", re, text, n, got, want)
	}
}

func machine(t testing.TB, expression string) *dfa.Machine {
	t.Helper()
	p, err := dfa.Compile(expression)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return dfa.New(p)
}

func TestFindsWhatRegexpFinds(t *testing.T) {
	expressions := []string{
		`a`, `abc`, `ab(?:c|_)`, `ab|a`, `a|ab`, `a+?`, `a+`, `(a|b)+?c`, `\bab\b`, `\Bab`, `^a`, `a$`, `(?m)^a`, `(?m)a$`, `(?m)^a+$`, `\Aab\z`,
		`(?i)aB+`, `(?i)[ks]+x?`, `[^ab]+`, `[^a\x{17f}]`, `[ka-c]\pL?`, `[^a]b`, `.b`, `(?s).b`, `a{2,4}`, `a{2,4}?b?`, `(a{1,3}|b)(c|$)`, `(?:ab|cd){2}`, `a\b`, `a(?:\b|b)`,
		`(?:^|b)a`, `\ba.{0,3}?\b`, `a(?:\n|$)`, `(?m)(?:^|a)b(?:$|\n)`, `(b|a)(?:x*)(?:a|b$)`, `(?:\Aa|ba)\B`,
	}
	for _, expression := range expressions {
		re, m := regexp.MustCompile(expression), machine(t, expression)
		for range 2000 {
			same(t, m, re, []byte(strings.ReplaceAll(string(letters("ab\nc _XY", rand.N(20))), "Y", wide[rand.N(len(wide))])), rand.N(5)-1)
		}
	}
}

// wide stand for what is no ASCII.
var wide = []string{"é", "\u017f", "\u212a", "\xff", "\xe2\x82", "漢", "\x82", "Y"}

func letters(alphabet string, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = alphabet[rand.N(len(alphabet))]
	}
	return out
}

func TestUnsuitable(t *testing.T) {
	for _, expression := range []string{`a*`, `a?`, ``, `\b`, `^`, `a|`, `(a|b*)`, `a{0,3}`, `[a-z]{1000}[0-9]{1000}[a-z]{1000}`} {
		if _, err := dfa.Compile(expression); err == nil {
			t.Errorf("%s is taken", expression)
		}
	}
	var fault *syntax.Error
	if _, err := dfa.Compile(`a(`); !errors.As(err, &fault) {
		t.Errorf("a( gives %v", err)
	}
}

// Where an expression tells characters beyond ASCII apart, texts that hold some
// are declined.
func TestDeclines(t *testing.T) {
	m := machine(t, `a\pL`)
	for _, text := range []string{"aé", "a\xff", "0123456789é", "é0123456789"} {
		if _, _, ok := m.All([]byte(text), 0, -1, len(text), nil); ok {
			t.Errorf("%q is not declined", text)
		}
	}
}

// TestBefore holds the matches that begin before a limit, and whether more text
// could change them, against what regexp finds in longer texts.
func TestBefore(t *testing.T) {
	for _, expression := range []string{`ab+`, `abc`, `abc+`, `a[^c]*?c`, `a.{3,}?c`, `(?:a|bc)+`, `a\b`, `b$`, `(?m)a$`, `c(?s:.)*a`} {
		re, m := regexp.MustCompile(expression), machine(t, expression)
		for range 3000 {
			text := letters("abc\n ", 1+rand.N(12))
			limit := rand.N(len(text)) + 1
			got, open, ok := m.All(text, 0, -1, limit, nil)
			if !ok {
				t.Fatalf("%s declines %q", expression, text)
			}
			if open {
				continue
			}
			longer := append(slices.Clone(text), letters("abc\n ", rand.N(8))...)
			var want [][2]int
			for _, loc := range oracle(re, longer, -1) {
				if loc[0] < limit {
					want = append(want, loc)
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s on %q before %d finds %v, in %q regexp finds %v", expression, text, limit, got, longer, want)
			}
		}
	}
}

// A match that is over before the end of the text is not open.
func TestSettles(t *testing.T) {
	text := []byte("x BEGIN 0123456789 KEY and more BEG")
	_, open, ok := machine(t, `BEGIN[\s\S]{5,}?KEY`).All(text, 0, -1, 10, nil)
	if open || !ok {
		t.Errorf("open %v, ok %v", open, ok)
	}
}

// FuzzFind holds machines of any expression against regexp on any text.
func FuzzFind(f *testing.F) {
	f.Add(`(?i)\b(a|bc?)+?(?:\n|$)`, "xab abc\n", 3)
	f.Add(`[^\n]{2,5}?b\B`, "aabbaab", -1)
	f.Fuzz(func(t *testing.T, expression, text string, n int) {
		p, err := dfa.Compile(expression)
		if err != nil || len(text) > 1000 {
			return
		}
		re, err := regexp.Compile(expression)
		if err != nil {
			t.Fatalf("regexp refuses what dfa takes: %v", err)
		}
		m := dfa.New(p)
		same(t, m, re, []byte(text), max(n, -1))
		same(t, m, re, []byte(text+text), -1)
	})
}
