package revoke

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

const (
	maxPages = 200
	// minEdge is how many characters of the value's end a record must show.
	minEdge = 3
)

// find reads the whole list and gives the ids of the records that are the
// value. A list that was not read to its end is an error: the page that is
// missing may hold a second record that fits.
func (c *Client) find(ctx context.Context, p *Provider, in Input, v vars) (ids []string, wait time.Duration, err error) {
	match, err := p.Find.matcher(p, in, v)
	if err != nil {
		return nil, 0, err
	}
	next := url.Values{}
	for page := 1; page <= maxPages; page++ {
		r, err := c.askPage(ctx, p, next, v)
		if err != nil {
			return nil, r.waits(), err
		}
		if group, _ := which(r, p.Find.Found); group != 0 {
			return nil, r.wait, errors.New(undocumented(p, r))
		}
		items, ok := p.Find.list(r)
		if !ok {
			return nil, 0, fmt.Errorf("%s answered without a list", p.ID)
		}
		for _, item := range items {
			if !match(item) {
				continue
			}
			id := word(at(item, p.Find.ID))
			if id == "" {
				return nil, 0, fmt.Errorf("a record of %s that fits has no id", p.ID)
			}
			ids = append(ids, id)
		}
		if next, err = p.Find.Page.next(r, page, len(items)); err != nil || next == nil {
			return ids, 0, err
		}
	}
	return nil, 0, fmt.Errorf("%s lists more than %d pages", p.ID, maxPages)
}

// list are the records of an answer. XML does not tell a list of one from a record.
func (f *Find) list(r *reply) ([]any, bool) {
	node := at(r.tree, f.Items)
	if one, ok := node.(map[string]any); ok && f.Format == "xml" {
		return []any{one}, true
	}
	items, ok := node.([]any)
	return items, ok
}

// askPage asks for one page: the request of the list, and what names the page.
func (c *Client) askPage(ctx context.Context, p *Provider, page url.Values, v vars) (*reply, error) {
	request := p.Find.Request
	if len(page) > 0 {
		address, query, _ := strings.Cut(request.URL, "?")
		kept := []string{}
		for pair := range strings.SplitSeq(query, "&") {
			if name, _, _ := strings.Cut(pair, "="); pair != "" && !page.Has(name) {
				kept = append(kept, pair)
			}
		}
		request.URL = address + "?" + strings.Join(append(kept, page.Encode()), "&")
	}
	return c.ask(ctx, p, request, v)
}

// matcher reports of each record whether it is the value.
func (f *Find) matcher(p *Provider, in Input, v vars) (func(any) bool, error) {
	where := func(item any) bool {
		for path, want := range f.Where {
			if word(at(item, path)) != want {
				return false
			}
		}
		return true
	}
	if p.Proof == ProofListValue {
		want, err := v.expand(f.Equals, asIs)
		if err != nil {
			return nil, err
		}
		return func(item any) bool {
			return where(item) && secret.New(word(at(item, f.Field))).Equal(secret.New(want))
		}, nil
	}
	if in.Seen.IsZero() {
		return nil, errors.New("it is not known when the value was first committed, and a record must not be younger")
	}
	value := in.Secret.Reveal() // compared with the edges that the record shows
	return func(item any) bool { return where(item) && f.edges(item, value, in.Seen) }, nil
}

// masked is a value of which only the edges are shown.
var masked = regexp.MustCompile(`^(.*?)(?:\.{2,}|…|\*+|_?\*+)([^.…*]*)$`)

// edges reports whether the record shows the first and the last characters of
// the value and was made before the value was seen.
func (f *Find) edges(item any, value string, seen time.Time) bool {
	prefix, suffix := word(at(item, f.Prefix)), word(at(item, f.Suffix))
	if f.Field != "" {
		m := masked.FindStringSubmatch(word(at(item, f.Field)))
		if m == nil {
			return false
		}
		prefix, suffix = m[1], m[2]
	}
	made, ok := date(at(item, f.Made))
	return ok && !made.After(seen) && prefix != "" && len(suffix) >= minEdge &&
		len(prefix)+len(suffix) < len(value) &&
		strings.HasPrefix(value, prefix) && strings.HasSuffix(value, suffix)
}

// date reads RFC 3339 or seconds since 1970.
func date(node any) (time.Time, bool) {
	text := word(node)
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, true
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil && seconds > 0 {
		return time.Unix(seconds, 0), true
	}
	return time.Time{}, false
}

// linkNext is the address of the next page in a Link header (RFC 8288).
var linkNext = regexp.MustCompile(`<([^<>]*)>\s*;[^,<]*\brel="?next"?`)

// next is the query that asks for the page after this one, nil at the end. Only
// the query of a link is taken, so a list cannot lead elsewhere.
func (g *Page) next(r *reply, page, items int) (url.Values, error) {
	if g == nil {
		return nil, nil
	}
	switch g.Kind {
	case "link":
		address := word(at(r.tree, g.Path))
		if m := linkNext.FindStringSubmatch(strings.Join(r.header.Values("Link"), ", ")); g.Path == "" && m != nil {
			address = m[1]
		}
		if address == "" {
			return nil, nil
		}
		link, err := url.Parse(address)
		if err != nil || link.Query().Get(g.Query) == "" {
			return nil, errors.New("the link to the next page does not parse")
		}
		return link.Query(), nil
	case "cursor":
		cursor := word(at(r.tree, g.Path))
		if g.More != "" && word(at(r.tree, g.More)) != "true" || g.More == "" && cursor == "" {
			return nil, nil
		}
		if cursor == "" {
			return nil, errors.New("more records follow, but nothing says where")
		}
		return url.Values{g.Query: {cursor}}, nil
	default:
		if items == 0 {
			return nil, nil
		}
		return url.Values{g.Query: {strconv.Itoa(page + 1)}}, nil
	}
}
