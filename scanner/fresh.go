package scanner

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner/unpack"
)

// fresh gives the sightings of a use and marks as inherited those that it did
// not bring in. New is what touches a line that is new against every parent, and
// what no parent's blob has under the rule: a line can become a finding by what
// changes around it, and in an archive or in UTF-16 it has no lines to compare.
//
// What the rules find in the new lines alone is taken in, because a match may
// hang on where a text begins.
func (a *attributor) fresh(u use) ([]sighting, error) {
	if u.older || len(u.olds) == 0 {
		return inherit(u.found, func(sighting) bool { return u.older }), nil
	}
	text, added, err := a.added(u)
	if err != nil {
		a.r.coverage.miss(u.skip("cannot be compared with its parent, so every line counts as new: " + reason(err)))
		return u.found, nil
	}
	found, err := a.withHunks(u, text, added[0])
	if err != nil {
		return nil, err
	}
	inherited := a.parents(u)
	return inherit(found, func(f sighting) bool {
		if f.own && touchesAll(added, f.place.StartLine-1, f.place.EndLine) {
			return false
		}
		return inherited(f)
	}), nil
}

// inherit marks sightings, without touching those that other uses share.
func inherit(found []sighting, old func(sighting) bool) []sighting {
	out := slices.Clone(found)
	for i := range out {
		out[i].inherited = old(out[i])
	}
	return out
}

func (u use) skip(reason string) Skip {
	return Skip{Path: u.path, Commit: u.commitID(), Reason: reason}
}

// added gives the text of a use and, for each parent, the lines it does not have.
func (a *attributor) added(u use) ([]byte, [][]gitrepo.LineRange, error) {
	text, err := a.text(u)
	if err != nil {
		return nil, nil, err
	}
	var out [][]gitrepo.LineRange
	for _, id := range u.olds {
		if id.IsZero() {
			out = append(out, []gitrepo.LineRange{{Start: 0, End: bytes.Count(text, newline) + 1}})
			continue
		}
		old, err := a.rd.ObjectWithin(id, a.r.s.opt.MaxBlob)
		if err != nil {
			return nil, nil, fmt.Errorf("old content: %w", err)
		}
		out = append(out, gitrepo.AddedLines(old.Data, text))
	}
	return text, out, nil
}

func (a *attributor) text(u use) ([]byte, error) {
	if u.data != nil || u.blob.IsZero() {
		return u.data, nil
	}
	if a.textOf == u.blob {
		return a.last, nil
	}
	o, err := a.rd.ObjectWithin(u.blob, a.r.s.opt.MaxBlob)
	if err == nil {
		a.textOf, a.last = u.blob, o.Data
	}
	return o.Data, err
}

// touchesAll reports whether the 0-based lines [first, end) meet an added line
// of every parent.
func touchesAll(added [][]gitrepo.LineRange, first, end int) bool {
	for _, ranges := range added {
		if !touches(ranges, first, end) {
			return false
		}
	}
	return true
}

func touches(ranges []gitrepo.LineRange, first, end int) bool {
	n := sort.Search(len(ranges), func(i int) bool { return ranges[i].End > first })
	return n < len(ranges) && ranges[n].Start < end
}

// parents gives what tells whether a parent's blob has a value under a rule too.
func (a *attributor) parents(u use) func(sighting) bool {
	var known []func(sighting) bool
	return func(f sighting) bool {
		if known == nil {
			known = []func(sighting) bool{}
			for _, id := range u.olds {
				if found, err := a.ask(id); !id.IsZero() && err == nil {
					known = append(known, holder(found))
				}
			}
		}
		return slices.ContainsFunc(known, func(has func(sighting) bool) bool { return has(f) })
	}
}

// withHunks takes in what is found in the added lines by themselves: a match may
// begin elsewhere there, or be found there only.
func (a *attributor) withHunks(u use, text []byte, added []gitrepo.LineRange) ([]sighting, error) {
	found := u.found
	if len(found) == 0 {
		return found, nil
	}
	lines := newLineIndex(text)
	var alone []sighting
	for _, r := range added {
		from, to := lines.starts[r.Start], len(text)
		if r.End < len(lines.starts) {
			to = lines.starts[r.End]
		}
		matches, err := a.r.s.memory.Text(a.r.ctx, a.sc.detect, text[from:to], nil, elsewhere(u.path))
		if err != nil {
			return nil, err
		}
		for _, m := range matches {
			m.Match = [2]int{m.Match[0] + from, m.Match[1] + from}
			m.Span = [2]int{m.Span[0] + from, m.Span[1] + from}
			alone = append(alone, sighting{Match: m, kind: InContent, via: m.DecodedFrom})
		}
	}
	return merge(found, alone, text), nil
}

// merge puts sightings of parts of a text in the place of those of the whole
// that name the same value, and adds the others.
func merge(found, alone []sighting, text []byte) []sighting {
	if len(alone) == 0 {
		return found
	}
	describe(alone, unpack.View{Text: text}, text)
	type spot struct {
		rule *rules.Rule
		span [2]int
		via  string
	}
	at := func(f sighting) spot { return spot{f.Rule, f.Span, strings.Join(f.via, ",")} }
	out := slices.Clone(found)
	same := map[spot]int{}
	for i, f := range out {
		if f.own && f.kind == InContent {
			same[at(f)] = i
		}
	}
	for _, f := range alone {
		if i, ok := same[at(f)]; !ok {
			out = append(out, f)
		} else if out[i].place.StartLine != f.place.StartLine {
			f.masked = out[i].masked
			out[i] = f
		}
	}
	return out
}
