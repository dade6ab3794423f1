package manifest

import "bytes"

// node is one node of a parsed document with its place in the input. Aliases
// are resolved to the node they name, so a tree may share nodes or hold cycles.
type node struct {
	kind  nodeKind
	style style
	text  string // of a scalar, escapes undone
	kids  []*node
	merge bool // a key "<<" that brings in the keys of its value
	null  bool
	seen  bool // the walker has been here

	token      int // offset of the first byte of a scalar, its quote or "|" included
	start, end int // of the text of a scalar, without quotes; of a whole JSON value else
}

type nodeKind int

const (
	scalar  nodeKind = iota
	mapping          // kids are keys and values in turn
	sequence
)

type style int

const (
	plain        style = iota // also single quotes
	doubleQuoted              // also JSON strings
	blockScalar               // "|" and ">"
)

// tree is one parsed document. Offsets in it are offsets in the input.
type tree struct {
	root       *node
	text       []byte // of start..end as it was parsed, template actions masked
	masks      []mask
	template   bool // it is no YAML before a template engine has run
	start, end int
}

// parseTrees parses every document of text, those it can.
func parseTrees(text []byte) ([]tree, []*fault) {
	first := bytes.TrimLeft(bytes.TrimPrefix(text, bom), " \t\r\n")
	if len(first) > 0 && (first[0] == '{' || first[0] == '[') && !bytes.HasPrefix(first, []byte("{{")) && !bytes.HasPrefix(first, []byte("{%")) {
		trees, fault := parseJSON(text)
		if fault != nil {
			fault.looks = Looks(text)
		}
		if fault == nil || fault.limit {
			return trees, faultList(fault)
		}
		if trees, faults := parseStream(text); len(trees) > 0 || len(faults) > 0 && faults[0].limit {
			return trees, faults
		}
		return trees, faultList(fault)
	}
	return parseStream(text)
}

// parseStream parses each document of a YAML stream.
func parseStream(text []byte) ([]tree, []*fault) {
	var trees []tree
	var faults []*fault
	for _, span := range splitStream(text) {
		t, fault := parseDocument(text, span)
		faults = append(faults, faultList(fault)...)
		if t.root != nil {
			trees = append(trees, t)
		}
	}
	return trees, faults
}

func faultList(f *fault) []*fault {
	if f == nil {
		return nil
	}
	return []*fault{f}
}

var bom = []byte("\xef\xbb\xbf")

// splitStream cuts a YAML stream before each "---" and after each "..." line,
// so that a document which does not parse leaves the others alone. YAML gives
// these lines that meaning wherever they stand, in block scalars too.
func splitStream(text []byte) [][2]int {
	var spans [][2]int
	start := 0
	if bytes.HasPrefix(text, bom) {
		start = len(bom)
	}
	marked := false // a "---" was seen since start, so that directives are at their end
	edges := definitionEdges(text)
	cut := func(at int) {
		content := hasContent(text[start:at])
		if content {
			spans = append(spans, [2]int{start, at})
		}
		if content || marked {
			start, marked = at, false
		}
	}
	for i := start; i < len(text); {
		end := lineEnd(text, i)
		for len(edges) > 0 && edges[0] < end {
			cut(max(edges[0], start))
			edges = edges[1:]
		}
		switch line := text[i:end]; {
		case isMarker(line, "---"):
			cut(i)
			marked = true
		case isMarker(line, "..."):
			cut(end)
		}
		i = end
	}
	cut(len(text))
	return spans
}

// lineEnd is the offset after the line break that follows i.
func lineEnd(text []byte, i int) int {
	n := bytes.IndexAny(text[i:], "\r\n")
	if n < 0 {
		return len(text)
	}
	return i + n + lineBreak(text[i+n:])
}

func isMarker(line []byte, marker string) bool {
	rest, ok := bytes.CutPrefix(line, []byte(marker))
	return ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0)
}

// hasContent reports whether a part of a stream is more than blanks, comments
// and directives, which belong to the document after them.
func hasContent(text []byte) bool {
	for i := 0; i < len(text); {
		end := lineEnd(text, i)
		line := bytes.TrimSpace(text[i:end])
		line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("---")))
		if len(line) > 0 && line[0] != '#' && line[0] != '%' && !isMarker(line, "...") {
			return true
		}
		i = end
	}
	return false
}
