package rotate

import (
	"context"
	"fmt"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// Wish is what somebody wants rotated.
type Wish struct {
	Place      string // its name in the operator's file
	Credential string // that leaked and that the place must hold; "" for whatever it holds
	Reason     string
}

// ConfigError is a mistake in the operator's file.
type ConfigError struct{ error }

func configError(err error) error {
	if err == nil {
		return nil
	}
	return ConfigError{err}
}

// Plan reads the places and says what is to be done about them. It keeps the
// plan and changes nothing.
func (e *Engine) Plan(ctx context.Context, wishes []Wish) (*remediate.Plan, string, error) {
	plan, err := e.Blank()
	if err != nil {
		return nil, "", err
	}
	for _, w := range wishes {
		place := e.Policy.Place(w.Place)
		if place == nil {
			return nil, "", configError(fmt.Errorf("the operator's file has no [[store]] named %q", w.Place))
		}
		step, err := e.step(ctx, *place, w)
		if err != nil {
			return nil, "", err
		}
		plan.Steps = append(plan.Steps, step)
	}
	digest, err := e.Keep(ctx, plan)
	return plan, digest, err
}

// step says what is to be done about one place. What stands against it is its
// note; the error is that of the context, the store or the operator's file.
func (e *Engine) step(ctx context.Context, p remediate.Place, w Wish) (remediate.Step, error) {
	data, err := p.Digest()
	if err != nil {
		return remediate.Step{}, err
	}
	kind, ok := e.World.Kind(p.Kind)
	if !ok {
		return remediate.Step{}, configError(fmt.Errorf("store %s: there is no kind %q: leakgate remediate rotate stores lists them", p.Name, p.Kind))
	}
	s := remediate.Step{Repository: p.Where(), Exposure: remediate.Private, Undo: kind.History && (kind.Fate != Destroyed || p.Patience() > 0), Credential: w.Credential, Rule: "value", Preview: "unread",
		Rotation: &remediate.Rotation{Place: p.Name, Data: data, Kind: p.Kind, Where: p.Where(), Mint: mintOf(p), Reason: w.Reason,
			Grace: revoke.Duration(p.Patience()), Ends: kind.ends()}}
	s.Outage = "consumers that do not follow keep the old value"
	store, err := e.World.Store(p)
	if err != nil {
		return s, configError(err)
	}
	current, err := store.Read(ctx, "")
	if err == nil {
		err = current.sound()
	}
	if err != nil {
		s.Note = fmt.Sprintf("nobody can tell what %s holds: %v", p.Name, err)
		return s, ctx.Err()
	}
	s.Rotation.From = current.ID
	if err := e.judge(ctx, &s, p, kind, current, w); err != nil || s.Note != "" {
		return s, err
	}
	s.Deed = remediate.Rotate
	return s, nil
}

// judge says what the place holds, and whether that is what was meant.
func (e *Engine) judge(ctx context.Context, s *remediate.Step, p remediate.Place, kind Kind, current Version, w Wish) error {
	value, readable := current.Values[p.Key]
	switch {
	case kind.Blind:
		s.Why = "nobody but the consumer can read the place: that it holds the leaked value is your word"
	case !readable:
		s.Note = fmt.Sprintf("%s has no key %q", p.Where(), p.Key)
		return nil
	default:
		var r secret.Redactor
		if r.Add(value); r.Redact(w.Reason) != w.Reason {
			s.Rotation.Reason, s.Note = "", "the reason holds the value, and reasons are kept in the clear"
			return nil
		}
		id := e.Key.ID(value)
		if w.Credential != "" && !strings.EqualFold(w.Credential, id) {
			s.Note = fmt.Sprintf("%s: %s holds another value (%s) than %s", revoke.ErrAmbiguous, p.Where(), id, w.Credential)
			return nil
		}
		s.Credential, s.Mark, s.Preview = id, e.Mark(value), value.Preview("")
	}
	in, known, err := e.Known(ctx, s.Credential)
	if known {
		s.Rule, s.Preview, s.Severity = in.Credential.Rule, in.Credential.Preview, in.Credential.Severity
		s.Identity = map[string]string{"incident": in.ID + ", " + string(in.State)}
	}
	if err != nil {
		return err
	}
	return e.mintable(ctx, s, p)
}

// mintable asks an issuer whether it would make one more value.
func (e *Engine) mintable(ctx context.Context, s *remediate.Step, p remediate.Place) error {
	m, err := e.World.Minter(p)
	if err != nil {
		return configError(err)
	}
	if full, ok := m.(interface{ Full(ids []string) string }); ok {
		ids, err := m.List(ctx)
		if err != nil {
			s.Note = "nobody can tell whether the issuer makes a new value: " + err.Error()
			return ctx.Err()
		}
		s.Note = full.Full(ids)
	}
	return nil
}

func mintOf(p remediate.Place) string {
	if p.Mint == "" {
		return "generate"
	}
	return p.Mint
}

// ends says what becomes of the old version.
func (k Kind) ends() string {
	switch k.Fate {
	case Destroyed:
		return "it is destroyed"
	case Disabled:
		return "it is disabled; " + k.Kept
	}
	return "it stays; " + k.Kept
}

// only is the values of a write.
func only(p remediate.Place, m Minted) map[string]secret.Secret {
	values := map[string]secret.Secret{p.Key: m.Value}
	if p.IDKey != "" && m.ID != "" {
		values[p.IDKey] = secret.New(m.ID)
	}
	return values
}
