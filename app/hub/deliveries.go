package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-github/v89/github"
)

// Try is one try of GitHub to deliver an event.
type Try struct {
	ID           int64
	GUID         string // the same for every try
	At           time.Time
	Event        string
	Action       string
	Installation int64
	Repository   int64
	Status       int // that GitHub was answered with; 0: none
}

// Arrived reports whether the try was answered with 2xx.
func (t Try) Arrived() bool { return t.Status >= 200 && t.Status <= 299 }

// Deliveries lists the tries since a time, the newest first. GitHub keeps them for three
// days, a server of one's own for seven, and lists one up to some minutes late.
// https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
// https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/troubleshooting-webhooks
func (a *App) Deliveries(ctx context.Context, since time.Time) (all []Try, err error) {
	o := &github.ListCursorOptions{PerPage: 100}
	for {
		var page []*github.HookDelivery
		var resp *github.Response
		err := a.unhurried(ctx, func() (err error) { page, resp, err = a.client.Apps.ListHookDeliveries(ctx, o); return err })
		if err != nil {
			return nil, fmt.Errorf("list deliveries: %w", err)
		}
		for _, d := range page {
			if d.GetDeliveredAt().Before(since) {
				return all, nil
			}
			all = append(all, tryOf(d))
		}
		if o.Cursor = resp.Cursor; o.Cursor == "" {
			return all, nil
		}
	}
}

func tryOf(d *github.HookDelivery) Try {
	return Try{d.GetID(), d.GetGUID(), d.GetDeliveredAt().Time, d.GetEvent(), d.GetAction(), d.GetInstallationID(), d.GetRepositoryID(), d.GetStatusCode()}
}

// FailedDeliveries lists those of [App.Deliveries] that did not end with 2xx. That one
// failed does not mean that a later one did.
func (a *App) FailedDeliveries(ctx context.Context, since time.Time) (failed []Try, err error) {
	all, err := a.Deliveries(ctx, since)
	for _, t := range all {
		if !t.Arrived() {
			failed = append(failed, t)
		}
	}
	return failed, err
}

// Redeliver has GitHub try once more, under the same GUID.
func (a *App) Redeliver(ctx context.Context, id int64) error {
	err := a.unhurried(ctx, func() error { _, _, err := a.client.Apps.RedeliverHookDelivery(ctx, id); return err })
	if accepted := (*github.AcceptedError)(nil); err != nil && !errors.As(err, &accepted) {
		return fmt.Errorf("ask for another delivery: %w", err)
	}
	return nil
}

// ErrNoPayload: GitHub has a try and not, or not any more, what was to be delivered. Its
// description lets the payload be null.
var ErrNoPayload = errors.New("GitHub does not have the payload")

// Payload reads what a try was to deliver, as JSON. That it is GitHub's is known by whom
// it was asked of: the signature is for who cannot ask.
// https://docs.github.com/rest/apps/webhooks#get-a-delivery-for-an-app-webhook
func (a *App) Payload(ctx context.Context, id int64) ([]byte, error) {
	var d struct {
		Request struct {
			Payload json.RawMessage `json:"payload"`
		} `json:"request"`
	}
	var resp *github.Response
	err := a.unhurried(ctx, func() (err error) {
		resp, err = a.list(ctx, fmt.Sprintf("app/hook/deliveries/%d", id), &d)
		return err
	})
	if resp != nil && (resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusUnprocessableEntity) {
		return nil, fmt.Errorf("%w of delivery %d: %w", ErrNoPayload, id, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read delivery %d: %w", id, err)
	}
	if len(d.Request.Payload) == 0 || string(d.Request.Payload) == "null" {
		return nil, fmt.Errorf("%w of delivery %d", ErrNoPayload, id)
	}
	return d.Request.Payload, nil
}
