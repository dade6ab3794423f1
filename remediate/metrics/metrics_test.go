package metrics

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/leakgate/leakgate/internal/store"
)

var update = flag.Bool("update", false, "rewrite docs/metrics.md")

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func event(after time.Duration, action, subject, body string) store.Event {
	if body == "" {
		body = "{}"
	}
	return store.Event{At: start.Add(after), Action: action, Subject: subject, Body: json.RawMessage(body)}
}

func commit(before time.Duration) string {
	return fmt.Sprintf(`{"place":{"date":%q}}`, start.Add(-before).Format(time.RFC3339))
}

func measure(t *testing.T, name string, events []store.Event, kept []store.Kept, base store.Head) Measure {
	t.Helper()
	for _, m := range Compute(events, kept, base) {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no metric %s", name)
	return Measure{}
}

func TestNothingIsMeasuredFromNothing(t *testing.T) {
	for _, m := range Compute(nil, nil, store.Head{}) {
		if m.Verdict != CannotTell || m.Value != nil || m.Why == "" || m.Text() != "cannot tell" {
			t.Errorf("%+v", m)
		}
	}
}

func TestEachMetric(t *testing.T) {
	rotation := func(at int, action, id string) store.Event {
		return event(time.Duration(at)*time.Second, "rotate "+action, "LG-"+id, "")
	}
	var hundred, synced []store.Event
	for n := range 100 {
		if n > 0 {
			synced = append(synced, rotation(n, "written", fmt.Sprint(n)), rotation(n+1, "followed", fmt.Sprint(n)))
		}
		hundred = append(hundred, rotation(n, "writing", fmt.Sprint(n)), rotation(n, "ended", fmt.Sprint(n)))
	}
	rolling := func(at int, action, plan, stage string) store.Event {
		return event(time.Duration(at)*time.Second, "rollout "+action, "rollout shop at db", fmt.Sprintf(`{"plan":%q,"place":%q}`, plan, stage))
	}
	vault := func(file string, failed, answers int) store.Event {
		return event(0, "evidence", "INC-A", fmt.Sprintf(`{"source":"vault audit files, %s","totals":{"failed":%d,"answers":%d}}`, file, failed, answers))
	}
	h := time.Hour
	for name, c := range map[string]struct {
		metric  string
		events  []store.Event
		kept    []store.Kept
		base    store.Head
		value   float64
		samples int
		left    int
		verdict Verdict
	}{
		"revoked": {"time_to_revoke_seconds", []store.Event{
			event(0, "detected", "A", ""), event(1*h, "revoked", "A", ""), event(0, "detected", "B", ""), event(3*h, "revoked", "B", ""),
			event(0, "detected", "C", ""), event(9*h, "revoked", "C", ""), event(0, "detected", "D", ""), event(0, "detected", "E", ""), event(h, "dismissed", "E", ""),
		}, nil, store.Head{}, 3 * 3600, 3, 1, NoThreshold},
		"revoked twice": {"time_to_revoke_seconds", []store.Event{
			event(0, "detected", "A", ""), event(1*h, "revoked", "A", ""), event(2*h, "detected", "A", ""), event(6*h, "revoked", "A", ""),
		}, nil, store.Head{}, 3600, 2, 0, NoThreshold},
		"only open": {"time_to_revoke_seconds", []store.Event{event(0, "detected", "A", "")}, nil, store.Head{}, 0, 0, 1, CannotTell},
		"exposed": {"exposure_window_seconds", []store.Event{
			event(0, "detected", "A", commit(h)), event(0, "seen", "A", commit(5*h)), event(1*h, "revoked", "A", ""),
			event(0, "detected", "B", ""), event(1*h, "revoked", "B", ""), event(0, "detected", "C", commit(h)),
			event(0, "detected", "D", commit(-h)), event(2*h, "revoked", "D", ""),
		}, nil, store.Head{}, 6 * 3600, 1, 2, NoThreshold},
		"rotated":                       {"rotation_success_ratio", hundred, nil, store.Head{}, 1, 100, 0, Met},
		"one in hundred":                {"rotation_success_ratio", append(hundred[2:len(hundred):len(hundred)], rotation(1, "declined", "x")), nil, store.Head{}, 0.99, 100, 0, Missed},
		"not over":                      {"rotation_success_ratio", append(hundred[:4:4], rotation(9, "writing", "x")), nil, store.Head{}, 1, 2, 1, Met},
		"two places":                    {"rotation_success_ratio", []store.Event{event(0, "rotate writing", "LG-A", `{"plan":"p","place":"one"}`), event(0, "rotate writing", "LG-A", `{"plan":"p","place":"two"}`), event(1, "rotate ended", "LG-A", `{"plan":"p","place":"one"}`), event(1, "rotate written", "LG-A", `{"plan":"p","place":"two"}`)}, nil, store.Head{}, 1, 1, 1, Met},
		"only planned":                  {"rotation_success_ratio", []store.Event{rotation(9, "writing", "x")}, nil, store.Head{}, 0, 0, 1, CannotTell},
		"synced":                        {"time_to_sync_seconds", []store.Event{rotation(0, "written", "a"), rotation(29, "followed", "a"), rotation(40, "followed", "a")}, nil, store.Head{}, 29, 1, 0, Met},
		"synced late":                   {"time_to_sync_seconds", []store.Event{rotation(0, "written", "a"), rotation(30, "followed", "a"), rotation(9, "written", "b")}, nil, store.Head{}, 30, 1, 1, Missed},
		"never synced":                  {"time_to_sync_seconds", []store.Event{rotation(9, "written", "b")}, nil, store.Head{}, 0, 0, 1, CannotTell},
		"short lives":                   {"ttl_compliance_ratio", []store.Event{event(0, "due.examined", "due", `{"dynamic":9,"violation":9}`), event(1, "due.examined", "due", `{"dynamic":4,"violation":0,"unknown_dynamic":1}`), event(2, "due.examined", "due", `{"static":3}`)}, nil, store.Head{}, 1, 3, 1, CannotTell},
		"a long life of few":            {"ttl_compliance_ratio", []store.Event{event(0, "due.examined", "due", `{"dynamic":4,"violation":1,"unknown_dynamic":2}`)}, nil, store.Head{}, 0.5, 2, 2, Missed},
		"one of two synced":             {"time_to_sync_seconds", []store.Event{rotation(0, "written", "a"), rotation(5, "followed", "a"), rotation(9, "written", "b")}, nil, store.Head{}, 5, 1, 1, CannotTell},
		"nearly all synced":             {"time_to_sync_seconds", append(synced[:len(synced):len(synced)], rotation(9, "written", "x")), nil, store.Head{}, 1, 99, 1, Met},
		"a long life":                   {"ttl_compliance_ratio", []store.Event{event(0, "due.examined", "due", `{"dynamic":4,"violation":1}`)}, nil, store.Head{}, 0.75, 4, 0, Missed},
		"unknown lives":                 {"ttl_compliance_ratio", []store.Event{event(0, "due.examined", "due", `{"dynamic":2,"unknown_dynamic":2}`)}, nil, store.Head{}, 0, 0, 2, CannotTell},
		"rolled out":                    {"rotation_success_ratio", []store.Event{rolling(0, "minting", "p", ""), rolling(1, "minted", "p", ""), rolling(9, "ended", "p", ""), rolling(0, "minting", "q", ""), rolling(3, "failed", "q", ""), rolling(3, "withdrawn", "q", ""), rolling(0, "minting", "r", "")}, nil, store.Head{}, 0.5, 2, 1, Missed},
		"stages synced":                 {"time_to_sync_seconds", []store.Event{rolling(0, "moving", "p", "ten"), rolling(7, "moved", "p", "ten"), rolling(7, "passed", "p", "ten"), rolling(3600, "moving", "p", "all"), rolling(3609, "moved", "p", "all")}, nil, store.Head{}, 9, 2, 0, Met},
		"a stage that does not move":    {"time_to_sync_seconds", []store.Event{rolling(0, "moving", "p", "ten"), rolling(7, "moved", "p", "ten"), rolling(60, "moving", "p", "all")}, nil, store.Head{}, 7, 1, 1, CannotTell},
		"covered":                       {"audit_coverage_ratio", []store.Event{event(0, "detected", "INC-A", ""), event(0, "planned", "p", ""), event(0, "revoke intent", "LG-A", `{"plan":"p","event":"intent"}`), event(0, "revoke verified", "LG-A", `{"plan":"p","event":"verified"}`)}, []store.Kept{{Action: "detected", Key: "INC-A", Count: 1}, {Action: "planned", Key: "p", Count: 1}, {Action: "intent", Key: "p", Count: 1}, {Action: "verified", Key: "p", Count: 1}}, store.Head{}, 1, 4, 0, Met},
		"a deed untold":                 {"audit_coverage_ratio", []store.Event{event(0, "detected", "INC-A", ""), event(0, "revoke intent", "LG-A", `{"plan":"p","event":"intent"}`)}, []store.Kept{{Action: "detected", Key: "INC-A", Count: 1}, {Action: "intent", Key: "p", Count: 3}}, store.Head{}, 0.5, 4, 0, Missed},
		"a rollout":                     {"audit_coverage_ratio", []store.Event{event(0, "rollout moved", "rollout shop", `{"plan":"p","event":"done"}`)}, []store.Kept{{Action: "done", Key: "p", Count: 1}}, store.Head{}, 1, 1, 0, Met},
		"pruned":                        {"audit_coverage_ratio", []store.Event{event(h, "detected", "INC-B", "")}, []store.Kept{{Action: "detected", Key: "INC-A", Count: 1, Since: start}, {Action: "detected", Key: "INC-B", Count: 1, Since: start.Add(h)}}, store.Head{Seq: 4, Hash: "x"}, 1, 1, 1, Met},
		"accesses":                      {"failed_access_ratio", []store.Event{vault("a", 50, 100), vault("a", 0, 1000), vault("b", 1, 1001)}, nil, store.Head{}, 1.0 / 2001, 2001, 0, Met},
		"failed accesses":               {"failed_access_ratio", []store.Event{vault("a", 2, 1000)}, nil, store.Head{}, 0.002, 1000, 0, Missed},
		"a file read in part":           {"failed_access_ratio", []store.Event{vault("a", 0, 1000), event(1, "evidence", "INC-A", `{"source":"vault audit files, b","answer":"","why":"b was not read to its end","totals":{"failed":0,"answers":9}}`)}, nil, store.Head{}, 0, 1009, 1, CannotTell},
		"seen in a file read in part":   {"failed_access_ratio", []store.Event{event(1, "evidence", "INC-A", `{"source":"vault audit files, b","answer":"seen","gaps":["x","the list was not read to its end: y"],"totals":{"failed":0,"answers":9}}`)}, nil, store.Head{}, 0, 9, 1, CannotTell},
		"read again":                    {"failed_access_ratio", []store.Event{event(1, "evidence", "INC-A", `{"source":"vault audit files, a","why":"y","totals":{"failed":0,"answers":9}}`), vault("a", 0, 1000)}, nil, store.Head{}, 0, 1000, 0, Met},
		"failed in a file read in part": {"failed_access_ratio", []store.Event{event(1, "evidence", "INC-A", `{"source":"vault audit files, a","why":"y","totals":{"failed":5,"answers":9}}`)}, nil, store.Head{}, 5.0 / 9, 9, 1, Missed},
	} {
		m := measure(t, c.metric, c.events, c.kept, c.base)
		value := 0.0
		if m.Value != nil {
			value = *m.Value
		}
		if value != c.value || (m.Value == nil) != (c.samples == 0) || m.Samples != c.samples || m.Left != c.left || m.Verdict != c.verdict {
			t.Errorf("%s: %v of %d, %d left, %q (%s); want %v of %d, %d left, %q", name, value, m.Samples, m.Left, m.Verdict, m.Why, c.value, c.samples, c.left, c.verdict)
		}
	}
}

func TestPrometheusReadsWhatIsWritten(t *testing.T) {
	events := []store.Event{event(0, "detected", "A", ""), event(time.Hour, "revoked", "A", ""), event(0, "rotate declined", "B", "")}
	var out strings.Builder
	if err := WritePrometheus(&out, Compute(events, nil, store.Head{})); err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(out.String()))
	if err != nil {
		t.Fatal(err)
	}
	if v := families["leakgate_time_to_revoke_seconds"].GetMetric()[0].GetGauge().GetValue(); v != 3600 {
		t.Errorf("time to revoke is %v", v)
	}
	if families["leakgate_time_to_sync_seconds"] != nil {
		t.Error("what nobody can tell has a value")
	}
	for _, line := range []string{`leakgate_metric_known{metric="time_to_sync_seconds"} 0`, `leakgate_metric_known{metric="rotation_success_ratio"} 1`, `leakgate_metric_met{metric="rotation_success_ratio"} 0`} {
		if !strings.Contains(out.String(), line+"\n") {
			t.Errorf("not said: %s\n%s", line, out.String())
		}
	}
	if strings.Contains(out.String(), `leakgate_metric_met{metric="time_to_revoke_seconds"}`) {
		t.Error("a threshold that is none is met")
	}
}

func TestThePageIsWrittenFromTheDefinitions(t *testing.T) {
	const path = "../../docs/metrics.md"
	if *update {
		if err := os.WriteFile(path, []byte(Page()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != Page() {
		t.Errorf("%s is not up to date: make docs (%v)", path, err)
	}
}
