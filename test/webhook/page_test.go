package webhook_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gate"
)

var update = flag.Bool("update", false, "rewrite docs/writers.md")

// captured are the writers whose requests were recorded from themselves, by the folder of
// testdata/reviews; all others are written after the line that is cited.
var captured = map[string]string{
	"sealed-secrets": "sealed-secrets", "sealed-secrets-keys": "sealed-secrets", "external-secrets": "external-secrets",
	"flux": "kustomize-controller", "argocd": "argo-cd",
}

const pageHead = `# Who writes Secrets

What each writer of the [presets](policy.md#the-cluster) sends, and what is refused of it. ` + "`test/e2e/run webhook`" + ` sends every row to a
real API server: in the form of its writer with a token of the writer's own pod, which is admitted; and as a person of the group
system:masters, with a token of no pod, by a certificate in the writer's name, impersonated without its uid and with it, and in the ways
of the last column, which are all refused, each by its rule. Tenants of Flux are impersonated by Flux itself, so of them a token of their own is refused.

"captured" means that the real controller was run and what the API server then asked was recorded ([testdata/reviews](../testdata/reviews));
the others were not run here, and their form is that of the line that is cited. This page is made from
[writes_test.go](../test/webhook/writes_test.go); a test fails where a writer of a preset has no row.

| preset | writer | account | type | form | refused of the writer itself |
|---|---|---|---|---|---|
`

// page is docs/writers.md.
func page(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	out.WriteString(pageHead)
	for _, preset := range gate.PresetNames() {
		for _, writer := range gate.Preset(preset) {
			rows := 0
			for _, c := range writes {
				if c.writer == writer.Name {
					out.WriteString(row(preset, c))
					rows++
				}
			}
			if rows == 0 {
				t.Errorf("the writer %s of the preset %s has no row", writer.Name, preset)
			}
		}
	}
	return out.String()
}

func row(preset string, c write) string {
	form := fmt.Sprintf("[cited](%s)", c.cites)
	if folder := captured[c.writer]; folder != "" {
		form = fmt.Sprintf("[captured](../testdata/reviews/%s), [source](%s)", folder, c.cites)
	}
	account := "`" + c.account + "`"
	switch {
	case len(c.groups) > 0:
		account = "the group `" + strings.Join(c.groups, "`, `") + "`"
	case c.tenant:
		account += ", impersonated"
	}
	var forged []string
	for _, f := range c.forged {
		forged = append(forged, f.name+": `"+f.rule+"`")
	}
	return fmt.Sprintf("| `%s` | `%s` | %s | `%s` | %s | %s |\n", preset, c.writer, account, c.kind, form, strings.Join(forged, ", "))
}

func TestThePageOfWritersIsWhatIsSent(t *testing.T) {
	const file = "../../docs/writers.md"
	want := page(t)
	if *update {
		must(t, os.WriteFile(file, []byte(want), 0o600))
	}
	got, err := os.ReadFile(file)
	must(t, err)
	if string(got) != want {
		t.Error("docs/writers.md is not what is sent: make docs")
	}
	for writer, folder := range captured {
		if reviews, err := os.ReadDir("../../testdata/reviews/" + folder); err != nil || len(reviews) == 0 {
			t.Errorf("%s is not captured: %v", writer, err)
		}
	}
	for _, c := range writes {
		if !strings.HasPrefix(c.cites, github) || len(c.forged) == 0 {
			t.Errorf("%s/%s cites no source, or nothing is forged of it", c.writer, c.name)
		}
	}
}
