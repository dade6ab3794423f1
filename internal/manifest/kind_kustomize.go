package manifest

import "strings"

// kustomizations is kustomization.yaml, whose secretGenerator writes Secrets, and
// the same generator as an object of its own, as it stands below "generators".
// Flux has a kind of the same name and another group, without generators.
var kustomizations = family{
	name: "Kustomization",
	has: func(o object) bool {
		return o.kind == "Kustomization" && (o.apiVersion == "" || group(o.apiVersion) == "kustomize.config.k8s.io") ||
			o.kind == "SecretGenerator" && group(o.apiVersion) == ""
	},
	read: func(path []step, text string) reading {
		if !under(path, "secretGenerator", "*", "literals", "*") && !under(path, "literals", "*") {
			return reading{value: text}
		}
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return reading{value: text, sensitive: true}
		}
		from := len(key) + 1
		if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value, from = value[1:n-1], from+1
		}
		return reading{value: value, sensitive: true, from: from}
	},
}

// kustomizeWords are the names of fields that lead to values, by their small letters:
// kustomize reads them in any case.
var kustomizeWords = lowered("secretGenerator", "literals", "files", "envs", "env", "generators", "patches", "patchesJson6902", "target", "kind", "name",
	"path", "patch", "replacements", "sourceValue", "targets", "select", "fieldPaths")

func lowered(words ...string) map[string]string {
	out := map[string]string{}
	for _, w := range words {
		out[strings.ToLower(w)] = w
	}
	return out
}

// kustomizeCase gives the keys of a kustomization the case that they are known by.
func kustomizeCase(n *node, depth int) {
	if n == nil || n.kind == scalar || depth > 8 {
		return
	}
	for i, kid := range n.kids {
		if n.kind == sequence || i%2 == 1 {
			kustomizeCase(kid, depth+1)
		} else if word := kustomizeWords[strings.ToLower(kid.text)]; word != "" && kid.kind == scalar {
			kid.text = word
		}
	}
}

// replacement reads the value that a kustomization writes into fields of others.
func (w *walker) replacement(n *node, path []step) {
	value, targets := w.lookup(n, "sourceValue"), w.lookup(n, "targets")
	if value == nil || targets == nil || targets.kind != sequence {
		return
	}
	for _, t := range targets.kids {
		certain, fields := w.text(w.lookup(t, "select"), "kind") == "Secret", w.lookup(t, "fieldPaths")
		for i := 0; fields != nil && fields.kind == sequence && i < len(fields.kids); i++ {
			at := strings.Split(fields.kids[i].text, ".")
			if len(at) > 1 && (at[0] == "stringData" || at[0] == "data" && (certain || secretName(at[1]))) {
				w.written(value, append(path[:len(path):len(path)], step{key: "sourceValue"}), at)
				return
			}
		}
	}
}
