package mend

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

var isWorkflow = named(`(^|/)\.github/workflows/[^/]+\.ya?ml$`)

var isCompose = named(`(^|/)(docker-)?compose[\w.-]*\.ya?ml$`)

// knowsSecrets are the maps of a workflow in which GitHub knows secrets, see
// https://docs.github.com/en/actions/reference/workflows-and-actions/contexts#context-availability.
var knowsSecrets = regexp.MustCompile(`^(env|jobs\t[^\t]+\t(env|container\tenv|services\t[^\t]+\tenv|steps\t(env|with)))$`)

// mendWorkflow names a secret of the repository.
func mendWorkflow(text []byte, token string) ([]byte, []string) {
	return mendScalars(text, token, func(in []string, name string, inList bool) string {
		if inList || !knowsSecrets.MatchString(strings.Join(in, "\t")) || strings.HasPrefix(name, "GITHUB_") {
			return ""
		}
		return "${{ secrets." + name + " }}"
	})
}

// mendCompose names a variable of the environment, which has to be set, see
// https://docs.docker.com/reference/compose-file/interpolation/.
func mendCompose(text []byte, token string) ([]byte, []string) {
	return mendScalars(text, token, func(in []string, name string, _ bool) string {
		if len(in) == 0 || in[len(in)-1] != "environment" && in[len(in)-1] != "args" {
			return ""
		}
		return "${" + name + ":?}"
	})
}

// mendYAML has no references, but keeps the file one of YAML: asterisks begin an alias.
func mendYAML(text []byte, token string) ([]byte, []string) {
	return mendScalars(text, token, func([]string, string, bool) string { return "" })
}

// scalar is one that begins with a token, or in a list with NAME=token.
type scalar struct {
	node  *yaml.Node
	in    []string // the keys of the maps and lists that it is in
	name  string   // of the variable; "" where it is not the whole of a value
	start string   // what stays before the reference
}

// mendScalars asks for the reference of each scalar that is nothing but a token.
func mendScalars(text []byte, token string, says func(in []string, name string, inList bool) string) ([]byte, []string) {
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
		row, at, was := s.written(rows)
		if was == "" {
			continue
		}
		now := "'" + strings.ReplaceAll(s.node.Value, "'", "''") + "'"
		if s.node.Value == token {
			now = `"` + token + `"`
		}
		if with := ""; s.name != "" {
			if with = says(s.in, s.name, s.start != ""); with != "" {
				now = `"` + s.start + with + `"`
				names = append(names, s.name)
			} else if s.start != "" {
				continue
			}
		}
		if (was[0] == '"' || was[0] == '\'') && strings.Contains(now, token) {
			continue // it is one of YAML already
		}
		rows[row] = slices.Replace(slices.Clone(rows[row]), at, at+len(was), []byte(now)...)
	}
	out := bytes.Join(rows, nil)
	if _, err := scalars(out, token); err != nil {
		return text, nil
	}
	return out, names
}

// property is an anchor or a tag before a scalar.
var property = regexp.MustCompile(`^[&!]\S* +`)

// written is how a scalar stands in its line; "" when it is in several.
func (s *scalar) written(rows [][]byte) (row, at int, was string) {
	row = s.node.Line - 1
	for range s.node.Column - 1 { // columns are characters
		if row >= len(rows) || at >= len(rows[row]) {
			return 0, 0, ""
		}
		_, size := utf8.DecodeRune(rows[row][at:])
		at += size
	}
	if row >= len(rows) {
		return 0, 0, ""
	}
	for range 2 {
		at += len(property.Find(rows[row][at:]))
	}
	for _, was := range []string{s.node.Value, `"` + s.node.Value + `"`, "'" + s.node.Value + "'"} {
		if bytes.HasPrefix(rows[row][at:], []byte(was)) {
			return row, at, was
		}
	}
	return 0, 0, ""
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
		walk(&doc, nil, "", func(n *yaml.Node, in []string, key string) {
			m := assignment.FindStringSubmatch(strings.TrimSuffix(n.Value, token))
			switch {
			case n.Value == token:
				found = append(found, scalar{n, in, variable(key), ""})
			case m != nil && strings.HasSuffix(n.Value, token):
				found = append(found, scalar{n, slices.Concat(in, []string{key}), variable(m[1]), m[0]})
			case strings.HasPrefix(n.Value, token):
				found = append(found, scalar{n, in, "", ""})
			}
		})
	}
}

// walk visits every scalar, with the keys of the maps that it is in and its own; a key has none.
func walk(n *yaml.Node, in []string, key string, visit func(n *yaml.Node, in []string, key string)) {
	switch n.Kind {
	case yaml.MappingNode:
		if key != "" {
			in = slices.Concat(in, []string{key})
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			walk(n.Content[i], in, "", visit)
			walk(n.Content[i+1], in, n.Content[i].Value, visit)
		}
	case yaml.ScalarNode:
		visit(n, in, key)
	case yaml.DocumentNode, yaml.SequenceNode:
		for _, c := range n.Content {
			walk(c, in, key, visit)
		}
	}
}
