package manifest

import (
	"strings"
	"testing"
)

func TestAPatchIsKnownByWhatItsPathPointsTo(t *testing.T) {
	const op = "- op: add\n  value: x\n  "
	for text, want := range map[string]bool{
		op + "path: /data/password":                                    true,
		op + "path: \"/stringData/a\"":                                 true,
		`[{"op": "add", "value": "x", "path" : "/stringData"}]`:        true,
		`patch: "[{\"op\":\"add\",\"value\":1,\"path\":\"/data/x\"}]"`: true,
		op + "path: &at /data/password":                                true,
		op + "path: >-\n    /data/password":                            true,
		op + "path: *at":                                               true,
		`[{"op":"add","value":"x","path":"\/data\/password"}]`:         true,
		`[{"op":"add","value":"x","path":"\u002fdata\u002fpassword"}]`: true,
		op + `path: "\x2Fdata/password"`:                               true,
		op + "path: # of a Secret\n    /data/password":                 true,
		op + "path: " + strings.Repeat(" ", 200) + "/data/password":    true,
		op + "path: /spec/data":                                        false,
		op + "path: $HOME":                                             false,
		"printf(\"op value path: %s\")":                                false,
		"op value cp /data/x; export path":                             false,
		"path: /data/password":                                         false,
	} {
		if got := Looks([]byte(text)); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
}

// A patch may spell its words by escapes, and write all data at once into what it
// knows by name alone.
func TestPatchesInOtherWordsWriteValuesToo(t *testing.T) {
	value := base64Of("not-a-real-password")
	for name, text := range map[string]string{
		"escapes":  `patches: [{target: {kind: Secret}, patch: '[{"\u006fp":"add","p\u0061th":"/data/k","v\u0061lue":"` + value + `"}]'}]` + "\n",
		"all data": "patches: [{target: {name: db}, patch: '[{op: add, path: /data, value: {level: debug, password: " + value + "}}]'}]\n",
		"by name":  "patches:\n- target: {name: db}\n  patch:\n  - {op: replace, path: /data, value: {API_TOKEN: " + value + "}}\n",
	} {
		docs, err := Parse("kustomization.yaml", []byte("kind: Kustomization\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		if got := PlainSecrets(docs); len(got) != 1 || got[0].Value.Reveal() != "not-a-real-password" {
			t.Errorf("%s: %d values", name, len(got))
		}
	}
	settings := "kind: Kustomization\npatches: [{target: {name: db}, patch: '[{op: add, path: /data, value: {level: debug, file: /etc/a}}]'}]\n"
	if docs, err := Parse("kustomization.yaml", []byte(settings)); err != nil || len(PlainSecrets(docs)) != 0 {
		t.Errorf("settings of a ConfigMap are values: %v", err)
	}
}
