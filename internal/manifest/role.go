package manifest

import (
	"bytes"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
)

// Role says what a text is to whoever reads it.
type Role int

// The roles of a text.
const (
	Documents  Role = iota // Kubernetes documents
	Values                 // values of a chart
	SecretFile             // a file that a secretGenerator makes one value of a Secret of
	SecretEnv              // a file whose lines NAME=VALUE a secretGenerator makes values of
	Template               // a template of a chart, which need not be YAML
)

// Always reports whether a text is read whatever words are in it.
func (r Role) Always() bool { return r != Documents && r != Template }

// ParseAs reads a text by its role. What a generator makes of a file are fields
// of one Secret without a name.
func ParseAs(name string, text []byte, role Role) ([]Document, error) {
	switch role {
	case Values:
		return parse(name, text, valuesKind)
	case SecretFile:
		docs, err := Parse(name, text)
		if encryptedFile(text, docs) {
			return docs, err
		}
		return append(docs, generated(text, [][2]int{{0, len(bytes.TrimRight(text, "\r\n"))}}, []string{"data"})), nil
	case SecretEnv:
		if bytes.Contains(text, []byte("\nsops_mac=ENC[")) {
			return nil, nil
		}
		spans, keys := envLines(text)
		return []Document{generated(text, spans, keys)}, nil
	}
	return Parse(name, text)
}

// valuesKind stands for the kind of a file with values of a chart.
const valuesKind = "HelmValues"

// encryptedFile reports whether sops has encrypted a file as a whole.
func encryptedFile(text []byte, docs []Document) bool {
	for _, d := range docs {
		if d.source.metadata() != nil {
			return true
		}
	}
	trees, _ := parseTrees(text)
	for _, t := range trees {
		if (&source{tree: t}).metadata() != nil {
			return true
		}
	}
	return false
}

// generated is the Secret that a generator makes of parts of a text.
func generated(text []byte, spans [][2]int, keys []string) Document {
	scale := newRuler(text)
	d := Document{Kind: "Secret", APIVersion: "v1", End: len(text), Line: 1}
	for i, span := range spans {
		value := string(text[span[0]:span[1]])
		f := Field{Kind: "Secret", Path: join("data", []step{{key: keys[i]}}), Value: secret.New(value), Sensitive: true, Start: span[0], End: span[1]}
		switch {
		case wellFormedSOPS(value):
			f.Kept = SOPS
		case Placeholder(value):
			f.Kept = Reference
		}
		f.Line, f.Column = scale.position(f.Start)
		f.EndLine, f.EndColumn = scale.position(f.End)
		d.Fields = append(d.Fields, f)
	}
	return d
}

// envLines are the values of lines NAME=VALUE, and the names.
func envLines(text []byte) (spans [][2]int, keys []string) {
	for i := 0; i < len(text); {
		end := lineEnd(text, i)
		line := strings.TrimRight(string(text[i:end]), "\r\n")
		name, value, ok := strings.Cut(line, "=")
		if ok && !strings.HasPrefix(strings.TrimSpace(line), "#") && strings.TrimSpace(value) != "" {
			from := i + len(name) + 1
			spans, keys = append(spans, [2]int{from, from + len(value)}), append(keys, strings.TrimSpace(name))
		}
		i = end
	}
	return spans, keys
}

// Generators are the files that a kustomization makes values of Secrets of, as
// they are named there.
func Generators(text []byte) map[string]Role {
	out := map[string]Role{}
	docs, _ := Parse("kustomization.yaml", text)
	for _, d := range docs {
		if d.Kind != "Kustomization" {
			continue
		}
		j := &judge{document: &d, object: &d.objects[0]}
		root := view{j: j, node: j.object.root}
		for g := range root.get("secretGenerator").items() {
			out = generatorFiles(out, g)
		}
	}
	return out
}

func generatorFiles(out map[string]Role, g view) map[string]Role {
	for v := range g.get("files").items() {
		_, name, ok := strings.Cut(v.text(), "=")
		if !ok {
			name = v.text()
		}
		out[name] = SecretFile
	}
	for v := range g.get("envs").items() {
		out[v.text()] = SecretEnv
	}
	if name := g.get("env").text(); name != "" {
		out[name] = SecretEnv
	}
	return out
}
