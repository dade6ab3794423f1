package remediate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// noted is the action of events that hold what a person adds.
const noted = "noted"

// Note is what only a person can say of an incident.
type Note struct {
	Cause      string `json:"cause,omitempty"`
	Prevention string `json:"prevention,omitempty"`
}

const maxNote = 4000 // bytes of a text

// Annotate files a note. One that holds the value itself is refused; a later one
// takes the place of an earlier.
func (e *Engine) Annotate(ctx context.Context, id string, n Note) error {
	s := newStory()
	if err := e.tellOf(ctx, s, id); err != nil {
		return err
	}
	for _, text := range []string{n.Cause, n.Prevention} {
		if len(text) > maxNote {
			return fmt.Errorf("a note of more than %d bytes", maxNote)
		}
		if s.shows(e.Key, text) {
			return errors.New("the note holds the leaked value: say what it is for instead")
		}
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		_, err := t.Audit(ctx, e.Actor, noted, s.id, n)
		return err
	})
}

// shows reports whether a text holds the leaked value: as a word, or within one, as
// long as the preview says that it is.
func (s *story) shows(key secret.Key, text string) bool {
	is := func(word string) bool { return key.ID(secret.New(word)) == s.first.Credential }
	if slices.ContainsFunc(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("\"'`=:,;()[]{}<>", r) }), is) {
		return true
	}
	var n int
	_, length, _ := strings.Cut(s.first.Preview, "…(")
	if _, err := fmt.Sscanf(length, "%d)", &n); err != nil || n < 1 {
		return false
	}
	for letters := []rune(text); len(letters) >= n; letters = letters[1:] {
		if is(string(letters[:n])) {
			return true
		}
	}
	return false
}
