package manifest

import "strings"

// externalSecrets are the kinds of external-secrets.io: they name where values
// are. Literals in their templates and stores stay Plain.
var externalSecrets = family{
	name: "ExternalSecret",
	has: func(o object) bool {
		return strings.HasSuffix(group(o.apiVersion), "external-secrets.io")
	},
	read: func(path []step, text string) reading {
		return reading{value: text, kept: referenceUnder(path,
			"remoteRef", "secretStoreRef", "sourceRef", "storeRef", "generatorRef", "extract", "secretRef", "tokenSecretRef",
			"secretKeyRef", "serviceAccountRef", "accessKeyIDSecretRef", "secretAccessKeySecretRef", "sessionTokenSecretRef", "caProvider")}
	},
	judge: judgeExternal,
}
