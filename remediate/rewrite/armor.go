package rewrite

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"regexp"
	"strings"
)

// minArmored is the fewest letters of a key that is looked for in any layout: a line of PEM.
const minArmored = 60

// Texts break a key into lines as they like: with ends of lines as they are or escaped, as
// blanks, indented, within quotes that are joined, behind marks of comments, quotations and
// patches (https://www.rfc-editor.org/rfc/rfc7468#section-2 is what programs agree on).
const (
	oneBetween = `(?:\\+(?:=\r?\n)?(?:[nrt]|u000[adAD]|x0[adAD])|%0[adAD]|%20|&#(?:10|13|x[aAdD]);|<br ?/?>|[\s"'` + "`" + `+.&,;()\[\]|>#*/=\\-])`
	oneHeader  = `(?:Proc-Type: \d,[A-Z]+|DEK-Info: [A-Z0-9-]+,[0-9A-F]+|[A-Z][A-Za-z-]+: [^\r\n\\"'&<]*)` // https://www.rfc-editor.org/rfc/rfc1421#section-4.6, of OpenSSL and PGP
	label      = `(?:[A-Z0-9 +]|%20){0,60}-----`
)

var (
	between = regexp.MustCompile(`^` + oneBetween)
	opener  = regexp.MustCompile(`^-----BEGIN ?` + label + `(?:` + oneBetween + `|` + oneHeader + `)*$`)
	closer  = regexp.MustCompile(`^(?:=3D|%3D|\\u003[dD]|` + oneBetween + `)*(?:=[A-Za-z0-9+/]{4}` + oneBetween + `*)?-----END ?` + label)
	padding = regexp.MustCompile(`^(?:=3D|%3D|\\u003[dD]|=){0,2}`)
)

// maxBetween is the longest stretch between two lines of a key, and maxMarker the longest before
// or behind it that is looked into for its marker, in bytes.
const (
	maxBetween = 160
	maxMarker  = 1 << 10
)

// armored is a key as letters of base64, whatever layout it has.
type armored struct {
	letters string // without what pads them
	with    []byte
}

// armoredForms find the keys that a value holds as PEM, in any layout, with and without markers, and in base64.
func armoredForms(v, with string) (out []form) {
	for _, letters := range lettersIn(v) {
		a := armored{letters, []byte(with)}
		for _, width := range a.widths() {
			out = append(out, a.forms(width)...)
		}
	}
	return out
}

// widths are how many letters programs write in a line.
func (a armored) widths() []int {
	if strings.HasPrefix(a.letters, "b3BlbnNzaC1rZXktdjE") { // https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key
		return []int{64, 70}
	}
	return []int{64} // https://www.rfc-editor.org/rfc/rfc7468#section-2
}

func (a armored) forms(width int) (out []form) {
	at, size := a.window(width)
	for _, skip := range []int{at, at + size - (size+1)/2} {
		piece := a.letters[skip : skip+(size+1)/2]
		f := a.form(piece, skip)
		out = append(out, f)
		out = append(out, within(f, 2, a.reach()*4/3)...)
		for _, by := range escapers {
			if text := by.Replace(piece); text != piece {
				out = append(out, a.form(text, skip))
			}
		}
	}
	return out
}

var (
	blocks    = regexp.MustCompile(`(?s)-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END `)
	headers   = regexp.MustCompile(oneHeader)
	escapes   = strings.NewReplacer(`\\/`, "/", `\/`, "/", `\u002b`, "+", `\u002B`, "+", `\u003d`, "=", `\u003D`, "=", "%2B", "+", "%2F", "/", "%3D", "=", "=3D", "=")
	joined    = regexp.MustCompile("\\\\+[nrt]|[\"'`]\\s*[+.&]\\s*\\\\*[\"'`]|%0[AD]|<br ?/?>|&#(?:10|13|x[AaDd]);|[\\s\"'`,;()\\[\\]\\\\|>#*]")
	onlyPEM   = regexp.MustCompile(`^([A-Za-z0-9+/]+)={0,2}(?:=[A-Za-z0-9+/]{4})?$`) // PGP has a sum behind
	linemarks = []string{"//", "--", "+", "-"}
)

// lettersIn are the letters of the keys in a value. Of several blocks only private keys count:
// a certificate beside one is public, and stands elsewhere with good reason.
func lettersIn(v string) (out []string) {
	found := blocks.FindAllStringSubmatch(v, -1)
	for _, m := range found {
		if len(found) > 1 && !strings.Contains(m[1], "PRIVATE") {
			continue
		}
		if letters := onlyPEM.FindStringSubmatch(joined.ReplaceAllString(escapes.Replace(headers.ReplaceAllString(unmarked(m[2]), "")), "")); letters != nil && len(letters[1]) >= minArmored {
			out = append(out, letters[1])
		}
	}
	if bare := onlyPEM.FindStringSubmatch(joined.ReplaceAllString(v, "")); len(found) == 0 && bare != nil && len(bare[1]) >= minArmored && isDER(bare[1]) {
		out = append(out, bare[1])
	}
	return out
}

// unmarked takes from the lines of a key what marks each: a comment, or a patch.
func unmarked(text string) string {
	lines := strings.Split(text, "\n")
	for _, mark := range linemarks {
		out, all := []string{""}, len(lines) > 2
		for _, l := range lines[1:] {
			rest, ok := strings.CutPrefix(strings.TrimSpace(l), mark)
			out, all = append(out, rest), all && ok
		}
		if all {
			return strings.Join(out, "\n")
		}
	}
	return text
}

// isDER reports whether letters are one whole structure, as keys are, see
// https://www.itu.int/rec/T-REC-X.690.
func isDER(letters string) bool {
	raw, err := base64.RawStdEncoding.DecodeString(letters)
	if err != nil {
		return false
	}
	var whole asn1.RawValue
	rest, err := asn1.Unmarshal(raw, &whole)
	return err == nil && len(rest) == 0 && whole.IsCompound
}

// window is where to look first: one line's worth of letters, of which at most one line ends in, with as few
// that texts escape as can be, and not at the beginning, which many keys share. No line that programs
// write ends in it, so that it is found where another layout, as that of a mail, ends one.
func (a armored) window(width int) (at, size int) {
	size = min(len(a.letters), lineOf)
	middle, best := (len(a.letters)-size)/2, -1
	for i := range len(a.letters) - size + 1 {
		if i%width > width-size {
			continue
		}
		cost := strings.Count(a.letters[i:i+size], "+") + strings.Count(a.letters[i:i+size], "/")
		if cost = cost<<16 + max(i-middle, middle-i); best < 0 || cost < best {
			at, best = i, cost
		}
	}
	return at, size
}

// reach is how far before a letter the first may stand, in bytes.
func (a armored) reach() int { return 4*len(a.letters) + maxMarker }

func (a armored) form(text string, skip int) form {
	f := form{needle: needle{text: []byte(text)}}
	f.judge = func(in []byte, found int) bool {
		_, ok := a.around(in, found, skip)
		return ok
	}
	f.coded = func(in []byte, found int) (int, int, []byte) {
		runs, _ := a.around(in, found, skip) // the judge has seen it
		return starred(in, runs)
	}
	f.loose = func(in []byte, found int) (int, int, []byte) {
		runs, _ := a.around(in, found, skip)
		from, to := markers(in, runs[0].from, runs[len(runs)-1].to)
		return from, to, a.with
	}
	return f
}

// run is a stretch of bytes that belong to a value.
type run struct{ from, to int }

// starred has asterisks in place of the bytes of runs.
func starred(in []byte, runs []run) (from, to int, with []byte) {
	from, to = runs[0].from, runs[len(runs)-1].to
	with = bytes.Clone(in[from:to])
	for _, r := range runs {
		copy(with[r.from-from:], mask(r.to-r.from))
	}
	return from, to, with
}

// around gives the stretches of all letters when the one behind skip others stands at found.
func (a armored) around(in []byte, found, skip int) ([]run, bool) {
	first := a.letters[:min(8, skip+1)]
	if i := strings.IndexAny(first, "+/"); i > 0 { // the rest may be escaped
		first = first[:i]
	}
	runs, ok := a.back(in, found, skip, first)
	if !ok && len(first) > 1 { // a line may end in these
		runs, ok = a.back(in, found, skip, first[:1])
	}
	return runs, ok
}

// back looks for the first letters before the one at found.
func (a armored) back(in []byte, found, skip int, first string) ([]run, bool) {
	low := max(0, found-a.reach())
	for end := min(len(in), found-skip+len(first)); end > low; { // a letter takes a byte at least
		at := bytes.LastIndex(in[low:end], []byte(first))
		if at < 0 {
			return nil, false
		}
		if runs, mark := a.forward(in, low+at, skip); mark == found {
			return runs, true
		}
		end = low + at + len(first) - 1
	}
	return nil, false
}

// forward follows the letters from the first one on, and tells where one of them stands; -1 where they are not all there.
func (a armored) forward(in []byte, at, skip int) (runs []run, mark int) {
	mark = -1
	r := run{at, at}
	for next := 0; next < len(a.letters); {
		if n := letterAt(in[r.to:], a.letters[next]); n > 0 {
			if next == skip {
				mark = r.to
			}
			r.to += n
			next++
			continue
		}
		n := a.gap(in[r.to:], next)
		if n == 0 {
			return nil, -1
		}
		if r.to > r.from {
			runs = append(runs, r)
		}
		r = run{r.to + n, r.to + n}
	}
	return append(runs, r), mark
}

// gap is how long the stretch is behind which the letters go on; 0 where they do not.
func (a armored) gap(in []byte, next int) int {
	for n := 0; n < maxBetween; {
		size := len(between.Find(in[n:min(len(in), n+16)]))
		if size == 0 {
			return 0
		}
		if n += size; a.follows(in[n:], next) {
			return n
		}
	}
	return 0
}

// follows reports whether some letters stand there side by side, or up to where a line ends again.
func (a armored) follows(in []byte, next int) bool {
	for i, c := range []byte(a.letters[next:min(len(a.letters), next+8)]) {
		n := letterAt(in, c)
		if n == 0 {
			return i > 0 && between.Match(in[:min(len(in), 16)])
		}
		in = in[n:]
	}
	return true
}

var escapedLetters = map[byte]*regexp.Regexp{
	'+': regexp.MustCompile(`^(?:[%=]2[bB]|\\+u002[bB]|&#43;)`),
	'/': regexp.MustCompile(`^(?:[%=]2[fF]|\\+/)`),
}

// letterAt is how many bytes stand for a letter, as it is or escaped; 0 where it is another.
func letterAt(in []byte, c byte) int {
	if len(in) > 0 && in[0] == c {
		return 1
	}
	if by := escapedLetters[c]; by != nil {
		return len(by.Find(in[:min(len(in), 12)]))
	}
	return 0
}

// markers takes in what belongs to the letters: the lines before and behind, and what pads them.
func markers(in []byte, from, to int) (int, int) {
	head := in[max(0, from-maxMarker):from]
	if at := bytes.LastIndex(head, []byte("-----BEGIN")); at >= 0 && opener.Match(head[at:]) {
		from -= len(head) - at
	}
	tail := in[to:min(len(in), to+maxMarker)]
	if n := len(closer.Find(tail)); n > 0 {
		return from, to + n
	}
	return from, to + len(padding.Find(tail))
}
