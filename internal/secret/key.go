package secret

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// keySize is the length of an installation key in bytes.
const keySize = 32

// Key is the installation's own key. Identities made with different keys can
// not be compared, and without the key an identity says nothing of its value.
// The zero Key is not usable: see [NewKey], [ParseKey] and [LoadKey].
type Key struct {
	bytes  *[keySize]byte
	stable bool
}

// NewKey makes a key for this run only; identities made with it are run-local.
func NewKey() (Key, error) {
	k := Key{bytes: new([keySize]byte)}
	if _, err := rand.Read(k.bytes[:]); err != nil {
		return Key{}, fmt.Errorf("make a key: %w", err)
	}
	return k, nil
}

// ParseKey reads a stable key: 64 hexadecimal digits.
func ParseKey(text string) (Key, error) {
	raw, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != keySize {
		return Key{}, errors.New("a key is 64 hexadecimal digits; `openssl rand -hex 32` makes one")
	}
	k := Key{bytes: new([keySize]byte), stable: true}
	copy(k.bytes[:], raw)
	return k, nil
}

// LoadKey reads the key file at path, or makes the file (mode 0600) with a new
// key. A file that others may read or that does not parse is an error: a key
// that was replaced silently would turn every known credential into a new one.
func LoadKey(path string) (Key, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createKey(path)
	}
	if err != nil {
		return Key{}, fmt.Errorf("key file: %w", err)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 && os.PathSeparator == '/' {
		return Key{}, fmt.Errorf("key file %s has mode %04o and can be read by others: chmod 600 it", path, perm)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("key file: %w", err)
	}
	k, err := ParseKey(string(text))
	if err != nil {
		return Key{}, fmt.Errorf("key file %s: %w", path, err)
	}
	return k, nil
}

// createKey writes a new key beside its final name and links it there, so that
// of two processes that start together one wins and the other reads its key.
func createKey(path string) (Key, error) {
	k, err := NewKey()
	if err != nil {
		return Key{}, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Key{}, fmt.Errorf("key file: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".key-*")
	if err != nil {
		return Key{}, fmt.Errorf("key file: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, werr := fmt.Fprintln(tmp, hex.EncodeToString(k.bytes[:]))
	if err := errors.Join(werr, tmp.Close()); err != nil {
		return Key{}, fmt.Errorf("key file: %w", err)
	}
	if err := os.Link(tmp.Name(), path); errors.Is(err, fs.ErrExist) {
		return LoadKey(path)
	} else if err != nil {
		if err := os.Rename(tmp.Name(), path); err != nil {
			return Key{}, fmt.Errorf("key file: %w", err)
		}
	}
	k.stable = true
	return k, nil
}

// Stable reports whether identities made with the key mean the same in the next run.
func (k Key) Stable() bool { return k.stable }

// For is the key of one account of those that an installation serves, by the account's
// number at GitHub, which stays when it is renamed. Identities made for two accounts have
// nothing in common, and the key of one leads neither to another's nor back to k: it is
// drawn by HKDF (https://www.rfc-editor.org/rfc/rfc5869).
func (k Key) For(account int64) (Key, error) {
	if account <= 0 {
		return Key{}, errors.New("the key of an account needs the account's number")
	}
	raw, err := hkdf.Key(sha256.New, k.bytes[:], nil, "leakgate/account/"+strconv.FormatInt(account, 10), keySize)
	if err != nil {
		return Key{}, fmt.Errorf("key of an account: %w", err)
	}
	own := Key{bytes: new([keySize]byte), stable: k.stable}
	copy(own.bytes[:], raw)
	return own, nil
}

// ID is the identity of a credential: "LG-" and 80 bits of HMAC-SHA256 under
// the key, in base32. Equal values have equal identities under one key.
func (k Key) ID(s Secret) string {
	sum := k.HMAC("credential", s)
	return "LG-" + base32.StdEncoding.EncodeToString(sum[:10])
}

// HMAC is the full HMAC-SHA256 of a value under the key, for one purpose, so
// that sums made for different purposes cannot be compared.
func (k Key) HMAC(purpose string, s Secret) [sha256.Size]byte {
	mac := hmac.New(sha256.New, k.bytes[:])
	fmt.Fprintf(mac, "leakgate/%s\x00%s", purpose, s.Reveal())
	return [sha256.Size]byte(mac.Sum(nil))
}

// String hides the key.
func (k Key) String() string { return redacted }

// Format hides the key from every verb of fmt.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText hides the key from encoders.
func (k Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }
