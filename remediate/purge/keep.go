package purge

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"filippo.io/age"

	"github.com/leakgate/leakgate/internal/gitrepo/wire"
)

// seal keeps all of the remote, encrypted to the recipients, and proves it before
// anything is pushed: what was written is read back, opened, and each object in it
// hashed. Its name tells the plan and which refs were there, nothing else.
func (e *Engine) seal(a *wire.Advert, digest, work string) (Bundle, error) {
	if len(e.Recipients) == 0 {
		return Bundle{}, errors.New("nobody could open the bundle of what was there: name a recipient")
	}
	part := filepath.Join(work, "bundle")
	w := &witness{Recipient: e.Recipients[0]}
	written, err := writeSealed(part, a, append([]age.Recipient{w}, e.Recipients[1:]...))
	if err != nil {
		return Bundle{}, fmt.Errorf("keep what was there: %w", err)
	}
	b := Bundle{File: part, SHA256: written, Proof: "opened with the key of the run that wrote it; whether those it is sealed to can was not tried"}
	if err := b.prove(a, filepath.Join(work, "proof"), w); err != nil {
		return Bundle{}, fmt.Errorf("the bundle of what was there is not whole, so nothing is pushed: %w", err)
	}
	if len(e.Identities) > 0 {
		if err := b.prove(a, filepath.Join(work, "proof"), e.Identities...); err != nil {
			return Bundle{}, fmt.Errorf("the bundle of what was there, so nothing is pushed: %w", err)
		}
		b.Proof = "opened with the identity that was given"
	}
	if b.Bytes, _, err = digestOf(part); err != nil {
		return Bundle{}, fmt.Errorf("read the bundle back: %w", err)
	}
	b.File = filepath.Join(e.Dir, fmt.Sprintf("before-%s-%s.bundle.age", digest[:16], mark8(a)))
	return b, os.Rename(part, b.File)
}

// mark8 stands for the refs of a remote, which are in no secret.
func mark8(a *wire.Advert) string {
	sum := sha256.New()
	for _, ref := range a.Refs {
		fmt.Fprintf(sum, "%s %s\n", ref.ID, ref.Name)
	}
	return hex.EncodeToString(sum.Sum(nil)[:4])
}

// witness is a recipient that remembers the key of the file that is sealed to it,
// so that the run that wrote the file can open it, and nobody later.
type witness struct {
	age.Recipient
	key []byte
}

// Wrap wraps the key of a file as the recipient does.
func (w *witness) Wrap(key []byte) ([]*age.Stanza, error) {
	w.key = bytes.Clone(key)
	return w.Recipient.Wrap(key)
}

// WrapWithLabels keeps what the recipient says of whom it may stand beside.
func (w *witness) WrapWithLabels(key []byte) ([]*age.Stanza, []string, error) {
	w.key = bytes.Clone(key)
	if r, ok := w.Recipient.(age.RecipientWithLabels); ok {
		return r.WrapWithLabels(key)
	}
	stanzas, err := w.Recipient.Wrap(key)
	return stanzas, nil, err
}

// Unwrap gives the key back.
func (w *witness) Unwrap([]*age.Stanza) ([]byte, error) { return bytes.Clone(w.key), nil }

// prove opens the bundle, restores it into dir, and holds it against the remote:
// the same refs, and the same pack.
func (b Bundle) prove(a *wire.Advert, dir string, identities ...age.Identity) error {
	defer func() { _ = os.RemoveAll(dir) }()
	content, err := b.open(dir, identities)
	if err != nil {
		return err
	}
	same := slices.EqualFunc(content.Refs, a.Refs, func(x, y wire.Ref) bool { return x == y })
	if !same {
		return errors.New("its refs are not those of the remote")
	}
	if a.Pack == "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, "objects/pack", filepath.Base(a.Pack))); err != nil {
		return errors.New("its objects are not those of the remote")
	}
	return nil
}

func writeSealed(file string, a *wire.Advert, to []age.Recipient) (string, error) {
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	err = func() error {
		sealed, err := age.Encrypt(io.MultiWriter(out, sum), to...)
		if err != nil {
			return err
		}
		if err := wire.WriteBundle(sealed, a); err != nil {
			return err
		}
		return errors.Join(sealed.Close(), out.Sync())
	}()
	return hex.EncodeToString(sum.Sum(nil)), errors.Join(err, out.Close())
}

func digestOf(file string) (int64, string, error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	return n, hex.EncodeToString(sum.Sum(nil)), err
}

// open restores what was kept into a repository in dir, and so proves it.
func (b Bundle) open(dir string, identities []age.Identity) (*wire.Bundle, error) {
	_, sum, err := digestOf(b.File)
	if err != nil {
		return nil, fmt.Errorf("the bundle of what was there: %w", err)
	}
	if sum != b.SHA256 {
		return nil, fmt.Errorf("%s is not the bundle that was written", b.File)
	}
	f, err := os.Open(b.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	plain, err := age.Decrypt(f, identities...)
	if err != nil {
		return nil, errors.New("the bundle is sealed to other keys than the ones given")
	}
	content, err := wire.ReadBundle(plain)
	if err != nil {
		return nil, err
	}
	return content, content.Restore(dir)
}
