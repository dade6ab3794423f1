package detect

import "slices"

const (
	unknown   = int32(-1)
	maxStates = 4000
	// dead is the state without instructions.
	dead = int32(0)
)

// table is the part of a deterministic automaton that was built so far. A state
// is a set of instructions.
type table struct {
	stride int
	states [][]uint32 // state → its instructions, sorted
	next   []int32    // state*stride + column → state<<1 | accepting, or unknown
	ids    map[string]int32
	key    []byte
}

// reset empties the table but for the dead state.
func (t *table) reset() {
	t.states, t.next, t.ids = t.states[:0], t.next[:0], map[string]int32{}
	t.add(nil)
}

// add returns the state of a sorted set.
func (t *table) add(set []uint32) int32 {
	t.key = t.key[:0]
	for _, pc := range set {
		t.key = append(t.key, byte(pc), byte(pc>>8), byte(pc>>16))
	}
	if id, ok := t.ids[string(t.key)]; ok {
		return id
	}
	id := int32(len(t.states))
	t.ids[string(t.key)] = id
	t.states = append(t.states, slices.Clone(set))
	for range t.stride {
		t.next = append(t.next, unknown)
	}
	return id
}

// full reports whether the table should be emptied.
func (t *table) full() bool { return len(t.states) > maxStates }
