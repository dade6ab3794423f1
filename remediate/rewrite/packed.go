package rewrite

import (
	"bytes"
	"context"
	"encoding/base64"

	"github.com/leakgate/leakgate/scanner/unpack"
)

// marks are how base64 of what is compressed begins: gzip, also in base64 of base64 (a release of Helm in
// a Secret, https://helm.sh/docs/topics/advanced/#storage-backends), and zip.
var marks = [][]byte{[]byte("H4sI"), []byte("SDRzSU"), []byte("UEsDB")}

// longestMark is the length of the longest, in bytes; none has less than a block.
const longestMark = 6

// marked reports whether base64 of something compressed may begin in a text.
func marked(text []byte) bool {
	for _, m := range marks {
		if bytes.Contains(text, m) {
			return true
		}
	}
	return false
}

// looksSure is how much has to come out of a stream, in bytes, for it to be one: three bytes
// are like those of gzip by chance.
const looksSure = 64

// opening looks into what is compressed in one file.
type opening struct {
	ctx     context.Context // of the one call that made it
	editor  *editor
	left    int // characters that may still be decoded
	tainted bool
	why     string // nobody can tell; empty: somebody can
}

// maxLayers is how many layers of base64 and compression are opened.
const maxLayers = 6

// text opens each stretch of base64 that begins with a mark.
func (o *opening) text(text []byte, layer int) error {
	for _, m := range marks {
		for from := 0; !o.tainted; {
			i := bytes.Index(text[from:], m)
			if i < 0 {
				break
			}
			raw, end := decoded(text, from+i, o.left)
			if o.left -= end - from - i; o.left <= 0 {
				o.why = "too much base64"
				return nil
			}
			opened, err := o.bytes(raw, layer+1)
			if err != nil {
				return err
			}
			if from += i + 1; opened {
				from = end
			}
		}
	}
	return nil
}

// decoded decodes the base64 that begins at a place, in either alphabet and in lines or not, and
// gives where it ends.
func decoded(text []byte, from, most int) (raw []byte, end int) {
	var chars []byte
	for end = from; end < len(text) && end-from < most; {
		if n := breakBehind(text, end); n > 0 {
			end += n
			continue
		}
		c := text[end]
		switch {
		case c == '-':
			c = '+'
		case c == '_':
			c = '/'
		case bytes.HasPrefix(text[end:], []byte(`\/`)): // as PHP writes JSON
			c = '/'
			end++
		}
		if !isStandard[c] {
			break
		}
		chars = append(chars, c)
		end++
	}
	if len(chars)%4 == 1 { // no bytes make such an end
		chars = chars[:len(chars)-1]
	}
	raw = make([]byte, base64.RawStdEncoding.DecodedLen(len(chars)))
	n, _ := base64.RawStdEncoding.Decode(raw, chars) // it has no other characters
	return raw[:n], end
}

// isStandard are the characters of base64.
var isStandard = func() (is [256]bool) {
	for c := range is {
		is[c] = isBase64(base64.RawStdEncoding, byte(c))
	}
	return is
}()

// bytes opens what was decoded, and says whether it was something.
func (o *opening) bytes(raw []byte, layer int) (opened bool, err error) {
	switch {
	case unpack.Container(raw):
		return o.archive(raw, layer, !bytes.HasPrefix(raw, []byte("\x1f\x8b")))
	case marked(raw):
		return true, o.deeper(raw, layer)
	}
	return false, nil
}

func (o *opening) deeper(text []byte, layer int) error {
	if layer >= maxLayers {
		o.why = "too many layers of base64 and compression"
		return nil
	}
	return o.text(text, layer)
}

// archive opens an archive, or what is one if it is sure or enough comes out of it.
func (o *opening) archive(raw []byte, layer int, sure bool) (opened bool, err error) {
	skips, err := unpack.Views(o.ctx, "", raw, unpack.Limits{}, func(v unpack.View) error {
		if v.Name == "" || o.tainted {
			return nil
		}
		sure = sure || len(v.Text) >= looksSure
		o.tainted = o.editor.holds(v.Text) || o.editor.matcher.has([]byte(v.Name))
		if o.tainted || !marked(v.Text) {
			return nil
		}
		return o.deeper(v.Text, layer)
	})
	if len(skips) > 0 && sure && o.why == "" {
		o.why = skips[0].Reason
	}
	return sure, err
}

// holds reports whether a value or an expression is in a text.
func (e *editor) holds(text []byte) bool { return e.matcher.has(text) || e.matches(text) }
