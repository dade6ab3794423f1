package manifest

import (
	"strings"
	"testing"
)

func TestAMappingUnderKindIsNoKindOfSecret(t *testing.T) {
	for text, looks := range map[string]bool{
		"{\"kind\": {\"type\": \"string\", \"default\": \"compute#address\"}, \"data\": 1}": false,
		"{\"kind\": {\n  \"type\": \"string\"}, \"metadata\": 1}":                           false,
		"kind: {}\ndata: {}\n":                                               false,
		"kind: {{ .Values.kind }}\ndata: {a: b}\n":                           true,
		"kind: {% kind %}\ndata: {a: b}\n":                                   true,
		"kind: {KIND}\ndata: {a: b}\n":                                       true,
		"{\"kind\": \"Secret\", \"data\": {}}":                               true,
		"kind: # which one\n  # exactly\n  Secret\ndata: {a: b}\n":           true,
		"kind: # " + strings.Repeat("x", 600) + "\n  Secret\ndata":           true,
		"'kind: # which one\\n  Secret\\ndata: {a: b}\\n'":                   true,
		"all: data\n\tmake\n\ndelete-kind: $(KIND)\n\tkind delete cluster\n": false, // a Makefile
		"kind: ${KIND}\ndata: {a: b}\n":                                      true,
		"for kind in kind:\n    # data\n    more()\n":                        false,
		"kind: {a: b}\n---\nkind: Secret\ndata: {}":                          true,
	} {
		if got := Looks([]byte(text)); got != looks {
			t.Errorf("%q: %v", text, got)
		}
	}
}
