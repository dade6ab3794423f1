package seal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Ledger knows which keys were cut into shares here, so that a new one does not
// silently stand beside an old one whose shares still open what was sealed to it.
// It holds no key and no share.
type Ledger struct {
	Keys []Cut `json:"keys"`
}

// Cut is a key that was cut into shares.
type Cut struct {
	Recipient string    `json:"recipient"`
	Shares    int       `json:"shares"`
	Threshold int       `json:"threshold"`
	Made      time.Time `json:"made"`
	Replaced  time.Time `json:"replaced,omitzero"` // when another one took its place
}

// ReadLedger reads a ledger; one that is not there is empty.
func ReadLedger(path string) (Ledger, error) {
	var l Ledger
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return l, err
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return l, fmt.Errorf("%s does not parse: it says which keys were cut into shares, so put it back as it was: %w", path, err)
	}
	return l, nil
}

// Current is the key that is in use, nil for none.
func (l Ledger) Current() *Cut {
	for i := range l.Keys {
		if l.Keys[i].Replaced.IsZero() {
			return &l.Keys[i]
		}
	}
	return nil
}

// Replaced is the key of that recipient, if another one took its place; else nil.
func (l Ledger) Replaced(recipient string) *Cut {
	for i := range l.Keys {
		if l.Keys[i].Recipient == recipient && !l.Keys[i].Replaced.IsZero() {
			return &l.Keys[i]
		}
	}
	return nil
}

// With is the ledger with a new key, which takes the place of the one before.
func (l Ledger) With(c Cut) Ledger {
	var next Ledger
	for _, old := range l.Keys {
		if old.Replaced.IsZero() {
			old.Replaced = c.Made
		}
		next.Keys = append(next.Keys, old)
	}
	next.Keys = append(next.Keys, c)
	return next
}

// Write writes the ledger, as a whole or not at all.
func (l Ledger) Write(path string) error {
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return fmt.Errorf("encode ledger: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
