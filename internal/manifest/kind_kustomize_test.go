package manifest

import "testing"

// Kustomize reads names of fields in any case, and writes values by replacements.
func TestKustomizationsInOtherWordsWriteValuesToo(t *testing.T) {
	const plain = "not-a-real-password"
	for name, text := range map[string]string{
		"generator":     "SecretGenerator:\n- Name: a\n  LITERALS: [password=" + plain + "]\n",
		"patch":         "Patches:\n- Target: {Kind: Secret}\n  Patch: '[{op: add, path: /data, value: {k: " + base64Of(plain) + "}}]'\n",
		"replacement":   "replacements:\n- sourceValue: " + plain + "\n  targets: [{select: {kind: Secret}, fieldPaths: [metadata.name, stringData.k]}]\n",
		"by key":        "replacements:\n- sourceValue: " + base64Of(plain) + "\n  targets: [{select: {name: a}, fieldPaths: [data.password]}]\n",
		"by stringData": "Replacements:\n- SourceValue: " + plain + "\n  Targets: [{FieldPaths: [stringData.k]}]\n",
	} {
		docs, err := ParseAs("kustomization.yaml", []byte(text), Kustomize)
		if err != nil {
			t.Fatal(err)
		}
		if got := PlainSecrets(docs); len(got) != 1 || got[0].Value.Reveal() != plain {
			t.Errorf("%s: %d values", name, len(got))
		}
	}
	const settings = "replacements:\n- sourceValue: web\n  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.host]}]\n"
	if docs, err := ParseAs("kustomization.yaml", []byte(settings), Kustomize); err != nil || len(PlainSecrets(docs)) != 0 {
		t.Errorf("a setting is a value: %v", err)
	}
}
