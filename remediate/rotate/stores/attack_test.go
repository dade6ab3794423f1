package stores

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofrs/flock"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// A value that these stores would read as a reference is not written.
func TestAReferenceIsNoValue(t *testing.T) {
	for _, s := range scripts(t) {
		if s.kind != "doppler" && s.kind != "infisical" {
			continue
		}
		b := newBench(t, s)
		b.expect(b.Flow.Write[:1])
		_, err := b.store.Write(t.Context(), b.Before, map[string]secret.Secret{b.place().Key: secret.New("a${OTHER}b")})
		if !errors.Is(err, rotate.ErrDenied) || !strings.Contains(err.Error(), "reference") || b.fake.Fault() != nil {
			t.Errorf("%s: %v, %v", s.kind, err, b.fake.Fault())
		}
	}
}

// The word EOF in a document is not the end of the file.
func TestADocumentThatSaysEOFHidesNothing(t *testing.T) {
	one := "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: app, namespace: prod}\nspec: {encryptedData: {password: AgBy}}\n"
	s := &sealed{key: "password"}
	if _, err := s.find([]byte(one)); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{one + "---\nmetadata: EOF\n---\n" + one, one + "---\nmetadata: EOF\n"} {
		if _, err := s.find([]byte(text)); !errors.Is(err, rotate.ErrDenied) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Who took the lock while the one before let it go has a file that is gone, and does
// not write beside the next.
func TestALockThatIsGoneIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	late := flock.New(path)
	if ok, err := late.TryLock(); err != nil || !ok || !locked(late) {
		t.Fatal(ok, err)
	}
	check(t, os.Remove(path))
	if locked(late) {
		t.Error("it holds")
	}
	check(t, os.WriteFile(path, nil, 0o600))
	if locked(late) {
		t.Error("it holds another's")
	}
}

// An address of a store may hold a password by mistake.
func TestAnAddressIsNotShown(t *testing.T) {
	value := strings.Repeat("v", 14)
	if _, err := hostOf("https://admin:" + value + "@vault.example.com"); err == nil || strings.Contains(err.Error(), value) {
		t.Error(err)
	}
}
