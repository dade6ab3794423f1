package detect

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/zricethezav/gitleaks/v8/detect/codec"
)

// encodedExpr is what the finder reads by hand.
var encodedExpr = regexp.MustCompile(`(%[0-9A-Fa-f]{2}(?:.*%[0-9A-Fa-f]{2})?)|((?:(?:U\+[a-fA-F0-9]{4}(?:\s|$))+|(?i)(?:\\{1,2}u[a-fA-F0-9]{4})+))|([0-9A-Fa-f]{32,})|([\w\/+-]{16,}={0,2})`)

func finderAgrees(t testing.TB, text string) {
	t.Helper()
	var got, want [][2]int
	for f := newFinder([]byte(text)); ; {
		e, ok := f.next()
		if !ok {
			break
		}
		got = append(got, [2]int{e.start, e.end})
	}
	for _, m := range encodedExpr.FindAllStringIndex(text, -1) {
		want = append(want, [2]int{m[0], m[1]})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("encoded stretches of %q (-expression +finder):\n%s", text, diff)
	}
}

// decoderAgrees compares each pass with gitleaks' own decoder.
func decoderAgrees(t testing.TB, text string) {
	t.Helper()
	theirs, segments := text, []*codec.EncodedSegment{}
	decoder := codec.NewDecoder()
	own, l := &decoder2{}, &layer{text: []byte(text)}
	for range 6 {
		theirs, segments = decoder.Decode(theirs, segments)
		l = own.next(l, 100*len(text))
		if len(segments) == 0 || l == nil {
			if len(segments) != 0 || l != nil {
				t.Errorf("%q: gitleaks decodes %d segments, we %v", text, len(segments), l != nil)
			}
			return
		}
		if diff := cmp.Diff(theirs, string(l.text)); diff != "" {
			t.Errorf("%q decodes differently (-gitleaks +own):\n%s", text, diff)
			return
		}
		for at := 0; at <= len(theirs); at += 3 {
			for _, end := range []int{at + 1, at + 9} {
				overlap := codec.SegmentsWithDecodedOverlap(segments, at, end)
				if len(overlap) == 0 {
					continue
				}
				want := codec.AdjustMatchIndex(overlap, []int{at, end})
				if got := l.original(extent{at, end}); got.start != want[0] || got.end != want[1] {
					t.Errorf("%q: [%d,%d] was at %v, gitleaks says %v", text, at, end, got, want)
				}
			}
		}
	}
}

// decoder2 is a decoder with fresh budget in each pass.
type decoder2 struct{ decoder }

func (d *decoder2) next(l *layer, budget int) *layer {
	d.budget = budget
	return d.decoder.next(l)
}

// encodedText is random text in which encodings nest and touch.
func encodedText(rnd *rand.Rand) string {
	var b strings.Builder
	for range 1 + rnd.IntN(6) {
		s := []string{"secret=hello world 42", "a", "0123456789abcdef0123456789abcdef", "key: Zm9vYmFyYmF6cXV4", "\n", "%", "U+", "\\", "é", "=="}[rnd.IntN(10)]
		for range rnd.IntN(4) {
			switch rnd.IntN(6) {
			case 0:
				s = base64.StdEncoding.EncodeToString([]byte(s))
			case 1:
				s = base64.RawURLEncoding.EncodeToString([]byte(s))
			case 2:
				s = hex.EncodeToString([]byte(s))
			case 3:
				s = url.PathEscape(s)
			case 4:
				s = escaped(s, `\u%04x`)
			case 5:
				s = escaped(s, "U+%04X ")
			}
		}
		b.WriteString(s)
		b.WriteString([]string{"", " ", "\n", "\"", "A", "%20"}[rnd.IntN(6)])
	}
	return b.String()
}

func escaped(s, format string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, format, r)
	}
	return b.String()
}

func TestDecodingIsThatOfGitleaks(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		text := encodedText(rnd)
		if len(text) > 5000 {
			continue
		}
		finderAgrees(t, text)
		decoderAgrees(t, text)
		if t.Failed() {
			return
		}
	}
}

func FuzzFinderReadsWhatTheExpressionMatches(f *testing.F) {
	f.Add("%41 %42\nU+0041 U+0042 \\u0041\\\\U0042 0123456789abcdef0123456789abcdefZZ aGVsbG8gd29ybGQgZm9v==")
	f.Add("xU+0041 aaaaaaaaaaaaaaaU+00414 \\\\\\u0041")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) < 4096 {
			finderAgrees(t, text)
			decoderAgrees(t, text)
		}
	})
}

func TestValuesAreFoundThroughEncodings(t *testing.T) {
	value := "tok_" + strings.Repeat("x7Qz", 5)
	plain := "set " + value + "\r\n"
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, c := range []struct {
		name, encoded string
		from          []string
	}{
		{"base64", b64(plain), []string{"base64"}},
		{"base64 twice", b64(b64(plain)), []string{"base64", "base64"}},
		{"hex", hex.EncodeToString([]byte(plain)), []string{"hex"}},
		{"hex in base64", b64(hex.EncodeToString([]byte(plain))), []string{"base64", "hex"}},
		{"escapes", escaped(plain, `\u%04x`), []string{"unicode"}},
		{"percent", "set%20" + strings.Replace(value, "_", "%5F", 1), []string{"percent"}},
		{"UTF-16 with byte order mark", b64("\xff\xfe" + utf16le(plain)), []string{"base64"}},
		{"UTF-16", b64(utf16le(plain)), []string{"base64"}},
		{"UTF-8 with byte order mark", b64("\xef\xbb\xbf" + plain), []string{"base64"}},
		{"UTF-8 beyond ASCII", b64("größer " + plain), []string{"base64"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			windowed, reference := custom(rule("r", `tok_\w{20}`, "tok_"))
			text := "before\n<" + c.encoded + ">\nafter"
			same(t, windowed, reference, nil, text)
			found, err := windowed.Text(t.Context(), nil, []byte(text))
			if err != nil || len(found) != 1 {
				t.Fatalf("%d matches, %v", len(found), err)
			}
			m := found[0]
			if m.Secret.Reveal() != value || m.Line != 1 {
				t.Error("the wrong value or line was found")
			}
			if diff := cmp.Diff(c.from, m.DecodedFrom); diff != "" {
				t.Errorf("encodings (-want +got):\n%s", diff)
			}
			if from, to := strings.Index(text, "<"), strings.Index(text, ">"); m.Span[0] <= from || m.Span[1] > to || m.Span[0] >= m.Span[1] {
				t.Errorf("span %v is not in the encoded text [%d,%d]", m.Span, from+1, to)
			}
		})
	}
}

func utf16le(s string) string {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

func TestDecodingStopsAtItsDepth(t *testing.T) {
	text := "tok_" + strings.Repeat("x7Qz", 5)
	for range 3 {
		text = base64.StdEncoding.EncodeToString([]byte(text))
	}
	set, _ := custom(rule("r", `tok_\w{20}`, "tok_"))
	for depth, want := range []int{0, 0, 0, 1} {
		found, err := New(set.set, Options{Depth: depth}).Text(t.Context(), nil, []byte(text))
		if err != nil || len(found) != want {
			t.Errorf("depth %d: %d matches, want %d (%v)", depth, len(found), want, err)
		}
	}
}

// What is encoded once more than it is decoded is told, in memory and out of it.
func TestDeeperEncodingsAreTold(t *testing.T) {
	set, _ := custom(rule("r", `token=\w+`, "token"))
	text := "token=abcdefghijkl1"
	for layers := range 4 {
		d := New(set.set, Options{Depth: 2})
		for _, filler := range []string{"", strings.Repeat("a line of text\n", 100)} {
			s := &Scratch{}
			if _, err := d.NewMemory().Text(t.Context(), s, []byte(filler+text+"\n"+filler), nil, nil); err != nil {
				t.Fatal(err)
			}
			if s.Deeper() != (layers > 2) {
				t.Errorf("%d layers, 2 passes: deeper is %v", layers, s.Deeper())
			}
		}
		text = base64.StdEncoding.EncodeToString([]byte(text))
	}
}
