package seen

import (
	"fmt"
	"testing"
	"time"
)

func TestRefusalsAreCountedByNamespaceAndRule(t *testing.T) {
	s := Refusals{}
	for _, r := range []Refusal{
		{"shop", "untrusted-writer", 2, noon}, {"shop", "untrusted-writer", 1, noon.Add(-time.Hour)}, {"shop", "writer-claim", 1, noon.Add(-48 * time.Hour)},
		{"other", "untrusted-writer", 1, noon}, {"../x", "untrusted-writer", 1, noon}, {"a b", "x", 1, noon}, {"shop", "two\nlines", 1, noon}, {"", "sound", 1, noon},
	} {
		s = s.Add(r)
	}
	back, err := ParseRefusals(s.Text())
	if err != nil || back.Text() != s.Text() || len(back) != 3 {
		t.Fatalf("%v\n%s", err, s.Text())
	}
	got := back.Of("shop", noon.Add(-24*time.Hour))
	if len(got) != 1 || got[0].Count != 3 || !got[0].Last.Equal(noon) {
		t.Errorf("%v", got)
	}
	if got := back.Of("calm", time.Time{}); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// Whoever reaches the port can send any number of reviews: they take no more room,
// and hide nothing.
func TestManyRefusalsHideNone(t *testing.T) {
	s := Refusals{}.Add(Refusal{"shop", "untrusted-writer", 1, noon})
	for i := range maxRefusals + 100 {
		s = s.Add(Refusal{fmt.Sprintf("made-up-%d", i), "untrusted-writer", 1, noon.Add(time.Duration(i+1) * time.Second)})
	}
	if len(s) > maxRefusals {
		t.Errorf("%d lines", len(s))
	}
	got := s.Of("shop", noon)
	if len(got) != 1 || got[0].Count < 101 || got[0].Last.Before(noon) {
		t.Errorf("%v", got)
	}
	if late := s.Of("shop", noon.Add(time.Hour)); len(late) != 0 {
		t.Errorf("%v", late)
	}
}

func TestWhatIsNoRefusalIsRefused(t *testing.T) {
	for _, text := range []string{"x", "shop rule 1", "shop rule one 2026-11-26T12:00:00Z", "shop rule 1 noon", "shop rule -1 2026-11-26T12:00:00Z", "\n"} {
		if s, err := ParseRefusals(text); err == nil {
			t.Errorf("%q: %v", text, s)
		}
	}
}

func TestSpansSinceATime(t *testing.T) {
	s := Spans{hours(-72, -48), hours(-36, 0)}
	if got := s.Since(noon.Add(-24 * time.Hour)).Days(noon); got != 1 {
		t.Errorf("%d days", got)
	}
	if got := s.Since(noon.Add(-60 * time.Hour)); len(got) != 2 || got.Days(noon) != 2 {
		t.Errorf("%v", got)
	}
	if got := s.Since(noon.Add(time.Hour)); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
