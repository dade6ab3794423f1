package mend

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

var isWorkflow = named(`(^|/)\.github/workflows/[^/]+\.ya?ml$`)

var isCompose = named(`(^|/)(docker-)?compose[\w.-]*\.ya?ml$`)

// mendWorkflow names a secret of the repository, where GitHub knows secrets, see
// https://docs.github.com/en/actions/reference/workflows-and-actions/contexts#context-availability.
func mendWorkflow(text []byte, token string) ([]byte, []string) {
	return mendScalars(text, token, func(above, name string, inList bool) string {
		if inList || above != "env" && above != "with" || strings.HasPrefix(name, "GITHUB_") {
			return ""
		}
		return "${{ secrets." + name + " }}"
	})
}

// mendCompose names a variable of the environment, which has to be set, see
// https://docs.docker.com/reference/compose-file/interpolation/.
func mendCompose(text []byte, token string) ([]byte, []string) {
	return mendScalars(text, token, func(above, name string, _ bool) string {
		if above != "environment" && above != "args" {
			return ""
		}
		return "${" + name + ":?}"
	})
}

// mendYAML has no references, but keeps the file one of YAML: asterisks begin an alias.
func mendYAML(text []byte, token string) ([]byte, []string) {
	return mendScalars(text, token, func(string, string, bool) string { return "" })
}

// scalar is one that is a token, or in a list NAME=token.
type scalar struct {
	node  *yaml.Node
	above string // the key of the map or list that it is in
	name  string // of the variable
	start string // what stays before the reference
}

// mendScalars asks for the reference of each scalar that is nothing but a token.
func mendScalars(text []byte, token string, says func(above, name string, inList bool) string) ([]byte, []string) {
	found, err := scalars(text, token)
	if err != nil {
		return text, nil
	}
	slices.SortFunc(found, func(a, b scalar) int {
		return cmp.Or(cmp.Compare(b.node.Line, a.node.Line), cmp.Compare(b.node.Column, a.node.Column))
	})
	var names []string
	rows := bytes.SplitAfter(text, []byte("\n"))
	for _, s := range found {
		row, was, ok := s.written(rows, token)
		if !ok {
			continue
		}
		now := `"` + s.start + token + `"`
		if with := says(s.above, s.name, s.start != ""); s.name != "" && with != "" {
			now = `"` + s.start + with + `"`
			names = append(names, s.name)
		} else if was[0] == '"' || was[0] == '\'' || s.start != "" {
			continue // it is one of YAML already
		}
		at := s.node.Column - 1
		rows[row] = slices.Replace(slices.Clone(rows[row]), at, at+len(was), []byte(now)...)
	}
	out := bytes.Join(rows, nil)
	if _, err := scalars(out, token); err != nil {
		return text, nil
	}
	return out, names
}

// written is how a scalar stands in its line.
func (s *scalar) written(rows [][]byte, token string) (row int, was string, ok bool) {
	row = s.node.Line - 1
	at := s.node.Column - 1
	if row >= len(rows) || at > len(rows[row]) || !ascii(rows[row][:at]) { // columns are characters
		return 0, "", false
	}
	for _, was := range []string{s.start + token, `"` + s.start + token + `"`, "'" + s.start + token + "'"} {
		if bytes.HasPrefix(rows[row][at:], []byte(was)) {
			return row, was, true
		}
	}
	return 0, "", false
}

func ascii(text []byte) bool {
	return !slices.ContainsFunc(text, func(c byte) bool { return c >= 0x80 })
}

var assignment = regexp.MustCompile(`^([A-Za-z_]\w*)=$`)

// scalars lists them, of every document; an error when the text is not YAML.
func scalars(text []byte, token string) (found []scalar, err error) {
	documents := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var doc yaml.Node
		if err := documents.Decode(&doc); errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return nil, err
		}
		var walk func(n *yaml.Node, above, key string)
		walk = func(n *yaml.Node, above, key string) {
			switch n.Kind {
			case yaml.MappingNode:
				for i := 0; i+1 < len(n.Content); i += 2 {
					walk(n.Content[i+1], key, n.Content[i].Value)
				}
			case yaml.ScalarNode:
				if n.Value == token {
					found = append(found, scalar{n, above, variable(key), ""})
				} else if m := assignment.FindStringSubmatch(strings.TrimSuffix(n.Value, token)); m != nil && strings.HasSuffix(n.Value, token) {
					found = append(found, scalar{n, key, variable(m[1]), m[0]})
				}
			case yaml.DocumentNode, yaml.SequenceNode:
				for _, c := range n.Content {
					walk(c, above, key)
				}
			}
		}
		walk(&doc, "", "")
	}
}
