package remediate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/evidence"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// collected is the action of audit events that hold an answer of a source.
const collected = "evidence"

// Evidence asks the sources who had access to a leaked credential, and files what
// each says, with its window and its gaps. The value may be the zero Secret: what
// only it can tell stays unknown.
func (e *Engine) Evidence(ctx context.Context, id string, value secret.Secret, sources []evidence.Source) ([]evidence.Record, error) {
	s := newStory()
	if err := e.tellOf(ctx, s, id); err != nil {
		return nil, err
	}
	if !value.IsZero() && e.Key.ID(value) != s.first.Credential {
		return nil, fmt.Errorf("the value is not that of %s", s.first.Credential)
	}
	q := s.question(value)
	q.Repositories = slices.DeleteFunc(q.Repositories, func(r string) bool { return !e.Policy.Owns(r) })
	if len(q.Repositories) == 0 {
		return nil, errors.New("REFUSED_NOT_OWNED: no repository of the incident is on the list of owned repositories")
	}
	all := e.issuer(ctx, s, value)
	for i, source := range sources {
		all = append(all, source.Ask(ctx, q)...)
		e.tell(i+1, len(sources))
	}
	if len(all) == 0 {
		return nil, errors.New("no source can tell anything of it: see [credentials.evidence-github] and the others in docs/evidence.md")
	}
	return all, errors.Join(e.fileEvidence(ctx, s.id, value, all), ctx.Err())
}

// question is what the trail tells sources to look for.
func (s *story) question(value secret.Secret) evidence.Question {
	q := evidence.Question{Rule: s.first.Rule, Value: value, Commit: s.first.Place.Commit, Since: s.committed()}
	if s.first.Repository != "" {
		q.Repositories = []string{s.first.Repository}
	}
	for _, r := range s.repositories {
		if !slices.Contains(q.Repositories, r) {
			q.Repositories = append(q.Repositories, r)
		}
	}
	return q
}

// issuer is what the issuer's read-only check tells of the last use.
func (e *Engine) issuer(ctx context.Context, s *story, value secret.Secret) []evidence.Record {
	c := Case{Credential: s.first.Credential, Value: value, Rule: s.first.Rule, Repository: s.first.Repository}
	p, _ := e.provider(c)
	if value.IsZero() || p == nil || p.Check == nil || !e.Policy.Owns(c.Repository) {
		return nil
	}
	r := evidence.Record{Source: "issuer, " + p.ID, About: "when the credential was last used", To: e.Clock.Now().UTC(), Where: p.Source,
		Gaps: []string{"only the last use, which may be a check of ours: those are in the timeline"}}
	if err := e.pace.wait(ctx, e.Clock, p, asking); err != nil {
		r.Why = "it was cut off"
		return []evidence.Record{r}
	}
	report := e.Issuer.Check(ctx, p, e.input(c, p))
	last := report.Identity["last_used"]
	at, err := time.Parse(time.RFC3339, last)
	switch {
	case report.Status != revoke.Live:
		r.Why = fmt.Sprintf("the issuer tells it of live credentials only, and this one is %s: %s", report.Status, report.Why)
	case last == "":
		r.Why = "the issuer does not tell when it was last used"
	case err != nil:
		r.Why = "the issuer's date could not be read"
	default:
		r.Answer, r.Count, r.Uses = evidence.Seen, 1, []evidence.Use{{At: at.UTC()}}
	}
	return []evidence.Record{r}
}

// fileEvidence writes the answers down, without any value.
func (e *Engine) fileEvidence(ctx context.Context, id string, value secret.Secret, all []evidence.Record) error {
	var values secret.Redactor
	values.Add(value)
	for provider, needs := range e.Policy.Credentials {
		for need := range needs {
			values.Add(e.Given[provider+"."+need])
		}
	}
	return e.Store.Tx(context.WithoutCancel(ctx), func(t *store.Tx) error { // what was told is not lost
		for i := range all {
			text, err := json.Marshal(all[i])
			if err != nil {
				return fmt.Errorf("evidence: %w", err)
			}
			clean := json.RawMessage(values.Redact(string(text)))
			if _, err := t.Audit(ctx, e.Actor, collected, id, clean); err != nil {
				return err
			}
			all[i] = evidence.Record{} // what is shown is what was filed
			if err := json.Unmarshal(clean, &all[i]); err != nil {
				return fmt.Errorf("evidence: %w", err)
			}
		}
		return nil
	})
}

// Unasked are the ids of incidents of which no source was asked yet.
func (e *Engine) Unasked(ctx context.Context, credentials []string) (ids []string, err error) {
	for _, c := range credentials {
		id, asked := "INC-"+strings.TrimPrefix(c, "LG-"), false
		err := e.Store.Trail(ctx, id, func(ev store.Event) error {
			asked = asked || ev.Action == collected
			return nil
		})
		if err != nil {
			return nil, err
		}
		if !asked {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
