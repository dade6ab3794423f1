package manifest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
)

// walker turns one parsed tree into documents. Its budgets bound what aliases
// and long keys can multiply.
type walker struct {
	scale    *ruler
	tree     tree
	nodes    int
	paths    int
	again    int // bytes of the fields that aliases make once more
	unpacked int // bytes of texts that were packed
	depth    int // of documents within strings
	fault    *fault
	place    func(n *node) (start, end int) // of a leaf in the input; nil: as the node says
	doc      *Document
	source   *source
	chart    *chart                    // of a file that is a template; nil: it is none
	open     map[*node]bool            // mappings and sequences being walked, against cycles
	own      map[*node]map[string]bool // keys of mappings that others are merged into
}

// object is the Kubernetes object that a leaf belongs to: the innermost.
type object struct {
	kind, apiVersion, namespace, name string

	family family
	base   int  // how many steps of a path lead to the object
	vault  bool // the Argo CD Vault Plugin fills <key> in
}

// step is one step of a path: a key, or an index when the key is "".
type step struct {
	key   string
	index int
}

// documents reads a tree as one object, or as each item of a list.
func (w *walker) documents(t tree, kind string) []Document {
	w.tree = t
	w.open, w.own = map[*node]bool{}, map[*node]map[string]bool{}
	var docs []Document
	if w.isPatch(t.root) {
		w.doc = &Document{Kind: "JSONPatch", Start: t.start, End: t.end, source: w.source}
		w.doc.Line, _ = w.scale.position(t.start)
		w.note(object{kind: w.doc.Kind, family: others}, t.root, nil)
		if w.operations(t.root, nil, kind == patchKind); len(w.doc.Fields) > 0 {
			return []Document{*w.doc}
		}
	}
	for _, item := range w.items(t.root, item{kind: kind}, 0) {
		w.doc = &Document{Start: t.start, End: t.end, source: w.source}
		w.document(item)
		if w.doc.Kind != "" || len(w.doc.Fields) > 0 || w.source.metadata() != nil {
			docs = append(docs, *w.doc)
		}
	}
	return docs
}

// item is one object of a list, and what the list says of all of its items.
type item struct {
	root          *node
	kind, version string // "" for what it does not say
}

// items opens lists of objects: a sequence at the top, a List, a SecretList. The
// items of a SecretList need say neither kind nor apiVersion
// (https://github.com/kubernetes/apimachinery/blob/v0.37.2/pkg/apis/meta/v1/unstructured/helpers.go).
func (w *walker) items(root *node, implied item, depth int) []item {
	list := root
	alone := []item{{root, implied.kind, implied.version}}
	if root.kind == mapping {
		listKind := w.text(root, "kind")
		list = w.lookup(root, "items")
		if !strings.HasSuffix(listKind, "List") || list == nil {
			return alone
		}
		implied = item{kind: strings.TrimSuffix(listKind, "List")}
		if implied.kind != "" {
			implied.version = w.text(root, "apiVersion")
		}
	}
	if list.kind != sequence || depth > 2 || len(list.kids) == 0 {
		return alone
	}
	var all []item
	for _, kid := range list.kids {
		all = append(all, w.items(kid, implied, depth+1)...)
		if len(all) > maxNodes {
			w.stop(kid, "too many items, perhaps by aliases")
			break
		}
	}
	return all
}

// document reads one object.
func (w *walker) document(of item) {
	root := of.root
	w.doc.Start = max(w.doc.Start, root.start)
	if root.end > root.start {
		w.doc.End = root.end
	}
	w.doc.Line, _ = w.scale.position(w.doc.Start)
	o := w.object(of, 0)
	w.doc.Kind, w.doc.APIVersion, w.doc.Namespace, w.doc.Name = o.kind, o.apiVersion, o.namespace, o.name
	w.note(o, root, nil)
	w.walk(root, nil, o)
}

// object reads what a mapping says of itself.
func (w *walker) object(of item, base int) object {
	n := of.root
	meta := w.lookup(n, "metadata")
	o := object{kind: rendered(w.text(n, "kind")), apiVersion: w.text(n, "apiVersion"), namespace: w.text(meta, "namespace"), name: w.text(meta, "name"), base: base}
	if o.kind == "" {
		o.kind = of.kind
	}
	if o.apiVersion == "" {
		o.apiVersion = of.version
	}
	if o.kind == "" && w.lookup(n, "secretGenerator") != nil {
		o.kind = "Kustomization" // the file kustomization.yaml need not say it
	}
	o.family = familyOf(o)
	o.vault = w.text(w.lookup(meta, "annotations"), vaultPath) != ""
	return o
}

// rendered is what a template may make of a kind: a Secret, if it says that word.
func rendered(kind string) string {
	if strings.Contains(kind, "{{") && slices.Contains(readTemplate(kind).texts, "Secret") {
		return "Secret"
	}
	return kind
}

// nested reports whether a mapping inside an object is an object itself.
func (w *walker) nested(n *node) bool {
	if w.lookup(n, "kind") == nil {
		return false
	}
	values := w.lookup(n, "data") != nil || w.lookup(n, "stringData") != nil
	return values || w.lookup(n, "apiVersion") != nil && (w.lookup(n, "spec") != nil || w.lookup(n, "metadata") != nil)
}

// lookup is the value of a key, the last one where the key stands twice, as
// the API server reads it; merged keys count where the key itself is missing.
func (w *walker) lookup(n *node, key string) *node {
	if n == nil || n.kind != mapping {
		return nil
	}
	var found, merged *node
	for i := 0; i+1 < len(n.kids); i += 2 {
		switch k := n.kids[i]; {
		case k.merge:
			merged = n.kids[i+1]
		case k.kind == scalar && k.text == key:
			found = n.kids[i+1]
		}
	}
	if found != nil || merged == nil {
		return found
	}
	sources := []*node{merged}
	if merged.kind == sequence {
		sources = merged.kids
	}
	for _, m := range sources {
		if w.nodes += 1 + len(m.kids); w.nodes > maxNodes {
			return nil // walk stops on it
		}
		if v := w.lookup(m, key); v != nil {
			return v
		}
	}
	return nil
}

// text is the text of a scalar under a key. Of a kind that is given twice the
// word Secret wins: which of the two counts depends on who reads the document.
func (w *walker) text(n *node, key string) string {
	v := w.lookup(n, key)
	if v == nil || v.kind != scalar || len(v.text) > 512 {
		return ""
	}
	if key == "kind" {
		for i := 0; i+1 < len(n.kids); i += 2 {
			if n.kids[i].text == key && n.kids[i+1].text == "Secret" {
				return "Secret"
			}
		}
	}
	return w.tree.unmask(v)
}

func (w *walker) stop(n *node, reason string) {
	if w.fault == nil {
		at := n.start
		if w.place != nil {
			at, _ = w.place(n)
		}
		w.fault = &fault{at: at, reason: reason, limit: true}
	}
}

// walk visits everything under n, which path leads to.
func (w *walker) walk(n *node, path []step, o object) {
	w.nodes++
	switch {
	case w.fault != nil:
		return
	case w.nodes > maxNodes:
		w.stop(n, fmt.Sprintf("more than %d nodes, perhaps by aliases", maxNodes))
		return
	case len(path) > maxDepth:
		w.stop(n, errTooDeep.Error())
		return
	case n.kind == scalar:
		w.leaf(n, path, o)
		return
	case w.open[n]:
		w.stop(n, "an alias holds itself")
		return
	}
	w.open[n] = true
	defer delete(w.open, n)
	if n.kind == sequence {
		for i, kid := range n.kids {
			w.walk(kid, append(path, step{index: i}), o)
		}
		return
	}
	if len(path) > 0 && w.nested(n) {
		o = w.object(item{root: n}, len(path))
		w.note(o, n, path)
	}
	w.patch(n, path)
	w.replacement(n, path)
	w.pairs(n, n, path, o)
}

// pairs walks the keys of n; where n is merged into another mapping, into
// names that one and its own keys win.
func (w *walker) pairs(n, into *node, path []step, o object) {
	for i := 0; i+1 < len(n.kids) && w.fault == nil; i += 2 {
		key, value := n.kids[i], n.kids[i+1]
		switch {
		case key.merge:
			w.merged(value, into, path, o)
		case key.kind != scalar:
			w.walk(key, append(path, step{key: "?"}), o)
			w.walk(value, append(path, step{key: "?"}), o)
		case n == into || !w.hasOwn(into, key.text):
			w.walk(value, append(path, step{key: w.tree.unmask(key)}), o)
		}
	}
}

func (w *walker) merged(n, into *node, path []step, o object) {
	if w.nodes++; w.nodes > maxNodes || w.open[n] {
		w.stop(n, "too many merged keys")
		return
	}
	w.open[n] = true
	defer delete(w.open, n)
	switch n.kind {
	case mapping:
		w.pairs(n, into, path, o)
	case sequence:
		for _, kid := range n.kids {
			w.merged(kid, into, path, o)
		}
	}
}

// hasOwn reports whether n has the key itself, not by a merge.
func (w *walker) hasOwn(n *node, key string) bool {
	keys := w.own[n]
	if keys == nil {
		keys = map[string]bool{}
		for i := 0; i+1 < len(n.kids); i += 2 {
			if k := n.kids[i]; !k.merge {
				keys[k.text] = true
			}
		}
		w.own[n] = keys
	}
	return keys[key]
}

// leaf makes a field of a scalar, and of what is a document within it.
func (w *walker) leaf(n *node, path []step, o object) {
	if w.repeats(n, len(path)) {
		return
	}
	if n.null || o.kind == "" {
		if o.kind == "" && !n.null {
			w.embedded(n, path, w.tree.unmask(n))
			w.packed(n, path, n.text)
		}
		return
	}
	text := w.tree.unmask(n)
	f := Field{Kind: o.kind, Namespace: o.namespace, Name: o.name, Path: w.path(path), nested: o.base > 0}
	r := o.family.read(path[o.base:], text)
	spelled := false // by constants of the template
	if r.sensitive && w.chart != nil {
		var value string
		if value, spelled = w.chart.value(path[len(path)-1].key, text); spelled {
			text, r = value, o.family.read(path[o.base:], value)
		}
	}
	if r.kept == Plain && (wellFormedSOPS(text) || r.value != text && wellFormedSOPS(r.value)) {
		r.kept = SOPS
	}
	if r.kept == Plain && !(spelled && strings.Contains(text, "{{")) && (Placeholder(text) || r.value != text && Placeholder(r.value)) {
		r.kept = Reference
	}
	if r.kept == Plain && o.vault && (vaultKeys(text) || vaultKeys(r.value)) {
		r.kept = Reference
	}
	if r.kept == Plain && r.sensitive && public(r.value) {
		r.kept = Reference
	}
	if r.kept == Plain && r.sensitive && encryptedText(r.value) {
		r.kept = SOPS
	}
	f.Value, f.Kept, f.Sensitive, f.Undecoded = secret.New(r.value), r.kept, r.sensitive, r.undecoded
	if r.decoded {
		f.Encoding = []string{"base64"}
	}
	w.locate(&f, n, text, r)
	w.doc.Fields = append(w.doc.Fields, f)
	if r.decoded && !r.sensitive {
		text = r.value
	}
	w.embedded(n, path, text)
	if r.kept == Plain && !r.sensitive {
		w.packed(n, path, text)
	}
}

// What a field takes beside its value, and each step of its path, in bytes.
const (
	fieldSize = 256
	stepSize  = 8
)

// repeats counts a leaf that an alias leads to once more, and reports whether
// that has become too much: then none of the document's fields are kept, since
// a few hundred bytes can stand for as many as memory holds.
func (w *walker) repeats(n *node, steps int) bool {
	if n.seen {
		w.again += fieldSize + stepSize*steps + len(n.text)
	}
	n.seen = true
	if w.again <= maxAgain {
		return false
	}
	w.stop(n, fmt.Sprintf("more than %d MiB of values by aliases", maxAgain>>20))
	w.doc.Fields = nil
	return true
}

// locate fills in where the leaf stands. A value that is only the end of its
// leaf, as in "key=value", is cut out where the text stands as it is.
func (w *walker) locate(f *Field, n *node, text string, r reading) {
	f.Start, f.End = n.start, n.end
	if w.place != nil {
		f.Start, f.End = w.place(n)
	}
	if r.from > 0 && w.place == nil && n.end-n.start == len(text) {
		f.Start, f.End = n.start+r.from, n.start+r.from+len(r.value)
	}
	f.Line, f.Column = w.scale.position(f.Start)
	f.EndLine, f.EndColumn = w.scale.position(f.End)
}

// path writes a path, and stops the walk when all paths grow too long.
func (w *walker) path(path []step) string {
	text := join("", path)
	if w.paths += len(text); w.paths > maxPaths {
		w.fault = &fault{at: w.doc.Start, reason: "too many long keys", limit: true}
	}
	return text
}

// join writes the steps of a path behind those that lead to it.
func join(to string, path []step) string {
	var b strings.Builder
	b.WriteString(to)
	for _, s := range path {
		switch {
		case s.key == "":
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case simple(s.key):
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.key)
		default:
			b.WriteString("[" + s.key[:min(len(s.key), 512)] + "]")
		}
	}
	return b.String()
}

func simple(key string) bool {
	if len(key) > 512 {
		return false
	}
	for _, c := range []byte(key) {
		if !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}
