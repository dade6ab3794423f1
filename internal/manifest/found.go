package manifest

// source is the YAML document or JSON value that documents were read from: one
// for all items of a List. It is kept so that their form can be judged.
type source struct {
	tree  tree
	scale *ruler
}

// found is an object that the walker met, at the top of a document, in a field
// of another object or in a string.
type found struct {
	object
	root  *node
	path  string // leads to it; "" for the document's own
	tree  *tree
	place func(n *node) (start, end int) // nil: as the node says
}

// note remembers an object for [Checker.Faults].
func (w *walker) note(o object, root *node, path []step) {
	w.doc.objects = append(w.doc.objects, found{object: o, root: root, path: w.path(path), tree: &w.tree, place: w.place})
}

// span is where a node stands in the input.
func (f *found) span(n *node) (start, end int) {
	if f.place != nil {
		return f.place(n)
	}
	return n.start, n.end
}
