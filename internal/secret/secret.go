// Package secret holds values that must not be printed. A [Secret] shows
// nothing through fmt, encoding or slog; a [Key] turns it into an identity that
// may be shown; a [Redactor] removes values from text on its way out. The
// package reads no repository and writes no report.
package secret

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
	"unicode/utf8"
)

const redacted = "[redacted]"

// Secret is one credential value. It keeps the value behind a pointer, so that
// printing a struct around it shows at most an address. The zero value is empty.
type Secret struct{ value *string }

// New takes a value in. From here on only [Secret.Reveal] gives it back.
func New(value string) Secret { return Secret{&value} }

// Reveal returns the value. The linter allows the call only in the packages
// that must see it; each call says why.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Len is the length of the value in bytes.
func (s Secret) Len() int { return len(s.Reveal()) }

// IsZero reports whether there is no value, or an empty one.
func (s Secret) IsZero() bool { return s.Len() == 0 }

// Equal compares two values in time that does not depend on where they differ.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// previewLimit is the most characters of a value that may ever be shown.
const previewLimit = 4

// Preview is what may be shown of a value: its first characters, an ellipsis
// and its length in characters, as in "ghp_…(40)". It shows at most four
// characters and never more than a quarter of the value, except that a public
// prefix which every value of the rule shares is shown up to those four.
func (s Secret) Preview(publicPrefix string) string {
	value := s.Reveal()
	length := utf8.RuneCountInString(value)
	shown := min(previewLimit, length/4)
	if publicPrefix != "" && len(value) > len(publicPrefix) && value[:len(publicPrefix)] == publicPrefix {
		shown = max(shown, min(previewLimit, utf8.RuneCountInString(publicPrefix)))
	}
	return fmt.Sprintf("%s…(%d)", printable(value, shown), length)
}

// printable is the first n characters of value, with control characters and
// invalid bytes replaced so that a preview cannot steer a terminal or a log.
func printable(value string, n int) string {
	out := make([]rune, 0, n)
	for _, r := range value {
		if len(out) == n {
			break
		}
		if r < 0x20 || r == 0x7f || r == utf8.RuneError || (r >= 0x80 && r < 0xa0) {
			r = '·'
		}
		out = append(out, r)
	}
	return string(out)
}

// String hides the value.
func (s Secret) String() string { return redacted }

// Format hides the value from every verb of fmt, %#v and %x among them.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText hides the value from encoding/json, TOML and YAML encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue hides the value from log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
