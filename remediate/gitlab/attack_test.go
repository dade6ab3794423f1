package gitlab

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// While somebody else applies a plan, tokens wait.
func TestTokensWaitWhileSomebodyElseApplies(t *testing.T) {
	var log bytes.Buffer
	b, f := inbox(t, &log)
	release, err := b.Store.Exclusive(t.Context(), "apply")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() { b.Run(ctx) })
	if err := b.Take(t.Context(), []Token{{"auto", secret.New("auto-value"), "https://gitlab.example.com/acme/app/-/blob/main/x"}}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	release()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline) && b.states(t) != "auto revoked"; time.Sleep(5 * time.Millisecond) {
	}
	cancel()
	wait.Wait()
	if f.dead["auto-value"] != 1 {
		t.Errorf("it was never revoked: %s", log.String())
	}
}

// What GitLab sends must not stop a request on a database that takes text only.
func TestWhatNoDatabaseTakesIsNotRecorded(t *testing.T) {
	for _, at := range []string{"https://gitlab.example.com/acme/a%00b/-/blob/main/x", "https://gitlab.example.com/acme/a%ff/-/blob/main/x", "https://gitlab.example.com/acme/app%0a/-/x"} {
		if got := repository(at); got != "" {
			t.Errorf("%s is %q", at, got)
		}
	}
	if strings.ContainsRune(location("https://gitlab.example.com/acme/a%00b"), 0) {
		t.Error("a location holds a zero")
	}
}

// The path of a file may hold the value itself.
func TestALocationHoldsNoValue(t *testing.T) {
	var log bytes.Buffer
	b, _ := inbox(t, &log)
	if err := b.Take(t.Context(), []Token{{"asked", secret.New("asked-long-value"), "https://gitlab.example.com/acme/app/-/blob/main/asked-long-value.txt"}}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.places(t), "asked-long-value") {
		t.Error(b.places(t))
	}
}
