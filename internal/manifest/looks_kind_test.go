package manifest

import "testing"

func TestAMappingUnderKindIsNoKindOfSecret(t *testing.T) {
	for text, looks := range map[string]bool{
		"{\"kind\": {\"type\": \"string\", \"default\": \"compute#address\"}, \"data\": 1}": false,
		"{\"kind\": {\n  \"type\": \"string\"}, \"metadata\": 1}":                           false,
		"kind: {}\ndata: {}\n":                      false,
		"kind: {{ .Values.kind }}\ndata: {a: b}\n":  true,
		"kind: {% kind %}\ndata: {a: b}\n":          true,
		"kind: {KIND}\ndata: {a: b}\n":              true,
		"{\"kind\": \"Secret\", \"data\": {}}":      true,
		"kind: {a: b}\n---\nkind: Secret\ndata: {}": true,
	} {
		if got := Looks([]byte(text)); got != looks {
			t.Errorf("%q: %v", text, got)
		}
	}
}
