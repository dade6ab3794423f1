package detect

import (
	"bytes"
	"context"
	"fmt"
	"sort"
)

// passes searches the text and then, layer by layer, what decoding makes of it.
// more reports that the extended decoder did something gitleaks would not have done.
func (d *Detector) passes(ctx context.Context, s *Scratch, text []byte, extended bool) (found []Match, more bool, err error) {
	dec := &decoder{extended: extended, budget: maxGrowth * len(text)}
	lines := newLines(text)
	l := &layer{text: text}
	for depth := 0; ; depth++ {
		p := &pass{d: d, ctx: ctx, s: s, layer: l, lines: lines, depth: depth}
		if s.part != nil {
			s.part.depth, s.part.deepest = depth, max(depth, s.part.deepest)
		}
		ms, err := p.run()
		found = append(found, ms...)
		if err != nil {
			return found, dec.used, err
		}
		if s.shallow {
			break
		}
		if depth == d.options.Depth {
			if depth > 0 && len(l.segments) > 0 && (&decoder{extended: true, budget: maxGrowth * len(text)}).next(l) != nil {
				s.mark(deeper)
			}
			break
		}
		if l = dec.next(l); l == nil {
			break
		}
	}
	lines.number(found)
	return found, dec.used, nil
}

// pass is the search of one layer.
type pass struct {
	d     *Detector
	ctx   context.Context // of the call that the pass serves
	s     *Scratch
	layer *layer
	lines *lines
	depth int // decoding passes before this one
	found []Match
}

func (p *pass) run() ([]Match, error) {
	if p.d.options.Reference {
		return p.plain()
	}
	if p.s.asked {
		return p.found, p.searchAsked()
	}
	defer p.s.clear()
	p.s.keywords(p.layer.text, func(hits []hit) { p.follow(hits, 0) })
	return p.found, p.searchTouched()
}

// follow opens windows where a match may go through a keyword. The hits are in a
// text in which that of the pass begins at an offset.
func (p *pass) follow(hits []hit, offset int) {
	limit, text := p.limit(), p.layer.text
	for _, h := range hits {
		end := int(h.end) - offset
		if marks := p.d.marks[h.ends]; len(marks) > 0 && p.depth == 0 {
			p.mark(marks, end, limit)
		}
		for _, t := range p.d.targets[h.ends] {
			if p.s.only != nil && !p.s.only[t.rule] || end < int(t.length) {
				continue
			}
			p.s.track(t.rule).hit(text, t, end, limit)
		}
	}
}

// mark notes the marks that end at an offset and begin before limit.
func (p *pass) mark(marks []int32, end, limit int) {
	for _, n := range marks {
		m := &p.d.options.Marks[n]
		start := end - len(m.Word)
		if start >= limit || start < 0 || string(p.layer.text[start:end]) != m.Word || m.Holds != nil && !m.Holds(p.layer.text[end:]) {
			continue
		}
		p.s.mark(m.Bit)
	}
}

// searchTouched runs the rules of which keywords were seen, and those that have none.
func (p *pass) searchTouched() error {
	for _, id := range p.s.touched {
		t := &p.s.tracks[id]
		if p.s.part != nil && p.s.part.unfit(p.s, t) {
			p.s.part.leave(int32(id))
			continue
		}
		if t.whole && !p.promising(t.rule) {
			continue
		}
		windows := t.finish(p.layer.text, p.limit())
		if len(p.layer.segments) > 0 {
			windows = p.decodedOnly(windows)
		}
		if err := p.searchWindows(t, windows); err != nil {
			return err
		}
	}
	return p.searchAlways()
}

// promising reports whether the text has the literals of all matches of a rule.
// It is asked where only regexp could search the whole text, which takes longer.
func (p *pass) promising(c *compiled) bool {
	return c.Regex.Automaton() != nil || p.s.holds(p.layer.text, c.proof.Words)
}

// endsHere reports whether nothing stands behind the text of the pass.
func (p *pass) endsHere() bool { return p.s.part == nil || p.s.part.last }

// searchAsked runs the rules that were asked for, whether or not a keyword is here.
func (p *pass) searchAsked() error {
	defer p.s.clear()
	for id, asked := range p.s.only {
		if !asked {
			continue
		}
		c := p.d.rules[id]
		c.prove()
		part, w := p.s.part, p.wholeText()
		if part != nil && part.blind(p.s, c) {
			part.leaveOpen(c.number)
			continue
		}
		if p.endsHere() && !p.promising(c) {
			continue
		}
		if part != nil {
			w.from = part.earliest(c)
		}
		open, err := p.search(c, w, c.proof.Proven)
		if err != nil {
			return err
		}
		if open && part != nil && !part.last {
			part.leaveOpen(c.number)
		}
	}
	return nil
}

// searchWindows runs a rule on its windows. Where the search of a section cannot
// tell how a match ends, it is left open.
func (p *pass) searchWindows(t *track, windows []window) error {
	for _, w := range windows {
		if p.s.part != nil {
			w.from = max(w.from, p.s.part.earliest(t.rule))
		}
		open, err := p.search(t.rule, w, t.gate != nil && !t.whole)
		if err != nil {
			return err
		}
		if part := p.s.part; open && part != nil && w.to == len(p.layer.text) && part.mayGoOn(t.rule) {
			part.leaveOpen(t.rule.number)
			return nil
		}
	}
	return nil
}

// decodedOnly keeps the windows that touch a decoded segment: matches elsewhere
// belong to an earlier pass.
func (p *pass) decodedOnly(windows []window) []window {
	out := windows[:0]
	for _, w := range windows {
		if len(p.layer.touching(extent{w.from, w.to})) > 0 {
			out = append(out, w)
		}
	}
	return out
}

func (p *pass) searchAlways() error {
	if p.s.part != nil {
		return nil // they see the whole text
	}
	for _, id := range p.d.always {
		if _, err := p.search(p.d.rules[id], p.wholeText(), false); err != nil {
			return err
		}
	}
	return nil
}

// plain runs every rule of which gitleaks would see a keyword on the whole text.
func (p *pass) plain() ([]Match, error) {
	folded := fold(p.layer.text)
	for _, c := range p.d.rules {
		for _, k := range c.keywords {
			if isASCII(k) && bytes.Contains(folded, []byte(k)) {
				if _, err := p.search(c, p.wholeText(), false); err != nil {
					return p.found, err
				}
				break
			}
		}
	}
	return p.found, p.searchAlways()
}

// search runs one rule on one window. open says that a match may go on behind it.
func (p *pass) search(c *compiled, w window, proven bool) (open bool, err error) {
	if err := p.ctx.Err(); err != nil {
		return false, fmt.Errorf("search text: %w", err)
	}
	e := enumeration{stop: p.ctx.Done(), find: p.s.matcher(c), text: p.layer.text, from: w.from, to: w.to, limit: w.last,
		reach: -1, fromStart: c.looksForStart()}
	if proven {
		e.reach = c.proof.Left
		e.promise = c.hasKeyword
	}
	locs := e.run()
	ms := p.judgeAll(c, locs)
	if err := p.ctx.Err(); err != nil {
		return false, fmt.Errorf("search text: %w", err)
	}
	if len(c.Required) > 0 && len(ms) > 0 {
		ms = p.complete(c, ms)
	}
	p.found = append(p.found, ms...)
	if part := p.s.part; part != nil {
		for _, loc := range locs {
			part.leaveWhole(c, p.layer.original(extent{loc[0], loc[1]}))
		}
		if e.blind && c.looksForStart() {
			part.leaveOpen(c.number) // what looks for the start of the text cannot do without what stands before
		}
	}
	return e.open, nil
}

func (p *pass) wholeText() window { return window{0, len(p.layer.text), p.limit()} }

// limit is behind where a match may begin that somebody asked for.
func (p *pass) limit() int {
	if p.s.part == nil {
		return len(p.layer.text)
	}
	return min(p.s.part.limit(), len(p.layer.text))
}

// hasKeyword reports whether one of the rule's keywords is in text.
func (c *compiled) hasKeyword(text []byte) bool {
	folded := fold(text)
	for _, k := range c.keywords {
		if bytes.Contains(folded, []byte(k)) {
			return true
		}
	}
	return false
}

// lines knows the lines of the original text.
type lines struct {
	text     []byte
	from, to int // the line looked at last, with the newline before it
	allowed  bool
	last     [2]int // a match over several lines, and whether it is allowed
	lastIs   bool
}

func newLines(text []byte) *lines { return &lines{text: text} }

// lineContext is how much of a line, on either side of a match, allowlists see.
const lineContext = 4096

// allowComments take back a finding where the author of the text may do that.
var allowComments = [][]byte{[]byte("gitleaks:allow"), []byte("leakgate:allow")}

// allows reports whether an allow-comment stands on a line of the match.
func (l *lines) allows(match [2]int) bool {
	if l.from < l.to && l.from <= match[0] && match[0] < l.to && match[1] <= l.to {
		return l.allowed
	}
	if l.last == match && match[0] < match[1] {
		return l.lastIs
	}
	from, to := bounds(l.text, match, len(l.text))
	allowed := false
	for _, c := range allowComments {
		allowed = allowed || bytes.Contains(l.text[from:to], c)
	}
	if bytes.IndexByte(l.text[min(match[0]+1, match[1]):match[1]], '\n') < 0 {
		l.from, l.to, l.allowed = from, to, allowed
	} else {
		l.last, l.lastIs = match, allowed
	}
	return allowed
}

// bounds is the extent of the lines of a match, at most limit bytes to either
// side of it. As in gitleaks it begins with the newline before the first line.
func bounds(text []byte, match [2]int, limit int) (from, to int) {
	low := max(0, match[0]-limit)
	from = low
	if i := bytes.LastIndexByte(text[low:min(match[0]+1, len(text))], '\n'); i >= 0 {
		from = low + i
	}
	high := min(len(text), match[1]+limit)
	to = high
	if i := bytes.IndexByte(text[match[1]:high], '\n'); i >= 0 {
		to = match[1] + i
	}
	return from, to
}

// number fills in the lines of the matches. A match that starts with a newline
// counts as being on the line behind it, as in gitleaks (detect/location.go).
func (l *lines) number(found []Match) {
	order := make([]int, len(found))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(i, j int) bool { return found[order[i]].Match[0] < found[order[j]].Match[0] })
	line, at := 0, 0
	for _, i := range order {
		end := min(found[i].Match[0]+1, len(l.text))
		line += bytes.Count(l.text[at:end], []byte{'\n'})
		at = end
		found[i].Line = line
	}
}
