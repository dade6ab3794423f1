package manifest

import "testing"

// What kubectl reads through tags of YAML is read through them here too.
func TestTagsHideNoSecret(t *testing.T) {
	const plain = "not-a-real-password"
	const tail = "\nmetadata: {name: a}\nstringData: {k: " + plain + "}\n"
	for name, text := range map[string]string{
		"kind":          "apiVersion: v1\nkind: !!binary " + base64Of("Secret") + tail,
		"kind, in full": "apiVersion: v1\nkind: !<tag:yaml.org,2002:binary> " + base64Of("Secret") + tail,
		"key of kind":   "apiVersion: v1\n!!binary " + base64Of("kind") + ": Secret" + tail,
		"alias":         "x: &k !!binary " + base64Of("Secret") + "\napiVersion: v1\nkind: *k" + tail,
		"directive":     "%TAG !y! tag:yaml.org,2002:\n---\napiVersion: v1\nkind: !y!binary " + base64Of("Secret") + tail,
		"stringData":    "apiVersion: v1\nkind: Secret\n!!binary " + base64Of("stringData") + ": {k: " + plain + "}\n",
		"value":         "apiVersion: v1\nkind: Secret\nstringData: {k: !!binary " + base64Of(plain) + "}\n",
		"merge tag":     "apiVersion: v1\n!!merge kind: Secret" + tail,
		"merged":        "x: &x {kind: Secret}\napiVersion: v1\n! <<: *x" + tail,
		"merged too":    "x: &x {kind: Secret}\napiVersion: v1\n!!merge '<<': *x" + tail,
		"null tag":      "apiVersion: v1\nkind: Secret\nstringData: {k: !!null " + plain + "}\n",
		"local tag":     "apiVersion: v1\nkind: !mine Secret" + tail,
	} {
		docs, err := Parse("a.yaml", []byte(text))
		if got := PlainSecrets(docs); err != nil || len(got) != 1 || got[0].Value.Reveal() != plain || !Looks([]byte(text)) {
			t.Errorf("%s: %d values, looks %v, %v", name, len(got), Looks([]byte(text)), err)
		}
	}
}
