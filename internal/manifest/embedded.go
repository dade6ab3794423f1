package manifest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// embedded reads a document within a string: the annotation that kubectl apply
// leaves, a patch, a manifest in a ConfigMap. Text that looks like a document
// and is none is an ordinary string.
func (w *walker) embedded(n *node, path []step, text string) {
	if len(text) < 16 || !strings.Contains(text, ":") || !Looks([]byte(text)) && !(strings.Contains(text, "apiVersion") && packedText([]byte(text))) {
		return
	}
	if w.depth >= maxEmbedded {
		w.unseen(n, fmt.Sprintf("more than %d documents within each other", maxEmbedded))
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

// Limits on what is packed: how often a text is unpacked, and how many bytes all of
// one document's come to.
const (
	maxPacked   = 6
	maxUnpacked = 16 << 20
	leastPacked = 24 // base64 of the shortest Secret with a value is longer
)

// packed reads documents within a text that is base64 or gzip in base64, as in
// status fields, Ignition's data URLs and the releases that Helm stores: several
// times over.
func (w *walker) packed(n *node, path []step, text string) {
	for range maxPacked {
		inner, ok := w.unpack(n, text)
		if !ok {
			return
		}
		w.embedded(n, path, inner)
		text = inner
	}
	if _, more := w.unpack(n, text); more {
		w.unseen(n, fmt.Sprintf("a text that is packed more than %d times", maxPacked))
	}
}

// unpack undoes one layer.
func (w *walker) unpack(n *node, text string) (string, bool) {
	if strings.HasPrefix(text, "\x1f\x8b") {
		return w.inflate(n, text)
	}
	if kind, content, is := dataURL(text); is && strings.HasSuffix(kind, ";base64") {
		text = content
	} else if is {
		plain, err := url.PathUnescape(content)
		return plain, err == nil && w.unpacks(n, len(plain))
	}
	if len(text) < leastPacked || !base64Text(text) || !w.unpacks(n, len(text)) {
		return "", false
	}
	return decodeBase64(text)
}

// dataURL parts what a URL says of its content from the content.
// https://www.rfc-editor.org/rfc/rfc2397
func dataURL(text string) (kind, content string, ok bool) {
	at := strings.IndexByte(text[:min(len(text), 100)], ',')
	if at < 0 || !strings.EqualFold(text[:min(len(text), 5)], "data:") {
		return "", "", false
	}
	return strings.ToLower(text[:at]), text[at+1:], true
}

// base64Text reports whether a text has none but the letters of base64, and blanks.
func base64Text(text string) bool {
	for _, c := range []byte(text) {
		if !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '/' || c == '=' || c == '-' || c == '_' || isSpace(c)) {
			return false
		}
	}
	return true
}

func (w *walker) inflate(n *node, text string) (string, bool) {
	r, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		return "", false
	}
	var out bytes.Buffer
	_, err = io.Copy(&out, io.LimitReader(r, int64(maxUnpacked-w.unpacked)+1)) // of what is cut off the beginning counts
	return out.String(), w.unpacks(n, out.Len()) && (err == nil || out.Len() > 0)
}

// unpacks counts what is unpacked, and stops the walk when that is too much.
func (w *walker) unpacks(n *node, size int) bool {
	if w.unpacked += size; w.unpacked > maxUnpacked {
		w.unseen(n, fmt.Sprintf("more than %d MiB of packed texts", maxUnpacked>>20))
		return false
	}
	return true
}

// unseen stops the walk before something whose words the text around it does not
// show: there may be a Secret in it.
func (w *walker) unseen(n *node, reason string) {
	w.stop(n, reason)
	w.fault.looks = true
}

// packedText reports whether a text has a word that may be base64: long, with letters
// of both cases, as digests have not.
func packedText(text []byte) bool {
	run, upper, lower := 0, false, false
	for _, c := range text {
		switch {
		case 'a' <= c && c <= 'z':
			lower = true
		case 'A' <= c && c <= 'Z':
			upper = true
		case '0' <= c && c <= '9' || c == '+' || c == '/' || c == '=':
		default:
			run, upper, lower = 0, false, false
			continue
		}
		if run++; run >= leastPacked && upper && lower {
			return true
		}
	}
	return false
}

// within walks a document in a string of another, on the same budget.
func (w *walker) within(t tree, place func(*node) (int, int)) walker {
	return walker{scale: w.scale, tree: t, doc: w.doc, source: w.source, chart: w.chart, nodes: w.nodes, paths: w.paths, again: w.again, unpacked: w.unpacked, depth: w.depth + 1,
		place: place, open: map[*node]bool{}, own: map[*node]map[string]bool{}}
}

// after goes on with what a document within has left of the budget.
func (w *walker) after(inner *walker) {
	w.nodes, w.paths, w.again, w.unpacked = inner.nodes, inner.paths, inner.again, inner.unpacked
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
