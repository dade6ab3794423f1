package remediate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/rules"
)

// Plan is what is to be done about some credentials, and nothing else. It holds
// no value. Its digest stands for every word of it.
type Plan struct {
	Made      time.Time `json:"made"`
	Expires   time.Time `json:"expires"`
	Requester string    `json:"requester"`
	Policy    string    `json:"policy"` // digest of the operator's policy
	Steps     []Step    `json:"steps"`
}

// Step is what is to be done about one credential.
type Step struct {
	Credential string            `json:"credential"`
	Mark       string            `json:"mark"` // of the value, under the installation's key
	Rule       string            `json:"rule"`
	Preview    string            `json:"preview"`
	Severity   string            `json:"severity"`
	Repository string            `json:"repository"`
	Exposure   Exposure          `json:"exposure,omitempty"`
	Provider   string            `json:"provider,omitempty"`
	Data       string            `json:"data,omitempty"` // digest of the provider's data
	Status     revoke.Status     `json:"status"`
	Why        string            `json:"why"` // of the status
	Identity   map[string]string `json:"identity,omitempty"`
	Scopes     []string          `json:"scopes,omitempty"`
	Warning    string            `json:"warning,omitempty"` // what makes the leak worse
	Deed       revoke.Deed       `json:"deed,omitempty"`    // "" when nothing is called
	Target     *revoke.Target    `json:"target,omitempty"`
	Undo       bool              `json:"undo"` // the deed can be taken back
	Outage     string            `json:"outage,omitempty"`
	Forever    string            `json:"forever,omitempty"`  // what cannot be taken back
	Disabled   string            `json:"disabled,omitempty"` // by which plan, when the deed deletes what was disabled
	Since      time.Time         `json:"since,omitzero"`     // when that was done
	Deadline   time.Time         `json:"deadline,omitzero"`  // until when it may wait for consumers that are given a new value
	Note       string            `json:"note,omitempty"`     // why nothing is called, and what a person does
	Evidence   revoke.Evidence   `json:"evidence,omitempty"`
	Rotation   *Rotation         `json:"rotation,omitempty"` // of the deed Rotate
	Rollout    json.RawMessage   `json:"rollout,omitempty"`  // of the deed Rollout, as package rollout reads it
}

// Digest is the SHA-256 of the plan's canonical form.
func (p *Plan) Digest() (string, error) {
	body, err := p.encode()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:]), nil
}

// encode is the canonical form: JSON with sorted keys.
func (p *Plan) encode() ([]byte, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode plan: %w", err)
	}
	return body, nil
}

// Subject is what the audit trail files the step under.
func (s Step) Subject() string {
	switch {
	case s.Credential != "":
		return s.Credential
	case s.Rotation != nil:
		return "store " + s.Rotation.Place
	}
	return "rollout " + s.Repository
}

// subjects are what the audit trail files the plan's deeds under.
func (p *Plan) subjects() (all []string) {
	for _, s := range p.Steps {
		if s.Deed != "" {
			all = append(all, s.Subject())
		}
	}
	return all
}

// Acts reports how many steps call a provider.
func (p *Plan) Acts() (n int) {
	for _, s := range p.Steps {
		if s.Deed != "" {
			n++
		}
	}
	return n
}

// Plan asks the issuers, read-only, and says what is to be done about each case:
// public and live ones first. It keeps the plan and does nothing.
func (e *Engine) Plan(ctx context.Context, cases []Case) (*Plan, string, error) {
	if err := e.trust(ctx); err != nil {
		return nil, "", err
	}
	now := e.now().UTC().Truncate(time.Second)
	policy, err := e.Policy.digest()
	if err != nil {
		return nil, "", err
	}
	plan := &Plan{Made: now, Expires: now.Add(e.Policy.lifetime()), Requester: e.Actor, Policy: policy}
	for i, c := range cases {
		step, err := e.step(ctx, c)
		if err != nil {
			return nil, "", err
		}
		plan.Steps = append(plan.Steps, step)
		e.tell(i+1, len(cases))
	}
	slices.SortStableFunc(plan.Steps, func(a, b Step) int { return a.urgency() - b.urgency() })
	digest, err := e.keep(ctx, plan)
	if err == nil && e.Signer != nil {
		err = e.sign(ctx, digest)
	}
	return plan, digest, err
}

// sign proves who made a plan.
func (e *Engine) sign(ctx context.Context, digest string) error {
	q := Request{Plan: digest, Requester: e.Actor}
	if err := q.Sign(e.Signer); err != nil {
		return err
	}
	return e.Request(ctx, q)
}

func (e *Engine) tell(done, total int) {
	if e.Progress != nil {
		e.Progress(done, total)
	}
}

// urgency orders steps: what the world can read and still works comes first.
func (s Step) urgency() int {
	n := 0
	if s.Deed == "" {
		n += 4
	}
	if s.Exposure == Private {
		n += 2
	}
	if s.Status != revoke.Live {
		n++
	}
	return n
}

// step says what is to be done about one case. What goes wrong on the way is
// said in the step; the error is that of the context or the store.
func (e *Engine) step(ctx context.Context, c Case) (Step, error) {
	severity, err := gravity(c)
	if err != nil {
		return Step{}, err
	}
	s := Step{Credential: c.Credential, Mark: e.mark(c.Value), Rule: c.Rule, Preview: c.Preview, Severity: severity,
		Repository: c.Repository, Exposure: c.Exposure}
	if !e.Policy.Owns(c.Repository) {
		s.Note = fmt.Sprintf("REFUSED_NOT_OWNED: %s is not on the list of owned repositories", c.Repository)
		return s, nil
	}
	d, err := e.disabled(ctx, c.Credential)
	if err != nil {
		return s, err
	}
	p, note := e.providerOf(d), ""
	if p == nil {
		p, note = e.provider(c)
	}
	if p == nil {
		s.Note = note
		return s, nil
	}
	data, err := p.Digest()
	if err != nil {
		return s, err
	}
	s.Provider, s.Data, s.Outage, s.Forever, s.Evidence = p.ID, data, p.Outage, p.Forever, p.Evidence
	in, report, err := e.ask(ctx, c, p)
	if err != nil {
		return s, err
	}
	s.Status, s.Why, s.Identity, s.Scopes = report.Status, report.Why, report.Identity, report.Scopes
	if p.Critical(s.Scopes) {
		s.Severity = rules.Critical.String()
	}
	if s.Warning, err = e.worse(ctx, p, in, report); err != nil {
		return s, err
	}
	if d != nil && d.Provider == p.ID && report.Status == revoke.Dead {
		e.removal(&s, d, p, in)
	} else {
		e.decide(ctx, &s, p, in, report)
	}
	return s, ctx.Err()
}

// ask asks whether a credential works, and keeps where one was seen alive.
func (e *Engine) ask(ctx context.Context, c Case, p *revoke.Provider) (in revoke.Input, r revoke.Report, err error) {
	in = e.input(c, p)
	if in.Home, err = e.home(ctx, c.Credential, p); err != nil {
		return in, r, err
	}
	if e.pace.broken(e.Clock, p) {
		return in, revoke.Report{Why: fmt.Sprintf("%s did not answer as it documents %d times in a row and is left alone", p.ID, maxFaults)}, nil
	}
	if err := e.pace.wait(ctx, e.Clock, p, asking); err != nil {
		return in, r, err
	}
	r = e.Issuer.Check(ctx, p, in)
	e.pace.note(e.Clock, p, documented(p, r))
	if r.Status == revoke.Live && !in.Home && p.Place != "" && p.Place != revoke.PlaceForm {
		err = e.saw(ctx, c.Credential, p)
	}
	return in, r, err
}

// looker is an [Issuer] that can be asked what makes a leak worse: [revoke.Client].
type looker interface {
	Look(context.Context, *revoke.Provider, revoke.Input, revoke.Report) string
}

// worse says what makes the leak of a live credential worse, "" for nothing.
func (e *Engine) worse(ctx context.Context, p *revoke.Provider, in revoke.Input, report revoke.Report) (string, error) {
	l, ok := e.Issuer.(looker)
	if !ok || p.Look == nil || report.Status != revoke.Live {
		return "", nil
	}
	if err := e.pace.wait(ctx, e.Clock, p, asking); err != nil {
		return "", err
	}
	return l.Look(ctx, p, in, report), nil
}

// decide chooses the deed.
func (e *Engine) decide(ctx context.Context, s *Step, p *revoke.Provider, in revoke.Input, report revoke.Report) {
	switch {
	case report.Status == revoke.Dead:
		s.Note = "dead already: nothing is called"
		return
	case report.Status == revoke.Unknown && p.Unchecked == "":
		s.Note = "nobody can tell whether it works: plan again when the issuer answers"
		return
	case p.Evidence == revoke.Unverified && !slices.Contains(e.Policy.AllowUnverified, p.ID):
		s.Note = fmt.Sprintf("how %s answers was not verified: allow_unverified = [%q] allows it", p.ID, p.ID)
		return
	}
	target, err := e.Issuer.Locate(ctx, p, in, report)
	if err != nil {
		s.Note = err.Error()
		return
	}
	s.Deed, s.Target = revoke.Revoke, &target
	if p.Reversible() && p.Can(revoke.Disable) {
		s.Deed = revoke.Disable
		s.Undo = len(p.Lacks(revoke.Undo, in.Given)) == 0
	}
	if s.patient() {
		s.Deadline = e.now().UTC().Truncate(time.Second).Add(e.Policy.deadline())
	}
}

// rank is how well a provider's deed can be taken back: not at all, by somebody
// else, or by what was given. A key that was disabled cannot enable itself.
func (e *Engine) rank(c Case, p *revoke.Provider) int {
	switch {
	case !p.Reversible():
		return 0
	case len(p.Lacks(revoke.Undo, e.input(c, p).Given)) > 0:
		return 1
	}
	return 2
}

// provider chooses who is asked: what can be taken back goes before what
// cannot, and then who needs the least. Without one the note says what a person
// has to do.
func (e *Engine) provider(c Case) (best *revoke.Provider, note string) {
	lacking := ""
	for _, p := range e.Catalogue.ForRule(c.Rule) {
		if !p.Accepts(c.Value) {
			continue
		}
		deed := revoke.Revoke
		if p.Can(revoke.Disable) {
			deed = revoke.Disable
		}
		if needs := p.Lacks(deed, e.input(c, p).Given); len(needs) > 0 {
			lacking = fmt.Sprintf("%s needs %s.%s: %s", p.Name, p.ID, needs[0].Name, needs[0].Help)
			continue
		}
		if err := p.Fits(e.input(c, p)); err != nil {
			lacking = fmt.Sprintf("%s: %s", p.Name, err)
			continue
		}
		over := best != nil && slices.Contains(p.Over, best.ID)
		if best == nil || over || e.rank(c, p) > e.rank(c, best) {
			best = p
		}
	}
	if best != nil {
		return best, ""
	}
	book := ""
	if b := e.Catalogue.Runbook(c.Rule); b != nil {
		book = fmt.Sprintf("a person revokes it, see the runbook %q: %s", b.Name, b.Link)
	}
	switch {
	case lacking != "" && book != "":
		return nil, lacking + "; or " + book
	case lacking != "" || book != "":
		return nil, lacking + book
	}
	return nil, "no provider and no runbook is known for the rule " + c.Rule
}
