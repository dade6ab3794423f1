package dbrole

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"github.com/leakgate/leakgate/internal/secret"
)

// cachingRounds are those of MySQL (caching_sha2_password_digest_rounds), as thousands
// in three digits of hexadecimal.
const cachingRounds = 5

// letters are those of crypt's own base64.
const letters = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// CachingHash is what MySQL's plugin caching_sha2_password, the one that MySQL from 8.0
// has by default, keeps of a password: SHA-256 in the manner of crypt with a new salt of 20 letters.
// https://dev.mysql.com/doc/refman/8.4/en/caching-sha2-pluggable-authentication.html
// https://www.akkadia.org/drepper/SHA-crypt.txt
func CachingHash(password secret.Secret) (secret.Secret, error) {
	text := password.Reveal() // its hash is what leaves
	if err := ascii(text); err != nil {
		return secret.Secret{}, err
	}
	salt := make([]byte, 20)
	if _, err := rand.Read(salt); err != nil {
		return secret.Secret{}, fmt.Errorf("salt: %w", err)
	}
	for i := range salt {
		salt[i] = letters[salt[i]%64]
	}
	return caching(text, salt), nil
}

func caching(password string, salt []byte) secret.Secret {
	return secret.New(fmt.Sprintf("$A$%03X$%s%s", cachingRounds, salt, crypt([]byte(password), salt, cachingRounds*1000)))
}

// crypt is the digest of SHA-crypt, whose steps are numbered as in its description.
func crypt(password, salt []byte, rounds int) string {
	b := sum(password, salt, password) // 4-8
	a := sum(password, salt, long(b, len(password)), bits(password, b))
	p := long(sum(bytes.Repeat(password, len(password))), len(password)) // 13-16
	s := long(sum(bytes.Repeat(salt, 16+int(a[0]))), len(salt))          // 17-20
	for i := range rounds {                                              // 21
		parts := [][]byte{pick(i%2 == 1, p, a)}
		if i%3 != 0 {
			parts = append(parts, s)
		}
		if i%7 != 0 {
			parts = append(parts, p)
		}
		a = sum(append(parts, pick(i%2 == 1, a, p))...)
	}
	return spell(a)
}

// bits adds, for every bit of the password's length from the lowest, the digest or the
// password (step 11).
func bits(password, digest []byte) (out []byte) {
	for n := len(password); n > 0; n >>= 1 {
		out = append(out, pick(n&1 == 1, digest, password)...)
	}
	return out
}

func pick(first bool, a, b []byte) []byte {
	if first {
		return a
	}
	return b
}

// long repeats a digest to a length.
func long(digest []byte, n int) []byte {
	return bytes.Repeat(digest, n/len(digest)+1)[:n]
}

func sum(parts ...[]byte) []byte {
	h := sha256.Sum256(bytes.Join(parts, nil))
	return h[:]
}

// spell writes a digest as crypt does: three bytes of different thirds to four letters (step 22).
func spell(a []byte) string {
	var out []byte
	four := func(w uint, n int) {
		for range n {
			out = append(out, letters[w&63])
			w >>= 6
		}
	}
	for i := range 10 {
		at := [3]int{i, i + 10, i + 20}
		first := i % 3 // which third comes first moves on
		x := [3]int{at[(0+2*first)%3], at[(1+2*first)%3], at[(2+2*first)%3]}
		four(uint(a[x[0]])<<16|uint(a[x[1]])<<8|uint(a[x[2]]), 4)
	}
	four(uint(a[31])<<8|uint(a[30]), 3)
	return string(out)
}
