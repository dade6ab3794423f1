package trail

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

const hostile = "eve\"]\\ <1>\n\x1b[31m\u0085\u202e\u2028\U0001F511 é"

var made = time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)

// chained are events as a store makes them.
func chained(t testing.TB, fill func(*store.Tx) error) ([]store.Event, store.Head) {
	t.Helper()
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	check(t, err)
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s", "db"), store.Options{Key: key, Now: func() time.Time { return made.Add(-time.Hour) }})
	check(t, err)
	defer s.Close()
	check(t, s.Tx(t.Context(), fill))
	head, err := s.VerifyTrail(t.Context())
	check(t, err)
	var all []store.Event
	check(t, s.Trail(t.Context(), "", func(e store.Event) error { all = append(all, e); return nil }))
	return all, head
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// some events: two incidents, of which the second is not looked after.
func story(tx *store.Tx) error {
	ctx := context.Background()
	for n := 1; n <= 2; n++ {
		id := fmt.Sprintf("LG-%04d", n)
		if err := tx.Record(ctx, "scanner", []store.Sighting{{Credential: store.Credential{ID: id, Rule: "r", Preview: "x…"}, Repository: "acme/app", Fingerprint: "f" + id, Body: map[string]string{"path": hostile}}}); err != nil {
			return err
		}
	}
	for _, e := range [][3]string{{"ann", "planned", strings.Repeat("ab", 32)}, {hostile, "approved", strings.Repeat("ab", 32)}, {"ann", "revoke intent", "LG-0001"}, {"ann", "revoke refused", "LG-0001"},
		{"ann", "checked", "INC-0001"}, {"ann", "revoked", "INC-0001"}, {"ann", "evidence", "INC-0001"}, {"ann", "exposure", "INC-0001"}, {"ann", hostile, hostile}} {
		if _, err := tx.Audit(ctx, e[0], e[1], e[2], map[string]string{"why": hostile}); err != nil {
			return err
		}
	}
	return nil
}

// rfc5424 is the form of a line, as https://www.rfc-editor.org/rfc/rfc5424#section-6 has it.
var rfc5424 = regexp.MustCompile(`^<\d{1,3}>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z - [!-~]{1,48} - [!-~]{1,32} ((?:\[[!#-<>-\\^-~]{1,32}(?: [!#-<>-\\^-~]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*\])+) (.*)$`)

func TestSyslogLinesAreOfTheRFC(t *testing.T) {
	events, _ := chained(t, story)
	for _, e := range events {
		line, err := Writer{Version: hostile}.Line("syslog", e)
		check(t, err)
		m := rfc5424.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("no line of RFC 5424: %q", line)
		}
		if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x2028 }) {
			t.Errorf("characters that steer: %q", line)
		}
		var back store.Event
		if err := json.Unmarshal([]byte(m[2]), &back); err != nil || back.Hash != e.Hash || back.Actor != e.Actor || back.Subject != e.Subject {
			t.Errorf("the message is not the event: %v: %s", err, m[2])
		}
	}
	line, err := Writer{}.Line("syslog", store.Event{Seq: maxSequence + 1, Actor: strings.Repeat("]", 1000), Body: json.RawMessage(`{}`)})
	check(t, err)
	if !rfc5424.MatchString(line) || !strings.Contains(line, `[meta sequenceId="1"]`) || strings.Contains(line[:strings.Index(line, " {")], strings.Repeat(`\]`, 128)) {
		t.Errorf("long values and numbers: %q", line)
	}
}

func TestOCSFLinesAreOneLineOfASCII(t *testing.T) {
	events, _ := chained(t, story)
	for _, e := range events {
		line, err := Writer{Version: "1"}.Line("ocsf", e)
		check(t, err)
		if strings.ContainsFunc(line, func(r rune) bool { return r < 0x20 || r >= 0x7f }) {
			t.Errorf("%q", line)
		}
		var o struct {
			TypeUID    int `json:"type_uid"`
			ActivityID int `json:"activity_id"`
			StatusID   int `json:"status_id"`
			Message    string
		}
		check(t, json.Unmarshal([]byte(line), &o))
		if o.TypeUID != 600300+o.ActivityID || o.Message != e.Action+" "+e.Subject || (o.StatusID == statusFailure) != (e.Action == "revoke refused") {
			t.Errorf("%+v", o)
		}
	}
	if _, err := (Writer{}).Line("xml", store.Event{}); err == nil {
		t.Error("a format that is none")
	}
}

func TestTheMappingNamesWhatIsMissing(t *testing.T) {
	events, _ := chained(t, story)
	all := map[string]Mapping{}
	for _, m := range Map(events, store.Head{}, made) {
		all[m.Control] = m
	}
	if len(all) != len(Controls()) {
		t.Error("two controls of one name")
	}
	for _, c := range []struct{ control, status, missing string }{
		{"CC6.1", "partly", "INC-0002 has no event of revoked, dismissed"},
		{"CC7.2", "shown", ""}, {"CC8.1", "shown", ""}, {"A.8.15", "shown", ""}, {"10.5.1", "shown", ""},
		{"A.5.27", "missing", "INC-0001 has no event of noted"},
		{"A.8.24", "missing", "the age of credentials is examined: no event of due.examined"},
		{"Art. 33(1)", "partly", "INC-0002 has no event of evidence"},
	} {
		m := all[c.control]
		if m.Status != c.status || !strings.Contains(strings.Join(m.Missing, ";"), c.missing) {
			t.Errorf("%s is %s, missing %q; want %s, %q", c.control, m.Status, m.Missing, c.status, c.missing)
		}
	}
	for _, m := range Map(nil, store.Head{}, made) {
		if m.Status != "missing" {
			t.Errorf("nothing shows %s: %+v", m.Control, m)
		}
	}
	pruned := store.Head{Seq: 3, Hash: "x"}
	for _, m := range Map(events[3:], pruned, made) {
		if m.Control == "10.5.1" && m.Status != "missing" {
			t.Errorf("a trail that was pruned last month: %+v", m)
		}
	}
}
