package manifest

// twice reports keys that stand twice in the parts of an object that say what it
// is and what it holds. YAML forbids it, the parsers of Kubernetes' tools differ
// in what they make of it, and so one of the two can hide from a reader.
func (j *judge) twice(root view) {
	j.pairsOnce(root)
	guarded := j.object.family.name != "other" || j.document.source.metadata() != nil
	for _, key := range []string{"data", "stringData"} {
		j.pairsOnce(root.get(key))
	}
	if !guarded {
		return
	}
	for _, v := range root.pairs() {
		j.onceBelow(v, 0)
	}
}

func (j *judge) onceBelow(v view, depth int) {
	if v.node == nil || depth > maxDepth || v.node.kind == scalar {
		return
	}
	j.pairsOnce(v)
	for item := range v.items() {
		j.onceBelow(item, depth+1)
	}
	for _, kid := range v.pairs() {
		j.onceBelow(kid, depth+1)
	}
}

// pairsOnce looks at the keys of the mapping itself; what is merged in yields.
func (j *judge) pairsOnce(v view) {
	if v.node == nil || v.node.kind != mapping || j.object.tree.template {
		return // of the two one may stand in each branch of an "if"
	}
	var had map[string]bool
	for i := 0; i+1 < len(v.node.kids); i += 2 {
		key := v.node.kids[i]
		if key.kind != scalar || key.merge || !j.spend() {
			continue
		}
		if i >= few && had == nil {
			had = map[string]bool{}
			for k := 0; k < i; k += 2 {
				had[v.node.kids[k].text] = true
			}
		}
		if had[key.text] || had == nil && before(v.node.kids[:i], key.text) {
			at := view{j: j, key: key, node: key, up: &v, step: step{key: j.object.tree.unmask(key)}}
			j.at(at, RuleTwice, "the key "+short(at.step.key)+" stands twice", "delete one of the two")
		}
		if had != nil {
			had[key.text] = true
		}
	}
}

// few is how many nodes of a mapping are searched one by one.
const few = 64

func before(kids []*node, key string) bool {
	for i := 0; i < len(kids); i += 2 {
		if kids[i].kind == scalar && !kids[i].merge && kids[i].text == key {
			return true
		}
	}
	return false
}
