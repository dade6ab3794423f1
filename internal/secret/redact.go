package secret

import (
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/url"
	"sort"
	"strings"
	"sync"
)

// minRedact is the shortest value that is removed from text: shorter ones would
// tear holes into ordinary words.
const minRedact = 6

// Redactor removes known values from text, in the spellings in which they
// usually travel: as they are, base64 (both alphabets, at each of the three
// alignments), hexadecimal and URL-encoded. It may be used concurrently.
type Redactor struct {
	mu       sync.RWMutex
	known    map[string]bool
	forms    []string
	replacer *strings.Replacer
}

// Add makes the values known.
func (r *Redactor) Add(values ...Secret) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[string]bool{}
	}
	for _, s := range values {
		if v := s.Reveal(); len(v) >= minRedact && !r.known[v] {
			r.known[v] = true
			r.forms = append(r.forms, Forms(s)...)
			r.replacer = nil
		}
	}
}

// Redact returns text without any known value.
func (r *Redactor) Redact(text string) string {
	r.mu.Lock()
	if r.replacer == nil {
		r.replacer = newReplacer(r.forms)
	}
	replacer := r.replacer
	r.mu.Unlock()
	return replacer.Replace(text)
}

// newReplacer replaces the longest form first where several start at one place.
func newReplacer(forms []string) *strings.Replacer {
	sort.Slice(forms, func(i, j int) bool { return len(forms[i]) > len(forms[j]) })
	pairs := make([]string, 0, 2*len(forms))
	for _, f := range forms {
		pairs = append(pairs, f, redacted)
	}
	return strings.NewReplacer(pairs...)
}

// Writer redacts each Write on its way to w. A value split over two writes is
// not seen, so callers write whole lines or records, as log handlers do.
func (r *Redactor) Writer(w io.Writer) io.Writer { return redactWriter{r, w} }

type redactWriter struct {
	redactor *Redactor
	to       io.Writer
}

func (w redactWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.to, w.redactor.Redact(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Forms lists the spellings of a value that [Redactor] removes and that the
// project's tests search for in everything that leaves.
func Forms(s Secret) []string {
	v := s.Reveal()
	if v == "" {
		return nil
	}
	forms := []string{v}
	add := func(f string) {
		if len(f) >= minRedact && f != v {
			forms = append(forms, f)
		}
	}
	add(hex.EncodeToString([]byte(v)))
	add(strings.ToUpper(hex.EncodeToString([]byte(v))))
	add(url.QueryEscape(v))
	add(url.PathEscape(v))
	for skip := range 3 {
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			add(alignedBase64(enc, v, skip))
		}
	}
	return forms
}

// alignedBase64 is the part of the base64 text of (skip bytes + v + anything)
// that depends on v alone.
func alignedBase64(enc *base64.Encoding, v string, skip int) string {
	text := enc.EncodeToString([]byte(strings.Repeat("\x00", skip) + v))
	first := []int{0, 2, 3}[skip]
	whole := (skip + len(v)) / 3 * 4
	return text[min(first, whole):whole]
}
