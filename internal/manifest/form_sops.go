package manifest

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/manifest/sops"
	"github.com/leakgate/leakgate/internal/secret"
)

// metadata is the node of the key "sops" at the top of a document, where it is
// a mapping.
func (s *source) metadata() *node {
	if s == nil || s.tree.root == nil || s.tree.root.kind != mapping {
		return nil
	}
	kids := s.tree.root.kids
	for i := len(kids) - 2; i >= 0; i -= 2 {
		if kids[i].text == "sops" && kids[i+1].kind == mapping {
			return kids[i+1]
		}
	}
	return nil
}

// files judges what sops has to say of whole YAML documents, each of which may
// hold several objects.
func (c Checker) files(docs []Document) (out []Fault) {
	var first *sops.Metadata
	var place *judge
	for i := range docs {
		d := &docs[i]
		if d.source == nil || i > 0 && docs[i-1].source == d.source {
			continue
		}
		j := c.whole(docs[i:], d)
		if d.source.metadata() == nil {
			j.withoutMetadata()
		} else if m := j.encryptedDocument(); first == nil {
			first, place = m, j
		}
		if place != j {
			out = append(out, j.out...)
		}
	}
	if place != nil {
		place.verify(docs, *first)
		out = append(out, place.out...)
	}
	return out
}

// whole is a judge of the YAML document that d and those after it come from.
func (c Checker) whole(docs []Document, d *Document) *judge {
	o := &found{root: d.source.tree.root, tree: &d.source.tree}
	o.kind, o.apiVersion, o.namespace, o.name = d.Kind, d.APIVersion, d.Namespace, d.Name
	if len(docs) > 1 && docs[1].source == d.source {
		o.kind, o.namespace, o.name = "List", "", ""
	}
	j := &judge{Checker: c, document: d, object: o}
	for i := range docs {
		if docs[i].source == d.source {
			j.siblings = append(j.siblings, &docs[i])
		} else {
			break
		}
	}
	return j
}

func (j *judge) top() view { return view{j: j, node: j.object.root} }

// withoutMetadata judges a document that sops has not encrypted. In a file where
// it has encrypted others, or where its values stand, that is no accident.
func (j *judge) withoutMetadata() {
	text := j.object.tree.text
	if !j.encrypted && !bytes.Contains(text, []byte("ENC[AES256_GCM")) && !escaped(text) {
		return
	}
	var value *view
	for v := range j.top().scalars() {
		if _, ok := sops.ParseValue(v.text()); ok {
			value = &v
			break
		}
	}
	inCluster := j.InCluster && j.object.kind == "Secret"
	switch {
	case inCluster:
		return // see the family of Secrets
	case value != nil && j.encrypted:
		j.at(*value, RuleSOPSNone, "the document has values of sops but no metadata, so nothing can decrypt them and no MAC covers them", encryptFix)
	case value != nil:
		j.at(*value, RuleSOPSNone, "the document has values of sops but no metadata, so nothing can decrypt them", encryptFix)
	case j.encrypted && j.bears():
		j.at(j.top(), RuleSOPSNone, "sops has encrypted other documents of the file but not this one, which holds values of a Secret", encryptFix)
	}
}

const encryptFix = "sops -e -i --encrypted-regex '^(data|stringData)$' FILE"

// bears reports whether an object of the document holds values of Secrets.
func (j *judge) bears() bool {
	return slices.ContainsFunc(j.siblings, func(d *Document) bool {
		return slices.ContainsFunc(d.Fields, func(f Field) bool { return f.Sensitive && f.Kept == Plain && !f.Value.IsZero() })
	})
}

// encryptedDocument judges a document with metadata.
func (j *judge) encryptedDocument() *sops.Metadata {
	meta := j.top().get("sops")
	m, problems := sops.ReadMetadata(j.plainMap(meta, 0))
	for _, p := range problems {
		at := meta
		if v := meta.get(strings.Split(p.Field, "[")[0]); v.exists() {
			at = v
		}
		j.at(at, RuleSOPSMetadata, p.Text, "sops -d -i FILE && sops -e -i FILE")
	}
	j.mac(meta, m)
	j.rule(meta, m)
	j.recipients(meta, m)
	j.leaves(m)
	j.comments()
	j.age(meta, m)
	return &m
}

// plainMap is a mapping of texts, as sops.ReadMetadata reads it.
func (j *judge) plainMap(v view, depth int) map[string]any {
	out := map[string]any{}
	for key, kid := range v.pairs() {
		out[key] = j.plainValue(kid, depth+1)
	}
	return out
}

func (j *judge) plainValue(v view, depth int) any {
	switch {
	case !v.exists() || depth > 8:
		return nil
	case v.node.kind == mapping:
		return j.plainMap(v, depth)
	case v.node.kind == sequence:
		list := []any{}
		for item := range v.items() {
			list = append(list, j.plainValue(item, depth+1))
		}
		return list
	}
	return v.text()
}

func (j *judge) mac(meta view, m sops.Metadata) {
	at := meta.get("mac")
	if !at.exists() {
		at = meta
	}
	if _, ok := sops.ParseValue(m.MAC); !ok {
		j.at(at, RuleSOPSNoMAC, "the MAC is missing or malformed, so any change goes unseen", "sops -d --ignore-mac -i FILE && sops -e -i FILE, after a look at the values")
	}
	if m.OnlyMAC && j.Formats.SOPS.WholeMAC {
		j.at(meta.get("mac_only_encrypted"), RuleSOPSPartMAC, "the MAC covers the encrypted values only", "remove mac_only_encrypted and encrypt again")
	}
}

// rule reports a rule under which values of Secrets stay plain.
func (j *judge) rule(meta view, m sops.Metadata) {
	at := meta
	if m.RuleField != "" {
		at = meta.get(m.RuleField)
	}
	if m.Rule.ByComments() {
		j.at(at, RuleSOPSCommentRule, "which values are encrypted depends on comments", "use encrypted_regex: ^(data|stringData)$")
		return
	}
	for _, d := range j.siblings {
		for _, f := range d.Fields {
			if keys := keysOf(f.Path); f.Sensitive && !f.nested && !f.Value.IsZero() && !m.Rule.Encrypts(keys) {
				j.at(at, RuleSOPSWidened, "the rule leaves "+keys[len(keys)-1]+" of a Secret plain", "sops -e -i --encrypted-regex '^(data|stringData)$' FILE, after removing the old rule")
				return
			}
		}
	}
}

var pathKey = regexp.MustCompile(`\[[^\]]*\]|[^.\[]+`)

// keysOf are the keys of a path, without indexes.
func keysOf(path string) (keys []string) {
	for _, k := range pathKey.FindAllString(path, -1) {
		inner := strings.TrimSuffix(strings.TrimPrefix(k, "["), "]")
		if inner == k || !isNumber(inner) {
			keys = append(keys, inner)
		}
	}
	return keys
}

// leaves holds every leaf against the rule.
func (j *judge) leaves(m sops.Metadata) {
	for v := range j.top().scalars() {
		text := v.text()
		switch top := v.top(); {
		case text == "", top == "sops":
			continue
		case j.InCluster && (top == "status" || top == "metadata"):
			continue // of which the API server and controllers write parts
		}
		value, ok := sops.ParseValue(text)
		switch {
		case ok:
			j.weak(v, value)
		case sops.Claims(text):
			f := j.at(v, RuleSOPSValue, "the text is not exactly one encrypted value of sops", "restore the value from git, then change it by: sops FILE")
			f.Value = secret.New(text)
		case m.Rule.ByComments():
			// Only the MAC tells; see RuleSOPSCommentRule.
		case m.Rule.Encrypts(v.keys()) && !masked(text):
			j.value(v, RuleSOPSLeaf, "the rule of the file says that "+v.name()+" is encrypted, and it is plain", "sops -e -i FILE, after rotating the value")
		case secretName(v.name()) && literal(text) && strong(text) && !named(text):
			j.value(v, RuleSOPSLeaf, "the rule of the file leaves "+v.name()+" plain, and it is spelled out", "let the rule cover it, rotate the value, and sops -e -i FILE")
		}
	}
}

// masked is what `flux build` prints in the place of an encrypted value.
func masked(text string) bool { return text == "**SOPS**" || text == "KipTT1BTKio=" }

// top is the first key that leads to the place.
func (v view) top() string {
	key := ""
	for at := &v; at.up != nil; at = at.up {
		key = at.step.key
	}
	return key
}

func (j *judge) weak(v view, value sops.Value) {
	if least := j.minLength(); value.Size < least && value.Type == "str" && secretName(v.name()) {
		j.at(v, RuleSOPSWeak, fmt.Sprintf("the value has %s, which its ciphertext shows", plural(value.Size, "byte")), "rotate it to a longer value: sops FILE")
	}
}

func (j *judge) minLength() int {
	if j.Formats.MinLength == 0 {
		return 8
	}
	return j.Formats.MinLength
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (j *judge) age(meta view, m sops.Metadata) {
	longest := j.Formats.SOPS.MaxAge
	if longest <= 0 || j.Now.IsZero() || m.LastModified.IsZero() {
		return
	}
	if age := j.Now.Sub(m.LastModified); age > longest {
		j.at(meta.get("lastmodified"), RuleSOPSStale, fmt.Sprintf("the document was last changed %d days ago; the policy allows %d", int(age/day), int(longest/day)), "rotate the values, then sops rotate -i FILE")
	}
}

const day = 24 * time.Hour
