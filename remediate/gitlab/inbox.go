package gitlab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

// Inbox makes an incident of each token that comes, and revokes by itself those
// of the rules that the operator listed. Run does that, one after the other.
type Inbox struct {
	Engine *remediate.Engine // used by Run alone, but for its store
	Store  *store.Store
	Auto   []string // rules
	Log    *slog.Logger
	queue  chan remediate.Case
}

// room is how many tokens may wait to be revoked.
const room = 2 * maxTokens

// NewInbox makes one.
func NewInbox(e *remediate.Engine, auto []string, log *slog.Logger) *Inbox {
	return &Inbox{Engine: e, Store: e.Store, Auto: auto, Log: log, queue: make(chan remediate.Case, room)}
}

const actor = "gitlab"

// Take records the tokens and has those revoked that may be. [ErrFull] comes
// before anything is recorded.
func (b *Inbox) Take(ctx context.Context, tokens []Token) error {
	if len(b.queue)+len(tokens) > room {
		return ErrFull
	}
	var cases []remediate.Case
	var seen []store.Sighting
	var values secret.Redactor // the name of a file may hold one
	for _, t := range tokens {
		values.Add(t.Value)
	}
	for _, t := range tokens {
		t.Location = values.Redact(t.Location)
		c := b.caseOf(t)
		cases = append(cases, c)
		seen = append(seen, store.Sighting{
			Credential: store.Credential{ID: c.Credential, Rule: c.Rule, Preview: c.Preview, Severity: c.Severity},
			Repository: c.Repository, Fingerprint: c.Credential, Body: map[string]string{"path": location(t.Location)},
		})
	}
	if err := b.Store.Tx(ctx, func(t *store.Tx) error { return t.Record(ctx, actor, seen) }); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	for _, c := range cases {
		if !slices.Contains(b.Auto, c.Rule) {
			continue
		}
		select {
		case b.queue <- c:
		default:
			return ErrFull // others were faster; what is recorded stays
		}
	}
	return nil
}

func (b *Inbox) caseOf(t Token) remediate.Case {
	return remediate.Case{Credential: b.Engine.Key.ID(t.Value), Value: t.Value, Rule: t.Rule, Preview: t.Value.Preview(""), Severity: "high",
		Repository: repository(t.Location)}
}

// repository is the project of a location, as in
// https://gitlab.example.com/group/project/-/blob/main/file.
func repository(location string) string {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" {
		return ""
	}
	project, _, _ := strings.Cut(u.Path, "/-/")
	if !utf8.ValidString(project) || strings.ContainsFunc(project, unicode.IsControl) { // no project has such a name, and not every database takes it
		return ""
	}
	return strings.ToLower(u.Hostname()) + "/" + strings.Trim(project, "/")
}

// location is an address without what could hold a secret.
func location(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// Run revokes what waits until the context ends. What it cannot do stays an
// open incident, and is said in the log.
func (b *Inbox) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			if n := len(b.queue); n > 0 {
				b.Log.Warn("tokens were not revoked yet; their incidents are open", "tokens", n)
			}
			return
		case c := <-b.queue:
			b.handle(ctx, c)
		}
	}
}

// patience is how long a token waits before it is tried again.
const patience = time.Second

// pause waits, and reports whether there is time left.
func (b *Inbox) pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(patience):
		return true
	}
}

// awake waits while the kill switch is on, and reports whether there is time left.
// Tokens that come meanwhile wait in the queue, and are sent back when it is full.
func (b *Inbox) awake(ctx context.Context) bool {
	for told := false; ; {
		err := b.Engine.Stopped()
		if err == nil {
			return true
		}
		if !told {
			b.Log.Warn("nothing is revoked", "reason", err)
			told = true
		}
		if !b.pause(ctx) {
			return false
		}
	}
}

func (b *Inbox) handle(ctx context.Context, c remediate.Case) {
	log := b.Log.With("credential", c.Credential, "rule", c.Rule, "repo", c.Repository)
	if !b.awake(ctx) {
		log.Warn("not revoked: the kill switch is on; its incident is open")
		return
	}
	_, digest, err := b.Engine.Plan(ctx, []remediate.Case{c})
	for errors.Is(err, store.ErrBusy) && b.pause(ctx) {
		_, digest, err = b.Engine.Plan(ctx, []remediate.Case{c})
	}
	if err != nil {
		log.Error("not planned", "error", err)
		return
	}
	out, err := b.Engine.Apply(ctx, digest, map[string]remediate.Case{c.Credential: c})
	for errors.Is(err, store.ErrBusy) && b.pause(ctx) { // GitLab does not send it again
		out, err = b.Engine.Apply(ctx, digest, map[string]remediate.Case{c.Credential: c})
	}
	for _, o := range out {
		log.Info("done", "effect", o.Effect, "why", o.Why, "plan", digest)
	}
	if err != nil {
		log.Error("not applied", "error", err, "plan", digest)
	}
}
