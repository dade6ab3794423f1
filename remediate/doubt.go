package remediate

import (
	"fmt"
	"strings"

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

// doubted makes a death unknown that says only that the value is not known where
// it was asked about: on one account's list, or at a host that nobody named. It
// is for before a call; behind one, where the value was found, it is a proof.
func doubted(p *revoke.Provider, in revoke.Input, report revoke.Report) revoke.Report {
	if report.Status != revoke.Dead {
		return report
	}
	if p.Check == nil {
		return revoke.Report{Why: report.Why + "; other accounts may have one"}
	}
	for _, n := range p.Needs {
		if n.From == "setting" && n.Default != "" && in.Given[n.Name].IsZero() && strings.HasPrefix(p.Check.URL, "https://{{"+n.Name+"}}") {
			return revoke.Report{Why: fmt.Sprintf("%s (asked at %s, which nobody named: set %s in [settings.%s])", report.Why, n.Default, n.Name, p.ID)}
		}
	}
	return report
}
