package manifest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/manifest/sops"
)

func TestDevRepos(t *testing.T) {
	dir := os.Getenv("REPOS")
	if dir == "" {
		t.Skip()
	}
	counts := map[string]int{}
	kinds := map[string]int{}
	repos, _ := os.ReadDir(dir)
	for _, r := range repos {
		root := filepath.Join(dir, r.Name())
		var rules *sops.CreationRules
		if text, err := os.ReadFile(filepath.Join(root, ".sops.yaml")); err == nil {
			rules, err = sops.ParseCreationRules(text)
			if err != nil {
				t.Log(root, err)
			}
		}
		filepath.Walk(root, func(p string, info os.FileInfo, err error) error {
			if info == nil || info.IsDir() || !(strings.HasSuffix(p, ".yaml") || strings.HasSuffix(p, ".yml") || strings.HasSuffix(p, ".json")) {
				return nil
			}
			text, _ := os.ReadFile(p)
			rel, _ := filepath.Rel(root, p)
			docs, _ := Parse(rel, text)
			for _, d := range docs {
				k := d.Kind
				if d.source.metadata() != nil {
					k += "+sops"
				}
				kinds[k]++
			}
			c := Checker{Prescribed: RecipientsOf(rules, rel)}
			for _, f := range c.Faults(docs) {
				mark := "warn"
				if f.Deny {
					mark = "DENY"
				}
				counts[mark+" "+f.Rule]++
				fmt.Printf("%s %s %s:%d:%d %s %s | %s\n", mark, f.Rule, filepath.Join(r.Name(), rel), f.Line, f.Column, f.Kind, f.Path, f.Reason)
			}
			return nil
		})
	}
	for k, n := range counts {
		fmt.Println("COUNT", n, k)
	}
	for _, k := range []string{"SealedSecret", "ExternalSecret", "Secret", "Secret+sops", "SopsSecret+sops", "ClusterSecretStore", "SecretStore", "Certificate", "ClusterIssuer", "HelmRelease", "ConfigMap", "PushSecret"} {
		fmt.Println("KIND", k, kinds[k])
	}
}
