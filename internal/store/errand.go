package store

import (
	"context"
	"encoding/json"
)

// Errand is what somebody ordered to be fixed, by the delivery that brought it.
type Errand struct {
	ID     string
	Said   string          // when it was taken
	Told   string          // behind that, of what became of it
	Answer string          // which comment says both; a later order with the same one takes its place
	Body   json.RawMessage // what whoever follows it needs to know; it holds no value
	Open   bool            // somebody still has to look what becomes of it
}

const orderColumns = `SELECT id, said, told, answer, body, open FROM orders `

func scanOrder(scan func(into ...any) error) (o Errand, err error) {
	var body string
	var open int
	err = scan(&o.ID, &o.Said, &o.Told, &o.Answer, &body, &open)
	o.Body, o.Open = json.RawMessage(body), open != 0
	return o, err
}

// Ordered gives an order as it was taken. One that was not is [ErrNotFound].
func (t *Tx) Ordered(ctx context.Context, id string) (Errand, error) {
	return scanOrder(func(into ...any) error { return t.one(ctx, orderColumns+`WHERE id = ?`, []any{id}, into...) })
}

// KeepOrder keeps an order with what is said to it. What was said first stays. Nobody
// follows an earlier order any more whose answer this one takes over.
func (t *Tx) KeepOrder(ctx context.Context, o Errand) error {
	if _, err := t.exec(ctx, `INSERT INTO orders (id, said, taken_at, answer, body, open) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		o.ID, text(o.Said), micros(t.s.now()), text(o.Answer), string(o.Body), flag(o.Open)); err != nil {
		return err
	}
	_, err := t.exec(ctx, `UPDATE orders SET open = 0 WHERE open = 1 AND answer = ? AND id <> ?`, text(o.Answer), o.ID)
	return err
}

// OpenOrders gives orders that somebody follows, behind one in the order of their ids.
func (t *Tx) OpenOrders(ctx context.Context, after string, limit int) (all []Errand, err error) {
	rows, err := t.query(ctx, orderColumns+`WHERE open = 1 AND id > ? ORDER BY id LIMIT ?`, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		o, err := scanOrder(rows.Scan)
		if err != nil {
			return nil, t.s.explain(err)
		}
		all = append(all, o)
	}
	return all, t.s.explain(rows.Err())
}

// FollowOrder keeps what was told of an order, and whether it is followed any more.
func (t *Tx) FollowOrder(ctx context.Context, id, told string, open bool) error {
	_, err := t.exec(ctx, `UPDATE orders SET told = ?, open = CASE WHEN open = 1 THEN ? ELSE 0 END WHERE id = ?`, text(told), flag(open), id)
	return err
}

// flag is how a yes is kept.
func flag(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
