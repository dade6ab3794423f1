package live

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Verdict is what the audit log and the run say.
type Verdict struct {
	Legitimate map[string]int // admitted, by writer
	Refused    []string       // legitimate
	Forged     int            // refused
	Admitted   []string       // forged
	Unanswered []string       // the API server had no answer of the webhook
	Stalled    int            // the same, while the machine stood still
	Through    int            // of these, forged and stored: a pod's own token while nobody answered
	Keys       int            // new sealing keys

	soak *Soak
	ran  time.Duration // without the stalls
}

// Judge reads the audit log in the folder after the run, which ended then.
func (s *Soak) Judge(folder string, ended time.Time) (*Verdict, error) {
	all, err := writes(folder)
	if err != nil {
		return nil, err
	}
	v := &Verdict{Legitimate: map[string]int{}, soak: s, ran: ended.Sub(s.began)}
	v.ran -= v.stopped()
	writers := s.World.writers()
	for _, w := range all {
		if w.Begin.Before(s.began) {
			continue
		}
		if w.UserAgent == forger || w.Object.Namespace == "leaky" {
			v.forged(w)
		} else if writer := writers[w.who()]; writer != "" {
			v.legitimate(w, writer)
		}
	}
	for _, m := range s.unsaid {
		v.unanswered(m.begin, m.end, m.what)
	}
	return v, nil
}

// stopped is how long the machine stood still.
func (v *Verdict) stopped() (all time.Duration) {
	for _, stall := range v.soak.stalls {
		all += stall.end.Sub(stall.begin)
	}
	return all
}

// writers are those whose writes are legitimate, by the user that counts.
func (w *World) writers() map[string]string {
	return map[string]string{
		w.sealed.Account.User(): "sealed-secrets", w.external.Account.User(): "external-secrets",
		w.flux.Account.User(): "kustomize-controller", w.tenant.User(): "kustomize-controller as a tenant",
	}
}

// forged: who writes under the name of a trusted writer is let through when there is
// no answer, which is excused only while the machine stood still.
func (v *Verdict) forged(w write) {
	excused := w.open() && v.soak.stalled(w.Begin, w.End)
	switch {
	case w.denied():
		v.Forged++
	case !w.ok(): // neither, as a conflict
	case excused:
		v.Stalled, v.Through = v.Stalled+1, v.Through+1
	default:
		v.Admitted = append(v.Admitted, w.String())
	}
}

func (v *Verdict) legitimate(w write, writer string) {
	switch {
	case w.ok():
		v.Legitimate[writer]++
	case w.denied():
		v.Refused = append(v.Refused, w.String())
	}
	if w.open() {
		v.unanswered(w.Begin, w.End, w.String())
	}
	if w.ok() && w.Object.Namespace == "kube-system" {
		v.Keys++
	}
}

func (v *Verdict) unanswered(begin, end time.Time, what string) {
	if v.soak.stalled(begin, end) {
		v.Stalled++
		return
	}
	v.Unanswered = append(v.Unanswered, what)
}

// The least that has to happen for a verdict, by the time that the run had.
const (
	perSource = 30 * time.Second // a rotation of each source in this time, on the average
	perForged = 2 * time.Second  // a forged write
	mostBytes = 256 << 20        // the limit of the Deployment
)

// Err is nil when nothing went wrong and enough happened to tell.
func (v *Verdict) Err() error {
	var errs []error
	none := func(what string, found []string) {
		if len(found) > 0 {
			errs = append(errs, fmt.Errorf("%d %s, first:\n%s", len(found), what, strings.Join(found[:min(5, len(found))], "\n")))
		}
	}
	none("legitimate writes were refused", v.Refused)
	none("forged writes were admitted", v.Admitted)
	none("writes had no answer", v.Unanswered)
	if v.soak.admitted > v.Through && len(v.Admitted) == 0 {
		errs = append(errs, fmt.Errorf("%d forged writes were admitted", v.soak.admitted-v.Through))
	}
	least := func(what string, got int, want time.Duration) {
		if need := max(1, int(v.ran/want)); got < need {
			errs = append(errs, fmt.Errorf("%d %s, want at least %d: too few to tell", got, what, need))
		}
	}
	for _, source := range v.soak.World.Sources {
		least("rotations of "+source.Name, v.soak.arrived[source.Name], perSource)
	}
	for _, writer := range v.soak.World.writers() {
		least("writes by "+writer, v.Legitimate[writer], perSource)
	}
	least("forged writes", v.Forged, perForged)
	least("restarts of controllers", v.soak.restarts["controllers"], v.soak.Length/10)
	least("rolling restarts", v.soak.restarts["rolling restarts"], v.soak.Length/10)
	least("new authorities", v.soak.restarts["authorities"], v.soak.Length/2)
	least("new sealing keys", v.Keys, v.soak.Length/2)
	if v.soak.memory == 0 || v.soak.memory > mostBytes {
		errs = append(errs, fmt.Errorf("a replica had %d bytes resident", v.soak.memory))
	}
	return errors.Join(errs...)
}

// String is the table.
func (v *Verdict) String() string {
	var b strings.Builder
	row := func(what string, n any) { fmt.Fprintf(&b, "| %s | %v |\n", what, n) }
	fmt.Fprintf(&b, "| soak of %s | |\n|---|---:|\n", v.soak.Length)
	row("**legitimate writes refused**", len(v.Refused))
	row("**forged writes admitted**", len(v.Admitted))
	row("writes without an answer of the webhook", len(v.Unanswered))
	total := 0
	for _, name := range slices.Sorted(maps.Keys(v.Legitimate)) {
		total += v.Legitimate[name]
		row("legitimate writes by "+name, v.Legitimate[name])
	}
	row("legitimate writes, all", total)
	row("forged writes refused", v.Forged)
	for _, source := range v.soak.World.Sources {
		row("values that arrived by "+source.Name, v.soak.arrived[source.Name])
	}
	row("restarts of a controller", v.soak.restarts["controllers"])
	row("rolling restarts of both replicas", v.soak.restarts["rolling restarts"])
	row("new authorities for certificates", v.soak.restarts["authorities"])
	row("new sealing keys", v.Keys)
	row("most that a replica had resident", fmt.Sprintf("%d MiB", v.soak.memory>>20))
	row("stops of the machine, in seconds", fmt.Sprintf("%d, %.0f", len(v.soak.stalls), v.stopped().Seconds()))
	row("writes without an answer in these, and forged ones stored", fmt.Sprintf("%d, %d", v.Stalled, v.Through))
	return b.String()
}
