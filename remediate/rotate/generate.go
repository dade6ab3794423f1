package rotate

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"math/big"

	"github.com/leakgate/leakgate/internal/secret"
)

// Random makes values of one alphabet and one length.
type Random struct {
	Length   int
	Alphabet []rune
}

// What a generated value is when nobody says otherwise, and the least that is
// taken: 43 characters of 62 are 256 bits.
const (
	defaultLength = 43
	minBits       = 112 // https://csrc.nist.gov/pubs/sp/800/131/a/r2/final, the least for keys
	letters       = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// NewRandom makes values of a length in characters and an alphabet; 0 and ""
// are 43 letters and digits. What could be guessed is refused.
func NewRandom(length int, alphabet string) (Random, error) {
	if length == 0 {
		length = defaultLength
	}
	if alphabet == "" {
		alphabet = letters
	}
	r := Random{length, []rune(alphabet)}
	seen := map[rune]bool{}
	for _, c := range r.Alphabet {
		if seen[c] {
			return r, fmt.Errorf("alphabet has a character twice, which would come more often")
		}
		seen[c] = true
	}
	if bits := float64(length) * math.Log2(float64(len(r.Alphabet))); bits < minBits {
		return r, fmt.Errorf("length and alphabet give a value of %.0f bits, and less than %d can be guessed", bits, minBits)
	}
	return r, nil
}

// Mint makes a value.
func (r Random) Mint(context.Context) (Minted, error) {
	text := make([]rune, r.Length)
	size := big.NewInt(int64(len(r.Alphabet)))
	for i := range text {
		n, err := rand.Int(rand.Reader, size) // each character as likely as the others
		if err != nil {
			return Minted{}, fmt.Errorf("generate: %w", err)
		}
		text[i] = r.Alphabet[n.Int64()]
	}
	return Minted{Value: secret.New(string(text))}, nil
}

// List gives none: nobody keeps generated values.
func (Random) List(context.Context) ([]string, error) { return nil, nil }

// Discard does nothing.
func (Random) Discard(context.Context, string) error { return nil }

// Handed is a value that the operator hands in.
type Handed struct {
	Read func() (secret.Secret, error)
}

// Mint gives the value.
func (h Handed) Mint(context.Context) (Minted, error) {
	value, err := h.Read()
	if err != nil {
		return Minted{}, fmt.Errorf("%w: %w", ErrDenied, err)
	}
	return Minted{Value: value}, nil
}

// List gives none.
func (Handed) List(context.Context) ([]string, error) { return nil, nil }

// Discard does nothing.
func (Handed) Discard(context.Context, string) error { return nil }
