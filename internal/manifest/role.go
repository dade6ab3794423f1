package manifest

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
)

// Role says what a text is to whoever reads it.
type Role int

// The roles of a text.
const (
	Documents   Role = iota // Kubernetes documents
	Values                  // values of a chart
	SecretFile              // a file that a secretGenerator makes one value of a Secret of
	SecretEnv               // a file whose lines NAME=VALUE a secretGenerator makes values of
	Template                // a template of a chart, which need not be YAML
	SecretPatch             // a JSON patch that a kustomization applies to Secrets
	Kustomize               // a kustomization.yaml, which need not say its kind
)

// Always reports whether a text is read whatever words are in it.
func (r Role) Always() bool { return r != Documents && r != Template }

// ParseAs reads a text by its role. What a generator makes of a file are fields
// of one Secret without a name. helpers are other files of a chart that define
// templates which a Template calls.
func ParseAs(name string, text []byte, role Role, helpers ...string) ([]Document, error) {
	switch role {
	case Values:
		return parse(name, text, valuesKind)
	case Kustomize:
		return parse(name, text, "Kustomization")
	case SecretPatch:
		return parse(name, text, patchKind)
	case SecretFile:
		docs, err := Parse(name, text)
		if encryptedFile(text, docs) {
			return docs, err
		}
		return append(docs, generated(text, [][2]int{{0, len(bytes.TrimRight(text, "\r\n"))}}, []string{"data"})), nil
	case SecretEnv:
		spans, keys := envLines(text)
		if encryptedLines(text, spans, keys) {
			return nil, nil
		}
		return []Document{generated(text, spans, keys)}, nil
	}
	return parse(name, text, "", helpers...)
}

// patchKind stands for the kind of a JSON patch of Secrets.
const patchKind = "SecretPatch"

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

// encryptedLines reports whether sops has encrypted every one of some lines
// NAME=VALUE; its metadata stand among them, as sops_mac=….
func encryptedLines(text []byte, spans [][2]int, keys []string) bool {
	mac := false
	for i, key := range keys {
		sealed := wellFormedSOPS(string(text[spans[i][0]:spans[i][1]]))
		mac = mac || key == "sops_mac" && sealed
		if !sealed && !sopsLine.MatchString(key) {
			return false
		}
	}
	return mac
}

// sopsLine is the name of a line of sops' metadata
// (https://github.com/getsops/sops/blob/v3.13.3/stores/flatten.go).
var sopsLine = regexp.MustCompile(`\Asops_(?:version|mac|mac_only_encrypted|lastmodified|shamir_threshold|(?:un)?encrypted_(?:suffix|regex|comment_regex)|(?:age|pgp|kms|gcp_kms|azure_kv|hc_vault|hckms|key_groups)__\w+)\z`)

// maxEncrypted is the largest value that is taken for a document of sops, in bytes.
const maxEncrypted = 1 << 20

// encryptedText reports whether a value is a file that sops has encrypted as a
// whole, of which nothing is left readable. Flux decrypts such values of Secrets
// (https://fluxcd.io/flux/components/kustomize/kustomizations/#kustomize-secretgenerator).
func encryptedText(value string) bool {
	if len(value) > maxEncrypted || !strings.Contains(value, "ENC[AES256_GCM,") || !strings.Contains(value, "sops") {
		return false
	}
	if spans, keys := envLines([]byte(value)); encryptedLines([]byte(value), spans, keys) {
		return true
	}
	trees, faults := parseTrees([]byte(value))
	for _, t := range trees {
		meta := (&source{tree: t}).metadata()
		w := walker{tree: t}
		if meta == nil || !wellFormedSOPS(w.text(meta, "mac")) || !onlyEncrypted(t, t.root, meta, 0) {
			return false
		}
	}
	return len(trees) > 0 && len(faults) == 0
}

// onlyEncrypted reports whether every leaf below n, but for the metadata, is
// empty or one value of sops.
func onlyEncrypted(t tree, n, meta *node, depth int) bool {
	switch {
	case n == meta:
		return true
	case depth > maxDepth || n.seen:
		return false
	case n.kind == scalar:
		return n.null || n.text == "" || wellFormedSOPS(t.unmask(n))
	}
	n.seen = true // an alias would lead here again
	for i, kid := range n.kids {
		if n.kind == mapping && i%2 == 0 {
			continue
		}
		if !onlyEncrypted(t, kid, meta, depth+1) {
			return false
		}
	}
	return true
}

// generated is the Secret that a generator makes of parts of a text.
func generated(text []byte, spans [][2]int, keys []string) Document {
	scale := newRuler(text)
	d := Document{Kind: "Secret", APIVersion: "v1", End: len(text), Line: 1}
	for i, span := range spans {
		value := string(text[span[0]:span[1]])
		f := Field{Kind: "Secret", Path: join("data", []step{{key: keys[i]}}), Value: secret.New(value), Sensitive: true, Start: span[0], End: span[1]}
		switch {
		case sopsLine.MatchString(keys[i]):
			continue
		case wellFormedSOPS(value), encryptedText(value):
			f.Kept = SOPS
		case Placeholder(value), public(value):
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

// Generators are the files that a kustomization makes values of Secrets of, or
// patches Secrets by, as they are named there. more are files and texts that hold
// generators of their own.
func Generators(text []byte) (roles map[string]Role, more []string) {
	roles = map[string]Role{}
	docs, _ := ParseAs("kustomization.yaml", text, Kustomize)
	for _, d := range docs {
		j := &judge{document: &d, object: &d.objects[0]}
		root := view{j: j, node: j.object.root}
		if d.Kind == "SecretGenerator" {
			roles = generatorFiles(roles, root)
		}
		if d.Kind != "Kustomization" {
			continue
		}
		for g := range root.get("secretGenerator").items() {
			roles = generatorFiles(roles, g)
		}
		for g := range root.get("generators").items() {
			more = append(more, g.text())
		}
		for _, list := range []string{"patches", "patchesJson6902"} {
			for p := range root.get(list).items() {
				w := walker{tree: *j.object.tree}
				target := p.get("target")
				if name := p.get("path").text(); name != "" && target.get("kind").exists() && w.mayBeSecret(target.node) {
					roles[name] = SecretPatch
				}
			}
		}
	}
	return roles, more
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
