package manifest

import "strings"

// embedded reads a document within a string: the annotation that kubectl apply
// leaves, a patch, a manifest in a ConfigMap. Text that looks like a document
// and is none is an ordinary string.
func (w *walker) embedded(n *node, path []step, text string) {
	if w.depth >= maxEmbedded || len(text) < 16 || !strings.Contains(text, ":") || !Looks([]byte(text)) {
		return
	}
	trees, _ := parseTrees([]byte(text))
	place := w.placeWithin(n, text)
	for _, t := range trees {
		inner := w.within(t, place)
		for _, item := range inner.items(t.root, item{}, 0) {
			if item.root.kind != mapping {
				continue
			}
			o := inner.object(item, len(path))
			inner.note(o, item.root, path)
			inner.walk(item.root, path, o)
		}
		w.after(&inner)
	}
}

// within walks a document in a string of another, on the same budget.
func (w *walker) within(t tree, place func(*node) (int, int)) walker {
	return walker{scale: w.scale, tree: t, doc: w.doc, source: w.source, chart: w.chart, nodes: w.nodes, paths: w.paths, again: w.again, depth: w.depth + 1,
		place: place, open: map[*node]bool{}, own: map[*node]map[string]bool{}}
}

// after goes on with what a document within has left of the budget.
func (w *walker) after(inner *walker) {
	w.nodes, w.paths, w.again = inner.nodes, inner.paths, inner.again
	if w.fault == nil {
		w.fault = inner.fault
	}
}

// placeWithin maps a leaf of a document inside the scalar n to the input. Where
// the text of n does not stand in the input as it is read, it gives all of n.
func (w *walker) placeWithin(n *node, text string) func(*node) (int, int) {
	outer := w.place
	whole := func(*node) (int, int) {
		if outer != nil {
			return outer(n)
		}
		return n.start, n.end
	}
	if text != n.text {
		return whole
	}
	base := w.tree.start // align counts within the document
	a, _, _, ok := align(w.tree.text, n.token-base, n.style, n.text)
	if !ok {
		return whole
	}
	return func(inner *node) (int, int) {
		start := base + a.at(inner.start)
		end := start
		if inner.end > inner.start {
			end = base + a.at(inner.end-1) + 1
		}
		if outer != nil {
			return outer(&node{start: start, end: end})
		}
		return start, end
	}
}
