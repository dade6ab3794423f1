package remediate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/rules"
)

// gravity is the severity of a case, and never less than that of the rule as it
// comes with this program: the configuration of the repository that leaked may
// say less, and approvals follow from it.
func gravity(c Case) (string, error) {
	known, err := rules.Default()
	if err != nil {
		return "", fmt.Errorf("built-in rules: %w", err)
	}
	said, ok := rules.ParseSeverity(c.Severity)
	if r := known.Rule(c.Rule); r != nil && (!ok || r.Severity > said) {
		return r.Severity.String(), nil
	}
	return c.Severity, nil
}

// place stands for where a provider is asked: its settings and administrators,
// under the installation's key.
func (e *Engine) place(p *revoke.Provider) string {
	var b strings.Builder
	for _, n := range p.Needs {
		if n.From == "setting" || n.From == "admin" {
			given := e.Given[p.ID+"."+n.Name].Reveal() // into the keyed hash alone
			fmt.Fprintf(&b, "%s %d %s\n", n.Name, len(given), given)
		}
	}
	return e.mark(secret.New("place of " + p.ID + "\n" + b.String()))
}

// home reports whether not to be known where a provider is asked is to be dead:
// the operator says so, or the trail says that the credential was alive there.
func (e *Engine) home(ctx context.Context, credential string, p *revoke.Provider) (home bool, err error) {
	if slices.Contains(e.Policy.Home, p.ID) {
		return true, nil
	}
	if p.Place == "" || p.Place == revoke.PlaceForm {
		return false, nil
	}
	here := e.place(p)
	err = e.Store.Proven(ctx, credential, func(ev store.Event) error {
		var said struct{ Provider, Place string }
		if json.Unmarshal(ev.Body, &said) == nil {
			home = home || ev.Action == alive && said.Provider == p.ID && said.Place == here
		}
		return nil
	})
	return home, err
}

// alive is the event that says where a credential was seen alive.
const alive = "alive"

// saw keeps where a credential is alive: once it is dead, nobody there knows it.
func (e *Engine) saw(ctx context.Context, credential string, p *revoke.Provider) error {
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		_, err := t.Audit(ctx, e.Actor, alive, credential, map[string]string{"provider": p.ID, "place": e.place(p)})
		return err
	})
}
