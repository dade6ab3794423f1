package manifest

import (
	"strings"
	"time"
)

// certificates are the kinds of cert-manager.io and its ACME solvers.
var certificates = family{
	name: "Certificate",
	has: func(o object) bool {
		g := group(o.apiVersion)
		return g == "cert-manager.io" || g == "acme.cert-manager.io"
	},
	read: func(path []step, text string) reading {
		kept := referenceUnder(path, "secretKeyRef", "secretRef", "tokenSecretRef", "apiTokenSecretRef", "apiKeySecretRef", "privateKeySecretRef", "passwordSecretRef", "keySecretRef", "secretAccessKeySecretRef")
		return reading{value: text, kept: kept}
	},
	judge: judgeCertificate,
}

func judgeCertificate(j *judge, root view) {
	spec := root.get("spec")
	switch j.object.kind {
	case "Certificate":
		for _, store := range []string{"jks", "pkcs12"} {
			if v := spec.get("keystores", store, "password"); v.text() != "" && !dynamic(v.text()) {
				j.value(v, RuleInline, "the password of the keystore is spelled out", "name a Secret: passwordSecretRef")
			}
		}
		j.templateMeta(spec.get("secretTemplate"), RuleInline, "remove the value from secretTemplate")
	case "Issuer", "ClusterIssuer":
		j.issuer(spec)
	}
}

func (j *judge) issuer(spec view) {
	j.inline(spec.get("vault", "auth"))
	j.login(spec.get("vault", "server"))
	j.root(spec.get("vault", "auth", "kubernetes", "role"))
	if strings.HasPrefix(spec.get("vault", "server").text(), "http://") {
		j.at(spec.get("vault", "server"), RuleVaultTLS, "the connection to Vault is not encrypted", "server: https://…")
	}
	if d, err := time.ParseDuration(spec.get("vault", "duration").text()); err == nil {
		j.tooLong(spec.get("vault", "duration"), d)
	}
	for solver := range spec.get("acme", "solvers").items() {
		j.inline(solver.get("dns01"))
	}
	j.inline(spec.get("acme", "externalAccountBinding"))
}
