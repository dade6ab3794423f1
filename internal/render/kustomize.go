// Package render makes the documents that a Kustomize directory stands for, as
// `kustomize build` does. It reads nothing outside of the directories that the
// kustomization names, runs no plugin and asks no network.
package render

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Names are those that a kustomization file may have.
var Names = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// maxBases is how many directories one kustomization may be made of.
const maxBases = 1000

// Kustomize renders the kustomization in dir. Its errors name no text of the
// files: those of the library quote them.
func Kustomize(dir string) (out []byte, err error) {
	defer func() {
		if recover() != nil {
			out, err = nil, errors.New("the kustomization cannot be rendered")
		}
	}()
	if err := local(dir, map[string]bool{}); err != nil {
		return nil, err
	}
	defer silence()()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, errors.New("the kustomization cannot be rendered: kustomize build says why")
	}
	return made.AsYaml()
}

var quiet sync.Mutex

// silence keeps the library from writing to standard error on its own, where it
// may quote what it reads, and gives what undoes that. The streams of a command
// are not touched: it holds them since its start.
func silence() (undo func()) {
	quiet.Lock()
	stderr, logged := os.Stderr, log.Writer()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err == nil {
		os.Stderr = null
	}
	log.SetOutput(io.Discard)
	return func() {
		os.Stderr = stderr
		log.SetOutput(logged)
		if err == nil {
			null.Close()
		}
		quiet.Unlock()
	}
}

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

// local refuses what the library would fetch: a resource that is no file or
// directory here.
func local(dir string, seen map[string]bool) error {
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
		return local(path, seen)
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
