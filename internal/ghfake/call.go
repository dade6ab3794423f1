package ghfake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/leakgate/leakgate/internal/ghfake/openapi"
)

// doc is a JSON object.
type doc = map[string]any

// call is one request on its way through: first judged, then authenticated, then
// answered under the lock.
type call struct {
	*GitHub
	op     *openapi.Operation
	params map[string]string
	query  url.Values
	header http.Header
	body   doc
	who    *token
	repo   *Repo // where the path names one
}

// answer is what leaves. A nil body is none.
type answer struct {
	status int
	body   any
	header http.Header
}

func ok(body any) answer      { return answer{status: http.StatusOK, body: body} }
func created(body any) answer { return answer{status: http.StatusCreated, body: body} }
func empty() answer           { return answer{status: http.StatusNoContent} }

// fail is an error as GitHub writes it: https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
func fail(status int, message string, details ...doc) answer {
	body := doc{"message": message, "documentation_url": "https://docs.github.com/rest"}
	if len(details) > 0 {
		body["errors"] = details
	}
	if slices.Contains([]int{401, 403, 404}, status) { // not every other error is described with it
		body["status"] = strconv.Itoa(status)
	}
	return answer{status: status, body: body}
}

func notFound() answer { return fail(http.StatusNotFound, "Not Found") }

// invalid is 422 for one field of a resource.
func invalid(resource, field, message string) answer {
	detail := doc{"resource": resource, "code": "custom", "message": message}
	if field != "" {
		detail["field"] = field
	}
	return fail(http.StatusUnprocessableEntity, "Validation Failed", detail)
}

// maxBody is more than any request that GitHub takes: a SARIF file of 10 MB in base64.
const maxBody = 32 << 20

func (g *GitHub) serve(w http.ResponseWriter, r *http.Request, path string) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return // the client left
	}
	op, params, other := g.spec.Match(r.Method, path)
	if op == nil {
		g.options.Report(fmt.Sprintf("no operation for %s %s (another method has it: %v)", r.Method, r.URL.Path, other))
		write(w, notFound())
		return
	}
	c := &call{GitHub: g, op: op, params: params, query: r.URL.Query(), header: r.Header}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls[op.ID]++
	if g.options.Record != nil {
		fmt.Fprintf(g.options.Record, "%s %s\n%s\n", r.Method, r.URL.RequestURI(), body)
	}
	if g.broken(w, g.fault(op.ID)) {
		return
	}
	a := c.answer(body)
	if g.broken(w, g.fault(op.ID+" after")) {
		return
	}
	g.stamp(c, w.Header())
	write(w, c.judge(a))
}

// answer finds out who asks, whether he may, and what follows.
func (c *call) answer(body []byte) answer {
	body = read(c.op.ID, body)
	if err := c.spec.Request(c.op, c.params, c.query, c.header, body); err != nil {
		c.options.Report(fmt.Sprintf("%s %s: %v", c.op.Method, c.op.Path, err))
		return fail(http.StatusUnprocessableEntity, "Invalid request.\n\n"+err.Error())
	}
	if len(bytes.TrimSpace(body)) > 0 {
		c.report(json.Unmarshal(body, &c.body))
	}
	row := table[c.op.ID]
	if refused, ok := c.enter(row); !ok {
		return refused
	}
	if refused, ok := c.limited(); !ok {
		return refused
	}
	c.linger(c.fault(c.op.ID + " begun"))
	return row.handle(c)
}

// judge completes an answer and holds it against the description.
func (c *call) judge(a answer) answer {
	if a.body == nil {
		c.report(c.spec.Response(c.op, a.status, nil))
		return a
	}
	full, err := c.spec.Fill(c.op, a.status, a.body)
	c.report(err)
	text, err := json.Marshal(full)
	c.report(err)
	if err := c.spec.Response(c.op, a.status, text); err != nil {
		c.report(err)
	}
	if c.watch != nil {
		c.watch(c.op.ID, a.status, text)
	}
	a.body = json.RawMessage(text)
	return a
}

func (c *call) report(err error) {
	if err != nil {
		c.options.Report("the answer of " + c.op.ID + ": " + err.Error())
	}
}

func write(w http.ResponseWriter, a answer) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body) // a client that left is its own affair
}

// text, flag and number read the body; what is not there is zero.
func (c *call) text(name string) string { s, _ := c.body[name].(string); return s }

func (c *call) has(name string) bool { _, ok := c.body[name]; return ok }

func (c *call) flag(name string) bool { b, _ := c.body[name].(bool); return b }

// texts reads a list of strings.
func texts(value any) []string {
	list, _ := value.([]any)
	var out []string
	for _, item := range list {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// path reads a number from the path.
func (c *call) path(name string) int64 {
	n, _ := strconv.ParseInt(c.params[name], 10, 64) // the description says that it is one
	return n
}

// page cuts a list as the query asks, and says in Link where the rest is: at most 100
// entries, 30 unless it is said. https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api
func page[T any](c *call, all []T) ([]T, http.Header) {
	size, n := 30, 1
	if v, err := strconv.Atoi(c.query.Get("per_page")); err == nil && v > 0 {
		size = min(v, 100)
	}
	if v, err := strconv.Atoi(c.query.Get("page")); err == nil && v > 0 {
		n = v
	}
	last := max(1, (len(all)+size-1)/size)
	header := http.Header{}
	if n < last {
		header.Set("Link", fmt.Sprintf(`<%s>; rel="next", <%s>; rel="last"`, c.link(n+1), c.link(last)))
	}
	from := min(len(all), (n-1)*size)
	return all[from:min(len(all), from+size)], header
}

func (c *call) link(n int) string {
	q := url.Values{}
	for key, values := range c.query {
		q[key] = values
	}
	q.Set("page", strconv.Itoa(n))
	path := c.op.Path
	for name, value := range c.params {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
	}
	return c.API + path + "?" + q.Encode()
}

// list answers with a page of views.
func list[T any](c *call, all []T, view func(T) doc) answer {
	part, header := page(c, all)
	return answer{status: http.StatusOK, body: views(part, view), header: header}
}

// counted is list inside an object that says how many there are.
func counted[T any](c *call, name string, all []T, view func(T) doc) answer {
	a := list(c, all, view)
	a.body = doc{"total_count": len(all), name: a.body}
	return a
}

func views[T any](all []T, view func(T) doc) []doc {
	out := make([]doc, 0, len(all))
	for _, item := range all {
		out = append(out, view(item))
	}
	return out
}
