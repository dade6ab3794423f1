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
}

// newAutomaton builds the table. Keywords are lower case; they may hold any byte.
func newAutomaton(words []string) *automaton {
	a := &automaton{words: words}
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

// scan appends the hits of a block, which begins at an offset of its text, and
// returns the state behind it. The root state is 0: it ends no keyword, so its
// number stays the lowest.
func (a *automaton) scan(block []byte, offset int, state uint32, hits []hit) (uint32, []hit) {
	next, class, quiet := a.next, &a.class, a.quiet
	for i, b := range block {
		state = next[state|uint32(class[b])]
		if state >= quiet {
			hits = append(hits, hit{int32(offset + i + 1), (state - quiet) >> a.shift})
		}
	}
	return state, hits
}
