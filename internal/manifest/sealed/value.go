// Package sealed reads the values of a SealedSecret without the key that opens
// them (https://github.com/bitnami-labs/sealed-secrets/blob/main/pkg/crypto/crypto.go):
// a 16-bit length, a session key encrypted by RSA of that length, and AES-GCM
// ciphertext with its tag.
package sealed

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"time"
)

// smallestKey is the length that the smallest RSA key gives a session key, in bytes.
const smallestKey = 256

// tagSize is what AES-GCM adds to a text, in bytes.
const tagSize = 16

// longestPrintable is how many printable characters in a row ciphertext may
// hold: 32 of them come about by chance once in 10^13 positions.
const longestPrintable = 32

// What keeps a text from being a sealed value.
var (
	ErrBase64  = errors.New("the text is not strict base64")
	ErrKeySize = errors.New("the session key has the length of no RSA key")
	ErrShort   = errors.New("the text is shorter than a sealed value can be")
	ErrPlain   = errors.New("the text holds readable characters where ciphertext is due")
)

// Value is one sealed value.
type Value struct {
	KeyBits int // of the RSA key it is sealed for
	Size    int // of the plain text, in bytes

	session []byte // the session key, encrypted
}

// Parse reads a sealed value. With ErrKeySize the Value still tells the size
// that the text claims.
func Parse(text string) (Value, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(text))
	if err != nil {
		return Value{}, ErrBase64
	}
	if len(raw) < 2+smallestKey+tagSize {
		return Value{}, ErrShort
	}
	size := int(binary.BigEndian.Uint16(raw))
	v := Value{KeyBits: size * 8, Size: len(raw) - 2 - size - tagSize}
	switch {
	case printableRun(raw) >= longestPrintable:
		return v, ErrPlain
	case size != 256 && size != 384 && size != 512:
		return v, ErrKeySize
	case v.Size < 0:
		return v, ErrShort
	}
	v.session = raw[2 : 2+size]
	return v, nil
}

// MayFit reports whether the value can have been sealed for a certificate in
// PEM: the number that the session key is must be less than the key's modulus.
// It proves only that a value does not fit.
func (v Value) MayFit(certificate []byte) bool {
	cert := parse(certificate)
	if cert == nil {
		return false
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	return ok && key.Size()*8 == v.KeyBits && new(big.Int).SetBytes(v.session).Cmp(key.N) < 0
}

// Expired reports whether a certificate in PEM is no longer valid at a time.
func Expired(certificate []byte, now time.Time) bool {
	cert := parse(certificate)
	return cert == nil || now.After(cert.NotAfter)
}

func parse(certificate []byte) *x509.Certificate {
	block, _ := pem.Decode(certificate)
	if block == nil {
		return nil
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return cert
}

// printableRun is the longest run of printable ASCII in raw.
func printableRun(raw []byte) int {
	longest, run := 0, 0
	for _, c := range raw {
		if c < 0x20 || c > 0x7e {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}
