package rewrite

import (
	"bytes"
	"fmt"
)

// sign puts a new signature where git puts it, behind all other headers.
func (w *writer) sign(p *parts) error {
	if w.signer == nil {
		return nil
	}
	armor, err := w.signer.Sign(p.join())
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	key := "gpgsig"
	if w.repo.HashSize() == 32 {
		key = "gpgsig-sha256"
	}
	p.fields = append(p.fields, newField(key, bytes.TrimSuffix(armor, []byte("\n"))))
	w.result.Signed++
	return nil
}

// signTag puts a new signature behind the message of a tag.
func (w *writer) signTag(raw []byte) ([]byte, error) {
	if w.signer == nil {
		return raw, nil
	}
	armor, err := w.signer.Sign(raw)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	w.result.Signed++
	return append(bytes.Clone(raw), armor...), nil
}
