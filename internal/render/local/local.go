// Package local tells whether a kustomization can be built from what is here alone.
// It builds nothing, and is apart from what does, as that library is large.
package local

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Names are those that a kustomization file may have.
var Names = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// maxBases is how many directories one kustomization may be made of.
const maxBases = 1000

// file is what a kustomization names of other files. It is decoded as kustomize
// does, which takes names of fields in any case.
type file struct {
	Resources    []string `json:"resources"`
	Bases        []string `json:"bases"`
	Components   []string `json:"components"`
	Generators   []string `json:"generators"`
	Transformers []string `json:"transformers"`
	Validators   []string `json:"validators"`
	Crds         []string `json:"crds"`
	OpenAPI      struct {
		Path string `json:"path"`
	} `json:"openapi"`
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
	if err := nothingRemote(text); err != nil {
		return err
	}
	here := [][]string{f.Resources, f.Bases, f.Components, f.Crds}
	if f.OpenAPI.Path != "" {
		here = append(here, []string{f.OpenAPI.Path})
	}
	for _, name := range slices.Concat(here...) {
		if err := reach(dir, name, seen); err != nil {
			return err
		}
	}
	for _, name := range slices.Concat(f.Generators, f.Transformers, f.Validators) {
		if err := plugin(dir, name); err != nil {
			return err
		}
	}
	return nil
}

func reach(dir, name string, seen map[string]bool) error {
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	switch {
	case err != nil || remote(name):
		return errFetched
	case info.IsDir():
		return check(path, seen)
	}
	return nil
}

// plugin looks into the settings of a generator or a transformer, which may name
// files too. They may be written inline.
func plugin(dir, name string) error {
	if strings.Contains(name, "\n") {
		return nothingRemote([]byte(name))
	}
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	switch {
	case err != nil || remote(name):
		return errFetched
	case !info.Mode().IsRegular():
		return errors.New("a generator or transformer of the kustomization is no file, so what it fetches is not known: render it by kustomize build and check the output")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return errors.New("a generator or transformer of the kustomization cannot be read")
	}
	return nothingRemote(text)
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
