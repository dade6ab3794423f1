package dbrole

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // MariaDB's and old MySQL's form of a password is made with it
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
)

// rounds are those of PostgreSQL (scram_iterations).
const rounds = 4096

// Verifier is what PostgreSQL keeps of a password and takes in place of one, so
// that no log of statements holds it: SCRAM-SHA-256 with a new salt. Passwords
// are printable ASCII, which SASLprep leaves as it is.
// https://www.postgresql.org/docs/current/sql-createrole.html
// https://www.rfc-editor.org/rfc/rfc5803
func Verifier(password secret.Secret) (secret.Secret, error) {
	text := password.Reveal() // its verifier is what leaves
	if err := ascii(text); err != nil {
		return secret.Secret{}, err
	}
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return secret.Secret{}, fmt.Errorf("salt: %w", err)
	}
	return scram(text, salt, rounds)
}

func scram(password string, salt []byte, rounds int) (secret.Secret, error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, rounds, sha256.Size)
	if err != nil {
		return secret.Secret{}, fmt.Errorf("verifier: %w", err)
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	b := base64.StdEncoding.EncodeToString
	return secret.New(fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", rounds, b(salt), b(stored[:]), b(mac(salted, "Server Key")))), nil
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// NativeHash is what MySQL's plugin mysql_native_password keeps of a password,
// the one that MariaDB and MySQL before 8.4 both have: '*' and SHA-1 of SHA-1.
// Who reads it can guess at the password offline; ours are too long for that.
// https://mariadb.com/kb/en/authentication-plugin-mysql_native_password/
func NativeHash(password secret.Secret) (secret.Secret, error) {
	text := password.Reveal() // its hash is what leaves
	if err := ascii(text); err != nil {
		return secret.Secret{}, err
	}
	once := sha1.Sum([]byte(text)) //nolint:gosec // see the import
	twice := sha1.Sum(once[:])     //nolint:gosec // see the import
	return secret.New("*" + strings.ToUpper(hex.EncodeToString(twice[:]))), nil
}

func ascii(text string) error {
	if text == "" || strings.ContainsFunc(text, func(c rune) bool { return c < 0x21 || c > 0x7e }) {
		return errors.New("a password is of printable ASCII")
	}
	return nil
}
