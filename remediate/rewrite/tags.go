package rewrite

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// mergetags edits the tags that a merge carries: what they name moved.
func (w *writer) mergetags(p *parts) error {
	for i := range p.fields {
		f := &p.fields[i]
		if f.key() != "mergetag" {
			continue
		}
		raw := append(f.value(), '\n')
		out, _, err := w.editTag(raw)
		if err != nil {
			return fmt.Errorf("mergetag: %w", err)
		}
		if !bytes.Equal(out, raw) {
			*f = newField("mergetag", bytes.TrimSuffix(out, []byte("\n")))
		}
	}
	return nil
}

// editTag edits the content of a tag: what it names, its texts, and where that
// changes it, its signature. It tells whether a signature fell.
func (w *writer) editTag(raw []byte) (out []byte, unsigned bool, err error) {
	p := split(raw)
	sealed := signatureAt(p.rest)
	signature := p.rest[sealed:]
	p.rest = p.rest[:sealed]
	if err := w.editor.texts(&p); err != nil {
		return nil, false, err
	}
	for i := range p.fields {
		if f := &p.fields[i]; f.key() == "object" {
			if err := w.retarget(f); err != nil {
				return nil, false, err
			}
			break
		}
	}
	p.rest = w.quotes.replace(p.rest)
	out = append(p.join(), signature...)
	if bytes.Equal(out, raw) {
		return raw, false, nil
	}
	unsigned = p.unsign() || len(signature) > 0
	return p.join(), unsigned, nil
}

// retarget lets a tag name what its object became.
func (w *writer) retarget(f *field) error {
	old, err := gitrepo.ParseID(string(f.value()))
	if err != nil {
		return nil // not for us to mend
	}
	id, err := w.moved(old)
	if err == nil {
		f.raw = withID(f.raw, id)
	}
	return err
}

// maxTags is how many tags may name each other in a row.
const maxTags = 64

// moved is what any object became, itself where it stays. Tags are rewritten when they are asked for.
func (w *writer) moved(old gitrepo.ID) (gitrepo.ID, error) {
	if id, ok := w.quotes.moved[old]; ok {
		return id, nil
	}
	if _, isTag := w.tags[old]; isTag {
		return w.tag(old)
	}
	if w.drop != nil && slices.ContainsFunc(w.commits, func(n node) bool { return n.tree == old }) {
		return w.drop.root(old)
	}
	id, _ := w.changed(old)
	return id, nil
}

// tag rewrites an annotated tag.
func (w *writer) tag(old gitrepo.ID) (gitrepo.ID, error) {
	if w.depth++; w.depth > maxTags {
		return old, fmt.Errorf("tag %s: more than %d tags name each other", old, maxTags)
	}
	defer func() { w.depth-- }()
	o, err := w.reader.Object(old)
	if err != nil {
		return old, err
	}
	raw := bytes.Clone(o.Data)
	out, unsigned, err := w.editTag(raw)
	if err != nil {
		return old, fmt.Errorf("tag %s: %w", old, err)
	}
	if bytes.Equal(out, raw) {
		w.quotes.moved[old] = old
		return old, nil
	}
	if unsigned {
		w.result.Signatures = append(w.result.Signatures, old)
		if out, err = w.signTag(out); err != nil {
			return old, fmt.Errorf("tag %s: %w", old, err)
		}
	}
	added, err := w.encoder.Add(gitrepo.TypeTag, out, nil)
	if err != nil {
		return old, err
	}
	w.quotes.moved[old] = added.ID
	w.result.Tags++
	return added.ID, nil
}
