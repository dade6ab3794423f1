package scanner

import (
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
)

// withoutGeneric blanks the rule of each match that another match on the same
// line makes superfluous: a generic one whose value is part of a value that a
// rule knows better, as gitleaks does it, and a doubtful one of our own whose
// value another rule has too.
func withoutGeneric(found []sighting) []sighting {
	type row struct {
		view string
		line int
	}
	rows := map[row][]int{}
	for i, f := range found {
		at := row{f.view, f.place.StartLine}
		if len(rows[at]) < maxRow {
			rows[at] = append(rows[at], i)
		}
	}
	out := slices.Clone(found)
	for i, f := range found {
		if !generic(f.Rule) && !doubtful(f.Rule) {
			continue
		}
		if slices.ContainsFunc(rows[row{f.view, f.place.StartLine}], func(n int) bool {
			return explains(found[n], f) || repeats(f, found[n])
		}) {
			out[i].Rule = nil
		}
	}
	return out
}

// maxRow bounds how many matches of one line are held against a generic one.
const maxRow = 256

func generic(r *rules.Rule) bool { return strings.Contains(strings.ToLower(r.ID), "generic") }

func sameLine(a, b sighting) bool {
	return a.view == b.view && a.place.StartLine == b.place.StartLine
}

// explains reports whether f says what the value of a generic rule is. A field
// of a manifest does so for the whole text of the field.
func explains(f, unspecific sighting) bool {
	if !generic(unspecific.Rule) || generic(f.Rule) || !sameLine(f, unspecific) {
		return false
	}
	if f.kind != unspecific.kind && f.kind != InManifest {
		return false
	}
	if doubtful(f.Rule) {
		return false
	}
	return strings.Contains(f.Secret.Reveal(), unspecific.Secret.Reveal())
}

// repeats reports whether f, by a doubtful rule of our own, has the value of another match.
func repeats(f, other sighting) bool {
	return !f.Secret.IsZero() && doubtful(f.Rule) && !doubtful(other.Rule) && sameLine(f, other) && f.Secret.Equal(other.Secret)
}

func doubtful(r *rules.Rule) bool { return r.Origin == "leakgate" && r.Confidence == rules.Possible }

// dedupe removes findings that say the same twice; they must be sorted.
func dedupe(findings []Finding) []Finding {
	return slices.CompactFunc(findings, func(a, b Finding) bool {
		return a.Rule == b.Rule && a.Commit.ID == b.Commit.ID && a.At.Path == b.At.Path && a.At.Origin == b.At.Origin &&
			a.At.Span == b.At.Span && a.At.StartLine == b.At.StartLine && a.At.StartColumn == b.At.StartColumn &&
			a.At.Blob == b.At.Blob && a.Older == b.Older && a.Secret.Equal(b.Secret)
	})
}

// group makes one Credential of all findings with the same value, in the order
// of their first findings. Findings without a value belong to none.
func group(findings []Finding, key secret.Key) []Credential {
	var out []Credential
	index := map[string]int{}
	paths := map[string]bool{} // credential and path
	for _, f := range findings {
		if f.Secret.IsZero() {
			continue
		}
		id := key.ID(f.Secret)
		n, ok := index[id]
		if !ok {
			n = len(out)
			index[id] = n
			out = append(out, Credential{ID: id, Secret: f.Secret})
		}
		out[n].add(f)
		if at := id + f.At.Path; f.At.Path != "" && !paths[at] {
			paths[at] = true
			out[n].Paths = append(out[n].Paths, f.At.Path)
		}
	}
	for i := range out {
		slices.Sort(out[i].Rules)
		slices.Sort(out[i].Paths)
	}
	return out
}

// add takes in one more place.
func (c *Credential) add(f Finding) {
	c.Occurrences++
	c.AtHead = c.AtHead || f.At.AtHead
	if !slices.Contains(c.Rules, f.Rule.ID) {
		c.Rules = append(c.Rules, f.Rule.ID)
	}
	if f.Commit.ID == "" {
		return
	}
	if c.FirstCommit == "" || f.Commit.Date.Before(c.FirstSeen) {
		c.FirstCommit, c.FirstSeen = f.Commit.ID, f.Commit.Date
	}
	if c.LastCommit == "" || f.Commit.Date.After(c.LastSeen) {
		c.LastCommit, c.LastSeen = f.Commit.ID, f.Commit.Date
	}
}
