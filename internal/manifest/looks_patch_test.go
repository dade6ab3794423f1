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
