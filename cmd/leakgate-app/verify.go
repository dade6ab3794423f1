package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// issuers asks the issuers of credentials, read-only: those that are asked by https at
// hosts that their data names, need nothing but the value, and whose answers somebody has
// seen. Each is asked at a pace of its own.
type issuers struct {
	client    *revoke.Client
	catalogue *revoke.Catalogue

	mu    sync.Mutex
	paces map[string]*rate.Limiter
}

// askEvery is how often one issuer is asked at most, after a few at once.
const (
	askEvery = time.Second
	askBurst = 5
)

// Verify implements [github.com/leakgate/leakgate/app/work.Verifier]. Several providers may
// know a kind: one that says live is believed, and dead only if all say so.
func (i *issuers) Verify(ctx context.Context, rule string, value secret.Secret) (report.Validity, error) {
	asked, dead := 0, 0
	for _, p := range i.catalogue.ForRule(rule) {
		if !askable(p) {
			continue
		}
		if err := i.pace(p.ID).Wait(ctx); err != nil {
			return report.Unknown, errors.New("there was no time to ask " + p.ID)
		}
		asked++
		switch i.client.Check(ctx, p, revoke.Input{Secret: value}).Status {
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
// changes nothing, and all that it takes is the value.
func askable(p *revoke.Provider) bool {
	for _, n := range p.Needs {
		if n.Default == "" {
			return false
		}
	}
	return p.Check != nil && p.Speaks == "" && (p.Effects == "none" || p.Effects == "log") && p.Evidence != revoke.Unverified
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
