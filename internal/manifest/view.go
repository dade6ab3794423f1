package manifest

import (
	"iter"
	"strings"
)

// view is a place in an object, with the way that leads there. The zero view is
// a place that does not exist: nothing lies below it and its text is "".
type view struct {
	j    *judge
	key  *node // what names the place, for a fault of a whole mapping; nil at the top
	node *node
	up   *view
	step step
}

func (v view) exists() bool { return v.node != nil && !v.node.null }

// get follows keys; of a key that stands twice the last one counts.
func (v view) get(keys ...string) view {
	for _, key := range keys {
		var next view
		for k, kid := range v.pairs() {
			if k == key {
				next = kid
			}
		}
		if next.node == nil {
			return view{}
		}
		v = next
	}
	return v
}

// text is the text of a scalar, template actions included.
func (v view) text() string {
	if !v.exists() || v.node.kind != scalar {
		return ""
	}
	return v.j.object.tree.unmask(v.node)
}

// is reports whether the text is one of these words, in any case.
func (v view) is(words ...string) bool {
	text := strings.TrimSpace(v.text())
	for _, w := range words {
		if strings.EqualFold(text, w) {
			return true
		}
	}
	return false
}

// pairs are the keys and values of a mapping, each time where a key stands
// twice, and after them what is merged into it.
func (v view) pairs() iter.Seq2[string, view] {
	return func(yield func(string, view) bool) {
		if v.node != nil && v.node.kind == mapping {
			v.each(v.node, 0, nil, yield)
		}
	}
}

// each yields the pairs of n but for the keys that v has already, adds them to
// those, and reports whether to go on.
func (v *view) each(n *node, depth int, had map[string]bool, yield func(string, view) bool) bool {
	var merged []*node
	for i := 0; i+1 < len(n.kids); i += 2 {
		key, kid := n.kids[i], n.kids[i+1]
		switch {
		case !v.j.spend():
			return false
		case key.merge && depth < maxMerges:
			merged = append(merged, kid)
		case key.kind != scalar || had[key.text]:
		default:
			name := v.j.object.tree.unmask(key)
			if !yield(name, view{j: v.j, key: key, node: kid, up: v, step: step{key: name}}) {
				return false
			}
		}
	}
	if len(merged) == 0 {
		return true
	}
	if had == nil {
		had = map[string]bool{}
	}
	remember(had, n)
	return v.eachMerged(merged, depth, had, yield)
}

func (v *view) eachMerged(merged []*node, depth int, had map[string]bool, yield func(string, view) bool) bool {
	for _, m := range merged {
		sources := []*node{m}
		if m.kind == sequence {
			sources = m.kids
		}
		for _, source := range sources {
			if source.kind != mapping {
				continue
			}
			if !v.each(source, depth+1, had, yield) {
				return false
			}
			remember(had, source)
		}
	}
	return true
}

// remember adds the keys of a mapping to those that are known.
func remember(had map[string]bool, n *node) {
	for i := 0; i+1 < len(n.kids); i += 2 {
		if !n.kids[i].merge {
			had[n.kids[i].text] = true
		}
	}
}

// maxMerges is how deep merged mappings may merge others.
const maxMerges = 8

// items are the elements of a sequence.
func (v view) items() iter.Seq[view] {
	return func(yield func(view) bool) {
		if v.node == nil || v.node.kind != sequence {
			return
		}
		up := &v
		for i, kid := range v.node.kids {
			if !v.j.spend() || !yield(view{j: v.j, key: v.key, node: kid, up: up, step: step{index: i}}) {
				return
			}
		}
	}
}

// scalars are all leaves at and below v that are not null.
func (v view) scalars() iter.Seq[view] {
	return func(yield func(view) bool) { v.descend(0, yield) }
}

func (v view) descend(depth int, yield func(view) bool) bool {
	if !v.exists() || depth > maxDepth {
		return true
	}
	switch v.node.kind {
	case scalar:
		return v.j.spend() && yield(v)
	case sequence:
		for kid := range v.items() {
			if !kid.descend(depth+1, yield) {
				return false
			}
		}
	default:
		for _, kid := range v.pairs() {
			if !kid.descend(depth+1, yield) {
				return false
			}
		}
	}
	return true
}

// steps lead from the object to the place.
func (v view) steps() []step {
	n := 0
	for at := v; at.up != nil; at = *at.up {
		n++
	}
	out := make([]step, n)
	for at := v; at.up != nil; at = *at.up {
		n--
		out[n] = at.step
	}
	return out
}

// keys are the keys that lead from the object to the place, without indexes.
func (v view) keys() []string {
	var out []string
	for _, s := range v.steps() {
		if s.key != "" {
			out = append(out, s.key)
		}
	}
	return out
}

// name is the last key that leads to the place.
func (v view) name() string {
	for at := &v; at.up != nil; at = at.up {
		if at.step.key != "" {
			return at.step.key
		}
	}
	return ""
}
