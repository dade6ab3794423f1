package detect

import "github.com/leakgate/leakgate/rules"

// PlaceVerdict says what a path means for the rules. It depends on the path
// alone and may be kept and shared.
type PlaceVerdict struct {
	path   string
	barred map[string]bool // rules that do not look at this path, or whose allowlists excuse it; shared by paths
	// PathOnly are the rules that find something in the path itself.
	PathOnly []*rules.Rule
}

// Place judges a path with forward slashes, "" for a text without one.
func (d *Detector) Place(path string) *PlaceVerdict {
	p := &PlaceVerdict{path: path}
	bars := make([]byte, (len(d.set.Rules)+7)/8)
	excused := make([]bool, len(d.set.Allowlists))
	for i, a := range d.set.Allowlists {
		excused[i] = a.Place(path, "", false)
	}
	for i, r := range d.set.Rules {
		switch {
		case r.Path != nil && !r.Path.MatchString(path), d.excused(r, path, excused):
			bars[i/8] |= 1 << (i % 8)
		case r.Regex == nil && !r.SkipReport && path != "":
			p.PathOnly = append(p.PathOnly, r)
		}
	}
	p.barred = d.barredBy(bars)
	return p
}

// barredBy is the set of the rules whose bits are set. Paths have few different ones.
func (d *Detector) barredBy(bars []byte) map[string]bool {
	if known, ok := d.barred.Load(string(bars)); ok {
		return known.(map[string]bool)
	}
	set := map[string]bool{}
	for i, r := range d.set.Rules {
		if bars[i/8]>>(i%8)&1 == 1 {
			set[r.ID] = true
		}
	}
	d.barred.Store(string(bars), set)
	return set
}

// excused reports whether an allowlist excuses the path for a rule.
func (d *Detector) excused(r *rules.Rule, path string, global []bool) bool {
	for i, a := range d.set.Allowlists {
		if global[i] && a.AppliesTo(r) {
			return true
		}
	}
	for _, a := range r.Allowlists {
		if a.Place(path, "", false) {
			return true
		}
	}
	return false
}

// Accept reports whether a match counts at a place. The commit is "" where
// there is none.
func (d *Detector) Accept(m *Match, p *PlaceVerdict, commit string) bool {
	if p.barred[m.Rule.ID] || d.commitExcused(m.Rule, p.path, commit) {
		return false
	}
	for _, a := range m.pending {
		if a.Place(p.path, commit, true) {
			return false
		}
	}
	for _, part := range m.parts {
		if !d.acceptAny(part.found, p, commit) {
			return false
		}
	}
	return true
}

// AcceptPath reports whether a rule of [PlaceVerdict.PathOnly] counts in a commit.
func (d *Detector) AcceptPath(r *rules.Rule, p *PlaceVerdict, commit string) bool {
	return !p.barred[r.ID] && !d.commitExcused(r, p.path, commit)
}

func (d *Detector) acceptAny(found []Match, p *PlaceVerdict, commit string) bool {
	for i := range found {
		if d.Accept(&found[i], p, commit) {
			return true
		}
	}
	return false
}

// commitExcused asks the lists that name commits, which Place could not ask.
func (d *Detector) commitExcused(r *rules.Rule, path, commit string) bool {
	for _, a := range d.set.Allowlists {
		if len(a.Commits) > 0 && a.AppliesTo(r) && a.Place(path, commit, false) {
			return true
		}
	}
	for _, a := range r.Allowlists {
		if len(a.Commits) > 0 && a.Place(path, commit, false) {
			return true
		}
	}
	return false
}
