package manifest

import (
	"strings"
	"testing"
)

const helmSecret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {{ .Release.Name }}\ntype: Opaque\n"

// Constants of a chart's template that reach a value of a Secret by a detour are
// values as those that stand there.
func TestConstantsOfAChartAreFoundWhereTheyArePrinted(t *testing.T) {
	const v = "hunter2Zq8v"
	for _, text := range []string{
		"{{- $p := \"V\" }}\n" + helmSecret + "data:\n  password: {{ $p | b64enc }}\n",
		"{{- $p := \"V\" -}}\n" + helmSecret + "data:\n  note: {{ $p | b64enc | quote }}\n",
		"{{- $p := \"V\" }}\n" + helmSecret + "stringData:\n  password: {{ $p }}\n",
		"{{- $p := \"V\" }}\n" + helmSecret + "stringData:\n  password: \"{{ $p }}\"\n",
		"{{- $p := \"V\" }}\n{{- $q := $p }}\n" + helmSecret + "stringData:\n  password: {{ $q | quote }}\n",
		"{{- $p := .Values.p | default \"V\" }}\n" + helmSecret + "stringData:\n  password: {{ $p | quote }}\n",
		"{{- $p := default \"V\" .Values.p }}\n" + helmSecret + "data:\n  password: {{ $p | b64enc }}\n",
		"{{- $p := \"V\" }}\n" + helmSecret + "data:\n  password: {{ .Values.p | default $p | b64enc }}\n",
		"{{- $p := \"V\" }}\n{{- if .Values.p }}\n{{- $p = .Values.p }}\n{{- end }}\n" + helmSecret + "data:\n  password: {{ $p | b64enc }}\n",
		"{{- $p := .Values.p }}\n{{- if not $p }}\n{{- $p = \"V\" }}\n{{- end }}\n" + helmSecret + "data:\n  password: {{ $p | b64enc }}\n",
		"{{- $d := dict \"p\" \"V\" }}\n" + helmSecret + "data:\n  password: {{ $d.p | b64enc }}\n",
		"{{- $d := dict \"p\" \"V\" }}\n" + helmSecret + "data:\n  password: {{ get $d \"p\" | b64enc }}\n",
		"{{- $d := dict \"a\" (dict \"p\" \"V\") }}\n" + helmSecret + "data:\n  password: {{ $d.a.p | b64enc }}\n",
		"{{- $d := list \"V\" }}\n" + helmSecret + "data:\n  password: {{ first $d | b64enc }}\n",
		"{{- define \"pw\" }}V{{ end }}\n" + helmSecret + "data:\n  password: {{ include \"pw\" . | b64enc }}\n",
		"{{- define \"pw\" }}{{ default \"V\" .Values.p }}{{ end }}\n" + helmSecret + "data:\n  password: {{ include \"pw\" . | b64enc }}\n",
		"{{- define \"pw\" }}{{ if .Values.p }}{{ .Values.p }}{{ else }}V{{ end }}{{ end }}\n" + helmSecret + "data:\n  password: {{ include \"pw\" . | b64enc }}\n",
		"{{- define \"pw\" }}{{ . }}{{ end }}\n" + helmSecret + "data:\n  password: {{ include \"pw\" \"V\" | b64enc }}\n",
		"{{- define \"pw\" }}{{ .p }}{{ end }}\n" + helmSecret + "data:\n  password: {{ include \"pw\" (dict \"p\" \"V\") | b64enc }}\n",
		"{{- define \"pw\" }}{{ $x := \"V\" }}{{ $x }}{{ end }}\n" + helmSecret + "data:\n  password: {{ include \"pw\" . | b64enc }}\n",
		"{{- define \"in\" }}V{{ end }}\n{{- define \"pw\" }}{{ include \"in\" . }}{{ end }}\n" + helmSecret + "data:\n  password: {{ include \"pw\" . | b64enc }}\n",
		"{{- $p := include \"pw\" . }}\n{{- define \"pw\" }}V{{ end }}\n" + helmSecret + "data:\n  password: {{ $p | b64enc }}\n",
		"{{- define \"pw\" }}V{{ end }}\n" + helmSecret + "stringData:\n  password: {{ template \"pw\" . }}\n",
		"{{- define \"pw\" }}V{{ end }}\n" + helmSecret + "stringData:\n  password: {{ template \"pw\" }}\n",
		"{{- define \"in\" }}V{{ end }}\n{{- define \"pw\" }}{{ template \"in\" . }}{{ end }}\n" + helmSecret + "data:\n  password: {{ include \"pw\" . | b64enc }}\n",
		"{{- $p := printf \"%s\" \"V\" }}\n" + helmSecret + "data:\n  password: {{ $p | b64enc }}\n",
		"{{- $p := printf \"%s%s\" \"hunter2\" \"Zq8v\" }}\n" + helmSecret + "data:\n  password: {{ $p | b64enc }}\n",
		"{{- $p := ternary \"V\" \"\" .Values.on }}\n" + helmSecret + "data:\n  password: {{ $p | b64enc }}\n",
		"{{- $a := \"hunter2\" }}\n{{- $b := \"Zq8v\" }}\n" + helmSecret + "stringData:\n  password: {{ $a }}{{ $b }}\n",
		"{{- with \"V\" }}\n" + helmSecret + "data:\n  password: {{ . | b64enc }}\n{{- end }}\n",
		"{{- with dict \"p\" \"V\" }}\n" + helmSecret + "data:\n  password: {{ .p | b64enc }}\n{{- end }}\n",
		"{{- range $v := list \"V\" }}\n" + helmSecret + "data:\n  password: {{ $v | b64enc }}\n{{- end }}\n",
		"{{- $u := \"postgres://app:V@db/app\" }}\n" + helmSecret + "stringData:\n  url: {{ $u }}\n",
		"{{- $p := \"V\" }}\n" + helmSecret + "stringData:\n  url: postgres://app:{{ $p }}@{{ .Values.host }}/app\n",
		"{{- $b := b64enc \"V\" }}\n" + helmSecret + "data:\n  password: {{ $b }}\n",
		helmSecret + "data:\n  {{- $p := \"V\" }}\n  {{- if .Values.on }}\n  password: {{ $p | b64enc }}\n  {{- end }}\n",
		"{{- $p := \"V\" }}\n" + helmSecret + "stringData:\n  {{- if .Values.on }}\n  password: |\n    {{ $p }}\n  {{- end }}\n",
		helmSecret + "stringData:\n  {{- if .Values.on }}\n  password: |\n    {{ \"V\" }}\n  {{- end }}\n",
		helmSecret + "stringData:\n  {{- if .Values.on }}\n  password: >-\n    {{ .Values.p | default \"V\" }}\n  {{- end }}\n",
	} {
		text = strings.ReplaceAll(text, "V\"", v+"\"")
		text = strings.NewReplacer("}}V{{", "}}"+v+"{{", ":V@", ":"+v+"@").Replace(text)
		docs, err := ParseAs("templates/a.yaml", []byte(text), Template)
		if err != nil {
			t.Errorf("%v\n%s", err, text)
		}
		if len(PlainSecrets(docs)) == 0 {
			t.Errorf("passes:\n%s", text)
		}
	}
}

// What charts do with variables and named templates all day.
func TestVariablesOfAChartThatComeFromValuesAreNoConstants(t *testing.T) {
	for _, text := range []string{
		"{{- $p := .Values.p }}\n" + helmSecret + "data:\n  password: {{ $p | b64enc }}\n",
		"{{- $p := randAlphaNum 32 }}\n" + helmSecret + "data:\n  password: {{ $p | b64enc | quote }}\n",
		"{{- $name := include \"x.fullname\" . }}\n" + helmSecret + "data:\n  password: {{ index .Values.passwords $name | b64enc }}\n",
		"{{- $s := lookup \"v1\" \"Secret\" .Release.Namespace \"db\" }}\n{{- $p := randAlphaNum 24 | b64enc }}\n{{- if $s }}\n{{- $p = index $s.data \"password\" }}\n{{- end }}\n" + helmSecret + "data:\n  password: {{ $p }}\n",
		"{{- define \"x.fullname\" }}{{- if .Values.fullnameOverride }}{{- .Values.fullnameOverride | trunc 63 | trimSuffix \"-\" }}{{- else }}{{- $name := default .Chart.Name .Values.nameOverride }}{{- printf \"%s-%s\" .Release.Name $name | trunc 63 | trimSuffix \"-\" }}{{- end }}{{- end }}\n" +
			helmSecret + "stringData:\n  host: {{ include \"x.fullname\" . }}\n  url: postgres://{{ .Values.u }}:{{ .Values.p }}@{{ include \"x.fullname\" . }}/app\n",
		"{{- define \"x.host\" }}{{ if .Values.pg.enabled }}{{ printf \"%s-postgresql\" .Release.Name }}{{ else }}{{ .Values.db.host }}{{ end }}{{ end }}\n" + helmSecret + "stringData:\n  host: {{ include \"x.host\" . }}\n",
		"{{- define \"x.host\" }}{{ if .Values.pg.enabled }}{{ printf \"%s-postgresql\" .Release.Name }}{{ else }}{{ .Values.db.host }}{{ end }}{{ end }}\n" + helmSecret + "stringData:\n  host: {{ template \"x.host\" . }}\n",
		"{{- range $k, $v := .Values.secrets }}\n---\n" + helmSecret + "data:\n  {{ $k }}: {{ $v | b64enc }}\n{{- end }}\n",
		"{{- with .Values.auth }}\n" + helmSecret + "data:\n  password: {{ .password | b64enc }}\n{{- end }}\n",
		"{{- $root := . }}\n{{- range .Values.list }}\n---\n" + helmSecret + "data:\n  password: {{ $root.Values.p | b64enc }}\n{{- end }}\n",
		"{{- define \"labels\" }}app: {{ .Chart.Name }}{{ end }}\n" + helmSecret + "data:\n  password: {{ required \"set a password\" .Values.p | b64enc }}\n",
		"{{- $d := dict \"host\" \"db\" \"p\" .Values.p }}\n" + helmSecret + "data:\n  password: {{ $d.p | b64enc }}\n",
		"{{- $port := 6379 }}\n" + helmSecret + "stringData:\n  url: {{ printf \"redis://:%s@%s:%d\" .Values.p .Values.host $port }}\n",
	} {
		docs, err := ParseAs("templates/a.yaml", []byte(text), Template)
		if err != nil {
			t.Errorf("%v\n%s", err, text)
		}
		for _, f := range PlainSecrets(docs) {
			t.Errorf("%s is found in\n%s", f.Path, text)
		}
	}
}
