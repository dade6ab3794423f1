package purge

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/leakgate/leakgate/internal/gitrepo/wire"
)

// seal keeps all of the remote, encrypted to the recipients, and reads it back.
// Its name tells nothing but the plan.
func (e *Engine) seal(a *wire.Advert, digest string) (Bundle, error) {
	if len(e.Recipients) == 0 {
		return Bundle{}, errors.New("nobody could open the bundle of what was there: name a recipient")
	}
	b := Bundle{File: filepath.Join(e.Dir, "before-"+digest[:16]+".bundle.age")}
	written, err := e.writeSealed(b.File, a)
	if err != nil {
		return Bundle{}, errors.Join(fmt.Errorf("keep what was there: %w", err), os.Remove(b.File))
	}
	if b.Bytes, b.SHA256, err = digestOf(b.File); err != nil {
		return Bundle{}, fmt.Errorf("read the bundle back: %w", err)
	}
	if b.SHA256 != written {
		return Bundle{}, errors.New("the bundle that was written is not the one that is read back: the disk is not to be trusted")
	}
	return b, nil
}

func (e *Engine) writeSealed(file string, a *wire.Advert) (string, error) {
	out, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	err = func() error {
		sealed, err := age.Encrypt(io.MultiWriter(out, sum), e.Recipients...)
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
func (b Bundle) open(dir string, identities []age.Identity) error {
	_, sum, err := digestOf(b.File)
	if err != nil {
		return fmt.Errorf("the bundle of what was there: %w", err)
	}
	if sum != b.SHA256 {
		return fmt.Errorf("%s is not the bundle that was written", b.File)
	}
	f, err := os.Open(b.File)
	if err != nil {
		return err
	}
	defer f.Close()
	plain, err := age.Decrypt(f, identities...)
	if err != nil {
		return errors.New("the bundle is sealed to other keys than the ones given")
	}
	content, err := wire.ReadBundle(plain)
	if err != nil {
		return err
	}
	return content.Restore(dir)
}
