package detect

import (
	"math/rand/v2"
	"regexp/syntax"
	"strings"
	"testing"
	"unicode/utf8"
)

// generator makes texts that an expression matches, mostly: assertions are ignored.
type generator struct {
	rnd *rand.Rand
	out strings.Builder
}

func generate(t *testing.T, rnd *rand.Rand, expr string) string {
	t.Helper()
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		t.Fatal(err)
	}
	g := &generator{rnd: rnd}
	g.add(re.Simplify())
	return g.out.String()
}

func (g *generator) add(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if re.Flags&syntax.FoldCase != 0 && r < utf8.RuneSelf && g.rnd.IntN(3) == 0 {
				g.out.WriteString(strings.ToUpper(string(r)))
				continue
			}
			g.out.WriteRune(r)
		}
	case syntax.OpCharClass:
		g.out.WriteRune(g.member(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		g.out.WriteRune(rune(' ' + g.rnd.IntN(95)))
	case syntax.OpStar:
		g.repeat(re.Sub[0], g.rnd.IntN(4))
	case syntax.OpPlus:
		g.repeat(re.Sub[0], 1+g.rnd.IntN(4))
	case syntax.OpQuest:
		g.repeat(re.Sub[0], g.rnd.IntN(2))
	case syntax.OpAlternate:
		g.add(re.Sub[g.rnd.IntN(len(re.Sub))])
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range re.Sub {
			g.add(sub)
		}
	}
}

func (g *generator) repeat(re *syntax.Regexp, n int) {
	for range n {
		g.add(re)
	}
}

// member picks a character, an ASCII one where there is one.
func (g *generator) member(ranges []rune) rune {
	for range 20 {
		i := 2 * g.rnd.IntN(len(ranges)/2)
		lo, hi := ranges[i], min(ranges[i+1], 0x7e)
		if lo > hi {
			continue
		}
		r := lo + rune(g.rnd.IntN(int(hi-lo)+1))
		if r >= ' ' || g.rnd.IntN(8) == 0 {
			return r
		}
	}
	return ranges[0]
}

// contexts are what may stand around a match; %s is the match.
var contexts = []string{
	"%s", "\n%s\n", "key = \"%s\"\n", "  - token: '%s' # comment\n", "x%sx", "<%s>", "\t%s;\r\n",
	"func main() {\n\tsecret := `%s`\n\tfmt.Println(secret)\n}\n", "export A=%s B=%s", "%s\n%s\n", "é%sé", "\xff%s\xff", "=%s=",
	"password:\n  api_key: %s\n", "curl -u 'a:%s' \\\n -H \"Authorization: Bearer %s\" \nhttps://example.org\n",
}

func (g *generator) wrap(match string) string {
	text := strings.ReplaceAll(contexts[g.rnd.IntN(len(contexts))], "%s", match)
	for range g.rnd.IntN(3) {
		text = text + strings.ReplaceAll(contexts[g.rnd.IntN(len(contexts))], "%s", g.word())
	}
	return text
}

func (g *generator) word() string {
	words := []string{"key", "eyJ", "token", "sk", "api", "secret=", "-----BEGIN", "s.", "null", "lorem ipsum", "\n", "curl "}
	return words[g.rnd.IntN(len(words))]
}
