package remediate

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/remediate/revoke/revoketest"
	"github.com/leakgate/leakgate/rules"
)

// shipped are twenty providers as they come with this program, each with the form of
// its values: those that need nothing that leaked beside the value, the ones with a
// documented rate or calls for several first.
func shipped(t *testing.T, w *world) (all []*revoke.Provider, forms map[string]string) {
	t.Helper()
	catalogue, err := revoke.Default()
	must(t, err)
	scripts, err := revoketest.Transcripts()
	must(t, err)
	var candidates []*revoke.Provider
	forms, w.Given = map[string]string{}, map[string]secret.Secret{}
	for _, p := range catalogue.Providers {
		s := scripts[p.ID]
		if s == nil || s.Generate != "" || strings.Contains(s.Secret, "{{") || p.Unchecked != "" || p.Evidence == revoke.Unverified {
			continue
		}
		for _, n := range p.Needs {
			if value, err := rules.ExpandExample(s.Given[n.Name], 1); err == nil && (n.From == "admin" || n.From == "setting") {
				w.Given[p.ID+"."+n.Name] = secret.New(value)
			}
		}
		forms[p.ID] = s.Secret
		candidates = append(candidates, p)
	}
	special := func(p *revoke.Provider) int { return min(p.Rate.Calls, 1) + min(p.Batch, 1) }
	slices.SortStableFunc(candidates, func(a, b *revoke.Provider) int { return special(b) - special(a) })
	for _, p := range candidates { // some are of one kind of values, and one of them is chosen
		w.Catalogue = &revoke.Catalogue{Providers: append(slices.Clone(all), p)}
		if !slices.ContainsFunc(w.Catalogue.Providers, func(p *revoke.Provider) bool {
			value, err := rules.ExpandExample(forms[p.ID], 1)
			must(t, err)
			found, _ := w.provider(Case{Rule: p.Rules[0], Value: secret.New(value)})
			return found != p
		}) {
			all = append(all, p)
		}
	}
	if len(all) < 20 {
		t.Fatalf("%d providers need nothing that leaked beside the value", len(all))
	}
	return all[:20], forms
}

// A thousand credentials of twenty shipped providers are planned and applied within
// the rates that their data documents, each dead by one effect of its own.
func TestAThousandCredentialsOfShippedProvidersKeepWithinTheRates(t *testing.T) {
	w := newWorld(t, t.TempDir(), func(w *world) {
		w.Policy.Budget, w.Policy.Lifetime = 1000, revoke.Duration(1000*time.Hour)
	})
	providers, forms := shipped(t, w)
	values := map[string]bool{}
	var leaks []Case
	asked := map[string]*revoke.Provider{}
	for i := range 1000 {
		p := providers[i%20]
		value, err := rules.ExpandExample(forms[p.ID], uint64(i)+1)
		must(t, err)
		c := w.leak(t, value, p.ID)
		c.Rule = p.Rules[0]
		values[value], asked[c.Credential] = true, p
		leaks = append(leaks, c)
	}
	if len(values) != 1000 {
		t.Fatalf("%d different values", len(values))
	}
	w.Catalogue = &revoke.Catalogue{Providers: providers}
	shown := []int{}
	w.Progress = func(done, total int) { shown = append(shown, 1000*done/total) }
	plan, digest := w.plan(t, leaks...)
	used := map[string]int{}
	for _, s := range plan.Steps {
		if s.Deed == "" {
			t.Fatalf("%s: %s", s.Provider, s.Note)
		}
		used[s.Provider]++
	}
	if len(used) != 20 || slices.ContainsFunc(providers, func(p *revoke.Provider) bool { return used[p.ID] != 50 }) {
		t.Errorf("the providers of the plan: %v", used)
	}
	for _, o := range w.apply(t, digest, leaks...) {
		if o.Effect != Proven {
			t.Fatalf("%s: %+v", o.Step.Provider, o)
		}
	}
	for value := range values {
		if deeds, _ := w.fake.effects(value); len(deeds) != 1 {
			t.Errorf("done: %v", deeds)
		}
	}
	if len(shown) != 2000 || !slices.IsSorted(shown[:1000]) || !slices.IsSorted(shown[1000:]) || shown[999] != 1000 || shown[1999] != 1000 {
		t.Errorf("the bar was told %d times, and ended at %d", len(shown), shown[len(shown)-1])
	}
	documented := 0
	for name, times := range w.fake.paced {
		r := w.fake.rates[name]
		if r.Calls > 0 {
			documented++
		} else {
			r = gentle
		}
		for i := r.Calls; i < len(times); i++ {
			if times[i].Sub(times[i-r.Calls]) < time.Duration(r.Per)-time.Millisecond {
				t.Fatalf("%s: more than %d calls in %s", name, r.Calls, time.Duration(r.Per))
			}
		}
	}
	if len(w.fake.paced) < 20 || documented == 0 {
		t.Errorf("%d paces, %d documented", len(w.fake.paced), documented)
	}
}
