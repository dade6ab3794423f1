package rules

// PlainManifestSecret is the rule under which the plain value of a Kubernetes
// Secret is reported that no other rule knows. It has no regex: the document's
// structure says what the value is.
func PlainManifestSecret() *Rule {
	return &Rule{
		ID:          "kubernetes-plain-secret",
		Description: "Plain value of a Kubernetes Secret",
		Provider:    "Kubernetes",
		Severity:    High,
		Confidence:  Likely,
		Advice: "Rotate the value, then keep it out of the manifest: an ExternalSecret that names it in a secret store, " +
			"a SealedSecret (`kubeseal -f secret.yaml -w sealed.yaml`) or a file encrypted with SOPS.",
		Tags:   []string{"kubernetes"},
		Origin: "leakgate",
	}
}
