package metrics

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// life is what the trail tells of one incident.
type life struct {
	committed time.Time
	detected  time.Time // the last time, while it is not over
	spans     [][2]time.Time
}

func (in *input) lives() (all []*life) {
	byID := map[string]*life{}
	for _, e := range in.events {
		l := byID[e.Subject]
		switch {
		case e.Action == "detected" && l == nil:
			l = &life{detected: e.At}
			byID[e.Subject], all = l, append(all, l)
			l.commit(e)
		case l == nil:
		case e.Action == "detected":
			l.detected = e.At
		case e.Action == "seen":
			l.commit(e)
		case e.Action == "revoked" && !l.detected.IsZero():
			l.spans = append(l.spans, [2]time.Time{l.detected, e.At})
			l.detected = time.Time{}
		case e.Action == "dismissed": // no leak
			l.detected = time.Time{}
		}
	}
	return all
}

// commit keeps the oldest commit.
func (l *life) commit(e store.Event) {
	var body struct{ Place struct{ Date string } }
	_ = json.Unmarshal(e.Body, &body)                                                                                                            // no date is no date
	if at, err := time.Parse(time.RFC3339, body.Place.Date); err == nil && !at.After(e.At) && (l.committed.IsZero() || at.Before(l.committed)) { // one of the future is a wrong clock
		l.committed = at
	}
}

func timeToRevoke(in *input) sample {
	var all []time.Duration
	open := 0
	for _, l := range in.lives() {
		for _, s := range l.spans {
			all = append(all, s[1].Sub(s[0]))
		}
		if !l.detected.IsZero() {
			open++
		}
	}
	return durations(all, 0.5, open, "are still open")
}

func exposure(in *input) sample {
	var all []time.Duration
	left := 0
	for _, l := range in.lives() {
		switch {
		case len(l.spans) == 0:
		case l.committed.IsZero():
			left++
		default:
			all = append(all, l.spans[len(l.spans)-1][1].Sub(l.committed))
		}
	}
	return durations(all, 0.5, left, "have no known first commit")
}

// durations is a quantile, by the nearest rank, with the worst.
func durations(all []time.Duration, quantile float64, left int, words string) (s sample) {
	s.n, s.left = len(all), left
	if left > 0 {
		s.why = fmt.Sprintf("%d %s", left, words)
	}
	if len(all) == 0 {
		return s
	}
	slices.Sort(all)
	s.value, s.worst = all[nearest(quantile, len(all))].Seconds(), all[len(all)-1].Seconds()
	return s
}

// is reports whether an event has a meaning of a rotation.
func is(e store.Event, meaning string) bool {
	return slices.Contains(rotationEvents[meaning], e.Action)
}

// rotation names the rotation that an event is of: a subject may have several.
func rotation(e store.Event) string {
	var body struct{ Plan, Place string }
	_ = json.Unmarshal(e.Body, &body) // a rotation without a plan is that of its subject
	return e.Subject + " " + body.Plan + " " + body.Place
}

func rotations(in *input) (s sample) {
	done, open := 0, map[string]bool{}
	for _, e := range in.events {
		switch key := rotation(e); {
		case is(e, "planned"):
			open[key] = true
		case is(e, "done"):
			done++
			s.n++
			delete(open, key)
		case is(e, "failed"):
			s.n++
			delete(open, key)
		}
	}
	if s.left = len(open); s.left > 0 {
		s.why = fmt.Sprintf("%d are not over", s.left)
	}
	s.value = float64(done) / float64(max(1, s.n))
	return s
}

func sync(in *input) sample {
	written := map[string]time.Time{}
	var all []time.Duration
	for _, e := range in.events {
		key := rotation(e)
		at, waits := written[key]
		switch {
		case is(e, "written"):
			written[key] = e.At
		case is(e, "synced") && waits:
			all = append(all, e.At.Sub(at))
			delete(written, key)
		}
	}
	const quantile = 0.95
	s := durations(all, quantile, len(written), "were written and never proven to be synced")
	cautious := math.Inf(1)
	if rank := nearest(quantile, len(all)+len(written)); rank < len(all) {
		cautious = all[rank].Seconds()
	}
	s.cautious = &cautious
	return s
}

// nearest is the nearest rank of a quantile, from 0.
func nearest(quantile float64, n int) int { return max(0, int(math.Ceil(quantile*float64(n)))-1) }

func ttl(in *input) (s sample) {
	for _, e := range in.events {
		var c struct {
			Dynamic        int `json:"dynamic"`
			Violation      int `json:"violation"`
			UnknownDynamic int `json:"unknown_dynamic"`
		}
		if e.Action != "due.examined" || json.Unmarshal(e.Body, &c) != nil || c.Dynamic == 0 {
			continue
		}
		s = sample{n: c.Dynamic - c.UnknownDynamic, left: c.UnknownDynamic}
		s.value = float64(s.n-c.Violation) / float64(max(1, s.n))
		cautious := float64(s.n-c.Violation) / float64(c.Dynamic)
		s.cautious = &cautious
		if s.left > 0 {
			s.why = fmt.Sprintf("of %d nobody can tell the TTL", s.left)
		}
	}
	return s
}

// coverage holds what the database keeps against the trail.
func coverage(in *input) (s sample) {
	told := map[[2]string]int{}
	for _, e := range in.events {
		told[[2]string{e.Action, e.Subject}]++
		var line struct{ Plan, Event string } // of a journal
		if json.Unmarshal(e.Body, &line) == nil && line.Event != "" {
			told[[2]string{line.Event, line.Plan}]++
		}
	}
	covered := 0
	for _, k := range in.kept {
		switch {
		case in.base.Seq > 0 && (len(in.events) == 0 || k.Since.Before(in.events[0].At)):
			s.left += k.Count
		default:
			s.n += k.Count
			covered += min(k.Count, told[[2]string{k.Action, k.Key}])
		}
	}
	if s.left > 0 {
		s.why = fmt.Sprintf("%d are older than the pruned trail", s.left)
	}
	s.value = float64(covered) / float64(max(1, s.n))
	return s
}

// unread begins what evidence says of a source that was read in part.
const unread = "the list was not read to its end"

func failedAccess(in *input) (s sample) {
	last, partly := map[string][2]int{}, map[string]bool{}
	for _, e := range in.events {
		var r struct {
			Source, Why string
			Totals      map[string]int
			Gaps        []string
		}
		if e.Action == "evidence" && json.Unmarshal(e.Body, &r) == nil && strings.HasPrefix(r.Source, "vault audit files") && r.Totals["answers"] > 0 {
			last[r.Source] = [2]int{r.Totals["failed"], r.Totals["answers"]}
			partly[r.Source] = r.Why != "" || slices.ContainsFunc(r.Gaps, func(g string) bool { return strings.HasPrefix(g, unread) })
		}
	}
	for _, is := range partly {
		if is {
			s.left++
		}
	}
	if s.left > 0 { // what was not read may have failed
		cautious := 1.0
		s.cautious, s.why = &cautious, fmt.Sprintf("the files of %d devices were not read to their end", s.left)
	}
	failed := 0
	for _, each := range last {
		failed += each[0]
		s.n += each[1]
	}
	s.value = float64(failed) / float64(max(1, s.n))
	return s
}
