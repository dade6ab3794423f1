package remediate

import (
	"fmt"
	"testing"
	"time"

	"github.com/leakgate/leakgate/remediate/revoke"
)

// reported is a provider that takes several values in a call, 60 calls an hour.
func reported(batch int) func(*world) {
	return func(w *world) {
		w.Catalogue.Providers[1].Batch = batch
		w.Catalogue.Providers[1].Revoke = &revoke.Action{Rate: revoke.Rate{Calls: 60, Per: revoke.Duration(time.Hour)}}
		w.Policy.Budget, w.Policy.Lifetime = 1000, revoke.Duration(100*time.Hour)
	}
}

func (w *world) leaks(t *testing.T, n int) (all []Case) {
	t.Helper()
	for i := range n {
		all = append(all, w.leak(t, fmt.Sprintf("%04d-value", i), "hard"))
	}
	return all
}

// effectsOf counts the values to which exactly one thing was done, and fails for more.
func (w *world) effectsOf(t *testing.T, cases []Case) (n int) {
	t.Helper()
	for _, c := range cases {
		deeds, _ := w.fake.effects(c.Value.Reveal())
		if len(deeds) > 1 {
			t.Errorf("%s: %v", c.Credential, deeds)
		}
		n += len(deeds)
	}
	return n
}

func proven(out []Outcome) (n int) {
	for _, o := range out {
		if o.Effect == Proven {
			n++
		}
	}
	return n
}

func TestAThousandCredentialsDieInAsFewCallsAsTheProviderTakes(t *testing.T) {
	for _, c := range []struct {
		leaks, batch int
		want         []int
	}{{1000, 1000, []int{1000}}, {50, 20, []int{20, 20, 10}}} {
		want := c.want
		w := newWorld(t, t.TempDir(), reported(c.batch))
		leaks := w.leaks(t, c.leaks)
		_, digest := w.plan(t, leaks...)
		planned, began := len(w.fake.calls["hard"]), w.clock.Now()
		if n := proven(w.apply(t, digest, leaks...)); n != c.leaks {
			t.Errorf("%d of %d are proven", n, c.leaks)
		}
		if fmt.Sprint(w.fake.volleys) != fmt.Sprint(want) {
			t.Errorf("calls of %v, want %v", w.fake.volleys, want)
		}
		if n := w.effectsOf(t, leaks); n != c.leaks {
			t.Errorf("%d effects", n)
		}
		if calls := len(w.fake.calls["hard"]) - planned; calls != 2*c.leaks+len(want) { // a check before and one behind each
			t.Errorf("%d calls", calls)
		}
		if took := w.clock.Now().Sub(began); took > time.Hour {
			t.Errorf("it took %s", took)
		}
	}
}

// What the budget does not allow is in no call.
func TestTheBudgetCountsValuesAndNotCalls(t *testing.T) {
	w := newWorld(t, t.TempDir(), reported(1000), func(w *world) { w.Policy.Budget = 7 })
	leaks := w.leaks(t, 20)
	_, digest := w.plan(t, leaks...)
	for _, want := range []int{7, 14, 20} {
		w.apply(t, digest, leaks...)
		if n := w.effectsOf(t, leaks); n != want {
			t.Errorf("%d effects, want %d", n, want)
		}
	}
}

// A call for several that is cut off anywhere leaves what the next run finishes,
// with one effect each.
func TestACallForSeveralThatIsCutOffIsTakenUp(t *testing.T) {
	for _, delay := range []time.Duration{0, 10 * time.Minute} {
		for _, point := range points {
			t.Run(fmt.Sprint(delay, " ", point), func(t *testing.T) {
				w := newWorld(t, t.TempDir(), reported(1000), slow(delay))
				leaks := w.leaks(t, 8)
				_, digest := w.plan(t, leaks...)
				w.cutOff(t, point, digest, leaks...)
				for range 2 {
					if n := proven(w.apply(t, digest, leaks...)); n != len(leaks) {
						t.Errorf("%d are proven", n)
					}
				}
				if n := w.effectsOf(t, leaks); n != len(leaks) || len(w.fake.volleys) > 1 {
					t.Errorf("%d effects in calls of %v", n, w.fake.volleys)
				}
			})
		}
	}
}

// One value that the provider refuses does not save the others.
func TestARefusedValueIsToldFromTheRest(t *testing.T) {
	w := newWorld(t, t.TempDir(), reported(1000))
	leaks := w.leaks(t, 33)
	_, digest := w.plan(t, leaks...)
	w.fake.act = func(value string, _ revoke.Deed) *revoke.Outcome {
		if value == leaks[20].Value.Reveal() {
			return &revoke.Outcome{Result: revoke.Refused, Why: "malformed"}
		}
		return nil
	}
	out := w.apply(t, digest, leaks...)
	if proven(out) != 32 || w.effectsOf(t, leaks) != 32 {
		t.Errorf("%d are proven, %d effects", proven(out), w.effectsOf(t, leaks))
	}
	for _, o := range out {
		if (o.Effect == Refused) != (o.Step.Credential == leaks[20].Credential) {
			t.Errorf("%+v", o)
		}
	}
}

// A value that died meanwhile, and one that nobody can tell of, are in no call.
func TestACallCarriesOnlyWhatIsToBeCalledFor(t *testing.T) {
	w := newWorld(t, t.TempDir(), reported(1000))
	leaks := w.leaks(t, 5)
	_, digest := w.plan(t, leaks...)
	w.fake.status = map[string]revoke.Status{leaks[1].Value.Reveal(): revoke.Dead, leaks[3].Value.Reveal(): revoke.Unknown}
	w.apply(t, digest, leaks...)
	if fmt.Sprint(w.fake.volleys) != "[3]" || w.effectsOf(t, leaks) != 3 {
		t.Errorf("calls of %v", w.fake.volleys)
	}
}
