package work

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// actor is who the audit trail names for what the App does by itself.
const actor = "leakgate-app"

// places are what a scan found in a repository, for the store. They hold no value.
type places struct {
	in    store.Repository
	found []store.Sighting
}

// placesOf are those of a report that stand out and have a value. The key is that of the
// account.
func placesOf(in store.Repository, key secret.Key, p *report.Posting) places {
	all := places{in: in}
	for i := range p.Verdict.Findings {
		f := &p.Verdict.Findings[i]
		if !report.Stands(f) || f.Credential == "" || f.Rule == nil {
			continue
		}
		at := store.Place{
			Commit: f.Commit.ID, Date: store.Dated(f.Commit.Date), Path: p.Clean(f.At.Path), Line: f.At.StartLine,
			Blob: f.At.Blob, Span: f.At.Span, Decoded: f.At.DecodedFrom, AtHead: f.At.AtHead,
		}
		all.found = append(all.found, store.Sighting{
			Credential:  store.Credential{ID: f.Credential, Rule: f.Rule.ID, Preview: f.Secret.Preview(f.Rule.Prefix), Severity: f.Severity.String(), Former: key.FormerIDs(f.Secret)},
			Repository:  strconv.FormatInt(in.ID, 10),
			Fingerprint: p.Clean(f.Fingerprint), Body: at,
		})
	}
	slices.SortStableFunc(all.found, func(a, b store.Sighting) int { return cmp.Compare(a.Credential.ID, b.Credential.ID) })
	return all
}

// record keeps them, and who could see them.
func (p places) record(ctx context.Context, t *store.Tx) error {
	if p.in.ID == 0 { // the question could not be answered
		return nil
	}
	if err := t.Record(ctx, actor, p.found); err != nil {
		return err
	}
	var ids []string
	for _, f := range p.found {
		ids = append(ids, f.Credential.ID)
	}
	if err := expose(ctx, t, slices.Compact(ids), p.in.Private); err != nil {
		return err
	}
	return see(ctx, t, p.in)
}

// see keeps what a repository is now, where that is known. What leaked into one that
// everybody sees from now on is public. One of another account than is known is [elsewhere].
func see(ctx context.Context, t *store.Tx, r store.Repository) error {
	if r.ID == 0 {
		return nil
	}
	was, err := t.KnownTo(ctx, r.ID)
	if err == nil && !was.OfSameAccount(r) {
		return &elsewhere{r.Installation, r.ID}
	}
	if err == nil && was.Installation != r.Installation {
		err = t.Reinstalled(ctx, was.Account, was.Installation, r.Installation)
	}
	if err == nil && was.Private && !r.Private {
		ids, err := t.CredentialsIn(ctx, strconv.FormatInt(r.ID, 10))
		if err != nil {
			return err
		}
		if err := expose(ctx, t, ids, r.Private); err != nil {
			return err
		}
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return t.See(ctx, r)
}

// expose keeps who could see credentials: what was public once stays so.
func expose(ctx context.Context, t *store.Tx, credentials []string, private bool) error {
	exposure := map[bool]string{false: "public", true: "private"}[private]
	for _, id := range credentials {
		in, err := t.Incident(ctx, id)
		if err == nil && in.Exposure != "public" && in.Exposure != exposure {
			err = t.SetExposure(ctx, in.ID, actor, exposure)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
