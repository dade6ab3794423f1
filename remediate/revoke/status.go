package revoke

import "fmt"

// UnmarshalText reads the word of a status.
func (s *Status) UnmarshalText(text []byte) error {
	for _, known := range []Status{Unknown, Live, Dead} {
		if known.String() == string(text) {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("%q is no status", text)
}
