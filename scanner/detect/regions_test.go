package detect

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/leakgate/leakgate/rules"
)

// percents writes every byte of a text as %hh, over and over.
func percents(text string, times int) string {
	for range times {
		var out strings.Builder
		for _, c := range []byte(text) {
			fmt.Fprintf(&out, "%%%02x", c)
		}
		text = out.String()
	}
	return text
}

// Each case is a way in which a section by itself could tell other matches than
// the whole text.
func TestRegionTraps(t *testing.T) {
	lines := func(n int) string {
		var out strings.Builder
		for i := range n {
			fmt.Fprintf(&out, "some line of text, and more of it: %d\n", i*i*7919%1000)
		}
		return out.String()
	}
	for _, c := range []struct {
		name  string
		rule  *rules.Rule
		text  string
		count int
	}{
		{"literals far behind the start", rule("r", `start-block[\s\S]*?finish-block`, "vendor"), lines(40) + "start-block\n" + lines(60) + "finish-block\n" + lines(40) + "vendor", 1},
		{"literals far behind, unbounded to the left", rule("r", `a+[\s\S]{0,900}?tail`, "tail"), lines(40) + "aaa" + lines(20) + "tail\n" + lines(40), 1},
		{"line starts are no text starts", rule("r", `^\s*key=\w+`, "key"), strings.Repeat("key=abc\n"+lines(9), 50), 1},
		{"start of text or a semicolon", rule("r", `(?:^|;)\s?key\d`, "key"), strings.Repeat("key1\n"+lines(9), 50), 1},
		{"long s at the end of the window", rule("r", `(?i)as\w{0,3}_key = \w{6}`, "as"), lines(30) + "a\u017fana_key = abcdef\n" + lines(30), 1},
		{"Kelvin sign as the last letter", rule("r", `(?i)tok`, "tok"), lines(30) + "to\u212a\n" + lines(30), 1},
		{"encoded five deep", rule("r", `token=\w{8}`, "token"), lines(20) + percents("token=abcdefgh", 5) + "\n" + lines(20), 1},
		{"behind an encoded chain", rule("r", `key\d{3} =\s[A-Z]{20,200}`, "key"), lines(20) + "key123 =\n" + strings.Repeat("U+0041\n", 180) + lines(20), 1},
		{"open in decoded text", rule("r", `(?s)BEGIN.{600,}?END`, "begin"),
			lines(20) + base64.StdEncoding.EncodeToString([]byte("BEGIN "+strings.Repeat("x", 700)+" END")) + "\n" + lines(40), 1},
		{"one ends where another begins", rule("r", `xkey[^;]{0,500};|nkey;pkey\d{3}|pkey\d{3}`, "key"),
			lines(20) + "xkey " + lines(10) + "nkey;pkey123\n" + lines(20), 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			windowed, reference := custom(c.rule)
			for shift := range 40 { // so that sections end at many places of the text
				text := lines(shift) + c.text
				if strings.HasPrefix(c.name, "line starts") || strings.HasPrefix(c.name, "start of text") {
					text = c.text + lines(shift)
				}
				want := listing(t, reference, nil, text)
				if diff := cmp.Diff(want, remembered(t, windowed.NewMemory(), &Scratch{}, text)); diff != "" {
					t.Fatalf("shifted by %d lines (-reference +sections):\n%s", shift, diff)
				}
				if len(want) < c.count {
					t.Fatalf("%d matches, want %d", len(want), c.count)
				}
			}
		})
	}
}
