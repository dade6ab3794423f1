package work

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// TestACredentialIsKnownUnderTheKeyBefore: after the key was changed, an alert of GitHub is
// of the credential that is known already, and its value is found where it was.
func TestACredentialIsKnownUnderTheKeyBefore(t *testing.T) {
	account := func(digits string) secret.Key {
		k, err := secret.ParseKey(strings.Repeat(digits, 32))
		if err != nil {
			t.Fatal(err)
		}
		if k, err = k.For(7); err != nil {
			t.Fatal(err)
		}
		return k
	}
	before := account("6b")
	key, value := account("7c").After(before), secret.New(gittest.Token())
	e := &Engine{Options: Options{World: inspect.World{Key: key, Now: time.Now, Log: slog.New(slog.DiscardHandler), Version: "test"}}}
	if c := e.known(t.Context(), key, "acme_token", value); c.ID != key.ID(value) || len(c.Former) != 1 || c.Former[0] != before.ID(value) {
		t.Errorf("%+v", c)
	}
	text := "token = \"" + value.Reveal() + "\"\n"
	from := strings.Index(text, value.Reveal())
	for _, at := range []store.Place{{Span: [2]int{from, from + len(value.Reveal())}}, {Path: "a.txt"}} {
		for _, id := range []string{key.ID(value), before.ID(value)} {
			if got, err := e.valueIn(t.Context(), key, id, at, []byte(text)); err != nil || !got.Equal(value) {
				t.Errorf("%s is not found at %+v: %v", id, at, err)
			}
		}
		if got, err := e.valueIn(t.Context(), key, "LG-OTHER", at, []byte(text)); err != nil || !got.IsZero() {
			t.Errorf("any other credential is found: %v", err)
		}
	}
}
