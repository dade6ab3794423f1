package detect

// automaton finds every occurrence of many keywords in one pass, with ASCII
// letters folded to lower case (Aho and Corasick, 1975). It is a dense table
// over classes of bytes, so that the rows in use stay in the first-level cache.
type automaton struct {
	class [256]uint8
	shift uint      // log2 of the row length
	next  []uint32  // state<<shift | class → state; states below quiet end no keyword
	quiet uint32    // states are numbered so that those which end a keyword come last
	ends  [][]int32 // state - quiet → keywords, longest first
	words []string
	reach int // of the longest word, in bytes
}

// newAutomaton builds the table. Keywords are lower case; they may hold any byte.
func newAutomaton(words []string) *automaton {
	a := &automaton{words: words}
	for _, w := range words {
		a.reach = max(a.reach, len(w))
	}
	a.classify()
	b := newTrie(words, a)
	b.link()
	b.renumber()
	return a
}

func (a *automaton) classify() {
	classes := 1
	for _, w := range a.words {
		for i := range len(w) {
			if a.class[w[i]] == 0 {
				a.class[w[i]] = uint8(classes)
				classes++
			}
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		a.class[c] = a.class[c+'a'-'A']
	}
	for 1<<a.shift < classes {
		a.shift++
	}
}

// trie is an automaton under construction.
type trie struct {
	a    *automaton
	next []int32 // -1: no such child
	ends [][]int32
}

func newTrie(words []string, a *automaton) *trie {
	t := &trie{a: a}
	t.grow()
	for id, w := range words {
		s := int32(0)
		for i := range len(w) {
			at := int(s)<<a.shift | int(a.class[w[i]])
			if t.next[at] < 0 {
				t.next[at] = t.grow()
			}
			s = t.next[at]
		}
		t.ends[s] = append(t.ends[s], int32(id))
	}
	return t
}

func (t *trie) grow() int32 {
	for range 1 << t.a.shift {
		t.next = append(t.next, -1)
	}
	t.ends = append(t.ends, nil)
	return int32(len(t.ends) - 1)
}

// link fills in the missing transitions from the longest proper suffix of each state.
func (t *trie) link() {
	row := int32(1) << t.a.shift
	fail := make([]int32, len(t.ends))
	queue := []int32{0}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		for c := range row {
			f := int32(0)
			if s != 0 {
				f = t.next[fail[s]<<t.a.shift|c]
			}
			n := t.next[s<<t.a.shift|c]
			if n < 0 {
				t.next[s<<t.a.shift|c] = f
				continue
			}
			fail[n] = f
			t.ends[n] = append(t.ends[n], t.ends[f]...)
			queue = append(queue, n)
		}
	}
}

// renumber moves the states that end a keyword behind the others, so that one
// comparison per byte is enough. A state is stored as the offset of its row.
func (t *trie) renumber() {
	number := make([]uint32, len(t.ends))
	n := uint32(0)
	for s, e := range t.ends {
		if len(e) == 0 {
			number[s] = n
			n++
		}
	}
	t.a.quiet = n << t.a.shift
	for s, e := range t.ends {
		if len(e) > 0 {
			number[s] = n
			n++
			t.a.ends = append(t.a.ends, e)
		}
	}
	t.a.next = make([]uint32, len(t.next))
	row := 1 << t.a.shift
	for s := range t.ends {
		for c := range row {
			t.a.next[int(number[s])*row+c] = number[t.next[s*row+c]] << t.a.shift
		}
	}
}

// hit is the end of keywords in a text.
type hit struct {
	end  int32  // offset behind the last byte
	ends uint32 // index into automaton.ends
}

// A block of laneLength bytes or more is read at lanes places at once: each step
// waits for the one before it in its lane only.
const (
	lanes      = 4
	laneLength = 512
)

// lanesOfHits has room for the hits of all lanes but the first.
type lanesOfHits [lanes - 1][]hit

// scan appends the hits of a block, which begins at an offset of its text, and
// returns the state behind it. The root state is 0: it ends no keyword, so its
// number stays the lowest.
func (a *automaton) scan(block []byte, offset int, state uint32, hits []hit, room *lanesOfHits) (uint32, []hit) {
	if len(block) < max(laneLength, 2*lanes*a.reach) {
		return a.read(block, offset, state, hits)
	}
	part := len(block) / lanes
	first, second, third, fourth := block[:part], block[part:2*part], block[2*part:3*part], block[3*part:4*part]
	s1, s2, s3, s4 := state, a.behind(first), a.behind(second), a.behind(third)
	for i := range room {
		room[i] = room[i][:0]
	}
	next, class, quiet := a.next, &a.class, a.quiet
	second, third, fourth = second[:len(first)], third[:len(first)], fourth[:len(first)]
	for i, b := range first {
		s1 = next[s1|uint32(class[b])]
		s2 = next[s2|uint32(class[second[i]])]
		s3 = next[s3|uint32(class[third[i]])]
		s4 = next[s4|uint32(class[fourth[i]])]
		if s1 >= quiet {
			hits = append(hits, a.hit(offset+i, s1))
		}
		if s2 >= quiet {
			room[0] = append(room[0], a.hit(offset+part+i, s2))
		}
		if s3 >= quiet {
			room[1] = append(room[1], a.hit(offset+2*part+i, s3))
		}
		if s4 >= quiet {
			room[2] = append(room[2], a.hit(offset+3*part+i, s4))
		}
	}
	for _, more := range room {
		hits = append(hits, more...)
	}
	return a.read(block[lanes*part:], offset+lanes*part, s4, hits)
}

// behind is the state behind a text that is as long as any word, or longer.
func (a *automaton) behind(text []byte) uint32 {
	state := uint32(0)
	for _, b := range text[len(text)-a.reach:] {
		state = a.next[state|uint32(a.class[b])]
	}
	return state
}

func (a *automaton) hit(at int, state uint32) hit {
	return hit{int32(at + 1), (state - a.quiet) >> a.shift}
}

func (a *automaton) read(block []byte, offset int, state uint32, hits []hit) (uint32, []hit) {
	next, class, quiet := a.next, &a.class, a.quiet
	for i, b := range block {
		state = next[state|uint32(class[b])]
		if state >= quiet {
			hits = append(hits, a.hit(offset+i, state))
		}
	}
	return state, hits
}
