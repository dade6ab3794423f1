package rewrite

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
)

// maxNested is how often a value may be in base64 of base64: a Secret of Kubernetes
// (https://kubernetes.io/docs/concepts/configuration/secret/#docker-config-secrets) holds
// the login of a registry twice, and what boots a machine may hold that Secret.
const maxNested = 3

// nested are a value in base64 of a text that holds it in base64, and that in base64 again.
func nested(v []byte) (out []form) {
	with := []byte(mask(len(v)))
	for skip := range 3 {
		std, uri := newAligned(base64.RawStdEncoding, v, with, skip), newAligned(base64.RawURLEncoding, v, with, skip)
		out = append(out, within(std.whole(), 2, 8)...)
		if !bytes.Equal(std.text, uri.text) {
			out = append(out, within(uri.whole(), 2, 8)...)
		}
	}
	return out
}

// within are a spelling in base64, in lines or not. What is ASCII is the same in both
// alphabets then. margin is how many characters on either side are decoded too, for what
// the inner spelling has at its edges.
func within(inner form, depth, margin int) (out []form) {
	for skip := range 3 {
		b := newAligned(base64.RawStdEncoding, inner.text, nil, skip)
		first := min(len(b.text), lineOf)
		half := (first + 1) / 2
		if half < minHalf {
			out = append(out, b.holding(inner, margin, 0, len(b.text)))
		} else {
			out = append(out, b.holding(inner, margin, 0, half), b.holding(inner, margin, first-half, half))
		}
		if depth < maxNested {
			out = append(out, within(b.holding(inner, margin, 0, len(b.text)), depth+1, 2*margin)...)
		}
	}
	return out
}

// holding finds a part of its text, and replaces what it decodes to as the inner
// spelling says. Of a short value few bits are in the text, so what it decodes to must hold
// the inner one.
func (b aligned) holding(inner form, margin, skip, size int) form {
	f := form{needle: needle{text: b.text[skip : skip+size]}}
	f.judge = func(in []byte, found int) bool {
		_, _, _, ok := b.inside(&inner, in, found, skip, margin)
		return ok
	}
	f.coded = func(text []byte, found int) (int, int, []byte) {
		places, raw, at, _ := b.inside(&inner, text, found, skip, margin) // the judge has seen it
		from, to, with := inner.coded(raw, at)
		copy(raw[from:to], with)
		return put(text, places, []byte(b.enc.EncodeToString(raw)))
	}
	return f
}

// inside decodes what is around a part of the text, and gives the places of its characters
// and where the inner spelling begins; false if it is not there.
func (b aligned) inside(inner *form, in []byte, found, skip, margin int) (places []int, raw []byte, at int, ok bool) {
	places, ok = b.around(in, found, skip)
	if !ok {
		return nil, nil, 0, false
	}
	before := b.before(in, places[0], margin)
	places = b.behind(in, append(before, places...), margin)
	raw, err := b.enc.DecodeString(string(pick(in, places)))
	at = len(before)/4*3 + b.skip
	return places, raw, at, err == nil && at <= len(raw) && inner.is(raw, at, true)
}

// before are the places of the characters before one, as far as they are whole groups.
func (b aligned) before(in []byte, at, margin int) (places []int) {
	for i := at; len(places) < margin; {
		i -= breakBefore(in, i)
		if i--; i < 0 || !isBase64(b.enc, in[i]) {
			break
		}
		places = append(places, i)
	}
	places = places[:len(places)/4*4]
	slices.Reverse(places)
	return places
}

// behind adds the characters behind the last place.
func (b aligned) behind(in []byte, places []int, margin int) []int {
	for i, n := places[len(places)-1]+1, len(places)+margin; len(places) < n; i++ {
		i += breakBehind(in, i)
		if i >= len(in) || !isBase64(b.enc, in[i]) {
			break
		}
		places = append(places, i)
	}
	if len(places)%4 == 1 { // no bytes make such an end
		places = places[:len(places)-1]
	}
	return places
}

// escapers are how texts write what base64 has besides letters and digits: addresses, JSON of
// PHP and of .NET, and pages of Go.
var escapers = []*strings.Replacer{
	strings.NewReplacer("+", "%2B", "/", "%2F"),
	strings.NewReplacer("/", `\/`),
	strings.NewReplacer("+", `\u002B`),
	strings.NewReplacer("+", "&#43;"),
}

// escapedForms are a value in base64 that is escaped.
func escapedForms(v []byte) (out []form) {
	for skip := range 3 {
		text := string(newAligned(base64.RawStdEncoding, v, nil, skip).text)
		for i, by := range escapers {
			if by.Replace(text) == text {
				continue
			}
			digits := isPercent
			if i > 0 {
				digits = isJSONEscape
			}
			f := escaped(text, "", by.Replace, digits)
			f.coded = func(in []byte, at int) (int, int, []byte) { return at, at + len(f.text), f.fixed }
			out = append(out, f)
		}
	}
	return out
}
