package seen

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func hours(from, to float64) Span {
	return Span{noon.Add(time.Duration(from * float64(time.Hour))), noon.Add(time.Duration(to * float64(time.Hour)))}
}

func TestDaysLeaveGapsOut(t *testing.T) {
	for name, c := range map[string]struct {
		spans []Span
		days  int
	}{
		"nothing":                   {nil, 0},
		"almost a day":              {[]Span{hours(-23.9, 0)}, 0},
		"a day":                     {[]Span{hours(-24, 0)}, 1},
		"two halves with a gap":     {[]Span{hours(-72, -60), hours(-12, 0)}, 1},
		"a gap in a week":           {[]Span{hours(-168, -100), hours(-96, 0)}, 6},
		"two replicas see the same": {[]Span{hours(-24, 0), hours(-24, 0)}, 1},
		"one takes over":            {[]Span{hours(-12, 0), hours(-24, -11)}, 1},
		"within another":            {[]Span{hours(-24, 0), hours(-3, -2)}, 1},
		"a clock that is ahead":     {[]Span{hours(-24, 240), hours(480, 960)}, 1},
	} {
		var s Spans
		for _, span := range c.spans {
			s = s.Add(span)
		}
		if got := s.Days(noon); got != c.days {
			t.Errorf("%s: %d days, want %d", name, got, c.days)
		}
		back, err := Parse(s.String())
		if err != nil || back.String() != s.String() {
			t.Errorf("%s: %v, %q", name, err, back)
		}
	}
}

func TestSpansAreBounded(t *testing.T) {
	var s Spans
	for i := range 3 * most {
		s = s.Add(hours(float64(2*i), float64(2*i+1)))
	}
	if len(s) != most || !s[most-1].To.Equal(hours(0, float64(6*most-1)).To) {
		t.Errorf("%d spans to %s", len(s), s[len(s)-1].To)
	}
}

func TestWhatIsNoIntervalIsRefused(t *testing.T) {
	for _, text := range []string{"x", "2026-11-26T12:00:00Z", "2026-11-26T12:00:00Z/x", "2026-11-26T12:00:00Z/2026-11-25T12:00:00Z", "\n"} {
		if s, err := Parse(text); err == nil {
			t.Errorf("%q: %v", text, s)
		}
	}
}
