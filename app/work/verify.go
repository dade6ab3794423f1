package work

import (
	"context"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
)

// Verifier asks the issuer of a credential whether it still opens something.
type Verifier interface {
	// Verify may be called by several at the same time. It only reads. An issuer that nobody
	// knows is NotChecked, one that does not say is Unknown; an error is Unknown, too, and
	// holds no value.
	Verify(ctx context.Context, rule string, value secret.Secret) (report.Validity, error)
}

// Fixer begins to make a credential harmless.
type Fixer interface {
	// Fix takes an order on and says in one line of plain text what happens now. It may be
	// called again with the same order, which is known by its ID, and then does nothing.
	Fix(ctx context.Context, o Order) (string, error)
}

// Order is what somebody who may write to a repository asks to be fixed. It holds no value:
// that is read again from the repository.
type Order struct {
	ID           string // the same whenever the same request comes again
	Installation int64
	Repository   int64
	Pull         int
	SHA          string // at which the credential was found
	Credential   string // its id; "" for all that block
	By           string // login on GitHub
}

// maxVerified is how many credentials of one range are asked about.
const maxVerified = 50

// verified asks about the credentials that stand out, each once. nil where nobody can.
func (e *Engine) verified(ctx context.Context, r *report.Report) func(string) report.Validity {
	if e.Verify == nil {
		return nil
	}
	known := map[string]report.Validity{}
	for i := range r.Verdict.Findings {
		f := &r.Verdict.Findings[i]
		if _, asked := known[f.Credential]; asked || f.Credential == "" || f.Rule == nil || f.Decision == gate.Allow || f.Older || len(known) == maxVerified {
			continue
		}
		v, err := e.Verify.Verify(ctx, f.Rule.ID, f.Secret)
		if err != nil {
			e.Log.Warn("a credential could not be verified", "rule", f.Rule.ID, "credential", f.Credential, "error", inspect.Clean(err.Error()))
			v = report.Unknown
		}
		known[f.Credential] = v
	}
	return func(credential string) report.Validity { return known[credential] }
}
