package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-github/v89/github"
)

// Failed is one try of GitHub to deliver an event that did not end with 2xx.
type Failed struct {
	ID   int64
	GUID string // the same for every try
	At   time.Time
}

// FailedDeliveries lists the tries since a time that failed, the newest first. GitHub
// keeps them for three days. That one failed does not mean that a later one did.
func (a *App) FailedDeliveries(ctx context.Context, since time.Time) (all []Failed, err error) {
	o := &github.ListCursorOptions{PerPage: 100}
	for {
		page, resp, err := a.client.Apps.ListHookDeliveries(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("list deliveries: %w", err)
		}
		for _, d := range page {
			if d.GetDeliveredAt().Before(since) {
				return all, nil
			}
			if code := d.GetStatusCode(); code < 200 || code > 299 {
				all = append(all, Failed{ID: d.GetID(), GUID: d.GetGUID(), At: d.GetDeliveredAt().Time})
			}
		}
		if o.Cursor = resp.Cursor; o.Cursor == "" {
			return all, nil
		}
	}
}

// Redeliver has GitHub try once more, under the same GUID.
func (a *App) Redeliver(ctx context.Context, id int64) error {
	_, _, err := a.client.Apps.RedeliverHookDelivery(ctx, id)
	if accepted := (*github.AcceptedError)(nil); err != nil && !errors.As(err, &accepted) {
		return fmt.Errorf("ask for another delivery: %w", err)
	}
	return nil
}
