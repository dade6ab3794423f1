package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Line is written of a step of a plan: into the journal, from which a run is taken
// up, and into the audit trail, which vouches for the journal.
type Line struct {
	Plan    string
	Step    int
	Event   string         // what is about to happen, or did
	Body    any            // of the line, without any value of a credential
	Action  string         // of the event of the trail
	Subject string         // of that
	More    map[string]any // what it says beside the line
}

// Write writes a line into the journal and the trail, whose head is then noted: the
// line may say that somebody is about to be called.
func (t *Tx) Write(ctx context.Context, actor string, l Line) error {
	text, err := json.Marshal(l.Body)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if err := t.Note(ctx); err != nil {
		return err
	}
	body := map[string]any{}
	maps.Copy(body, l.More)
	body["plan"], body["step"], body["event"], body["detail"] = l.Plan, l.Step, l.Event, json.RawMessage(text)
	if _, err = t.Audit(ctx, actor, l.Action, l.Subject, body); err != nil { // before the line, as it keeps others out until the transaction ends
		return err
	}
	if _, err := t.exec(ctx, `INSERT INTO journal (plan, step, event, body, at) VALUES (?, ?, ?, ?, ?)`, l.Plan, l.Step, l.Event, string(text), micros(t.s.now())); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// Entry is a line of the journal as the audit trail tells it.
type Entry struct {
	Step  int             `json:"step"`
	Event string          `json:"event"`
	Body  json.RawMessage `json:"detail"`
	At    time.Time       `json:"-"` // by the trail, whose time never goes back
	Seq   int64           `json:"-"` // of the event of the trail
}

// JournalError says where a journal is not what the audit trail tells: somebody
// wrote into the database, and nothing is to be done by it.
type JournalError struct {
	Plan string
	Line int // the first that differs, from 1
	Why  string
}

func (e *JournalError) Error() string {
	return fmt.Sprintf("the journal of plan %s was tampered with at line %d: %s; nothing is done by it: make a new plan", e.Plan, e.Line, e.Why)
}

// Journal reads that of a plan whose events are about some subjects, in the order
// in which it was written. One that is not, line by line, what the audit trail
// tells is a [JournalError].
func (s *Store) Journal(ctx context.Context, plan string, subjects ...string) ([]Entry, error) {
	for {
		kept, err := s.kept(ctx, plan)
		if err != nil {
			return nil, err
		}
		told, err := s.told(ctx, plan, subjects)
		if err != nil {
			return nil, err
		}
		if now, err := s.kept(ctx, plan); err != nil {
			return nil, err
		} else if len(now) == len(kept) { // else somebody wrote meanwhile
			return told, s.gone(ctx, plan, agree(plan, kept, told))
		}
	}
}

// gone is the error about a journal of which the trail does not tell the beginning
// any more.
func (s *Store) gone(ctx context.Context, plan string, err error) error {
	if err == nil {
		return nil
	}
	base, fault := s.Base(ctx)
	if fault != nil || base.Seq == 0 {
		return errors.Join(err, fault)
	}
	planned := false
	fault = s.Proven(ctx, plan, func(e Event) error { planned = planned || e.Action == "planned"; return nil })
	if fault == nil && !planned {
		return fmt.Errorf("the journal of plan %s: %w", plan, ErrPruned)
	}
	return errors.Join(err, fault)
}

// agree holds the lines that are kept against those that the trail tells of.
func agree(plan string, kept, told []Entry) error {
	for i := range max(len(kept), len(told)) {
		switch {
		case i >= len(told):
			return &JournalError{plan, i + 1, "no audit event tells of it"}
		case i >= len(kept):
			return &JournalError{plan, i + 1, fmt.Sprintf("audit event %d tells of a line that is missing", told[i].Seq)}
		case kept[i].Step != told[i].Step || kept[i].Event != told[i].Event || !bytes.Equal(kept[i].Body, told[i].Body):
			return &JournalError{plan, i + 1, fmt.Sprintf("it is not what audit event %d tells", told[i].Seq)}
		}
	}
	return nil
}

// told are the lines of a plan's journal as the trail tells them.
func (s *Store) told(ctx context.Context, plan string, subjects []string) (all []Entry, err error) {
	for _, subject := range slices.Compact(slices.Sorted(slices.Values(subjects))) {
		err := s.Proven(ctx, subject, func(e Event) error {
			one := struct {
				Plan string `json:"plan"`
				*Entry
			}{Entry: &Entry{Step: -1, At: e.At, Seq: e.Seq}}
			if err := json.Unmarshal(e.Body, &one); err != nil || one.Plan != plan || one.Step < 0 {
				return nil // it tells of something else
			}
			all = append(all, *one.Entry)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	return all, nil
}

// kept reads the lines of a plan as they are in the journal.
func (s *Store) kept(ctx context.Context, plan string) (all []Entry, err error) {
	err = s.Tx(ctx, func(t *Tx) error {
		all, err = t.journal(ctx, plan)
		return err
	})
	return all, err
}

func (t *Tx) journal(ctx context.Context, plan string) (all []Entry, err error) {
	rows, err := t.query(ctx, `SELECT step, event, body FROM journal WHERE plan = ? ORDER BY id`, plan)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var e Entry
		var body string
		if err := rows.Scan(&e.Step, &e.Event, &body); err != nil {
			return nil, t.s.explain(err)
		}
		e.Body = json.RawMessage(body)
		all = append(all, e)
	}
	return all, t.s.explain(rows.Err())
}
