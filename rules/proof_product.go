package rules

import (
	"maps"
	"regexp/syntax"
	"slices"
)

// product walks the pairs (instruction, keyword state) that a match can pass
// before its first keyword is complete.
type product struct {
	prog    *syntax.Prog
	symbols *Symbols
	trie    *keywordTrie
	steps   [][]int // set → letters of the trie it reads, then -1 when it reads anything else
	memo    map[uint64]int
	on      map[uint64]bool
	follow  []map[uint32]bool // keyword → instructions after it
	escaped bool              // a match without keyword exists
	full    bool              // maxProduct was exceeded
	cycle   bool              // the way to the first keyword has no longest form
}

func newProduct(prog *syntax.Prog, symbols *Symbols, keywords []string) *product {
	p := &product{prog: prog, symbols: symbols, trie: newKeywordTrie(keywords), memo: map[uint64]int{}, on: map[uint64]bool{}}
	for range keywords {
		p.follow = append(p.follow, map[uint32]bool{})
	}
	for i := range symbols.Sets {
		p.steps = append(p.steps, p.trie.lettersOf(&symbols.Sets[i]))
	}
	return p
}

// longest is the greatest number of bytes from here to the end of the first keyword.
func (p *product) longest(pc uint32, state int) int {
	key := uint64(pc)<<32 | uint64(state)
	if n, ok := p.memo[key]; ok {
		return n
	}
	if p.on[key] {
		p.cycle = true
		return 0
	}
	if p.escaped || p.full || len(p.memo)+len(p.on) > maxProduct {
		p.full = p.full || !p.escaped
		return 0
	}
	p.on[key] = true
	n := p.step(pc, state)
	delete(p.on, key)
	p.memo[key] = n
	return n
}

func (p *product) step(pc uint32, state int) int {
	in := &p.prog.Inst[pc]
	switch in.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		return max(p.longest(in.Out, state), p.longest(in.Arg, state))
	case syntax.InstCapture, syntax.InstEmptyWidth, syntax.InstNop:
		return p.longest(in.Out, state)
	case syntax.InstMatch:
		p.escaped = true
		return 0
	case syntax.InstFail:
		return 0
	}
	return p.read1(pc, in.Out, state)
}

func (p *product) read1(pc, out uint32, state int) int {
	set := p.symbols.Set[pc]
	width, best := p.symbols.Sets[set].Width, 0
	last := -1
	for _, letter := range p.steps[set] {
		next := 0
		if letter >= 0 {
			next = p.trie.next[state][letter]
		}
		if next == last {
			continue
		}
		last = next
		if ended := p.trie.ends[next]; len(ended) > 0 {
			for _, k := range ended {
				p.follow[k][out] = true
			}
			best = max(best, width)
			continue
		}
		best = max(best, width+p.longest(out, next))
	}
	return best
}

// after lists, by keyword, the instructions that may follow its last character.
func (p *product) after() map[string][]uint32 {
	out := map[string][]uint32{}
	for k, set := range p.follow {
		out[p.trie.keywords[k]] = slices.Sorted(maps.Keys(set))
	}
	return out
}

// keywordTrie is the Aho-Corasick automaton of a few lower-case ASCII keywords.
type keywordTrie struct {
	keywords []string
	letters  []byte
	index    [128]int // lower-case letter → its number, -1 for others
	next     [][]int
	ends     [][]int // state → keywords that end there
}

func newKeywordTrie(keywords []string) *keywordTrie {
	t := &keywordTrie{keywords: keywords}
	for c := range t.index {
		t.index[c] = -1
	}
	for _, k := range keywords {
		for i := range len(k) {
			if t.index[k[i]] < 0 {
				t.index[k[i]] = len(t.letters)
				t.letters = append(t.letters, k[i])
			}
		}
	}
	t.grow()
	for id, k := range keywords {
		t.insert(id, k)
	}
	t.link()
	return t
}

func (t *keywordTrie) grow() int {
	row := make([]int, len(t.letters))
	for i := range row {
		row[i] = -1
	}
	t.next = append(t.next, row)
	t.ends = append(t.ends, nil)
	return len(t.next) - 1
}

func (t *keywordTrie) insert(id int, keyword string) {
	s := 0
	for i := range len(keyword) {
		l := t.index[keyword[i]]
		if t.next[s][l] < 0 {
			n := t.grow()
			t.next[s][l] = n
		}
		s = t.next[s][l]
	}
	t.ends[s] = append(t.ends[s], id)
}

// link completes the transitions, breadth first.
func (t *keywordTrie) link() {
	fail := make([]int, len(t.next))
	queue := []int{0}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		for l, n := range t.next[s] {
			f := 0
			if s != 0 {
				f = t.next[fail[s]][l]
			}
			if n < 0 {
				t.next[s][l] = f
				continue
			}
			fail[n] = f
			t.ends[n] = append(t.ends[n], t.ends[f]...)
			queue = append(queue, n)
		}
	}
}

// lettersOf lists the letters that a set reads in either case, and -1 at the
// end when it reads something that is in no keyword.
func (t *keywordTrie) lettersOf(set *SymbolSet) []int {
	var out []int
	other := set.Wide
	seen := make([]bool, len(t.letters))
	for c := range set.ASCII {
		if !set.ASCII[c] {
			continue
		}
		l := t.index[lower(byte(c))]
		if l < 0 {
			other = true
		} else if !seen[l] {
			seen[l] = true
			out = append(out, l)
		}
	}
	if other {
		out = append(out, -1)
	}
	return out
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
