package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// issuers asks the issuers of credentials, read-only: those that are asked by https at
// hosts that their data or the operator's settings name, need nothing but the value, and
// whose answers somebody has seen. Each is asked at a pace of its own, and not before the
// time that it asked for.
type issuers struct {
	client    *revoke.Client
	catalogue *revoke.Catalogue
	policy    remediate.Policy // of its settings, and where not to be known is to be dead
	now       func() time.Time

	mu    sync.Mutex
	paces map[string]*rate.Limiter
	until map[string]time.Time
}

// askEvery is how often one issuer is asked at most, after a few at once.
const (
	askEvery = time.Second
	askBurst = 5
	maxWait  = 24 * time.Hour // that an issuer may ask for
)

// Verify implements [github.com/leakgate/leakgate/app/work.Verifier]. Several providers may
// know a kind: one that says live is believed, and dead only if all say so.
func (i *issuers) Verify(ctx context.Context, rule string, value secret.Secret) (report.Validity, error) {
	asked, dead := 0, 0
	for _, p := range i.catalogue.ForRule(rule) {
		if !i.askable(p) {
			continue
		}
		asked++
		if until, waits := i.waits(p.ID); waits {
			return report.Unknown, errors.New(p.ID + " wants to be left alone until " + until.UTC().Format(time.RFC3339))
		}
		if err := i.pace(p.ID).Wait(ctx); err != nil {
			return report.Unknown, errors.New("there was no time to ask " + p.ID)
		}
		said := i.client.Check(ctx, p, revoke.Input{Secret: value, Given: i.settings(p), Home: slices.Contains(i.policy.Home, p.ID)})
		i.wait(p.ID, said.RetryAfter)
		switch said.Status {
		case revoke.Live:
			return report.Active, nil
		case revoke.Dead:
			dead++
		}
	}
	switch {
	case asked == 0:
		return report.NotChecked, nil
	case dead == asked:
		return report.Inactive, nil
	}
	return report.Unknown, nil
}

// askable reports whether a provider may be asked without anybody's word: its check
// changes nothing, and all that it takes is the value and settings.
func (i *issuers) askable(p *revoke.Provider) bool {
	given := i.settings(p)
	for _, n := range p.Needs {
		if n.Default == "" && given[n.Name].IsZero() {
			return false
		}
	}
	return p.Check != nil && p.Speaks == "" && (p.Effects == "none" || p.Effects == "log") && p.Evidence != revoke.Unverified
}

// settings are those of the operator's file for a provider, as where one's own GitLab is:
// its tokens are nobody else's. They are no secrets.
func (i *issuers) settings(p *revoke.Provider) map[string]secret.Secret {
	given := map[string]secret.Secret{}
	for _, n := range p.Needs {
		if value := i.policy.Settings[p.ID][n.Name]; n.From == "setting" && value != "" {
			given[n.Name] = secret.New(value)
		}
	}
	return given
}

// waits reports whether a provider wants to be left alone, and until when.
func (i *issuers) waits(provider string) (until time.Time, waits bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.until[provider], i.now().Before(i.until[provider])
}

func (i *issuers) wait(provider string, d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.until == nil {
		i.until = map[string]time.Time{}
	}
	if d > 0 {
		i.until[provider] = i.now().Add(min(d, maxWait))
	}
}

func (i *issuers) pace(provider string) *rate.Limiter {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.paces == nil {
		i.paces = map[string]*rate.Limiter{}
	}
	if i.paces[provider] == nil {
		i.paces[provider] = rate.NewLimiter(rate.Every(askEvery), askBurst)
	}
	return i.paces[provider]
}
