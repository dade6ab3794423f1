package gate

import (
	"bytes"
	"errors"
	"fmt"

	"gopkg.in/yaml.v3"
)

// Promote is the text of a policy in which a namespace enforces, with comments
// and order kept. It is an error where the policy cannot say so.
func Promote(text []byte, namespace string) ([]byte, error) {
	if !namespacePattern.MatchString(namespace) {
		return nil, fmt.Errorf("%q is no name of a namespace", namespace)
	}
	if _, err := ParsePolicy(PolicyFile, text); err != nil {
		return nil, err
	}
	root, err := parseYAML(text)
	if err != nil {
		return nil, errors.New("the policy is not YAML")
	}
	at := root
	for _, key := range []string{"kubernetes", "modes", "namespaces", namespace} {
		at = under(at, key)
	}
	mode := under(at, "mode")
	mode.Kind, mode.Tag, mode.Value, mode.Content = yaml.ScalarNode, "!!str", ModeEnforce.String(), nil
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(root), e.Close()); err != nil {
		return nil, fmt.Errorf("write the policy: %w", err)
	}
	_, err = ParsePolicy(PolicyFile, out.Bytes())
	return out.Bytes(), err
}

// under is the value of a key, which is made where it is missing.
func under(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	value := &yaml.Node{Kind: yaml.MappingNode}
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
	return value
}
