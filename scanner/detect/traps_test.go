package detect

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/rules"
)

// custom makes both detectors for rules of a test.
func custom(rs ...*rules.Rule) (windowed, reference *Detector) {
	set := &rules.Set{Rules: rs}
	return New(set, Options{Depth: 5}), New(set, Options{Depth: 5, Reference: true})
}

func rule(id, expr string, keywords ...string) *rules.Rule {
	return &rules.Rule{ID: id, Regex: rules.NewPattern(expr), Keywords: keywords}
}

// Each case is a way in which looking at less than the text could change the matches.
func TestWindowTraps(t *testing.T) {
	far := strings.Repeat("filler ", 3000)
	long := strings.Repeat("a1b2", 5000)
	for _, c := range []struct {
		name  string
		rule  *rules.Rule
		text  string
		count int
	}{
		{"long s stands for s", rule("r", `(?i)secret=(\w{5})`, "secret"), far + "\u017fecret=abcde " + "secret" + far, 1},
		{"Kelvin sign stands for k", rule("r", `(?i)key=(\w{5})`, "key"), far + "\u212aey=abcde" + far, 1},
		{"dotted I opens gitleaks' gate", rule("r", `id.?=(\w{5})`, "id"), "\u0130d id=abcde" + far, 1},
		{"dotted I opens the gate of a rule without proof", rule("r", `\b[a-f0-9]{12}\b`, "mailid"), "0123456789ab mail\u0130d" + far, 1},
		{"keyword far from a match without it", rule("r", `\b[a-f0-9]{12}\b`, "vendor"), "0123456789ab " + far + "vendor", 1},
		{"no keyword anywhere", rule("r", `\b[a-f0-9]{12}\b`, "vendor"), "0123456789ab " + far, 0},
		{"end of text only at the end", rule("r", `tok=\w{4}$`, "tok"), "tok=abcd\n" + far + "tok=abcd", 1},
		{"end of text not at a cut", rule("r", `(?:tok!|tok\w{0,9}$)`, "tok"), "tok!tokabcdefghi" + far, 1},
		{"end of line at each", rule("r", `(?m)tok=\w{4}$`, "tok"), "tok=abcd\n" + far + "\ntok=abcd", 2},
		{"start of text only at the start", rule("r", `^tok=\w{4}`, "tok"), "tok=abcd" + far + "tok=abcd", 1},
		{"start of text not at a cut", rule("r", `(?:^|x)\w{0,3}tok`, "tok"), far + "abctok", 0},
		{"word boundary before a cut", rule("r", `\b\w{0,3}tok\b`, "tok"), far + "wwwwwwtok tokk", 0},
		{"value without limit", rule("r", `key=([a-z0-9]{11,});`, "key"), far + "key=" + long + ";" + far, 1},
		{"lazy without limit", rule("r", `(?s)BEGIN.*?END`, "begin"), "BEGIN" + far + "END" + far + "END", 1},
		{"unlimited before the keyword", rule("r", `https://[a-z0-9]+\.hook`, "hook"), far + "https://" + long + ".hook" + far, 1},
		{"characters of four bytes", rule("r", `x.{8}key`, "key"), far + "x" + strings.Repeat("\U0001f511", 8) + "key" + far, 1},
		{"invalid bytes", rule("r", `x[^"]{8}key`, "key"), far + "x" + strings.Repeat("\xff", 8) + "key" + far, 1},
		{"keyword inside a longer one", rule("r", `abcd=\w{3}`, "abcd", "bc"), "abc abcd=xyz", 1},
		{"no keywords", rule("r", `zz\d{4}`), far + "zz1234", 1},
		{"keyword beyond ASCII", rule("r", `größe=\d{4}`, "größe"), far + "größe=1234", 1},
		{"matches side by side", rule("r", `key\d`, "key"), "key1key2key3", 3},
		{"alternatives of different length", rule("r", `key(?:a|abc)`, "key"), "keyabc" + far, 1},
		{"hidden in a longer match", rule("r", `(?s)key.{8}`, "key"), "key=\nkey=abcdefgh", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			windowed, reference := custom(c.rule)
			if n := same(t, windowed, reference, nil, c.text); n != c.count {
				t.Errorf("%d matches, want %d", n, c.count)
			}
		})
	}
}

func TestKeywordsAcrossBlocksAreSeen(t *testing.T) {
	windowed, reference := custom(rule("r", `key=\w{5}`, "key"))
	for at := block - 12; at < block+3; at++ {
		text := strings.Repeat("x", at) + "key=abcde" + strings.Repeat("y", block)
		if n := same(t, windowed, reference, nil, text); n != 1 {
			t.Errorf("%d matches with the keyword %d bytes before the border", n, block-at)
		}
	}
}

func TestCompositeRulesLookAcrossTheText(t *testing.T) {
	near := 2
	id := rule("id", `id-\d{4}`, "never-there")
	id.SkipReport = true
	anywhere := rule("anywhere", `key-\d{4}`, "key")
	anywhere.Required = []rules.Required{{RuleID: "id"}}
	close := rule("close", `key-\d{4}`, "key")
	close.Required = []rules.Required{{RuleID: "id", WithinLines: &near}}
	unknown := rule("unknown", `key-\d{4}`, "key")
	unknown.Required = []rules.Required{{RuleID: "missing"}}
	windowed, reference := custom(anywhere, close, id, unknown)
	for _, c := range []struct {
		text  string
		count int
	}{
		{"key-1234\n" + strings.Repeat("\n", 50) + "id-1234", 1},
		{"key-1234\n\nid-1234", 2},
		{"key-1234", 0},
	} {
		if n := same(t, windowed, reference, nil, c.text); n != c.count {
			t.Errorf("%d matches in %q, want %d", n, c.text, c.count)
		}
	}
}

// Each text is made to be slow: it holds many keywords, many restarts, or many
// encodings. 2 MiB must be done long before the limit, which quadratic work would exceed.
func TestHostileTextsTakeLinearTime(t *testing.T) {
	d, _ := pair(t)
	const size = 2 << 20
	for _, unit := range []string{
		"key=", "key=\n", "key=\nabcdefghij1234;\n", "-----BEGIN PRIVATE KEY-----\n", "curl -u ", "eyJ", "%41", "%41 %", `\u0041`, "U+0041 ",
		"kind: secret\ndata:\n", "QUtJQQ==", "secret data: kind: ", "ghp_", "https://", "=", "aaaaaaaaaaaaaaaa",
	} {
		text := []byte(strings.Repeat(unit, size/len(unit)))
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		_, err := d.Text(ctx, nil, text)
		cancel()
		if took := time.Since(begin); err != nil || took > time.Minute {
			t.Errorf("%q repeated: %v after %v", unit, err, took)
		} else if testing.Verbose() {
			t.Logf("%q: %v", unit, took)
		}
	}
}

func TestACancelledSearchIsAnError(t *testing.T) {
	d, _ := custom(rule("r", `key\d`, "key"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Text(ctx, nil, []byte("key1")); err == nil {
		t.Error("a cancelled search must not look complete")
	}
}
