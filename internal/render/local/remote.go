package local

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

var errFetched = errors.New("a resource of the kustomization is not here, and nothing is fetched: render it by kustomize build and check the output")

// nothingRemote refuses a kustomization, or settings of a plugin, that has an
// address where kustomize loads a file: it fetches patches, files of generators,
// replacements and configurations as it fetches resources.
func nothingRemote(text []byte) error {
	docs := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var doc yaml.Node
		switch err := docs.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return errors.New("the kustomization or what it names is not valid YAML")
		case names(&doc, map[*yaml.Node]bool{}):
			return errFetched
		}
	}
}

// texts are fields in which kustomize takes an address for text.
var texts = map[string]bool{
	"annotations": true, "commonAnnotations": true, "commonLabels": true, "generatorOptions": true, "images": true,
	"labels": true, "literals": true, "metadata": true, "options": true, "vars": true,
}

// names reports whether a node holds an address.
func names(n *yaml.Node, seen map[*yaml.Node]bool) bool {
	if n == nil || seen[n] {
		return false
	}
	seen[n] = true
	switch n.Kind {
	case yaml.ScalarNode:
		return address(n.Value)
	case yaml.AliasNode:
		return names(n.Alias, seen)
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !texts[n.Content[i].Value] && names(n.Content[i+1], seen) {
				return true
			}
		}
		return false
	}
	for _, item := range n.Content {
		if names(item, seen) {
			return true
		}
	}
	return false
}

// address reports whether a text, or what stands behind a "=" as in key=FILE, is
// one that is fetched.
func address(text string) bool {
	for found := true; found; _, text, found = strings.Cut(text, "=") {
		if remote(text) {
			return true
		}
	}
	return false
}

// fetched is how what kustomize fetches or clones starts.
// https://github.com/kubernetes-sigs/kustomize/blob/api/v0.21.1/api/internal/git/repospec.go
var fetched = regexp.MustCompile(`(?i)\A\s*(?:git::)?(?:(?:https?|ssh|file|git):|[a-z][a-z0-9-]*@[^/]*[:/]|(?:[a-z][a-z0-9-]*@)?github\.com[:/])`)

func remote(name string) bool {
	return fetched.MatchString(name) || strings.Contains(name, "://") && !strings.ContainsAny(name, " \n{")
}
