package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Reader is somebody who may read some repositories, by their numbers at GitHub. All that
// he is shown, and all that is counted for him, is of these alone: of an incident that is
// elsewhere too he sees the places in them, and of one that is only elsewhere nothing.
type Reader []int64

// among is the list of a reader's repositories in a query, as findings name them.
func (t *Tx) among(r Reader) (sub string, arg any) {
	texts := make([]string, 0, len(r))
	for _, id := range r {
		texts = append(texts, strconv.FormatInt(id, 10))
	}
	return t.list("TEXT"), jsonList(texts)
}

// numbers is the same list as numbers.
func (t *Tx) numbers(r Reader) (sub string, arg any) { return t.list("BIGINT"), jsonList(r) }

// list is a subquery over a JSON array: one parameter, however long the list is.
func (t *Tx) list(kind string) string {
	if t.s.kind == sqlite {
		return `(SELECT CAST(value AS ` + kind + `) FROM json_each(?))`
	}
	return `(SELECT CAST(value AS ` + kind + `) FROM json_array_elements_text(CAST(CAST(? AS TEXT) AS JSON)))`
}

func jsonList[T any](list []T) string {
	text, err := json.Marshal(list)
	if err != nil || list == nil {
		return "[]"
	}
	return string(text)
}

// Order is how incidents are sorted.
type Order string

// The orders. Whatever is equal is sorted by its id.
const (
	Newest  Order = "newest"  // first seen last
	Oldest  Order = "oldest"  // first seen first
	Worst   Order = "worst"   // by severity, then the newest
	Changed Order = "changed" // that moved last
)

// keys are what an order sorts by, all of one direction. A severity is worth more than any time.
var keys = map[Order]struct{ key, direction, after string }{
	Newest:  {`s.first`, `DESC`, `<`},
	Oldest:  {`s.first`, `ASC`, `>`},
	Changed: {`i.changed_at`, `DESC`, `<`},
	Worst: {`(CASE c.severity WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 ELSE 1 END * 100000000000000000 + s.first)`,
		`DESC`, `<`},
}

// Over are the states of incidents that need nobody any more.
var Over = []State{Closed, Dismissed}

// Wanted says which incidents of a reader are listed. What is zero narrows nothing.
type Wanted struct {
	Reader     Reader
	Open       bool // only those that are not over
	State      State
	Severity   string
	Rule       string
	Repository int64  // one of the reader's
	Text       string // in ids, rules, previews, reasons, owners and places, whatever its case
	Order      Order
	After      string // [Page.Next] of the page before
	Limit      int
}

// Seen is an incident as a reader sees it.
type Seen struct {
	Incident
	Places       int       // he may read
	Repositories int       // he may read
	Repository   int64     // one of them
	First, Last  time.Time // of these places
}

// Page is a part of a list.
type Page struct {
	Incidents []Seen
	Next      string // "" at the end
}

// seen are the places that a reader may read, by credential.
const seen = `WITH s AS (SELECT f.credential, COUNT(*) AS places, COUNT(DISTINCT f.repository) AS repositories, MIN(f.repository) AS repository,
  MIN(f.recorded_at) AS first, MAX(f.recorded_at) AS last FROM findings f WHERE f.repository IN %s GROUP BY f.credential)
 SELECT i.id, i.state, i.exposure, i.opened_at, i.changed_at, i.reason, i.owner, i.expires_at, c.id, c.rule, c.preview, c.severity, c.first_seen,
  s.places, s.repositories, s.repository, s.first, s.last, %s
 FROM s JOIN credentials c ON c.id = s.credential JOIN incidents i ON i.credential = s.credential WHERE 1 = 1 `

// Listed lists a reader's incidents, a page at a time.
func (t *Tx) Listed(ctx context.Context, w Wanted) (Page, error) {
	order, ok := keys[w.Order]
	if !ok {
		return Page{}, fmt.Errorf("incidents are not sorted by %q", w.Order)
	}
	where, args := t.narrow(w)
	if w.After != "" {
		key, id, err := parseCursor(w.After)
		if err != nil {
			return Page{}, err
		}
		where += ` AND (` + order.key + ` ` + order.after + ` ? OR ` + order.key + ` = ? AND i.id > ?)`
		args = append(args, key, key, id)
	}
	among, list := t.among(w.reader())
	query := fmt.Sprintf(seen, among, order.key) + where + ` ORDER BY ` + order.key + ` ` + order.direction + `, i.id LIMIT ?`
	all, at, err := t.seen(ctx, query, append(append([]any{list}, args...), w.Limit+1)...)
	if err != nil || len(all) <= w.Limit {
		return Page{Incidents: all}, err
	}
	last := all[w.Limit-1]
	return Page{all[:w.Limit], fmt.Sprintf("%d.%s", at[w.Limit-1], last.ID)}, nil
}

// reader is narrowed to one repository where one is asked for.
func (w Wanted) reader() Reader {
	if w.Repository == 0 {
		return w.Reader
	}
	if !slices.Contains(w.Reader, w.Repository) {
		return nil
	}
	return Reader{w.Repository}
}

func (t *Tx) narrow(w Wanted) (where string, args []any) {
	add := func(condition string, values ...any) {
		where += ` AND ` + condition
		args = append(args, values...)
	}
	if w.Open {
		add(`i.state NOT IN (?, ?)`, Over[0], Over[1])
	}
	if w.State != "" {
		add(`i.state = ?`, w.State)
	}
	if w.Severity != "" {
		add(`c.severity = ?`, w.Severity)
	}
	if w.Rule != "" {
		add(`c.rule = ?`, w.Rule)
	}
	if w.Text != "" {
		among, list := t.among(w.reader())
		like := pattern(w.Text)
		add(`(LOWER(i.id) LIKE LOWER(?) ESCAPE '!' OR LOWER(c.id) LIKE LOWER(?) ESCAPE '!' OR LOWER(c.rule) LIKE LOWER(?) ESCAPE '!' OR LOWER(c.preview) LIKE LOWER(?) ESCAPE '!'
  OR LOWER(i.reason) LIKE LOWER(?) ESCAPE '!' OR LOWER(i.owner) LIKE LOWER(?) ESCAPE '!'
  OR EXISTS (SELECT 1 FROM findings p WHERE p.credential = c.id AND p.repository IN `+among+` AND LOWER(p.body) LIKE LOWER(?) ESCAPE '!'))`,
			like, like, like, like, like, like, list, pattern(escaped(w.Text)))
	}
	return where, args
}

// pattern finds a text literally. The database folds the case of both sides, as far as it
// knows letters.
func pattern(text string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text) + "%"
}

// escaped is a text as it stands in JSON.
func escaped(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		return text
	}
	return strings.Trim(string(out), `"`)
}

var errCursor = errors.New("the place in the list does not parse")

// IsBadCursor reports whether [Wanted.After] was none that [Page.Next] said.
func IsBadCursor(err error) bool { return errors.Is(err, errCursor) }

func parseCursor(text string) (key int64, id string, err error) {
	number, id, ok := strings.Cut(text, ".")
	key, err = strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || len(id) > 100 {
		return 0, "", errCursor
	}
	return key, id, nil
}

func (t *Tx) seen(ctx context.Context, query string, args ...any) (all []Seen, at []int64, err error) {
	rows, err := t.query(ctx, query, args...)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s Seen
		var opened, changed, expires, credential, first, last, key int64
		var repository string
		if err := rows.Scan(&s.ID, &s.State, &s.Exposure, &opened, &changed, &s.Reason, &s.Owner, &expires,
			&s.Credential.ID, &s.Credential.Rule, &s.Credential.Preview, &s.Credential.Severity, &credential,
			&s.Places, &s.Repositories, &repository, &first, &last, &key); err != nil {
			return nil, nil, t.s.explain(err)
		}
		if s.Repository, err = strconv.ParseInt(repository, 10, 64); err != nil {
			return nil, nil, fmt.Errorf("repository of incident %s: %w", s.ID, err)
		}
		s.Opened, s.Changed, s.Expires, s.Credential.FirstSeen = fromMicros(opened), fromMicros(changed), fromMicros(expires), fromMicros(credential)
		s.First, s.Last = fromMicros(first), fromMicros(last)
		all, at = append(all, s), append(at, key)
	}
	return all, at, t.s.explain(rows.Err())
}

// SeenBy gives an incident as a reader sees it, with the places that he may read, the
// oldest first. One that he may not see is [ErrNotFound], as is one that does not exist.
func (t *Tx) SeenBy(ctx context.Context, r Reader, id string) (Seen, []StoredSighting, error) {
	among, list := t.among(r)
	all, _, err := t.seen(ctx, fmt.Sprintf(seen, among, `s.first`)+` AND i.id = ?`, list, id)
	if err != nil {
		return Seen{}, nil, err
	}
	if len(all) == 0 {
		return Seen{}, nil, ErrNotFound
	}
	places, err := t.Sightings(ctx, all[0].Credential.ID)
	if err != nil {
		return Seen{}, nil, err
	}
	return all[0], slices.DeleteFunc(places, func(s StoredSighting) bool { return !r.may(s.Repository) }), nil
}

func (r Reader) may(repository string) bool {
	id, err := strconv.ParseInt(repository, 10, 64)
	return err == nil && slices.Contains(r, id)
}

// History is how far the last sweep of a repository came.
type History struct {
	State Passage
	Done  time.Time     // when it was over; zero while it is not
	Left  time.Duration // until its sweep is over, as far as that can be told; 0: nobody can
}

// HistoriesIn tells of each repository that a sweep named how far the last one came.
func (t *Tx) HistoriesIn(ctx context.Context, r Reader) (map[int64]History, error) {
	list, arg := t.numbers(r)
	rows, err := t.query(ctx, `SELECT s.repository, s.state, s.began_at + s.took, s.sweep FROM swept s WHERE s.repository IN `+list+`
 AND s.sweep = (SELECT MAX(o.sweep) FROM swept o WHERE o.repository = s.repository)`, arg)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all, in := map[int64]History{}, map[int64][]int64{}
	for rows.Next() {
		var id, done, sweep int64
		var one History
		if err := rows.Scan(&id, &one.State, &done, &sweep); err != nil {
			return nil, t.s.explain(err)
		}
		if one.State == PassWaiting || one.State == PassRunning {
			in[sweep] = append(in[sweep], id)
		} else {
			one.Done = fromMicros(done)
		}
		all[id] = one
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, t.s.explain(err)
	}
	return all, t.leftOf(ctx, all, in)
}

// leftOf fills in how long the sweeps of repositories take that are not over.
func (t *Tx) leftOf(ctx context.Context, all map[int64]History, in map[int64][]int64) error {
	for sweep, repositories := range in {
		found, err := t.sweeps(ctx, `id = ?`, sweep)
		if err != nil || len(found) == 0 {
			return err
		}
		for _, id := range repositories {
			one := all[id]
			one.Left = found[0].Left
			all[id] = one
		}
	}
	return nil
}
