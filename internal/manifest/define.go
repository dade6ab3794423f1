package manifest

import (
	"bytes"
	"regexp"
)

// A template that another file or another part of this one calls is a text of its
// own, {{ define "name" }}…{{ end }}: it is read apart from what is around it.

// maxDefinitions is how many are told apart in one text.
const maxDefinitions = 1000

var (
	defines           = []byte("define")
	blockStart        = regexp.MustCompile(`\A\{\{-?\s*(?:if|with|range|block|define)\b`)
	blockEnd          = regexp.MustCompile(`\A\{\{-?\s*end\b`)
	startOfDefinition = regexp.MustCompile(`\A\{\{-?\s*define\b`)
)

// definitionEdges are where definitions start and end in a text, in their order.
func definitionEdges(text []byte) (edges []int) {
	if !bytes.Contains(text, defines) {
		return nil
	}
	depth, from := 0, -1
	for _, m := range goAction.FindAllIndex(text, -1) {
		switch action := text[m[0]:m[1]]; {
		case blockEnd.Match(action):
			if depth--; depth == 0 && from >= 0 && len(edges) < 2*maxDefinitions {
				edges, from = append(edges, from, m[1]), -1
			}
		case depth == 0 && startOfDefinition.Match(action) && (m[0] == 0 || text[m[0]-1] == '\n'):
			depth, from = 1, m[0]
		case blockStart.Match(action):
			depth++
		}
	}
	return edges
}
