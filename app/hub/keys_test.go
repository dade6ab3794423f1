package hub

import (
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/ghfake"
)

func TestAKeyThatGitHubDoesNotKnowIsNoTroubleWhileThereIsAnother(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	w.must(err)
	unknown := Key(rsaKey{stranger})
	for name, c := range map[string]struct {
		keys  Keys
		known bool
		told  int
	}{
		"the new one is not there yet": {Keys{unknown, w.key()}, true, 1},
		"the old one is gone":          {Keys{w.key(), unknown}, true, 0},
		"neither":                      {Keys{unknown, unknown}, false, 1},
	} {
		var log record
		a, err := New(Options{ID: w.there.ID, Key: c.keys, Server: w.server(), Now: w.clock.here, Log: slog.New(slog.NewTextHandler(&log, nil))})
		w.must(err)
		for range 2 {
			if _, err := a.Installations(t.Context()); (err == nil) != c.known {
				t.Errorf("%s: %v", name, err)
			}
		}
		if s, err := a.Open(t.Context(), w.installed.ID, w.repo.ID(), ToRead()); err == nil != c.known { // a request with a body
			t.Errorf("%s: %v", name, err)
		} else if err == nil {
			w.must(s.Close(t.Context()))
		}
		if n := strings.Count(log.String(), "does not know one of the App's keys"); n < c.told || c.known && n != c.told {
			t.Errorf("%s: it is told %d times:\n%s", name, n, log.String())
		}
	}
}
