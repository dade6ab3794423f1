package rollout

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/dbrole"
)

// Step is one thing that a rollout does. Done is asked before and after Do, and
// when a run was cut off between: what is done is not done again. An error of
// Done means that nobody can tell.
type Step interface {
	Done(context.Context) (bool, error)
	Do(context.Context) error
}

// Effects is all that a rollout does and asks. Who has another kind of credential,
// or another store, brings others.
type Effects struct {
	// Begin is asked before the first step: whether the plan still fits, as it does
	// not when another rollout made its new version meanwhile. Nil asks nobody.
	Begin   func(context.Context) error
	Mint    Step                             // the new version works
	Deliver Step                             // its value is where its consumers will find it
	Move    func(stage, version string) Step // the consumers of a stage use a version
	Retire  func(version string) Step        // a version does not work any more
	Judge   func(context.Context, Gate) (Verdict, string)
	// Used is how many use a version now.
	Used func(ctx context.Context, version string) (int, error)
}

// step is a Step of two functions.
type step struct {
	done func(context.Context) (bool, error)
	do   func(context.Context) error
}

func (s step) Done(ctx context.Context) (bool, error) { return s.done(ctx) }
func (s step) Do(ctx context.Context) error           { return s.do(ctx) }

// Value is the password of a plan's new version: 256 bits that only the holder of
// the installation's key can tell from the plan.
func (p *Plan) Value(key secret.Key) secret.Secret {
	sum := key.HMAC("rollout", secret.New(p.Nonce+" "+p.New))
	return secret.New(base64.RawURLEncoding.EncodeToString(sum[:]))
}

// Run runs a command without a shell and gives what it prints. An exit code other
// than 0 is an [Exit].
type Run func(ctx context.Context, command []string, stdin string) (stdout string, err error)

// Exit is the exit code of a command that ran.
type Exit int

func (e Exit) Error() string { return fmt.Sprintf("it exits %d", int(e)) }

// DatabaseEffects are those of a plan on a database, moved by the commands of the plan.
func DatabaseEffects(p *Plan, group dbrole.Group, value secret.Secret, run Run, ask func(context.Context, Gate) (Verdict, string)) Effects {
	e := Effects{
		Begin: func(ctx context.Context) error {
			old, _, err := Idle(ctx, p.Database.Users, group.Retired)
			if err == nil && old != p.Old {
				err = fmt.Errorf("%s is in use now, and not %s: make a new plan", old, p.Old)
			}
			return err
		},
		Mint: step{
			func(ctx context.Context) (bool, error) { return group.Works(ctx, p.New, value) },
			func(ctx context.Context) error { return group.Mint(ctx, p.New, value) },
		},
		Deliver: p.delivery(value, run),
		Move:    func(stage, version string) Step { return p.move(stage, version, run) },
		Retire: func(version string) Step {
			return step{
				func(ctx context.Context) (bool, error) { return group.Retired(ctx, version) },
				func(ctx context.Context) error { return group.Retire(ctx, version) },
			}
		},
		Used: group.Sessions,
	}
	e.Judge = func(ctx context.Context, g Gate) (Verdict, string) {
		if g.Unused {
			return unused(ctx, p.Old, group.Sessions)
		}
		return ask(ctx, g)
	}
	return e
}

func (p *Plan) delivery(value secret.Secret, run Run) Step {
	with := func(command []string) []string { return fill(command, map[string]string{"{version}": p.New}) }
	return step{
		func(ctx context.Context) (bool, error) {
			_, err := run(ctx, with(p.Deliver.Check), value.Reveal()) // to the operator's own command, on standard input
			if errors.Is(err, Exit(1)) {
				return false, nil
			}
			return err == nil, err
		},
		func(ctx context.Context) error {
			_, err := run(ctx, with(p.Deliver.Write), value.Reveal()) // to the operator's own command, on standard input
			return err
		},
	}
}

func (p *Plan) move(stage, version string, run Run) Step {
	with := func(command []string) []string {
		return fill(command, map[string]string{"{version}": version, "{stage}": stage})
	}
	return step{
		func(ctx context.Context) (bool, error) {
			out, err := run(ctx, with(p.Move.At), "")
			at := strings.TrimSpace(out)
			if err == nil && at != p.Old && at != p.New {
				err = errors.New("the command at of move prints neither of the two users")
			}
			return at == version, err
		},
		func(ctx context.Context) error {
			_, err := run(ctx, with(p.Move.Do), "")
			return err
		},
	}
}

func fill(command []string, values map[string]string) (filled []string) {
	for _, word := range command {
		for name, value := range values {
			word = strings.ReplaceAll(word, name, value)
		}
		filled = append(filled, word)
	}
	return filled
}

// unused judges by the sessions of the old version. That some are left is no
// failure: consumers let go one after the other.
func unused(ctx context.Context, version string, sessions func(context.Context, string) (int, error)) (Verdict, string) {
	n, err := sessions(ctx, version)
	switch {
	case err != nil:
		return CannotTell, err.Error()
	case n > 0:
		return CannotTell, fmt.Sprintf("%d sessions of %s are open", n, version)
	}
	return Pass, "no session of " + version + " is open"
}
