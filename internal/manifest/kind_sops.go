package manifest

import "github.com/leakgate/leakgate/internal/manifest/sops"

// sopsSecrets is isindir.github.com/SopsSecret, whose templates become Secrets.
var sopsSecrets = family{
	name: "SopsSecret",
	has:  func(o object) bool { return o.kind == "SopsSecret" },
	read: func(path []step, text string) reading {
		switch {
		case under(path, "spec", "secretTemplates", "*", "data"):
			return decodeData(text)
		case under(path, "spec", "secretTemplates", "*", "stringData"):
			return reading{value: text, sensitive: true}
		}
		return reading{value: text}
	},
	judge: judgeSopsSecret,
}

// wellFormedSOPS reports whether text is exactly one value encrypted by sops.
func wellFormedSOPS(text string) bool {
	_, ok := sops.ParseValue(text)
	return ok
}
