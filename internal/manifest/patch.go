package manifest

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A JSON patch (RFC 6902) may write values into a Secret that stands elsewhere:
//
//	patches:
//	- target: {kind: Secret}
//	  patch: |
//	    - {op: add, path: /stringData/password, value: …}
//
// in a kustomization, in Flux' and Argo CD's own lists of patches, as a text or
// written out, or as a file by itself.

// patchWords reports whether a text has the keys of such a patch.
func patchWords(text []byte) bool {
	return bytes.Contains(text, []byte("op")) && bytes.Contains(text, []byte("path")) && bytes.Contains(text, []byte("value"))
}

// patch reads the patch of a mapping that has one, by what it is applied to.
func (w *walker) patch(n *node, path []step) {
	p := w.lookup(n, "patch")
	if p == nil || !w.mayBeSecret(w.lookup(n, "target")) {
		return
	}
	certain := w.text(w.lookup(n, "target"), "kind") != ""
	path = append(path, step{key: "patch"})
	switch p.kind {
	case sequence:
		w.operations(p, path, certain)
	case scalar:
		text := w.tree.unmask(p)
		if w.depth >= maxEmbedded || !patchWords([]byte(text)) && !escaped([]byte(text)) {
			return
		}
		trees, _ := parseTrees([]byte(text))
		for _, t := range trees {
			inner := w.within(t, w.placeWithin(p, text))
			inner.operations(t.root, path, certain)
			w.after(&inner)
		}
	}
}

// mayBeSecret reports whether a target selects Secrets: its kind is an anchored
// expression, and without one everything is selected.
func (w *walker) mayBeSecret(target *node) bool {
	kind := w.text(target, "kind")
	if kind == "" {
		return true
	}
	re, err := regexp.Compile(`\A(?:` + kind + `)\z`)
	return err != nil || re.MatchString("Secret")
}

// isPatch reports whether a sequence is a JSON patch.
func (w *walker) isPatch(n *node) bool {
	if n.kind != sequence || len(n.kids) == 0 {
		return false
	}
	for _, op := range n.kids {
		if w.nodes++; w.nodes > maxNodes || w.lookup(op, "op") == nil || w.lookup(op, "path") == nil {
			return false
		}
	}
	return true
}

// operations makes fields of the values that a patch writes into Secrets; certain
// says that what it is applied to is one.
func (w *walker) operations(n *node, path []step, certain bool) {
	if n == nil || !w.isPatch(n) {
		return
	}
	for i, op := range n.kids {
		value := w.lookup(op, "value")
		at := strings.Split(strings.TrimPrefix(w.text(op, "path"), "/"), "/")
		if value != nil && !certain && len(at) == 1 && at[0] == "data" {
			w.dataOf(value, append(append([]step{}, path...), step{index: i}, step{key: "value"}))
			continue
		}
		known := at[0] == "stringData" || certain && at[0] == "data" || at[0] == "data" && len(at) == 2 && (secretName(at[1]) || readable64(value))
		if value == nil || !known {
			continue
		}
		w.written(value, append(append([]step{}, path...), step{index: i}, step{key: "value"}), at)
	}
}

// written makes fields of a value that is written into a Secret.
func (w *walker) written(value *node, path []step, at []string) {
	o := object{kind: "Secret", apiVersion: "v1", family: secrets, base: len(path)}
	for _, key := range at {
		path = append(path, step{key: unpoint(key)})
	}
	w.walk(value, path, o)
}

// dataOf looks at all data of something that may be a Secret or a ConfigMap: keys
// that name secrets count, and values in base64, as only a Secret has them.
func (w *walker) dataOf(n *node, path []step) {
	for i := 0; i+1 < len(n.kids) && n.kind == mapping; i += 2 {
		if key := n.kids[i]; key.kind == scalar && !key.merge && (secretName(key.text) || readable64(n.kids[i+1])) {
			w.written(n.kids[i+1], path[:len(path):len(path)], []string{"data", key.text})
		}
	}
}

// readable64 reports whether a leaf is a text in base64. Where the target of a patch
// has no kind, that tells a Secret from a ConfigMap.
func readable64(n *node) bool {
	if n.kind != scalar {
		return false
	}
	_, is := printable64(n.text)
	return is
}

// printable64 is the text that another is in base64, if it can be read.
func printable64(encoded string) (string, bool) {
	if len(encoded) < 8 || len(encoded) > maxEncrypted {
		return "", false
	}
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || bytes.IndexFunc(text, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) && !unicode.IsSpace(r) }) >= 0 {
		return "", false
	}
	return string(text), true
}

// unpoint is a key of a JSON pointer as it is written elsewhere (RFC 6901).
func unpoint(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~1", "/"), "~0", "~")
}
