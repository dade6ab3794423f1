package manifest

import "github.com/leakgate/leakgate/internal/manifest/sealed"

// sealedSecrets is bitnami.com/SealedSecret.
var sealedSecrets = family{
	name: "SealedSecret",
	has:  func(o object) bool { return o.kind == "SealedSecret" },
	read: func(path []step, text string) reading {
		if !under(path, "spec", "encryptedData") && !(under(path, "spec", "data") && len(path) == 2) {
			return reading{value: text}
		}
		r := reading{value: text, sensitive: true}
		if wellFormedSealed(text) {
			r.kept = Sealed
		}
		return r
	},
	judge: judgeSealed,
}

// wellFormedSealed reports whether text has the structure of a sealed value.
func wellFormedSealed(text string) bool {
	_, err := sealed.Parse(text)
	return err == nil
}
