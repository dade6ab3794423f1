package manifest

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// many is what a function makes of 0, 1, 2 and so on.
func many(n int, one func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(one(i))
	}
	return b.String()
}

// shapes are documents of about n bytes that give the judge much to do for each.
func shapes() map[string]func(n int) string {
	external := func(value string) string {
		return "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\nspec:\n  target:\n    template:\n      data:\n        note: " + strconv.Quote(value) + "\n"
	}
	config := func(value string) string {
		return "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: " + strconv.Quote(value) + "\n"
	}
	const plain = "kind: Secret\napiVersion: v1\nstringData:\n"
	out := map[string]func(n int) string{
		"many variables": func(n int) string {
			return external(many(n/22, func(i int) string { return fmt.Sprintf(`{{ $a%d := "green" }}`, i) }))
		},
		"called templates": func(n int) string {
			return external(`{{ define "a" }}` + strings.Repeat("green {{ . }} ", n/28) + `{{ end }}` + strings.Repeat(`{{ template "a" .x }}`, n/42))
		},
		"verbs":    func(n int) string { return external(`{{ printf "` + strings.Repeat("%s", n/2) + `" .x }}`) },
		"defaults": func(n int) string { return external(`{{ .x ` + strings.Repeat(`| default "green" `, n/18) + ` }}`) },
		"keys of a template": func(n int) string {
			return strings.TrimSuffix(external(""), "note: \"\"\n") + "a: b\n" + many(n/16, func(i int) string { return fmt.Sprintf("        k%d: green\n", i) })
		},
		"keys of a Secret": func(n int) string {
			return plain + many(n/16, func(i int) string { return fmt.Sprintf("  k%d: green\n", i) })
		},
		"merged keys": func(n int) string {
			maps := many(n/400, func(i int) string {
				return fmt.Sprintf("- &a%d {", i) + many(20, func(k int) string { return fmt.Sprintf("k%d_%d: 1, ", i, k) }) + "}\n"
			})
			return "apiVersion: v1\nkind: ConfigMap\nx:\n" + maps + "data:\n  <<: [" + many(n/400, func(i int) string { return fmt.Sprintf("*a%d, ", i) }) + "]\n"
		},
		"variables of a chart": func(n int) string {
			return many(n/60, func(i int) string { return fmt.Sprintf("{{- $a%d := \"green\" }}\n", i) }) + plain + many(n/60, func(i int) string { return fmt.Sprintf("  a%d: {{ $a%d }}\n", i, i) })
		},
		"actions alone": func(n int) string {
			return plain + "  {{- if .x }}\n  a: |\n" + strings.Repeat("    {{ .x }}\n", n/13) + "  {{- end }}\n"
		},
		"definitions": func(n int) string {
			return many(n/34, func(i int) string { return fmt.Sprintf("{{- define \"a%d\" }}\nx\n{{- end }}\n", i) }) + plain + "  a: {{ include \"a1\" . }}\n"
		},
		"one variable often": func(n int) string {
			return "{{- $a := \"green\" }}\n" + plain + "  a: " + strings.Repeat("{{ $a }}", n/8) + "\n"
		},
		"conditions within": func(n int) string {
			return strings.Repeat("{{ with \"a\" }}\n", n/50) + plain + "  a: " + strings.Repeat("{{ . }}", n/50) + "\n" + strings.Repeat("{{ end }}\n", n/50)
		},
		"packed": func(n int) string { return config(base64Of(strings.Repeat("kind: Secret\ndata: a\n---\n", n/34))) },
	}
	for _, part := range []string{"a", "green ", "colour: green\n", "a.", "a@b:c", "a://b:", "a1", "::", "{{ .x }}a", "{{ .x | trunc 0 }}a", `{{ print "a" "b" }}`, "{{", "a: \"b\", "} {
		out["template of "+part] = func(n int) string { return external(strings.Repeat(part, n/len(part))) }
	}
	for _, part := range []string{"a", "password: green\n", ": kind: Secret data ", "kind: Secret\ndata: {a: aGVsbG8gd29ybGQ=}\n---\n", "${a}"} {
		out["setting of "+part] = func(n int) string { return config(strings.Repeat(part, n/len(part))) }
	}
	for _, part := range []string{"${a}", "{{ .a }}", "op://a/", "ENC[AES256_GCM,data:a", "-----BEGIN CERTIFICATE-----\nM", "<path:a", "$a "} {
		out["value of "+part] = func(n int) string { return plain + "  a: " + strconv.Quote(strings.Repeat(part, n/len(part))) + "\n" }
	}
	return out
}

// workOn is what reading and judging a text takes: bytes that are allocated, and the
// judge's own steps.
func workOn(text string) (bytes uint64, steps int) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	docs, _ := ParseAs("a.yaml", []byte(text), Template) // some of them are no YAML
	for i := range docs {
		j := &judge{document: &docs[i]}
		for k := range docs[i].objects {
			j.judgeObject(&docs[i].objects[k])
		}
		j.plain()
		steps += j.steps
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, steps
}

// Four times the text takes four times the work, and some: nothing in it is looked at
// again for each of the rest. Work is counted, as time depends on the machine.
func TestWorkGrowsAsTheTextDoes(t *testing.T) {
	const small, times = 16 << 10, 4
	for name, shape := range shapes() {
		workOn(shape(small)) // what is made once is made
		bytes, steps := workOn(shape(small))
		moreBytes, moreSteps := workOn(shape(times * small))
		if limit := bytes*times*3/2 + 1<<20; moreBytes > limit {
			t.Errorf("%s: %d bytes for %d, %d for %d times as much", name, bytes, small, moreBytes, times)
		}
		if limit := steps*times*3/2 + 1000; moreSteps > limit {
			t.Errorf("%s: %d steps for %d bytes, %d for %d times as much", name, steps, small, moreSteps, times)
		}
	}
}

func BenchmarkLargeTexts(b *testing.B) {
	for name, shape := range shapes() {
		for _, n := range []int{64 << 10, 256 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("%s/%dKiB", strings.ReplaceAll(strings.TrimSpace(name), " ", "-"), n>>10), func(b *testing.B) {
				text := shape(n)
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					workOn(text)
				}
			})
		}
	}
}
