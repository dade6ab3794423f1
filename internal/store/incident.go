package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Credential is one secret value wherever it occurs, by its identity under the
// installation's key.
type Credential struct {
	ID        string    `json:"id"`
	Rule      string    `json:"rule"`
	Preview   string    `json:"preview"`
	Severity  string    `json:"severity"`
	FirstSeen time.Time `json:"first_seen"`
	Former    []string  `json:"-"` // its ids under keys that were replaced
}

// Place is what is recorded of where a credential is, as the Body of a [Sighting]. The
// value can be read again from the blob. Names of files and people hold no value.
type Place struct {
	Commit  string   `json:"commit,omitempty"`
	Author  string   `json:"author,omitempty"`
	Date    string   `json:"date,omitempty"`
	Path    string   `json:"path,omitempty"`
	Line    int      `json:"line,omitempty"`
	Blob    string   `json:"blob,omitempty"`
	Span    [2]int   `json:"span"`
	Decoded []string `json:"decoded_from,omitempty"`
	AtHead  bool     `json:"at_head"`
}

// Dated is when a commit was made, as a place has it; "" where that is not known.
func Dated(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// Sighting is one place of a credential. Body is data in JSON, without the value.
type Sighting struct {
	Credential  Credential
	Repository  string
	Fingerprint string
	Body        any
}

// State is where an incident stands.
type State string

// The life of an incident.
const (
	Detected  State = "detected"
	Triaged   State = "triaged"
	Revoked   State = "revoked"
	Rotated   State = "rotated"
	Purged    State = "purged"
	Closed    State = "closed"
	Dismissed State = "dismissed"
)

// moves are where an incident may go. Any that is over is detected again when
// its credential is seen alive, or a dismissal ends.
var moves = map[State][]State{
	Detected:  {Triaged, Revoked, Dismissed},
	Triaged:   {Revoked, Dismissed, Detected},
	Revoked:   {Rotated, Purged, Closed, Detected},
	Rotated:   {Purged, Closed, Detected},
	Purged:    {Rotated, Closed, Detected},
	Closed:    {Detected},
	Dismissed: {Detected},
}

// Incident is one credential's life.
type Incident struct {
	ID         string     `json:"id"`
	Credential Credential `json:"credential"`
	State      State      `json:"state"`
	Exposure   string     `json:"exposure"` // public, private, or "" when nobody said
	Opened     time.Time  `json:"opened"`
	Changed    time.Time  `json:"changed"`
	Reason     string     `json:"reason,omitempty"`
	Owner      string     `json:"owner,omitempty"`
	Expires    time.Time  `json:"expires,omitzero"` // of a dismissal
}

// Record takes in where credentials were found, and opens an incident for each
// that is new. What is known already stays as it is.
func (t *Tx) Record(ctx context.Context, actor string, found []Sighting) error {
	if len(found) == 0 {
		return nil
	}
	// Who records the same credentials in another order waits here, not for this one's rows.
	if _, _, err := t.head(ctx); err != nil {
		return err
	}
	for _, f := range found {
		if err := t.record(ctx, actor, f); err != nil {
			return fmt.Errorf("record %s: %w", f.Credential.ID, err)
		}
	}
	return nil
}

func (t *Tx) record(ctx context.Context, actor string, f Sighting) error {
	now, c := t.s.now(), f.Credential
	body, err := json.Marshal(f.Body)
	if err != nil {
		return err
	}
	if len(c.Former) > 0 {
		if err := t.reidentify(ctx, actor, c); err != nil {
			return err
		}
	}
	if _, err := t.exec(ctx, `INSERT INTO credentials (id, rule, preview, severity, first_seen) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		c.ID, c.Rule, c.Preview, c.Severity, micros(now)); err != nil {
		return err
	}
	place, err := t.exec(ctx, `INSERT INTO findings (credential, repository, fingerprint, body, recorded_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (credential, repository, fingerprint) DO NOTHING`,
		c.ID, f.Repository, f.Fingerprint, string(body), micros(now))
	if err != nil {
		return err
	}
	id, err := t.incidentIn(ctx, c.ID)
	if err != nil {
		return err
	}
	r, err := t.exec(ctx, `INSERT INTO incidents (id, credential, state, exposure, opened_at, changed_at, reason, owner, expires_at) VALUES (?, ?, ?, '', ?, ?, '', '', 0) ON CONFLICT (id) DO NOTHING`,
		id, c.ID, Detected, micros(now), micros(now))
	if err != nil {
		return err
	}
	return t.sighted(ctx, actor, id, f, body, r, place)
}

// sighted writes down that an incident was opened, or that its credential was
// seen at one more place.
func (t *Tx) sighted(ctx context.Context, actor, id string, f Sighting, body []byte, incident, place sql.Result) error {
	opened, err := incident.RowsAffected()
	if err != nil {
		return err
	}
	added, err := place.RowsAffected()
	if err != nil || opened+added == 0 {
		return err
	}
	if err := t.placed(ctx, f.Credential.ID); err != nil {
		return err
	}
	action := "seen"
	if opened > 0 {
		action = "detected"
	}
	_, err = t.Audit(ctx, actor, action, id, map[string]any{
		"credential": f.Credential.ID, "rule": f.Credential.Rule, "preview": f.Credential.Preview, "severity": f.Credential.Severity,
		"repository": f.Repository, "fingerprint": f.Fingerprint, "place": json.RawMessage(body),
	})
	return err
}

// incidentIn is the id of a credential's incident, as it is kept or is to be.
func (t *Tx) incidentIn(ctx context.Context, credential string) (id string, err error) {
	err = t.one(ctx, `SELECT id FROM incidents WHERE credential = ?`, []any{credential}, &id)
	if errors.Is(err, ErrNotFound) {
		return incidentOf(credential), nil
	}
	return id, err
}

// incidentOf is the id of a credential's incident.
func incidentOf(credential string) string { return "INC-" + strings.TrimPrefix(credential, "LG-") }

// Move asks for a step in the life of an incident.
type Move struct {
	To  State
	By  string
	Why string
	// Proof is the number of the audit event that proves the step. [Revoked]
	// needs one that says "checked" and that the credential is dead.
	Proof int64
	// Owner and Expires are those of a dismissal, which needs both.
	Owner   string
	Expires time.Time

	back bool // a way back, not a step ahead
}

// Advance moves an incident, if its state and the proof allow it.
func (t *Tx) Advance(ctx context.Context, id string, m Move) error {
	in, err := t.Incident(ctx, id)
	if err != nil {
		return fmt.Errorf("incident %s: %w", id, err)
	}
	if !slices.Contains(moves[in.State], m.To) {
		return fmt.Errorf("incident %s is %s and cannot become %s", id, in.State, m.To)
	}
	return t.step(ctx, in, m)
}

func (t *Tx) step(ctx context.Context, in Incident, m Move) error {
	if err := t.allows(ctx, in, m); err != nil {
		return fmt.Errorf("incident %s cannot become %s: %w", in.ID, m.To, err)
	}
	r, err := t.exec(ctx, `UPDATE incidents SET state = ?, changed_at = ?, reason = ?, owner = ?, expires_at = ? WHERE id = ? AND state = ?`,
		m.To, micros(t.s.now()), m.Why, m.Owner, micros(m.Expires), in.ID, in.State)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n != 1 { // PostgreSQL lets two read what one of them changes
		return errors.Join(err, fmt.Errorf("incident %s: %w: it is not %s any more", in.ID, ErrBusy, in.State))
	}
	body := map[string]any{"from": in.State, "why": m.Why, "proof": m.Proof, "owner": m.Owner, "expires": m.Expires}
	if m.back {
		body["back"] = true
	}
	_, err = t.Audit(ctx, m.By, string(m.To), in.ID, body)
	return err
}

// Unpurge moves an incident that is purged, or was closed since, back to where it
// was before, for its value is in history again: revoked or rotated, as the audit
// trail says, with the same proof; detected when nothing proves that any more.
// Any other incident stays. It is the one way back.
func (t *Tx) Unpurge(ctx context.Context, id, by, why string) error {
	in, err := t.Incident(ctx, id)
	if err != nil || in.State != Purged && in.State != Closed {
		return err
	}
	back, err := t.before(ctx, in)
	if err != nil {
		return fmt.Errorf("incident %s: %w", in.ID, err)
	}
	back.By, back.Why, back.back = by, why, true
	return t.step(ctx, in, back)
}

// before is the step that an incident took before its value left history.
func (t *Tx) before(ctx context.Context, in Incident) (Move, error) {
	var action, body string
	err := t.one(ctx, `SELECT action, body FROM audit WHERE subject = ? AND action IN (?, ?) ORDER BY seq DESC LIMIT 1`,
		[]any{in.ID, string(Revoked), string(Rotated)}, &action, &body)
	if errors.Is(err, ErrNotFound) { // it was pruned
		return Move{To: Detected}, nil
	}
	if err != nil {
		return Move{}, err
	}
	var was struct {
		Proof int64 `json:"proof"`
	}
	if err := json.Unmarshal([]byte(body), &was); err != nil {
		return Move{}, err
	}
	if State(action) == Revoked && t.provesDead(ctx, in, was.Proof) != nil {
		return Move{To: Detected}, nil
	}
	return Move{To: State(action), Proof: was.Proof}, nil
}

func (t *Tx) allows(ctx context.Context, in Incident, m Move) error {
	switch {
	case m.By == "":
		return errors.New("nobody takes the step")
	case m.To == Dismissed && (m.Why == "" || m.Owner == "" || !m.Expires.After(t.s.now())):
		return errors.New("a dismissal needs a reason, an owner and a day in the future on which it ends")
	case m.To == Revoked:
		return t.provesDead(ctx, in, m.Proof)
	}
	return nil
}

// provesDead looks at the event that is to prove a revocation.
func (t *Tx) provesDead(ctx context.Context, in Incident, proof int64) error {
	var action, subject, body string
	err := t.one(ctx, `SELECT action, subject, body FROM audit WHERE seq = ?`, []any{proof}, &action, &subject, &body)
	if err != nil {
		return fmt.Errorf("no check proves that the credential is dead: %w", err)
	}
	var check struct {
		Status string `json:"status"`
	}
	if err := json.Unmarshal([]byte(body), &check); err != nil {
		return fmt.Errorf("audit event %d: %w", proof, err)
	}
	if action != "checked" || subject != in.ID || check.Status != "dead" {
		return fmt.Errorf("audit event %d is no check that found the credential dead", proof)
	}
	return nil
}

// SetExposure says who could see the credential: public or private.
func (t *Tx) SetExposure(ctx context.Context, id, by, exposure string) error {
	in, err := t.Incident(ctx, id)
	if err != nil {
		return fmt.Errorf("incident %s: %w", id, err)
	}
	if _, err := t.exec(ctx, `UPDATE incidents SET exposure = ? WHERE id = ?`, exposure, in.ID); err != nil {
		return err
	}
	_, err = t.Audit(ctx, by, "exposure", in.ID, map[string]string{"exposure": exposure})
	return err
}

const incidentColumns = `SELECT i.id, i.state, i.exposure, i.opened_at, i.changed_at, i.reason, i.owner, i.expires_at,
  c.id, c.rule, c.preview, c.severity, c.first_seen FROM incidents i JOIN credentials c ON c.id = i.credential `

// Incident reads one, by its own id or that of its credential, also as those were before
// the key was changed: the incident has the id that its credential had first, and the
// trail tells those between.
func (t *Tx) Incident(ctx context.Context, id string) (Incident, error) {
	in, err := t.incident(ctx, id)
	if !errors.Is(err, ErrNotFound) {
		return in, err
	}
	if id, err = t.reidentified(ctx, id); err != nil {
		return in, err
	}
	return t.incident(ctx, id)
}

func (t *Tx) incident(ctx context.Context, id string) (Incident, error) {
	return scanIncident(func(into ...any) error {
		return t.one(ctx, incidentColumns+`WHERE i.id IN (?, ?) OR c.id IN (?, ?)`, []any{id, incidentOf(id), id, "LG-" + strings.TrimPrefix(id, "INC-")}, into...)
	})
}

// Incidents reads all, the oldest first.
func (t *Tx) Incidents(ctx context.Context) ([]Incident, error) {
	rows, err := t.query(ctx, incidentColumns+`ORDER BY i.opened_at, i.id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Incident
	for rows.Next() {
		in, err := scanIncident(rows.Scan)
		if err != nil {
			return nil, t.s.explain(err)
		}
		all = append(all, in)
	}
	return all, t.s.explain(rows.Err())
}

func scanIncident(scan func(into ...any) error) (in Incident, err error) {
	var opened, changed, expires, seen int64
	err = scan(&in.ID, &in.State, &in.Exposure, &opened, &changed, &in.Reason, &in.Owner, &expires,
		&in.Credential.ID, &in.Credential.Rule, &in.Credential.Preview, &in.Credential.Severity, &seen)
	in.Opened, in.Changed, in.Expires, in.Credential.FirstSeen = fromMicros(opened), fromMicros(changed), fromMicros(expires), fromMicros(seen)
	return in, err
}

// Sightings reads the places of a credential as they were recorded.
func (t *Tx) Sightings(ctx context.Context, credential string) ([]StoredSighting, error) {
	rows, err := t.query(ctx, `SELECT repository, fingerprint, body, recorded_at FROM findings WHERE credential = ? ORDER BY id`, credential)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []StoredSighting
	for rows.Next() {
		var s StoredSighting
		var body string
		var at int64
		if err := rows.Scan(&s.Repository, &s.Fingerprint, &body, &at); err != nil {
			return nil, t.s.explain(err)
		}
		s.Body, s.Recorded = json.RawMessage(body), fromMicros(at)
		all = append(all, s)
	}
	return all, t.s.explain(rows.Err())
}

// StoredSighting is a [Sighting] as it was recorded.
type StoredSighting struct {
	Repository  string          `json:"repository"`
	Fingerprint string          `json:"fingerprint"`
	Body        json.RawMessage `json:"body"`
	Recorded    time.Time       `json:"recorded"`
}
