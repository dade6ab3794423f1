package stores

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// file is an encrypted file in a repository. Its version is the SHA-256 of its
// bytes, which are ciphertext. What was before is in git, and comes back from
// there.
type file struct {
	path string
	next []byte // what is to be written
}

// maxFile is the longest file that is read, in bytes.
const maxFile = 4 << 20

func newFile(s setup) (file, error) {
	if !filepath.IsAbs(s.place.Path) {
		return file{}, errors.New("path is the whole path of a file, from the root on")
	}
	if s.place.Key == "" {
		return file{}, errors.New("key names the value in the file")
	}
	return file{path: s.place.Path}, nil
}

// load reads the file and tells its version. A link is not followed: whoever
// writes to the repository could lead it anywhere.
func (f *file) load() (content []byte, version string, err error) {
	info, err := os.Lstat(f.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, "", rotate.ErrGone
	case err != nil:
		return nil, "", denied(err.Error())
	case !info.Mode().IsRegular():
		return nil, "", denied(f.path + " is no regular file")
	}
	r, err := os.Open(f.path)
	if err != nil {
		return nil, "", denied(err.Error())
	}
	defer r.Close()
	content, err = io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("%s holds more than %d bytes", f.path, maxFile)
	}
	return content, versionOf(content), err
}

func versionOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// from reads the file if it is still the version.
func (f *file) from(version string) ([]byte, error) {
	content, found, err := f.load()
	if err == nil && found != version {
		err = conflict(short(found), short(version))
	}
	return content, err
}

func short(version string) string { return version[:min(12, len(version))] }

// replace puts the next content in the place of a version, whole or not at all.
func (f *file) replace(from string) (string, error) {
	lock := flock.New(f.path+".lock", flock.SetPermissions(0o600))
	if ok, err := lock.TryLock(); err != nil || !ok {
		return "", denied("another process writes the file")
	}
	defer func() { _ = os.Remove(lock.Path()); _ = lock.Unlock() }() // the process that ends unlocks too
	if !locked(lock) {
		return "", denied("another process writes the file")
	}
	info, err := os.Lstat(f.path)
	if err != nil {
		return "", denied(err.Error())
	}
	if _, err := f.from(from); err != nil {
		return "", err
	}
	t, err := os.CreateTemp(filepath.Dir(f.path), ".leakgate-*")
	if err != nil {
		return "", denied(err.Error())
	}
	defer os.Remove(t.Name())
	_, err = t.Write(f.next)
	err = errors.Join(err, t.Chmod(info.Mode().Perm()), t.Sync(), t.Close())
	if err == nil {
		err = os.Rename(t.Name(), f.path)
	}
	if err != nil {
		return "", denied(err.Error())
	}
	return versionOf(f.next), nil
}

// locked reports whether the lock is still the file at its path: who had it before
// removes it.
func locked(lock *flock.Flock) bool {
	held, err := lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(lock.Path())
	return err == nil && os.SameFile(held, there)
}

// Destroy cannot be done: git keeps what was committed.
func (*file) Destroy(context.Context, string) error { return denied(inGit) }

const inGit = "git keeps the earlier file, which is encrypted: see that the old credential is revoked, and undo with git"

// present is a read of the file: the current version or none.
func (f *file) present(version string) ([]byte, string, error) {
	content, found, err := f.load()
	if err == nil && version != "" && version != found {
		err = rotate.ErrGone
	}
	return content, found, err
}

// written is the write of what was prepared, or is now.
func (f *file) written(ctx context.Context, from string, values map[string]secret.Secret, prepare func(context.Context, string, map[string]secret.Secret) (string, error)) (string, error) {
	if f.next == nil {
		if _, err := prepare(ctx, from, values); err != nil {
			return "", err
		}
	}
	defer func() { f.next = nil }()
	return f.replace(from)
}
