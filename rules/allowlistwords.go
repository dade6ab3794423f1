package rules

import (
	"strings"
	"unicode/utf8"
)

// wordSet finds any of many words inside a text in one pass, after Aho and
// Corasick. Children of a node are a linked list, so that memory grows with
// the words only; the root, which most steps start from, has a table.
type wordSet struct {
	nodes []wordNode
	root  [256]int32
}

type wordNode struct {
	child, sibling int32 // 0: none, as node 0 is the root
	fail           int32 // longest other node that ends as this one does
	char           byte
	word           bool // a word ends here, or at a node that fail leads to
}

func newWordSet(words []string) *wordSet {
	s := &wordSet{nodes: make([]wordNode, 1)}
	for _, w := range words {
		s.add(strings.ToLower(w))
	}
	for c := s.nodes[0].child; c != 0; c = s.nodes[c].sibling {
		s.root[s.nodes[c].char] = c
	}
	s.link()
	return s
}

func (s *wordSet) add(word string) {
	if word == "" {
		return
	}
	n := int32(0)
	for i := range len(word) {
		next := s.child(n, word[i])
		if next == 0 {
			next = int32(len(s.nodes))
			s.nodes = append(s.nodes, wordNode{char: word[i], sibling: s.nodes[n].child})
			s.nodes[n].child = next
		}
		n = next
	}
	s.nodes[n].word = true
}

func (s *wordSet) child(n int32, char byte) int32 {
	for c := s.nodes[n].child; c != 0; c = s.nodes[c].sibling {
		if s.nodes[c].char == char {
			return c
		}
	}
	return 0
}

// link sets the fail links, level by level.
func (s *wordSet) link() {
	var queue []int32
	for c := s.nodes[0].child; c != 0; c = s.nodes[c].sibling {
		queue = append(queue, c)
	}
	for i := 0; i < len(queue); i++ {
		n := queue[i]
		for c := s.nodes[n].child; c != 0; c = s.nodes[c].sibling {
			fail := s.step(s.nodes[n].fail, s.nodes[c].char)
			s.nodes[c].fail = fail
			s.nodes[c].word = s.nodes[c].word || s.nodes[fail].word
			queue = append(queue, c)
		}
	}
}

// step is the node for what was read before, followed by char.
func (s *wordSet) step(n int32, char byte) int32 {
	for n != 0 {
		if c := s.child(n, char); c != 0 {
			return c
		}
		n = s.nodes[n].fail
	}
	return s.root[char]
}

// in folds case as strings.ToLower does; text in ASCII costs no allocation.
func (s *wordSet) in(text string) bool {
	n := int32(0)
	for i := range len(text) {
		char := text[i]
		if char >= utf8.RuneSelf {
			return s.inFolded(strings.ToLower(text))
		}
		if 'A' <= char && char <= 'Z' {
			char += 'a' - 'A'
		}
		if n = s.step(n, char); s.nodes[n].word {
			return true
		}
	}
	return false
}

func (s *wordSet) inFolded(text string) bool {
	n := int32(0)
	for i := range len(text) {
		if n = s.step(n, text[i]); s.nodes[n].word {
			return true
		}
	}
	return false
}
