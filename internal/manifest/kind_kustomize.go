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
