package revoketest

import (
	"testing"
	"time"

	"github.com/leakgate/leakgate/remediate/revoke"
)

// eachProvider runs a test for every provider with its transcript.
func eachProvider(t *testing.T, timeout time.Duration, run func(*testing.T, *Fake, *revoke.Provider, *Transcript)) {
	t.Helper()
	catalogue, err := revoke.Default()
	if err != nil {
		t.Fatal(err)
	}
	transcripts, err := Transcripts()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range catalogue.Providers {
		if p.Speaks != "" { // databases: held against real servers, in test/roles
			continue
		}
		t.Run(p.ID, func(t *testing.T) {
			t.Parallel()
			script := transcripts[p.ID]
			if script == nil {
				t.Fatal("no transcript of what its documentation says")
			}
			fake, err := NewFake(timeout)
			if err != nil {
				t.Fatal(err)
			}
			defer fake.Close()
			run(t, fake, p, script)
		})
	}
	for id := range transcripts {
		if catalogue.Provider(id) == nil {
			t.Errorf("the transcript %s has no provider", id)
		}
	}
}

func TestEveryProviderActsAsItsDocumentationSays(t *testing.T) {
	eachProvider(t, 30*time.Second, func(t *testing.T, f *Fake, p *revoke.Provider, s *Transcript) {
		if err := Conform(f, p, s); err != nil {
			t.Error(err)
		}
	})
}

func TestNothingIsLearnedFromAnAnswerThatIsNone(t *testing.T) {
	eachProvider(t, 30*time.Second, func(t *testing.T, f *Fake, p *revoke.Provider, s *Transcript) {
		if err := Faults(f, p, s); err != nil {
			t.Error(err)
		}
	})
}

func TestAProviderThatNeverAnswersIsGivenUp(t *testing.T) {
	eachProvider(t, 30*time.Second, func(t *testing.T, f *Fake, p *revoke.Provider, s *Transcript) {
		impatient, err := NewFake(150 * time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		defer impatient.Close()
		if err := Slow(f, impatient, p, s); err != nil {
			t.Error(err)
		}
	})
}
