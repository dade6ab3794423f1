package due

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

func days(n int) time.Time { return now.AddDate(0, 0, -n) }

func event(at time.Time, action, id, body string) store.Event {
	if body == "" {
		body = "{}"
	}
	return store.Event{At: at, Action: action, Subject: "INC-" + id, Body: json.RawMessage(body)}
}

func sight(id, committed string) string {
	return `{"credential":"LG-` + id + `","rule":"r","repository":"acme/app","place":{"date":"` + committed + `"}}`
}

func TestStaticCredentialsByTheirDates(t *testing.T) {
	old, young := days(100).Format(time.RFC3339), days(80).Format(time.RFC3339)
	for name, c := range map[string]struct {
		events []store.Event
		want   Status
		why    string
	}{
		"old":                       {[]store.Event{event(days(10), "detected", "A", sight("A", old))}, Due, "first committed 2026-02-21"},
		"young":                     {[]store.Event{event(days(10), "detected", "A", sight("A", young))}, OK, "first committed 2026-03-13"},
		"seen earlier elsewhere":    {[]store.Event{event(days(10), "detected", "A", sight("A", young)), event(days(9), "seen", "A", sight("A", old))}, Due, "first committed"},
		"no date":                   {[]store.Event{event(days(10), "detected", "A", sight("A", ""))}, CannotTell, "first seen 2026-05-22"},
		"no date, seen for long":    {[]store.Event{event(days(91), "detected", "A", sight("A", ""))}, Due, "may be older"},
		"a wrong clock":             {[]store.Event{event(days(10), "detected", "A", sight("A", now.AddDate(1, 0, 0).Format(time.RFC3339)))}, CannotTell, "first seen"},
		"on the day":                {[]store.Event{event(days(90), "detected", "A", sight("A", days(90).Format(time.RFC3339)))}, OK, ""},
		"rotated":                   {[]store.Event{event(days(99), "detected", "A", sight("A", old)), event(days(95), "revoked", "A", ""), event(days(89), "rotate ended", "A", "")}, OK, "rotated 2026-03-04"},
		"rotated long ago":          {[]store.Event{event(days(99), "detected", "A", sight("A", old)), event(days(95), "revoked", "A", ""), event(days(92), "rotated", "A", "")}, Due, "rotated 2026-03-01"},
		"minted before it was done": {[]store.Event{event(days(99), "detected", "A", sight("A", old)), event(days(98), "revoked", "A", ""), event(days(85), "rotate ended", "A", `{"minted":"`+days(95).Format(time.RFC3339)+`"}`)}, Due, "rotated 2026-02-26"},
		"alive again":               {[]store.Event{event(days(99), "detected", "A", sight("A", old)), event(days(89), "rotate ended", "A", ""), event(days(1), "detected", "A", `{"from":"rotated"}`)}, Due, "first committed"},
	} {
		all := Static(c.events, now, MaxAge)
		if len(all) != 1 || all[0].Status != c.want || !strings.Contains(all[0].Why, c.why) {
			t.Errorf("%s: %+v, want %q because %q", name, all, c.want, c.why)
		}
	}
	for name, over := range map[string]string{"dead": "revoked", "no leak": "dismissed", "closed": "closed"} {
		if all := Static([]store.Event{event(days(100), "detected", "A", sight("A", old)), event(days(99), over, "A", "")}, now, MaxAge); len(all) > 0 {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

// A rotation ends nothing at the issuer: the one that leaked is as old as before
// until it is proven dead, and again when it was put back.
func TestARotationDoesNotMakeTheOldOneYoung(t *testing.T) {
	events := []store.Event{event(days(99), "detected", "A", sight("A", days(100).Format(time.RFC3339))), {At: days(9), Action: "rotate ended", Subject: "LG-A", Body: json.RawMessage("{}")}}
	if all := Static(events, now, MaxAge); len(all) != 2 || all[0].Name != "LG-A r" || all[0].Status != Due || all[1].Name != "successor of LG-A r" || all[1].Status != OK {
		t.Errorf("alive beside its successor: %+v", all)
	}
	events = append(events, store.Event{At: days(8), Action: "rotate restored", Subject: "LG-A", Body: json.RawMessage("{}")})
	if all := Static(events, now, MaxAge); len(all) != 1 || all[0].Name != "LG-A r" || all[0].Status != Due {
		t.Errorf("put back: %+v", all)
	}
}

// What was rotated or rolled out again is as old as the last time, and what never
// leaked ages too.
func TestWhatTookTheirPlaceIsAsOldAsTheLastTime(t *testing.T) {
	at := func(n int, action, subject, body string) store.Event {
		return store.Event{At: days(n), Action: action, Subject: subject, Body: json.RawMessage(body)}
	}
	shop := func(user string, minted int) string {
		return `{"rollout":"shop","host":"db","user":"` + user + `","minted":"` + days(minted).Format(time.RFC3339) + `"}`
	}
	all := Static([]store.Event{
		event(days(300), "detected", "A", sight("A", "")), event(days(299), "revoked", "A", ""),
		at(298, "rollout ended", "LG-A", shop("green", 299)), event(days(298), "rotated", "A", ""),
		at(198, "rollout failed", "rollout shop at db", shop("blue", 199)),
		at(91, "rollout ended", "rollout shop at db", shop("blue", 98)),
		at(200, "rotate ended", "LG-X", `{"where":"vault app#key"}`), at(10, "rotate ended", "LG-Y", `{"where":"vault app#key","minted":"`+days(17).Format(time.RFC3339)+`"}`),
		at(200, "rotate ended", "LG-Z", `{"where":"vault other#key"}`), at(199, "rotate restored", "LG-Z", `{"where":"vault other#key"}`),
	}, now, MaxAge)
	if len(all) != 2 || all[0].Name != "password of blue" || all[0].Status != Due || !all[0].Since.Equal(days(98)) || all[0].Where != "rollout shop at db" ||
		all[1].Where != "vault app#key" || all[1].Status != OK || !all[1].Since.Equal(days(17)) {
		t.Errorf("%+v", all)
	}
}

func TestDynamicCredentialsByTheirManifests(t *testing.T) {
	roles := map[string]time.Duration{"database/creds/app": time.Hour, "db/creds/long": 48 * time.Hour}
	eso := func(spec string) string {
		return "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: db, namespace: shop}\nspec:\n" + spec +
			"  dataFrom:\n  - sourceRef: {generatorRef: {apiVersion: generators.external-secrets.io/v1alpha1, kind: VaultDynamicSecret, name: db}}\n"
	}
	gen := func(spec string) string {
		return "apiVersion: generators.external-secrets.io/v1alpha1\nkind: VaultDynamicSecret\nmetadata: {name: db}\nspec:\n" + spec
	}
	vso := func(spec string) string {
		return "apiVersion: secrets.hashicorp.com/v1beta1\nkind: VaultDynamicSecret\nmetadata: {name: db, namespace: shop}\nspec:\n" + spec
	}
	for name, c := range map[string]struct {
		text string
		want Status
		why  string
	}{
		"a generator's ttl":        {gen("  path: aws/creds/app\n  parameters: {ttl: 25h}\n"), Violation, "ttl of 25h0m0s"},
		"in seconds":               {gen("  path: aws/creds/app\n  parameters: {ttl: 3600}\n"), OK, "ttl of 1h0m0s"},
		"in days":                  {gen("  path: aws/creds/app\n  parameters: {ttl: 1d}\n"), OK, "24h0m0s"},
		"nonsense":                 {gen("  path: aws/creds/app\n  parameters: {ttl: soon}\n"), CannotTell, "no duration"},
		"its role decides":         {gen("  path: /aws/creds/app\n"), CannotTell, "--role aws/creds/app=TTL"},
		"the operator knows":       {gen("  path: database/creds/app\n"), OK, "its role gives 1h0m0s"},
		"of the operator of Vault": {vso("  mount: db\n  path: creds/long\n"), Violation, "its role gives 48h0m0s"},
		"its params":               {vso("  mount: db\n  path: creds/x\n  params: {ttl: 12h}\n"), OK, "12h0m0s"},
		"cluster": {"apiVersion: generators.external-secrets.io/v1alpha1\nkind: ClusterGenerator\nmetadata: {name: db}\nspec:\n  kind: VaultDynamicSecret\n  generator: {vaultDynamicSecretSpec: {path: x/creds/y, parameters: {ttl: 90d}}}\n",
			Violation, "2160h"},
		"refreshed often":   {eso("  refreshInterval: 1h\n"), OK, "every 1h0m0s"},
		"refreshed rarely":  {eso("  refreshInterval: 48h\n"), Violation, "every 48h0m0s"},
		"by default":        {eso(""), OK, "every 1h0m0s"},
		"never":             {eso("  refreshInterval: \"0\"\n"), Violation, "for ever"},
		"once":              {eso("  refreshPolicy: CreatedOnce\n  refreshInterval: 1h\n"), Violation, "for ever"},
		"an unknown policy": {eso("  refreshPolicy: Sometimes\n"), CannotTell, "none that is known"},
		"broken":            {gen("  path: a\n  parameters: {ttl: 1h}\n") + "---\nkind: [\n", CannotTell, "line "},
	} {
		all := Dynamic("f.yaml", []byte(c.text), MaxTTL, roles)
		if name == "broken" && len(all) == 2 {
			all = all[1:]
		}
		if len(all) != 1 || all[0].Status != c.want || !strings.Contains(all[0].Why, c.why) || !strings.HasPrefix(all[0].Where, "f.yaml") {
			t.Errorf("%s: %+v, want %q because %q", name, all, c.want, c.why)
		}
	}
	other := "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: db}\nspec: {refreshInterval: 99h, data: []}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: x}\n"
	if all := Dynamic("f.yaml", []byte(other), MaxTTL, nil); len(all) != 0 {
		t.Errorf("what is not dynamic is judged: %+v", all)
	}
}

func TestRolesAreRead(t *testing.T) {
	if path, ttl, err := ParseRole("/database/creds/app=2h"); path != "database/creds/app" || ttl != 2*time.Hour || err != nil {
		t.Errorf("%s %s %v", path, ttl, err)
	}
	for _, text := range []string{"", "x", "=1h", "x=", "x=soon", "x=-1h", "x=0", "x=99999999d"} {
		if _, _, err := ParseRole(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestCountsAndOrder(t *testing.T) {
	all := []Item{{Kind: "static", Status: OK}, {Kind: "dynamic", Status: Violation}, {Kind: "static", Status: Due, Age: 1}, {Kind: "dynamic"}, {Kind: "static", Status: Due, Age: 2}}
	Sort(all)
	if all[0].Status != Violation || all[1].Age != 2 || all[4].Status != OK {
		t.Errorf("%+v", all)
	}
	if c := Count(all); c != (Counts{Static: 3, Overdue: 2, Dynamic: 2, Violation: 1, Unknown: 1, UnknownDynamic: 1}) {
		t.Errorf("%+v", c)
	}
}

// What was rotated long ago is due, also when the events that tell of it were pruned,
// once or twice.
func TestPruningForgetsNothingThatIsDue(t *testing.T) {
	rotated := func(ago int, action, where string) store.Event {
		return store.Event{At: days(ago), Action: action, Subject: "store " + where, Body: json.RawMessage(`{"where":"` + where + `"}`)}
	}
	all := []store.Event{
		rotated(900, "rotate ended", "vault kv/a"), rotated(800, "rotate ended", "vault kv/b"), rotated(700, "rotate ended", "vault kv/c"),
		{At: days(650), Action: "rollout ended", Subject: "rollout shop at db:5432", Body: json.RawMessage(`{"rollout":"shop","host":"db:5432","user":"blue"}`)},
		event(days(640), "detected", "A", sight("A", days(645).Format(time.RFC3339))), event(days(630), "rotated", "A", ""), event(days(620), "closed", "A", ""),
		rotated(50, "rotate ended", "vault kv/a"), rotated(40, "rotate restored", "vault kv/b"),
	}
	want := Static(all, now, MaxAge)
	if c := Count(want); c.Overdue != 3 || c.Static != 4 {
		t.Fatalf("%+v", want)
	}
	prune := func(events []store.Event, n int) []store.Event {
		body, err := json.Marshal(map[string]any{"renewed": Keep(events[:n])})
		if err != nil {
			t.Fatal(err)
		}
		return append(slices.Clone(events[n:]), store.Event{At: now, Action: "pruned", Subject: "audit", Body: body})
	}
	for _, n := range []int{0, 1, 2, 3, 4, 7, 8, 9} { // no incident is cut in two
		once := prune(all, n)
		for _, left := range [][]store.Event{once, prune(once, len(once))} {
			if got := Static(left, now, MaxAge); !slices.Equal(got, want) {
				t.Errorf("%d events were pruned: %+v, want %+v", n, got, want)
			}
		}
	}
}
