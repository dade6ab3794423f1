package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/manifest/sopstest"
	"github.com/leakgate/leakgate/internal/report"
)

// letters plants a value that no rule of the pack knows, so that only its place
// in a manifest shows it.
func (c *canary) letters(place string) string { return c.plant(place, gittest.Letters(26)+"7x") }

// manifests is a folder with a value in every place of a manifest that a fault
// is reported for.
func (c *canary) manifests() string {
	dir := c.t.TempDir()
	write := func(name string, lines ...string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			c.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	write("secret.yaml", "apiVersion: v1", "kind: Secret", "metadata: {name: a}", "stringData:", "  password: "+c.letters("a Secret"))
	write("external.yaml", "apiVersion: external-secrets.io/v1", "kind: ExternalSecret", "metadata: {name: a}", "spec:", "  target:", "    template:", "      data: {password: "+c.letters("a template")+"}")
	write("store.yaml", "apiVersion: external-secrets.io/v1", "kind: SecretStore", "metadata: {name: a}", "spec:", "  provider:", "    webhook:",
		"      url: https://user:"+c.letters("an address")+"@example.com", "      headers: {X-Api-Token: "+c.letters("a header")+"}")
	write("sealed.yaml", "apiVersion: bitnami.com/v1alpha1", "kind: SealedSecret", "metadata: {name: a}", "spec:", "  data: "+c.letters("the old form"),
		"  encryptedData: {password: "+c.letters("what is not sealed")+"}", "  template: {data: {token: "+c.letters("a sealed template")+"}}")
	write("pod.yaml", "apiVersion: v1", "kind: Pod", "metadata: {name: a}", "spec:", "  containers:", "  - name: a", "    env: [{name: DB_PASSWORD, value: "+c.letters("a variable")+"}]",
		"    args: [--api-token="+c.letters("an argument")+"]")
	write("twice.yaml", "apiVersion: v1", "kind: ConfigMap", "metadata: {name: a}", "data:", "  "+c.letters("a key")+": a", "  "+c.values["a key"].Reveal()+": b", "  password: "+c.values["a key"].Reveal())
	write("issuer.yaml", "apiVersion: cert-manager.io/v1", "kind: Issuer", "metadata: {name: a}", "spec: {vault: {auth: {token: "+c.letters("an issuer")+"}}}")
	write("kust/kustomization.yaml", "secretGenerator: [{name: a, envs: [a.env]}]")
	write("kust/a.env", "PASSWORD="+c.letters("a generator's file"))
	write("chart/Chart.yaml", "apiVersion: v2", "name: a", "version: 1.0.0")
	write("chart/values.yaml", "password: "+c.letters("values of a chart"))
	key := sopstest.Key(c.t)
	file := sopstest.File{Rule: sopstest.DataRule}
	text := file.Encrypt(c.t, "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  password: gone\n")
	write("sops.yaml", "# old password: "+c.letters("a comment"), strings.Replace(text, "stringData:\n", "stringData:\n    extra: "+c.letters("a stripped value")+"\n", 1))
	c.env["SOPS_AGE_KEY"] = c.plant("the key of sops", key.String())
	delete(c.values, "the key of sops") // it is in no file, so no report knows it
	return dir
}

func TestNoCheckShowsAValue(t *testing.T) {
	c := newCanary(t)
	dir := c.manifests()
	c.settle(dir)
	t.Chdir(dir)
	dirs, out := []string{dir}, func(name string) string { return filepath.Join(c.root, name) }
	var reports []string
	for _, format := range report.Formats() {
		c.run(dirs, "", exitBlocked, "check", ".", "--format", format, "--helm", "")
		reports = append(reports, "--report", format+"="+out("report."+format))
	}
	c.run(dirs, "", exitBlocked, append([]string{"check", ".", "--render", "--helm", "", "--color", "always"}, reports...)...)
	c.foundEverything(out("report.json"))
	for path := range files(t, dir) {
		c.run(dirs, "", anyCode, "check", path, "--helm", "")
	}
	value := c.values["a Secret"].Reveal()
	secret := "apiVersion: v1\nkind: Secret\nstringData:\n  a: " + value + "\n"
	c.run(dirs, secret, exitBlocked, "check", "-")
	c.run(dirs, secret+"  b: [\n", anyCode, "check", "-")
	typed := c.token("what the user typed")
	c.run(dirs, secret, exitUsage, "check", "-", typed)
	c.run(dirs, "", exitUsage, "check", typed)
	c.run(dirs, "", exitUsage, "check", ".", "--helm", typed)
	c.env["SOPS_AGE_KEY"] = value
	c.run(dirs, "", exitUsage, "check", "secret.yaml")
}
