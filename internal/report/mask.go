package report

import (
	"iter"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/scanner"
)

// hiddenPath stands for a path that holds a value in a spelling that cannot be masked.
const hiddenPath = "[path withheld: it holds a value]"

// mask removes the values of a report's findings from its other texts: a
// secret may be the name of a file, or of an author.
type mask struct {
	redactor *secret.Redactor // nil when no text holds a value
	hidden   map[string]bool
}

// newMask finds the few values that may stand in a text. It indexes the texts,
// not the values: of a hundred thousand values nearly none occurs in a path,
// and a redactor that knew them all would need a gigabyte.
func newMask(r *Report) *mask {
	if len(r.Verdict.Findings) == 0 {
		return &mask{}
	}
	size := 0
	for text := range texts(r) {
		size += len(text)
	}
	index := newGrams(size)
	for text := range texts(r) {
		index.add(text)
	}
	m := &mask{hidden: map[string]bool{}}
	known := map[string]bool{}
	for i := range r.Verdict.Findings {
		f := &r.Verdict.Findings[i]
		if f.Credential != "" && known[f.Credential] {
			continue
		}
		known[f.Credential] = true
		if index.mayHold(secret.Forms(f.Secret)) {
			m.add(f.Secret)
		}
	}
	for i := range r.Verdict.Findings {
		f := &r.Verdict.Findings[i]
		if f.At.Kind == scanner.InPath && !f.Secret.IsZero() && m.clean(f.At.Path) == f.At.Path {
			m.hidden[f.At.Path] = true
		}
	}
	return m
}

func (m *mask) add(s secret.Secret) {
	if m.redactor == nil {
		m.redactor = &secret.Redactor{}
	}
	m.redactor.Add(s)
}

// clean is text without any value of the report.
func (m *mask) clean(text string) string {
	if m.hidden[text] {
		return hiddenPath
	}
	if m.redactor == nil || text == "" {
		return text
	}
	return m.redactor.Redact(text)
}

// texts yields every text of a report that did not come from the tool itself.
func texts(r *Report) iter.Seq[string] {
	return func(yield func(string) bool) {
		last := ""
		say := func(list ...string) bool {
			for _, text := range list {
				if text == "" || text == last {
					continue
				}
				if last = text; !yield(text) {
					return false
				}
			}
			return true
		}
		for i := range r.Verdict.Findings {
			f := &r.Verdict.Findings[i]
			rule := ruleOf(f)
			if !say(f.At.Path, f.At.Field, f.Commit.Author, f.Commit.Email, f.Context, f.Fix, f.Reason, f.Exception, f.Environment) ||
				!say(rule.ID, rule.Description, rule.Provider, rule.Advice) || !say(rule.Tags...) || !say(f.At.DecodedFrom...) {
				return
			}
		}
		for _, c := range r.Result.Credentials {
			if !say(c.Paths...) || !say(c.Rules...) {
				return
			}
		}
		for _, skips := range [][]scanner.Skip{r.Result.Coverage.Excluded, r.Result.Coverage.Missed} {
			for _, s := range skips {
				if !say(s.Path, s.Reason) {
					return
				}
			}
		}
		for _, n := range r.Verdict.Notices {
			if !say(n.Text, n.Path) {
				return
			}
		}
		if r.Verdict.Err != nil && !say(r.Verdict.Err.Error()) {
			return
		}
		say(r.Result.Range.Text, r.Repository, r.Ref, r.RunID)
	}
}

// gramSize is the length of the shortest form that a redactor removes.
const gramSize = 6

// grams is a set of the 6-byte pieces of many texts, in at most 8 MiB however
// many there are. It may say yes wrongly, never no.
type grams struct{ bits []uint64 }

// newGrams makes room for texts of size bytes: 16 bits for each piece.
func newGrams(size int) *grams { return &grams{make([]uint64, min(1<<20, size/4+1))} }

// slot spreads the pieces by the multiplier of Knuth's hash, 2^64 divided by the golden ratio.
func (g *grams) slot(piece string) (word int, bit uint64) {
	sum := uint64(0)
	for i := range gramSize {
		sum = sum<<8 | uint64(piece[i])
	}
	sum *= 0x9E3779B97F4A7C15
	return int((sum >> 20) % uint64(len(g.bits))), 1 << (sum >> 58)
}

func (g *grams) add(text string) {
	for i := 0; i+gramSize <= len(text); i++ {
		word, bit := g.slot(text[i : i+gramSize])
		g.bits[word] |= bit
	}
}

func (g *grams) has(piece string) bool {
	word, bit := g.slot(piece)
	return g.bits[word]&bit != 0
}

// mayHold reports whether one of the forms can stand in the texts.
func (g *grams) mayHold(forms []string) bool {
	for _, form := range forms {
		if len(form) >= gramSize && g.has(form[:gramSize]) && g.has(form[len(form)-gramSize:]) {
			return true
		}
	}
	return false
}
