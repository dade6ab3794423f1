package remediate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/rules"
)

// A credential that was dead when the plan was made may work again when it is applied.
func TestADeadOneIsLookedAtAgain(t *testing.T) {
	w := newWorld(t, t.TempDir())
	c := w.leak(t, "soft-value", "soft")
	w.fake.status = map[string]revoke.Status{"soft-value": revoke.Dead}
	_, digest := w.plan(t, c)
	w.fake.status = nil
	if out := w.apply(t, digest, c); out[0].Effect != Open || w.state(t, c) != store.Detected {
		t.Errorf("%+v, the incident is %s", out[0], w.state(t, c))
	}
	if out := w.apply(t, digest); out[0].Effect != Open || w.state(t, c) != store.Detected {
		t.Errorf("without its value: %+v, the incident is %s", out[0], w.state(t, c))
	}
}

// Undo takes back what the plan did and nothing else.
func TestUndoTakesBackNothingThatThePlanDidNotDo(t *testing.T) {
	for name, prepare := range map[string]func(w *world, c Case){
		"the provider refused": func(w *world, _ Case) {
			w.fake.act = func(_ string, d revoke.Deed) *revoke.Outcome {
				if d == revoke.Undo {
					return nil
				}
				return &revoke.Outcome{Result: revoke.Refused, Why: "it may not"}
			}
		},
		"it died without us": func(w *world, _ Case) {
			w.fake.status = map[string]revoke.Status{"soft-value": revoke.Dead}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, t.TempDir())
			c := w.leak(t, "soft-value", "soft")
			_, digest := w.plan(t, c)
			prepare(w, c)
			w.apply(t, digest, c)
			out, err := w.Undo(t.Context(), digest, "", byID(c))
			must(t, err)
			if deeds, _ := w.fake.effects("soft-value"); len(deeds) > 0 {
				t.Errorf("%v was done: %+v", deeds, out)
			}
		})
	}
}

// What was disabled and not proven dead can be taken back too.
func TestUndoOfWhatIsNotProvenDead(t *testing.T) {
	w := newWorld(t, t.TempDir())
	c := w.leak(t, "soft-value", "soft")
	_, digest := w.plan(t, c)
	w.fake.status = map[string]revoke.Status{"soft-value": revoke.Live}
	w.apply(t, digest, c)
	for range 2 {
		if _, err := w.Undo(t.Context(), digest, "", byID(c)); err != nil {
			t.Error(err)
		}
	}
	if deeds, _ := w.fake.effects("soft-value"); fmt.Sprint(deeds) != "[disable undo]" {
		t.Error(deeds)
	}
}

// The record that is enabled again is that of the plan, not what the journal says.
func TestUndoDoesNotTrustTheJournal(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, dir)
	c := w.leak(t, "soft-value", "soft")
	_, digest := w.plan(t, c)
	w.apply(t, digest, c)
	change(t, dir, `INSERT INTO journal (plan, step, event, body, at) VALUES ('`+digest+`', 0, 'intent', '{"deed":"disable","target":{"provider":"soft","id":"decoy","proof":"own-id"}}', 1)`)
	out, err := w.Undo(t.Context(), digest, "", byID(c))
	if deeds, _ := w.fake.effects("soft-value"); len(deeds) != 1 || !tampered(err) {
		t.Errorf("%v was done: %+v %v", deeds, out, err)
	}
}

func tampered(err error) bool {
	_, is := errors.AsType[*store.JournalError](err)
	return is
}

// A second plan does not call what a run that was cut off may have called.
func TestANewPlanWaitsForTheCallOfAnother(t *testing.T) {
	w := newWorld(t, t.TempDir(), slow(10*time.Minute))
	c := w.leak(t, "hard-value", "hard")
	_, digest := w.plan(t, c)
	w.cutOff(t, "behind call", digest, c)
	w.clock.now = w.clock.now.Add(time.Second)
	_, second := w.plan(t, c)
	if out := w.apply(t, second, c); out[0].Effect != Proven {
		t.Errorf("%+v", out[0])
	}
	if deeds, _ := w.fake.effects("hard-value"); len(deeds) != 1 {
		t.Errorf("the effects: %v, want one", deeds)
	}
}

// What may not be known must not lower the number of approvals.
func TestQuorumsTakeTheWorstOfWhatTheyDoNotKnow(t *testing.T) {
	for _, c := range []struct{ pattern, scope string }{{"*", "https://example.com/auth/all"}, {"admin:*", "admin:org/write"}, {"admin:*", "Admin:Org"}} {
		p := Policy{Approvals: []Quorum{{Need: 1, Scopes: []string{c.pattern}}}}
		if p.Needs(&Plan{Steps: []Step{{Deed: revoke.Revoke, Scopes: []string{c.scope}}}}) != 1 {
			t.Errorf("%+v", c)
		}
	}
	p := Policy{Approvals: []Quorum{{Need: 1, Severity: []string{"critical"}}}}
	if p.Needs(&Plan{Steps: []Step{{Deed: revoke.Revoke}}}) != 1 {
		t.Error("unknown severity")
	}
}

// A credential that works again is not called dead.
func TestAReportOfWhatWorksAgain(t *testing.T) {
	w := newWorld(t, t.TempDir())
	c := w.leak(t, "soft-value", "soft")
	_, digest := w.plan(t, c)
	w.apply(t, digest, c)
	_, err := w.Undo(t.Context(), digest, "", byID(c))
	must(t, err)
	text, err := w.Report(t.Context(), c.Credential)
	must(t, err)
	if !strings.Contains(text, "| Revoked | unknown |") || !strings.Contains(text, "| Proof | unknown |") {
		t.Error(text)
	}
}

// The kill switch and the plan's end hold inside a step that waited.
func TestAWaitDoesNotOutliveThePermission(t *testing.T) {
	for name, end := range map[string]func(w *world){
		"kill switch": func(w *world) { must(t, os.WriteFile(w.Policy.KillSwitch, nil, 0o600)) },
		"expired":     func(w *world) { w.clock.now = w.clock.now.Add(25 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			w := newWorld(t, dir, func(w *world) { w.Policy.KillSwitch = filepath.Join(dir, "stop") })
			c := w.leak(t, "hard-value", "hard")
			_, digest := w.plan(t, c)
			w.fake.locate = func(_ revoke.Input, target revoke.Target) (revoke.Target, error) { end(w); return target, nil }
			out, err := w.Apply(t.Context(), digest, byID(c))
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%v %+v", err, out)
			}
			if deeds, _ := w.fake.effects("hard-value"); len(deeds) > 0 {
				t.Errorf("%v was done", deeds)
			}
		})
	}
}

// Two approvers are two people.
func TestApproversAreDifferentPeople(t *testing.T) {
	who := newPeople(t, "ann", "bob")
	key := string(ssh.MarshalAuthorizedKey(who["ann"].PublicKey()))
	for name, text := range map[string]string{
		"one key for two names":       "[[approvers]]\nname = \"ann\"\nkeys = ['''" + strings.TrimSpace(key) + "''']\n[[approvers]]\nname = \"ann2\"\nkeys = ['''" + strings.TrimSpace(key) + " again''']\n",
		"one name twice":              "[[approvers]]\nname = \"ann\"\nkeys = ['''" + strings.TrimSpace(key) + "''']\n[[approvers]]\nname = \"Ann \"\nkeys = ['''" + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(who["bob"].PublicKey()))) + "''']\n",
		"no name":                     "[[approvers]]\nkeys = ['''" + strings.TrimSpace(key) + "''']\n",
		"two requesters, one key":     "[[requesters]]\nname = \"ann\"\nkeys = ['''" + strings.TrimSpace(key) + "''']\n[[requesters]]\nname = \"bob\"\nkeys = ['''" + strings.TrimSpace(key) + "''']\n",
		"a name of two lines":         "[[approvers]]\nname = \"undo\\nann\"\nkeys = ['''" + strings.TrimSpace(key) + "''']\n",
		"a grace of none that is 7 d": "grace = \"0s\"\n",
		"a budget of none that is 10": "budget = 0\n",
		"a life of none that is 24 h": "lifetime = \"0s\"\n",
	} {
		if _, err := ParsePolicy([]byte(text)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// Another spelling of a name is the same person.
func TestARequesterByAnotherSpellingDoesNotApprove(t *testing.T) {
	who := newPeople(t, "ann", "bob")
	for _, spelling := range []string{"Ann", " ann", "ann\t"} {
		w := newWorld(t, t.TempDir(), func(w *world) {
			w.Policy.Approvers, w.Policy.Approvals, w.Actor = who.listed(), []Quorum{{Need: 1}}, spelling
		})
		_, digest := w.plan(t, w.leak(t, "the-value", "hard"))
		if err := w.Approve(t.Context(), who.sign(t, w, "ann", digest)); err == nil {
			t.Errorf("%q approved a plan of her own", spelling)
		}
	}
}

// What a provider does not know where it was asked may be from elsewhere: it is
// dead behind a call, where it was seen alive before, or by the operator's word.
func TestWhatIsNotKnownAtAPlaceIsNotDead(t *testing.T) {
	for name, c := range map[string]struct {
		place string
		word  func(*world)
		dead  bool
	}{
		"one account of many":      {revoke.PlaceNone, nil, false},
		"the only account":         {revoke.PlaceNone, func(w *world) { w.Policy.Home = []string{"hard"} }, true},
		"a host that nobody named": {"host", nil, false},
		"a host by name":           {"host", func(w *world) { w.Given = map[string]secret.Secret{"hard.host": secret.New("example.com")} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, t.TempDir(), func(w *world) {
				p := w.Catalogue.Providers[1]
				p.Needs, p.Place = []revoke.Need{{Name: "host", From: "setting", Default: "example.com"}}, c.place
				if c.word != nil {
					c.word(w)
				}
			})
			absent, known := w.leak(t, "absent-value", "hard"), w.leak(t, "known-value", "hard")
			w.fake.status = map[string]revoke.Status{"absent-value": revoke.Dead}
			_, digest := w.plan(t, absent, known)
			w.apply(t, digest, absent, known)
			if (w.state(t, absent) == store.Revoked) != c.dead || w.state(t, known) != store.Revoked {
				t.Errorf("the absent one is %s, the known one %s", w.state(t, absent), w.state(t, known))
			}
		})
	}
}

// A run that was cut off, and whose plan is over, is taken up by another plan:
// the credential was alive at this place, and so its absence is its death. At
// another place that is not so.
func TestTheTrailRemembersWhereACredentialWasAlive(t *testing.T) {
	for _, moved := range []bool{false, true} {
		w := newWorld(t, t.TempDir(), func(w *world) {
			p := w.Catalogue.Providers[1]
			p.Needs, p.Place = []revoke.Need{{Name: "host", From: "setting", Default: "example.com"}}, revoke.PlaceNone
		})
		c := w.leak(t, "the-value", "hard")
		_, digest := w.plan(t, c)
		w.cutOff(t, "behind call", digest, c)
		w.clock.now = w.clock.now.Add(48 * time.Hour)
		if moved {
			w.Given = map[string]secret.Secret{"hard.host": secret.New("elsewhere.example")}
		}
		_, second := w.plan(t, c)
		w.apply(t, second, c)
		if (w.state(t, c) == store.Revoked) == moved {
			t.Errorf("moved %t: %s", moved, w.state(t, c))
		}
		if deeds, _ := w.fake.effects("the-value"); len(deeds) != 1 {
			t.Errorf("done: %v", deeds)
		}
	}
}

// The repository that leaked may call a rule harmless; approvals do not follow that.
func TestTheRepositoryDoesNotSayHowGraveItsLeakIs(t *testing.T) {
	known, err := rules.Default()
	must(t, err)
	for _, r := range known.Rules {
		for _, said := range []string{"", "low", "high", "critical"} {
			got, err := gravity(Case{Rule: r.ID, Severity: said})
			must(t, err)
			if n, ok := rules.ParseSeverity(got); !ok || n < r.Severity || said == "critical" && got != said {
				t.Fatalf("%s is %q where %q was said, and comes as %s", r.ID, got, said, r.Severity)
			}
		}
	}
}

// An outage of an hour ago does not keep a server from revoking for ever.
func TestAProviderThatIsBackIsAskedAgain(t *testing.T) {
	w := newWorld(t, t.TempDir())
	c := w.leak(t, "hard-value", "hard")
	_, digest := w.plan(t, c)
	w.fake.status = map[string]revoke.Status{"hard-value": revoke.Unknown}
	for range maxFaults + 1 {
		w.apply(t, digest, c)
	}
	w.fake.status = nil
	if out := w.apply(t, digest, c); out[0].Effect != Refused {
		t.Errorf("it was not left alone: %+v", out)
	}
	w.clock.now = w.clock.now.Add(time.Hour)
	if out := w.apply(t, digest, c); out[0].Effect != Proven {
		t.Errorf("%+v", out)
	}
}

// A plan that somebody wrote into the database is no plan, whatever its digest.
func TestAPlanThatWasWrittenIntoTheDatabaseIsNotApplied(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, dir)
	c := w.leak(t, "hard-value", "hard")
	plan, _ := w.plan(t, c)
	plan.Steps[0].Undo = true // and so needs no approval
	body, err := plan.encode()
	must(t, err)
	digest, err := plan.Digest()
	must(t, err)
	change(t, dir, `INSERT INTO plans (digest, requester, body, made_at) VALUES ('`+digest+`', 'ann', '`+string(body)+`', 1)`)
	if out, err := w.Apply(t.Context(), digest, byID(c)); err == nil {
		t.Errorf("%+v", out)
	}
	if out, err := w.Undo(t.Context(), digest, "", byID(c)); err == nil {
		t.Errorf("%+v", out)
	}
	if deeds, _ := w.fake.effects("hard-value"); len(deeds) > 0 {
		t.Errorf("%v was done", deeds)
	}
}

// What the journal alone calls dead is not.
func TestTheJournalAloneProvesNoDeath(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, dir)
	c := w.leak(t, "hard-value", "hard")
	_, digest := w.plan(t, c)
	change(t, dir, `INSERT INTO journal (plan, step, event, body, at) VALUES ('`+digest+`', 0, 'verified', '{}', 1)`)
	if out, err := w.Apply(t.Context(), digest, byID(c)); !tampered(err) {
		t.Errorf("%+v %v", out, err)
	}
	if _, _, err := w.Status(t.Context(), digest); !tampered(err) {
		t.Errorf("its status: %v", err)
	}
	if w.state(t, c) != store.Detected {
		t.Errorf("the incident is %s", w.state(t, c))
	}
}

// What the journal does not tell any more would be done again.
func TestALineThatWasTakenOutOfTheJournalIsMissed(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, dir)
	c := w.leak(t, "hard-value", "hard")
	w.fake.status = map[string]revoke.Status{"hard-value": revoke.Live} // whatever was done
	_, digest := w.plan(t, c)
	w.cutOff(t, "behind call", digest, c)
	change(t, dir, `DROP TRIGGER journal_no_delete`)
	change(t, dir, `DELETE FROM journal`)
	if out, err := w.Apply(t.Context(), digest, byID(c)); !tampered(err) || !strings.Contains(err.Error(), "tells of a line that is missing") {
		t.Errorf("%+v %v", out, err)
	}
	if deeds, _ := w.fake.effects("hard-value"); len(deeds) != 1 {
		t.Errorf("done: %v", deeds)
	}
}

// A token that is handed over again and again is reported once, where nobody can check it.
func TestANewPlanDoesNotRepeatWhatNobodyCanCheck(t *testing.T) {
	w := newWorld(t, t.TempDir(), func(w *world) { w.Catalogue.Providers[1].Unchecked = "there is no read-only check" })
	c := w.leak(t, "hard-value", "hard")
	w.fake.status = map[string]revoke.Status{"hard-value": revoke.Unknown}
	for range 3 {
		_, digest := w.plan(t, c)
		if out := w.apply(t, digest, c); out[0].Effect != Open {
			t.Errorf("%+v", out[0])
		}
		w.clock.now = w.clock.now.Add(time.Minute)
	}
	if deeds, _ := w.fake.effects("hard-value"); len(deeds) != 1 {
		t.Errorf("the effects: %v, want one", deeds)
	}
}

// halting has the kill switch made while somebody waits.
type halting struct {
	Clock
	file string
}

func (h halting) Sleep(ctx context.Context, d time.Duration) error {
	return errors.Join(os.WriteFile(h.file, nil, 0o600), h.Clock.Sleep(ctx, d))
}

func TestAnUndoThatWaitedIsStopped(t *testing.T) {
	stop := filepath.Join(t.TempDir(), "stop")
	w := newWorld(t, t.TempDir(), func(w *world) { w.Policy.KillSwitch = stop })
	c := w.leak(t, "a value that stays disabled", "soft")
	_, digest := w.plan(t, c)
	w.apply(t, digest, c)
	w.Clock = halting{w.clock, stop}
	if _, err := w.Undo(t.Context(), digest, "", byID(c)); !errors.Is(err, ErrStopped) {
		t.Errorf("undo: %v", err)
	}
	if got, _ := w.fake.effects(c.Value.Reveal()); len(got) != 1 {
		t.Errorf("the issuer did %v", got)
	}
	must(t, os.Remove(stop))
	w.Clock = w.clock
	if _, err := w.Undo(t.Context(), digest, "", byID(c)); err != nil || w.state(t, c) != store.Detected {
		t.Errorf("undo: %v, %s", err, w.state(t, c))
	}
}
