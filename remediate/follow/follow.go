// Package follow proves that those who use a credential follow its rotation: the
// operator that copies it out of a store did so again, the Secret holds the new
// value, the workloads were started after that, and nobody uses the old one. Each
// of these is proven, not so yet, or nobody can tell; only all of them are a proof.
//
// Values are compared by their HMAC under the installation's key, and shown nowhere.
package follow

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// Cluster reads and changes objects of Kubernetes by the path of the API, as
// /api/v1/namespaces/a/secrets/b. Merge applies a JSON merge patch. What is not
// there is [ErrNotFound].
type Cluster interface {
	Get(ctx context.Context, path string) (map[string]any, error)
	Merge(ctx context.Context, path string, patch any) (map[string]any, error)
}

// ErrNotFound is that there is no such object.
var ErrNotFound = errors.New("there is no such object")

// Clock tells the time and waits. Sleep returns early with the context's error.
type Clock interface {
	Now() time.Time
	Sleep(context.Context, time.Duration) error
}

// Consumer is who should follow.
type Consumer struct {
	Namespace string `toml:"namespace"`
	Secret    string `toml:"secret"` // its name
	Key       string `toml:"key"`    // under which the value is in it
	// Source is the object that keeps the Secret, as externalsecret/NAME or
	// vaultstaticsecret/NAME; "" when somebody else writes it.
	Source string `toml:"source"`
	// Workloads use the Secret, as deployment/NAME, statefulset/NAME or daemonset/NAME.
	Workloads []string `toml:"workloads"`
	// Restart has the workloads restarted here. Otherwise Reloader, or the
	// operator, is expected to do that.
	Restart bool `toml:"restart"`
	// Used is how many use the old value, as its issuer says; nil when nobody asks it.
	Used func(context.Context) (int, error) `toml:"-"`
}

// Verdict is what is known of one fact.
type Verdict int

const (
	// CannotTell: nobody answered, or nothing that was answered proves it.
	CannotTell Verdict = iota
	// NotYet: it is known not to be so.
	NotYet
	// Proven: it is so.
	Proven
)

func (v Verdict) String() string { return [...]string{"cannot tell", "not yet", "proven"}[v] }

// MarshalText writes the word for reports.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Fact is one part of a proof.
type Fact struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Why     string  `json:"why"` // never holds a value
}

// Proof is what is known of a consumer.
type Proof struct {
	Facts []Fact        `json:"facts"`
	Took  time.Duration `json:"took"` // from the first question until the Secret held the value
}

// Verdict is that of the whole: proven when every fact is, not yet when one is
// known not to be so, and else nobody can tell. No fact proves nothing.
func (p Proof) Verdict() Verdict {
	worst := Proven
	for _, f := range p.Facts {
		if f.Verdict == NotYet {
			return NotYet
		}
		worst = min(worst, f.Verdict)
	}
	if len(p.Facts) == 0 {
		return CannotTell
	}
	return worst
}

// Prover looks at a cluster.
type Prover struct {
	Cluster Cluster
	Key     secret.Key
	Clock   Clock
	Limit   time.Duration // how long it waits; 5 minutes when 0
}

// Waits between looks.
const (
	defaultLimit = 5 * time.Minute
	poll         = time.Second
)

// Propagate makes a consumer follow to a value that its store has, and waits until
// that is proven or the limit is over. The proof says how far it came. The error is that of
// the consumer's description or of the context.
func (p Prover) Propagate(ctx context.Context, c Consumer, value secret.Secret) (Proof, error) {
	r, err := p.begin(c, value)
	if err != nil {
		return Proof{}, err
	}
	r.started = p.Clock.Now()
	r.force(ctx)
	return p.wait(ctx, r.started, func() (Proof, bool) { proof := r.look(ctx); return proof, r.never != "" })
}

// wait looks until it is proven, cannot be any more, or the limit is over.
func (p Prover) wait(ctx context.Context, started time.Time, look func() (proof Proof, never bool)) (Proof, error) {
	limit := p.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	for end := started.Add(limit); ; {
		proof, never := look()
		if err := ctx.Err(); err != nil {
			return proof, err
		}
		if proof.Verdict() == Proven || never || !p.Clock.Now().Before(end) {
			return proof, nil
		}
		if err := p.Clock.Sleep(ctx, poll); err != nil {
			return proof, err
		}
	}
}

// Prove is Propagate for all consumers of a value, one after the other. It says in
// one line what proves that they follow; an error says who is not proven to, and why.
func (p Prover) Prove(ctx context.Context, all []Consumer, value secret.Secret) (string, error) {
	if len(all) == 0 {
		return "", errors.New("no consumer is named, so nothing can be proven")
	}
	var lines []string
	for _, c := range all {
		proof, err := p.Propagate(ctx, c, value)
		if err != nil {
			return "", err
		}
		if v := proof.Verdict(); v != Proven {
			return "", fmt.Errorf("%s: %s", v, proof.lines(func(f Fact) bool { return f.Verdict != Proven }))
		}
		lines = append(lines, proof.lines(func(Fact) bool { return true }))
	}
	return strings.Join(lines, "; "), nil
}

func (p Proof) lines(which func(Fact) bool) string {
	var lines []string
	for _, f := range p.Facts {
		if which(f) {
			lines = append(lines, f.Name+": "+f.Why)
		}
	}
	return strings.Join(lines, ", ")
}

// Look says how far a consumer has followed, and changes nothing.
func (p Prover) Look(ctx context.Context, c Consumer, value secret.Secret) (Proof, error) {
	r, err := p.begin(c, value)
	if err != nil {
		return Proof{}, err
	}
	r.started, r.idle = p.Clock.Now(), true
	return r.look(ctx), ctx.Err()
}

// run is one proof.
type run struct {
	Prover
	Consumer
	want    [32]byte // mark of the value
	source  source
	started time.Time
	took    time.Duration
	idle    bool            // nothing is changed
	never   string          // why waiting is in vain
	forced  forced          // of the source
	changed time.Time       // when the Secret was written last, as the API server says
	again   map[string]bool // workloads that were restarted
}

func (p Prover) begin(c Consumer, value secret.Secret) (*run, error) {
	r := &run{Prover: p, Consumer: c, want: p.Key.HMAC("follow", value), again: map[string]bool{}}
	for _, name := range []string{c.Namespace, c.Secret, c.Key} {
		if name == "" || strings.ContainsAny(name, "/?#%") {
			return nil, errors.New("a namespace, a Secret and its key are needed, by their names") // which may be a value by mistake
		}
	}
	if value.IsZero() {
		return nil, errors.New("no value was given")
	}
	for _, workload := range c.Workloads {
		if _, err := pathOf(c.Namespace, workload, workloads); err != nil {
			return nil, err
		}
	}
	if c.Source == "" {
		return r, nil
	}
	kind, _, _ := strings.Cut(c.Source, "/")
	if r.source = sources[strings.ToLower(kind)]; r.source.judge == nil {
		return nil, errors.New("a source is externalsecret/NAME or vaultstaticsecret/NAME")
	}
	_, err := pathOf(c.Namespace, c.Source, r.source.paths)
	return r, err
}

// look gathers all facts. What depends on the Secret is not asked before it holds the value.
func (r *run) look(ctx context.Context) Proof {
	var proof Proof
	add := func(name string, v Verdict, why string) {
		proof.Facts = append(proof.Facts, Fact{name, v, why})
	}
	if r.source.judge != nil {
		v, why := r.judgeSource(ctx)
		add(r.Source, v, why)
	}
	holds, why := r.judgeSecret(ctx)
	add("secret/"+r.Secret, holds, why)
	if holds == Proven && r.took == 0 {
		r.took = max(r.Clock.Now().Sub(r.started), 1)
	}
	proof.Took = r.took
	for _, workload := range r.Workloads {
		if holds != Proven {
			add(workload, holds, "the Secret does not hold the value")
			continue
		}
		v, why := r.judgeWorkload(ctx, workload)
		add(workload, v, why)
	}
	if r.Used != nil {
		switch n, err := r.Used(ctx); {
		case err != nil:
			add("the old value", CannotTell, err.Error())
		case n > 0:
			add("the old value", NotYet, fmt.Sprintf("%d use it", n))
		default:
			add("the old value", Proven, "nobody uses it")
		}
	}
	return proof
}

// judgeSecret holds the value in the Secret against the wanted one, by their marks.
func (r *run) judgeSecret(ctx context.Context) (Verdict, string) {
	object, err := r.Cluster.Get(ctx, "/api/v1/namespaces/"+r.Namespace+"/secrets/"+r.Secret)
	if errors.Is(err, ErrNotFound) {
		return NotYet, "there is no such Secret"
	}
	if err != nil {
		return CannotTell, err.Error()
	}
	text, ok := at(object, "data", r.Consumer.Key).(string)
	if !ok {
		return NotYet, "it has no key " + r.Consumer.Key
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return CannotTell, "the key " + r.Consumer.Key + " does not decode"
	}
	if r.Prover.Key.HMAC("follow", secret.New(string(raw))) != r.want {
		return NotYet, "it holds another value"
	}
	if r.changed = written(object); r.changed.IsZero() {
		return CannotTell, "it holds the value, and nothing says since when"
	}
	return Proven, fmt.Sprintf("it holds the value since %s, resourceVersion %s", r.changed.Format(time.RFC3339), word(at(object, "metadata", "resourceVersion")))
}

// written is when the data of an object was written last, as the API server keeps it.
func written(object map[string]any) (last time.Time) {
	entries, _ := at(object, "metadata", "managedFields").([]any)
	for _, entry := range entries {
		e, _ := entry.(map[string]any)
		if at(e, "fieldsV1", "f:data") == nil {
			continue
		}
		if when := moment(at(e, "time")); when.After(last) {
			last = when
		}
	}
	return last
}

// at follows names into a document; nil when one is missing.
func at(node any, names ...string) any {
	for _, name := range names {
		m, ok := node.(map[string]any)
		if !ok {
			return nil
		}
		node = m[name]
	}
	return node
}

func word(node any) string {
	text, _ := node.(string)
	return text
}

func moment(node any) time.Time {
	t, err := time.Parse(time.RFC3339, word(node))
	if err != nil {
		return time.Time{}
	}
	return t
}

// number is an integer of JSON, -1 when there is none.
func number(node any) int {
	n, ok := node.(float64)
	if !ok {
		return -1
	}
	return int(n)
}

// pathOf is the path of an object that is written as kind/name.
func pathOf(namespace, object string, paths map[string]string) (string, error) {
	kind, name, ok := strings.Cut(object, "/")
	prefix := paths[strings.ToLower(kind)]
	if !ok || name == "" || strings.ContainsAny(name, "/?#%") || prefix == "" {
		return "", errors.New("an object is written as KIND/NAME, of a kind that is known here")
	}
	return strings.ReplaceAll(prefix, "NAMESPACE", namespace) + "/" + name, nil
}
