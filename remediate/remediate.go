// Package remediate sees leaked credentials dead: it plans, prints and keeps
// what is to be done, and does it when the plan is named and approved. Every
// call is written down before and after, so that a run that was cut off is taken
// up without doing anything twice.
//
// What a provider understands is in package revoke; what outlives a run is in
// package store. A value never leaves the process but to its own issuer.
package remediate

import (
	"context"
	"encoding/hex"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// Case is a leaked credential with its value, as it was read again where it was
// found.
type Case struct {
	Credential string // its identity under the installation's key
	Value      secret.Secret
	Rule       string
	Preview    string
	Severity   string
	Repository string
	Exposure   Exposure
	Seen       time.Time                // when it was first committed; zero when nobody knows
	Companions map[string]secret.Secret // what leaked with it and a provider needs, as the key of an id
}

// Exposure says who could read the credential.
type Exposure string

// The zero Exposure is not known, and treated as public.
const (
	Public  Exposure = "public"
	Private Exposure = "private"
)

// Issuer is who can be asked about a credential and act on it: [revoke.Client].
type Issuer interface {
	Check(context.Context, *revoke.Provider, revoke.Input) revoke.Report
	Locate(context.Context, *revoke.Provider, revoke.Input, revoke.Report) (revoke.Target, error)
	Act(context.Context, *revoke.Provider, revoke.Input, revoke.Target, revoke.Deed) revoke.Outcome
	ActAll(context.Context, *revoke.Provider, []revoke.Shot, revoke.Deed) revoke.Outcome
}

// Clock tells the time and waits. Sleep returns early with the context's error.
type Clock interface {
	Now() time.Time
	Sleep(context.Context, time.Duration) error
}

// Engine plans and applies. It must not be used by two goroutines at once.
type Engine struct {
	Store     *store.Store
	Issuer    Issuer
	Catalogue *revoke.Catalogue
	Policy    Policy
	Key       secret.Key
	Clock     Clock
	Actor     string                   // who runs it, for the audit trail
	Signer    ssh.Signer               // with which the actor proves to have made a plan; nil: nobody does
	Given     map[string]secret.Secret // by "provider.need": credentials of administrators and settings
	// Progress is told of each step that is done; nil tells nobody.
	Progress func(done, total int)

	pace  pace
	floor time.Time          // the latest time that the trail tells
	crash func(point string) // tests end the process here
}

// input is what a provider is told of a case.
func (e *Engine) input(c Case, p *revoke.Provider) revoke.Input {
	given := map[string]secret.Secret{}
	for _, n := range p.Needs {
		if v, ok := c.Companions[n.Name]; ok && !v.IsZero() && n.From != "admin" && n.From != "setting" {
			given[n.Name] = v
		} else if v, ok := e.Given[p.ID+"."+n.Name]; ok {
			given[n.Name] = v
		}
	}
	return revoke.Input{Secret: c.Value, Given: given, Seen: c.Seen}
}

// mark is what a plan knows a value by: nobody without the key can tell from it
// what the value is.
func (e *Engine) mark(value secret.Secret) string {
	sum := e.Key.HMAC("remediate", value)
	return hex.EncodeToString(sum[:])
}

func (e *Engine) at(point string) {
	if e.crash != nil {
		e.crash(point)
	}
}
