package main

import (
	"os"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// The manifest's rules: https://pre-commit.com/#new-hooks.
func TestTheManifestOfThePreCommitFrameworkRunsCommandsThatAreThere(t *testing.T) {
	text, err := os.ReadFile("../../.pre-commit-hooks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var hooks []struct {
		ID, Name, Language, Entry string
		PassFilenames             *bool `yaml:"pass_filenames"`
	}
	if err := yaml.Unmarshal(text, &hooks); err != nil || len(hooks) != 2 {
		t.Fatalf("%d hooks, %v", len(hooks), err)
	}
	root := (&world{}).root()
	for _, h := range hooks {
		_, args, ok := strings.Cut(h.Entry, "leakgate hook ")
		if c, _, err := root.Find([]string{"hook", args}); !ok || err != nil || c.Name() != "pre-commit" {
			t.Errorf("%s runs %q: %v", h.ID, h.Entry, err)
		}
		if h.ID == "" || h.Name == "" || h.Language == "" || h.PassFilenames == nil || *h.PassFilenames {
			t.Errorf("%+v is not a whole entry that takes no file names", h)
		}
	}
}
