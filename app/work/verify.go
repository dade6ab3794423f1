package work

import (
	"context"
	"time"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/scanner"
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
	// Fix takes an order on. It may be called again with the same order, which is known by
	// its ID, and then says the same.
	Fix(ctx context.Context, o Order, found Found) (Taken, error)
}

// Taken is what becomes of an order.
type Taken struct {
	Said  string    // in one line of plain text, what happens now
	Until time.Time // when what was planned may not be done any more; zero where nothing was
}

// Order is what somebody who may write to a repository asks to be fixed. It holds no value:
// that is read again from the repository.
type Order struct {
	ID           string // the same whenever the same request comes again
	Installation int64
	Repository   int64
	Name         string // of the repository: HOST/OWNER/NAME
	Account      int64  // that owns it, by whose key credentials are known
	Private      bool
	Pull         int
	SHA          string   // at which the credentials were found
	Credentials  []string // their ids
	By           string   // login on GitHub
	ByAccount    int64    // and the number that stays when that changes
}

// Found is where the values of an order are, as they were read again just now. It is not kept.
type Found struct {
	Result scanner.Result
	Blob   func(id string) []byte // nil where there is none of that id
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
		if _, asked := known[f.Credential]; asked || f.Credential == "" || f.Rule == nil || !report.Stands(f) || f.Older || len(known) == maxVerified {
			continue
		}
		known[f.Credential] = e.askIssuer(ctx, f.Rule.ID, f.Credential, f.Secret)
	}
	return func(credential string) report.Validity { return known[credential] }
}

// askIssuer asks about one credential. What goes wrong is Unknown.
func (e *Engine) askIssuer(ctx context.Context, rule, credential string, value secret.Secret) report.Validity {
	v, err := e.Verify.Verify(ctx, rule, value)
	if err != nil {
		e.Log.Warn("a credential could not be verified", "rule", rule, "credential", credential, "error", inspect.Clean(err.Error()))
		return report.Unknown
	}
	return v
}
