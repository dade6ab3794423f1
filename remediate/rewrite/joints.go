package rewrite

import (
	"encoding/binary"
	"slices"
)

// joints tell of nearly every place between two bytes that no text goes across it,
// and no mark.
type joints struct {
	pairs  [1 << 16 / 64]uint64        // neighbours within texts
	blocks [1 << jointBits / 64]uint64 // hashes of four bytes within texts
	few    bool                        // a text has less than four bytes: blocks say nothing
}

const jointBits = 17

func jointOf(four uint32) uint32 { return four * 0x9e3779b1 >> (32 - jointBits) }

func newJoints(needles []needle, shortest int) *joints {
	j, needles := &joints{few: shortest < block}, slices.Clone(needles)
	for _, m := range marks {
		needles = append(needles, needle{text: m})
	}
	for i := range needles {
		n := &needles[i]
		for at := 1; at < len(n.text); at++ {
			j.addPairs(n, at)
		}
		for end := block; end <= len(n.text); end++ {
			for _, four := range n.blocks(end) {
				h := jointOf(four)
				j.blocks[h>>6] |= 1 << (h & 63)
			}
		}
	}
	return j
}

func (j *joints) addPairs(n *needle, at int) {
	for _, a := range n.at(at - 1) {
		for _, b := range n.at(at) {
			h := uint(a)<<8 | uint(b)
			j.pairs[h>>6] |= 1 << (h & 63)
		}
	}
}

// may is false where no text takes in both the byte before a place and the one behind.
// A text of four bytes or more that does takes in four together of which these are two.
func (j *joints) may(in []byte, at int) bool {
	h := uint(in[at-1])<<8 | uint(in[at])
	if j.pairs[h>>6]>>(h&63)&1 == 0 {
		return false
	}
	if j.few {
		return true
	}
	for from := max(0, at-block+1); from < at && from+block <= len(in); from++ {
		h := jointOf(binary.LittleEndian.Uint32(in[from:]))
		if j.blocks[h>>6]>>(h&63)&1 == 1 {
			return true
		}
	}
	return false
}
