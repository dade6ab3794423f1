package manifest

import (
	"strings"
	"testing"
)

// nothing are actions that print nothing, whatever the source has.
var nothing = []string{
	`{{ "" }}`, "{{ `` }}", `{{ print }}`, `{{ print "" }}`, `{{ printf "" }}`, `{{ printf "%s" "" }}`, `{{ .x | trunc 0 }}`, `{{ trunc 0 .x }}`, `{{ trunc 0 "abc" }}`,
	`{{ printf "%.0s" .x }}`, `{{ .x | printf "%.0s" }}`, `{{ substr 0 0 .x }}`, `{{ .x | substr 3 3 }}`, `{{ repeat 0 .x }}`, `{{ .x | repeat 0 }}`, `{{ regexReplaceAll ".*" .x "" }}`,
	`{{ mustRegexReplaceAll "(?s).+" .x "" }}`, `{{ default "" "" }}`, `{{ "" | default "" }}`, `{{ coalesce "" "" }}`, `{{ ternary "" "" (eq .x "a") }}`, `{{ and "" .x }}`, `{{ and .x "" }}`,
	`{{ join "" (list) }}`, `{{ list | join "," }}`, `{{ join "" (list "" "") }}`, `{{ get (dict "a" .x) "b" }}`, `{{ (dict "a" .x).b }}`, `{{ randAlphaNum 0 }}`, `{{ trim " " }}`, `{{ nospace "  " }}`,
	`{{ if false }}{{ .x }}{{ end }}`, `{{ if "" }}{{ .x }}{{ end }}`, `{{ if not true }}{{ .x }}{{ end }}`, `{{ if and false .x }}{{ .x }}{{ end }}`, `{{ if true }}{{ else }}{{ .x }}{{ end }}`, `{{ if 0 }}{{ .x }}{{ end }}`,
	`{{ if eq "a" "b" }}{{ .x }}{{ end }}`, `{{ with "" }}{{ .x }}{{ end }}`, `{{ range list }}{{ .x }}{{ end }}`, `{{ if false }}{{ .x }} and more{{ end }}`, `{{ if trunc 0 .x }}{{ .x }}{{ end }}`,
	`{{ $e := "" }}`, `{{ $e := "" }}{{ $e }}`, `{{ $e := .x | trunc 0 }}{{ $e }}`, `{{ $n := 0 }}{{ .x | trunc $n }}`, `{{ with trunc 0 .x }}{{ . }}{{ end }}`, `{{/* nothing */}}`, `{{ define "e" }}{{ end }}{{ template "e" . }}`,
	`{{ define "t" }}{{ . | trunc 0 }}{{ end }}{{ template "t" .x }}`, `{{ .x | trunc 0 | upper | quote | trimAll "\"" }}`, `{{ (printf "%.0s" (print .x .y)) }}`, `{{ if false }}{{ else if "" }}{{ .x }}{{ end }}`,
	`{{ camelcase .x | trunc 0 }}`, `{{ slice .x 0 0 }}`, `{{ initial (list .x) | join "" }}`, `{{ .x | sha256sum | upper | trunc 0 }}`, `{{ printf "%[2]s" .x "" }}`, `{{ first (list "" .x) }}`,
	`{{ $a := "" }}{{ if .x }}{{ $a = .y }}{{ end }}{{ $a | trunc 0 }}`, `{{ lookup "v1" "Secret" "a" "b" | toString | trunc 0 }}`,
	`{{ .x | replace "a" "b" | trunc 0 }}`, `{{ .x | lower | trunc 0 }}`, `{{ with .x }}{{ . | trunc 0 }}{{ end }}`, `{{ range .x }}{{ trunc 0 . }}{{ end }}`,
}

// An action that prints nothing is as if it were not there: what is refused without
// it is refused with it before, within and behind.
func TestActionsThatPrintNothingHideNothing(t *testing.T) {
	for _, c := range []struct{ key, value string }{
		{"password", "rabbit"}, {"password", "correct-horse-battery"}, {"note", "hunter2"}, {"note", "Sup3rS3cret"}, {"url", "postgres://app:rabbit@db/x"}, {"cfg", "note hunter2 more"},
		{"api_token", "my.little.pony.token"}, {"DB_PASSWORD", "open sesame"},
	} {
		if len(inTemplate(t, Checker{}, c.key, c.value)) == 0 {
			t.Fatalf("%s: %q passes by itself", c.key, c.value)
		}
		half := len(c.value) / 2
		for _, e := range nothing {
			within := e
			if c.key == "url" {
				half = strings.Index(c.value, "bbit")
			}
			for _, text := range []string{e + c.value, c.value + e, c.value[:half] + within + c.value[half:], e + c.value[:half] + e + c.value[half:] + e} {
				if strings.Count(text, "{{ define") > 1 {
					continue // Go refuses the second
				}
				if len(inTemplate(t, Checker{}, c.key, text)) == 0 {
					t.Errorf("%s: %q passes", c.key, text)
				}
			}
		}
	}
}

// What depends on the source is none of that, and a setting is one beside nothing too.
func TestActionsThatPrintSomethingAreASource(t *testing.T) {
	for _, c := range [][2]string{
		{"password", "{{ .x | trunc 32 }}"}, {"password", "{{ .x | substr 0 20 }}"}, {"password", `{{ printf "%.20s" .x }}`}, {"password", `{{ .x | default "" }}`}, {"password", `{{ regexReplaceAll "\\s+" .x "" }}`},
		{"password", `{{ if .x }}{{ .x }}{{ end }}`}, {"password", `{{ if eq .env "prod" }}{{ .a }}{{ else }}{{ .b }}{{ end }}`}, {"password", `{{ ternary .a .b (eq .env "prod") }}`},
		{"password", `{{ with .x }}{{ . }}{{ end }}`}, {"password", `{{ $p := "" }}{{ if .x }}{{ $p = .x }}{{ end }}{{ $p }}`}, {"password", `{{ range $i, $e := .list }}{{ if $i }},{{ end }}{{ $e }}{{ end }}`},
		{"password", `{{ (dict "a" .x).a }}`}, {"password", `{{ and .x .x }}`}, {"password", `{{ .x | trimAll "\n" }}`}, {"password", `{{ join "" (list .a .b) }}`}, {"password", `{{ "" }}{{ .x }}`},
		{"token", "Bearer {{ .x }}"}, {"user", `{{ "" }}app{{ "" }}`}, {"host", `db{{ .x | trunc 0 }}.example.com`}, {"type", `{{ if true }}git{{ else }}{{ .x }}{{ end }}`}, {"PVE_TOKEN", "PVEAPIToken={{ .u }}!home={{ .s }}"},
		{"password", `{{ define "p" }}{{ .x }}{{ end }}{{ template "p" . }}`}, {"cfg", "{{ if false }}password: hidden{{ end }}host: a"},
	} {
		for _, f := range inTemplate(t, Checker{}, c[0], c[1]) {
			t.Errorf("%s: %q: %s", c[0], c[1], f.Reason)
		}
	}
}
