package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/store"
)

// aPage is how many incidents stand on a page.
const aPage = 25

// filters are what the form on the page says.
type filters struct {
	State, Severity, Rule, Text, Sort string
	Repository                        int64
}

// anyState and openState are the two states that are none.
const (
	openState = "open"
	anyState  = "any"
)

// sorts are the orders by their names on the page.
var sorts = []struct {
	Order store.Order
	Name  string
}{{store.Worst, "Worst first"}, {store.Newest, "Newest first"}, {store.Oldest, "Oldest first"}, {store.Changed, "Changed last"}}

// maxQuery is longer than what anybody types, in bytes.
const maxQuery = 200

func readFilters(q url.Values) (filters, store.Wanted, error) {
	f := filters{State: q.Get("state"), Severity: q.Get("severity"), Rule: q.Get("rule"), Text: typed(q.Get("q")), Sort: q.Get("sort")}
	if f.State == "" {
		f.State = openState
	}
	if f.Sort == "" {
		f.Sort = string(store.Worst)
	}
	var err error
	if text := q.Get("repository"); text != "" {
		f.Repository, err = strconv.ParseInt(text, 10, 64)
	}
	w := store.Wanted{Severity: f.Severity, Rule: f.Rule, Repository: f.Repository, Text: f.Text, Order: store.Order(f.Sort), After: q.Get("after"), Limit: aPage}
	known := f.State == openState || f.State == anyState
	for _, s := range states {
		if string(s.State) == f.State {
			w.State, known = s.State, true
		}
	}
	w.Open = f.State == openState
	text := f.Rule + w.After // PostgreSQL takes neither of these for text
	odd := !utf8.ValidString(text) || strings.ContainsRune(text, 0)
	sorted := slices.ContainsFunc(sorts, func(s struct {
		Order store.Order
		Name  string
	}) bool {
		return s.Order == w.Order
	})
	if err != nil || odd || !known || !sorted || f.Severity != "" && !slices.Contains(severities, f.Severity) || len(f.Text)+len(f.Rule)+len(w.After) > maxQuery {
		return f, w, errBadQuery
	}
	return f, w, nil
}

// typed is what somebody typed, without what does not print.
func typed(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text))
}

// query is the address of the same list, further on.
func (f filters) query(after string) string {
	q := url.Values{"state": {f.State}, "sort": {f.Sort}}
	for name, value := range map[string]string{"severity": f.Severity, "rule": f.Rule, "q": f.Text, "after": after} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.Repository != 0 {
		q.Set("repository", strconv.FormatInt(f.Repository, 10))
	}
	return "/?" + q.Encode()
}

// narrowed reports whether the filters leave anything out that is open.
func (f filters) narrowed() bool {
	return f.Severity != "" || f.Rule != "" || f.Text != "" || f.Repository != 0 || f.State != openState && f.State != anyState
}

// incidentsPage is what the page of incidents shows.
type incidentsPage struct {
	Filters      filters
	Repositories []hub.Readable
	Rules        []string
	Rows         []row
	Next, First  string // addresses; "" where there is none
	Open         int
	All          int // of any state
	BySeverity   []tile
	Chart        chart
	Narrowed     bool
	Now          time.Time
}

// row is one incident in the list.
type row struct {
	store.Seen
	Name string // of one of its repositories
}

// More is in how many other repositories it is.
func (r row) More() int { return r.Repositories - 1 }

// tile is the number of open incidents of a severity.
type tile struct {
	Severity, Query string
	Open            int
}

// States, Severities and Sorts are what the form offers.
func (incidentsPage) States() any          { return states }
func (incidentsPage) Severities() []string { return severities }
func (incidentsPage) Sorts() any           { return sorts }

func (s *server) incidents(w http.ResponseWriter, r *http.Request, v viewer) error {
	f, wanted, err := readFilters(r.URL.Query())
	if err != nil {
		return err
	}
	wanted.Reader = v.access.reader()
	p := incidentsPage{Filters: f, Repositories: v.access.Repositories, Narrowed: f.narrowed(), Now: s.Now()}
	var list store.Page
	var all store.Overview
	ctx := r.Context()
	err = s.Store.View(ctx, func(t *store.Tx) (err error) {
		if list, err = t.Listed(ctx, wanted); err != nil {
			return err
		}
		all, err = t.Overview(ctx, wanted.Reader, since(p.Now), chartDays)
		return err
	})
	if err != nil {
		return listError(ctx, err)
	}
	for _, in := range list.Incidents {
		p.Rows = append(p.Rows, row{in, v.access.name(in.Repository)})
	}
	if list.Next != "" {
		p.Next = f.query(list.Next)
	}
	if wanted.After != "" {
		p.First = f.query("")
	}
	p.Rules = all.Rules
	p.sum(all.Tally)
	p.Chart = draw(all.Open, p.Now)
	text, err := s.show("incidents", "Incidents", "/", v, p)
	if err == nil {
		write(w, http.StatusOK, text)
	}
	return err
}

func listError(ctx context.Context, err error) error {
	if store.IsBadCursor(err) && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", errBadQuery, err)
	}
	return err
}

// sum counts what is open, by severity.
func (p *incidentsPage) sum(tally map[store.State]map[string]int) {
	open := map[string]int{}
	for state, by := range tally {
		for severity, n := range by {
			p.All += n
			if !slices.Contains(store.Over, state) {
				p.Open += n
				open[severity] += n
			}
		}
	}
	for _, severity := range severities {
		p.BySeverity = append(p.BySeverity, tile{severity, filters{State: openState, Sort: string(store.Worst), Severity: severity}.query(""), open[severity]})
	}
}
