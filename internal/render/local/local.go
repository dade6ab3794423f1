// Package local tells whether a kustomization can be built from what is here alone.
// It builds nothing, and is apart from what does, as that library is large.
package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// Names are those that a kustomization file may have.
var Names = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// maxBases is how many directories one kustomization may be made of.
const maxBases = 1000

// file is what a kustomization names of other files.
type file struct {
	Resources    []string `yaml:"resources"`
	Bases        []string `yaml:"bases"`
	Components   []string `yaml:"components"`
	Generators   []string `yaml:"generators"`
	Transformers []string `yaml:"transformers"`
	Validators   []string `yaml:"validators"`
	Crds         []string `yaml:"crds"`
	OpenAPI      struct {
		Path string `yaml:"path"`
	} `yaml:"openapi"`
}

// Check refuses what would be fetched to build the kustomization in dir: a
// resource that is no file or directory here. Its errors name no text of the files.
func Check(dir string) error { return check(dir, map[string]bool{}) }

func check(dir string, seen map[string]bool) error {
	dir = filepath.Clean(dir)
	if seen[dir] || len(seen) > maxBases {
		return nil
	}
	seen[dir] = true
	text, err := read(dir)
	if err != nil {
		return err
	}
	var f file
	if err := yaml.Unmarshal(text, &f); err != nil {
		return errors.New("the kustomization is not valid YAML")
	}
	lists := [][]string{f.Resources, f.Bases, f.Components, f.Generators, f.Transformers, f.Validators, f.Crds}
	if f.OpenAPI.Path != "" {
		lists = append(lists, []string{f.OpenAPI.Path})
	}
	for _, list := range lists {
		for _, name := range list {
			if err := reach(dir, name, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

func reach(dir, name string, seen map[string]bool) error {
	if strings.Contains(name, "\n") {
		return nil // a resource written inline
	}
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	switch {
	case strings.Contains(name, "://") || err != nil:
		return fmt.Errorf("a resource of the kustomization is not here, and nothing is fetched: render it by kustomize build and check the output")
	case info.IsDir():
		return check(path, seen)
	}
	return nil
}

func read(dir string) ([]byte, error) {
	for _, name := range Names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			return text, nil
		}
	}
	return nil, errors.New("there is no kustomization.yaml")
}
