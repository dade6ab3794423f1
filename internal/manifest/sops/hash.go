package sops

import (
	"hash"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// hasher walks documents as sops does, in the order of the text.
type hasher struct {
	m     Metadata
	key   []byte
	sum   hash.Hash
	nodes int
}

// maxHashed is how many nodes are read, each time where an alias repeats one.
const maxHashed = 1 << 20

// node reads what stands behind these keys. comments are those before the node
// and before each mapping and list that holds it.
func (h *hasher) node(n *yaml.Node, keys []string, comments [][]string) error {
	if h.nodes++; h.nodes > maxHashed || len(comments) > 1000 {
		return ErrMAC
	}
	switch n.Kind {
	case yaml.DocumentNode, yaml.AliasNode:
		if n.Alias != nil {
			return h.node(n.Alias, keys, comments)
		}
		for _, kid := range n.Content {
			if err := h.node(kid, keys, comments); err != nil {
				return err
			}
		}
	case yaml.MappingNode:
		return h.mapping(n, keys, append(comments, commentsOf(n.HeadComment, n.LineComment)))
	case yaml.SequenceNode:
		return h.sequence(n, keys, append(comments, commentsOf(n.HeadComment, n.LineComment)))
	case yaml.ScalarNode:
		return h.leaf(n, keys, comments)
	}
	return nil
}

func (h *hasher) mapping(n *yaml.Node, keys []string, comments [][]string) error {
	last := len(comments) - 1
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if len(keys) == 0 && key.Value == "sops" {
			continue
		}
		comments[last] = append(comments[last], commentsOf(key.HeadComment, key.LineComment)...)
		if value.Kind == yaml.ScalarNode || value.Kind == yaml.AliasNode {
			comments[last] = append(comments[last], commentsOf(value.HeadComment, value.LineComment)...)
		}
		if err := h.node(value, append(keys[:len(keys):len(keys)], key.Value), comments); err != nil {
			return err
		}
		comments[last] = commentsOf(value.FootComment, key.FootComment)
	}
	return nil
}

func (h *hasher) sequence(n *yaml.Node, keys []string, comments [][]string) error {
	last := len(comments) - 1
	for _, item := range n.Content {
		comments[last] = append(comments[last], commentsOf(item.HeadComment, item.LineComment)...)
		if err := h.node(item, keys, comments); err != nil {
			return err
		}
		comments[last] = commentsOf(item.FootComment)
	}
	return nil
}

func commentsOf(texts ...string) (lines []string) {
	for _, text := range texts {
		for _, line := range strings.Split(text, "\n") {
			if line != "" {
				lines = append(lines, line[1:])
			}
		}
	}
	return lines
}

func (h *hasher) leaf(n *yaml.Node, keys []string, comments [][]string) error {
	var value any
	if err := n.Decode(&value); err != nil {
		return ErrMAC
	}
	text, isText := value.(string)
	encrypted := h.encrypts(keys, comments)
	switch {
	case value == nil:
		return nil
	case encrypted && !isText:
		return ErrMAC
	case encrypted && text != "":
		return h.encrypted(text, keys)
	case encrypted || !h.m.OnlyMAC:
		h.sum.Write(BytesOf(value))
	}
	return nil
}

func (h *hasher) encrypted(text string, keys []string) error {
	v, ok := ParseValue(text)
	if !ok {
		return ErrMAC
	}
	plain, err := v.open(h.key, strings.Join(keys, ":")+":")
	if err != nil {
		return ErrMAC
	}
	if v.Type != "comment" { // a comment in a list is a leaf that no MAC covers
		h.sum.Write(plain)
	}
	return nil
}

func (h *hasher) encrypts(keys []string, comments [][]string) bool {
	if !h.m.Rule.ByComments() {
		return h.m.Rule.Encrypts(keys)
	}
	for _, level := range comments {
		for _, c := range level {
			if re := h.m.Rule.UnencryptedComment; re != nil && re.MatchString(c) {
				return false
			}
			if re := h.m.Rule.EncryptedComment; re != nil && re.MatchString(c) {
				return true
			}
		}
	}
	return h.m.Rule.EncryptedComment == nil
}

// BytesOf is what sops hashes, and encrypts, of a plain value.
func BytesOf(value any) []byte {
	switch v := value.(type) {
	case int:
		return strconv.AppendInt(nil, int64(v), 10)
	case float64:
		return strconv.AppendFloat(nil, v, 'f', -1, 64)
	case bool:
		if v {
			return []byte("True")
		}
		return []byte("False")
	case time.Time:
		text, _ := v.MarshalText() // fails for years beyond 9999 only
		return text
	case string:
		return []byte(v)
	}
	return nil
}
