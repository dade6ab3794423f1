package mend

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// IsKustomization reports whether a file says what kustomize makes of others, see
// https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/.
func IsKustomization(file string) bool {
	switch path.Base(file) {
	case "kustomization.yaml", "kustomization.yml", "Kustomization":
		return true
	}
	return false
}

// Kustomized reports whether a Secret in a file may become another kind as far as some kustomizations
// say, by path. Whatever uses it must name it as a resource, and neither rename it nor
// change Secrets; nor may a component that changes what uses it. read gives files that they name.
func Kustomized(file string, all map[string][]byte, read func(path string) []byte) bool {
	on := map[string]bool{file: true} // what leads to it
	acts := map[string]bool{}         // components that change what leads to it
	for range 2*len(all) + 1 {
		for home, text := range all {
			k, ok := readKustomization(text)
			if !ok {
				return false // nobody can tell what it names
			}
			uses := acts[path.Dir(home)]
			for _, name := range k.Resources {
				at := path.Join(path.Dir(home), name)
				uses = uses || on[at]
			}
			if k.names(path.Dir(home), file) || uses && !k.leaves(home, text, read) {
				return false
			}
			if uses {
				on[path.Dir(home)] = true
				for _, name := range k.components {
					acts[path.Join(path.Dir(home), name)] = true
				}
			}
		}
	}
	return true
}

type kustomization struct {
	Resources  []string
	components []string // that are among them
	others     []string // every other text in it
	top        map[string]bool
	aimless    bool // it changes what it finds by something else than a kind
}

func readKustomization(text []byte) (k kustomization, ok bool) {
	var tree yaml.Node
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return k, false
	}
	k.top = map[string]bool{}
	if len(tree.Content) == 0 || tree.Content[0].Kind != yaml.MappingNode {
		return k, len(tree.Content) == 0
	}
	root := tree.Content[0].Content
	k.aimless = isAimless(tree.Content[0])
	for i := 0; i+1 < len(root); i += 2 {
		name := root[i].Value
		k.top[name] = true
		walk(root[i+1], nil, "", func(n *yaml.Node, _ []string, _ string) {
			if name == "resources" || name == "bases" || name == "components" {
				k.Resources = append(k.Resources, n.Value)
			} else {
				k.others = append(k.others, n.Value)
			}
			if name == "components" {
				k.components = append(k.components, n.Value)
			}
		})
	}
	return k, true
}

// isAimless reports whether a patch or a replacement is of whatever has some name or label.
func isAimless(n *yaml.Node) bool {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && c.Kind == yaml.MappingNode && aims[n.Content[i-1].Value] {
			if !slices.ContainsFunc(c.Content, func(c *yaml.Node) bool { return c.Value == "kind" }) {
				return true
			}
		}
		if isAimless(c) {
			return true
		}
	}
	return false
}

// aims say what is changed, or read: of patches, and of replacements.
var aims = map[string]bool{"target": true, "select": true, "source": true}

// names reports whether the file is named as something else than a resource.
func (k kustomization) names(home, file string) bool {
	for _, text := range k.others {
		_, after, _ := strings.Cut(text, "=")
		if path.Join(home, text) == file || after != "" && path.Join(home, after) == file {
			return true
		}
	}
	return false
}

// ofSecrets is what says that Secrets are changed; the kinds of targets are expressions.
var ofSecrets = regexp.MustCompile(`(?m)\bkind["']?\s*:\s*["']?(Secret\b|\w*[^"'\s\w,}]|$)|\bbehavior["']?\s*:`)

// leaves reports whether it does nothing to Secrets by name or kind.
func (k kustomization) leaves(home string, text []byte, read func(path string) []byte) bool {
	for _, name := range []string{"namePrefix", "nameSuffix", "transformers", "configurations"} {
		if k.top[name] {
			return false
		}
	}
	if k.aimless || ofSecrets.Match(text) {
		return false
	}
	for _, other := range k.others {
		if ext := path.Ext(other); ext == ".yaml" || ext == ".yml" || ext == ".json" {
			if ofSecrets.Match(read(path.Join(path.Dir(home), other))) {
				return false
			}
		}
	}
	return true
}
