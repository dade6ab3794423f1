package revoke

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reply is what a provider answered, read and parsed.
type reply struct {
	status int
	header http.Header
	text   string
	tree   any // of the format that the request announced
	wait   time.Duration
	code   string // of a database, in place of a status
}

// parse reads the body as the format that is expected. HTML is never expected:
// it comes from a proxy, a portal or an outage page.
func (r *reply) parse(format string) (err error) {
	kind, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	start := strings.ToLower(strings.TrimSpace(r.text[:min(len(r.text), 64)]))
	if kind == "text/html" || strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html") {
		return fmt.Errorf("status %d with a page of HTML, not an answer of the API", r.status)
	}
	if strings.TrimSpace(r.text) == "" {
		return nil
	}
	if format == "xml" {
		r.tree, err = parseXML(r.text)
	} else {
		r.tree, err = parseJSON(r.text)
	}
	if format == "text" {
		return nil // JSON where it is JSON, and some answers of these providers are words
	}
	if err != nil {
		return fmt.Errorf("status %d with an answer that does not parse", r.status)
	}
	return nil
}

func parseJSON(text string) (tree any, err error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document")
	}
	return tree, nil
}

// parseXML turns elements into objects and their text into strings. Elements
// of one name become a list.
func parseXML(text string) (any, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	root := map[string]any{}
	err := readXML(d, root, 0)
	if !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(root) != 1 {
		return nil, errors.New("not one document")
	}
	return root, nil
}

func readXML(d *xml.Decoder, into map[string]any, depth int) error {
	if depth > 32 {
		return errors.New("too deep")
	}
	var own bytes.Buffer
	for {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.CharData:
			own.Write(t)
		case xml.StartElement:
			child := map[string]any{}
			if err := readXML(d, child, depth+1); err != nil {
				return err
			}
			add(into, t.Name.Local, simple(child))
		case xml.EndElement:
			if len(into) == 0 {
				into[""] = strings.TrimSpace(own.String())
			}
			return nil
		}
	}
}

// simple is the text of an element without children.
func simple(node map[string]any) any {
	if text, ok := node[""]; ok && len(node) == 1 {
		return text
	}
	return node
}

func add(into map[string]any, name string, value any) {
	switch before := into[name].(type) {
	case nil:
		into[name] = value
	case []any:
		into[name] = append(before, value)
	default:
		into[name] = []any{before, value}
	}
}

// at follows a path of names and indexes, as in "data.0.id".
func at(tree any, path string) any {
	if path == "" {
		return tree
	}
	for name := range strings.SplitSeq(path, ".") {
		switch node := tree.(type) {
		case map[string]any:
			tree = node[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(node) {
				return nil
			}
			tree = node[i]
		default:
			return nil
		}
	}
	return tree
}

// word is a scalar as text, "" for everything else.
func word(node any) string {
	switch n := node.(type) {
	case string:
		return n
	case json.Number:
		return n.String()
	case bool:
		return strconv.FormatBool(n)
	case int64:
		return strconv.FormatInt(n, 10)
	default:
		return ""
	}
}

// fits reports whether the answer is the documented one.
func (a Answer) fits(r *reply) bool {
	known := slices.Contains(a.Status, r.status)
	if r.code != "" {
		known = slices.Contains(a.Code, r.code)
	}
	if !known || !strings.Contains(r.text, a.Text) {
		return false
	}
	for path, want := range a.Fields {
		got := word(at(r.tree, path))
		if list, ok := want.([]any); ok {
			if got == "" || !slices.ContainsFunc(list, func(w any) bool { return word(w) == got }) {
				return false
			}
		} else if got != word(want) || got == "" {
			return false
		}
	}
	return true
}

// which is the index of the one group with a fitting answer, and that answer;
// -1 when none fits or several do.
func which(r *reply, groups ...[]Answer) (group int, answer Answer) {
	group = -1
	for i, answers := range groups {
		for _, a := range answers {
			if !a.fits(r) {
				continue
			}
			if group >= 0 && group != i {
				return -1, Answer{}
			}
			group, answer = i, a
		}
	}
	return group, answer
}

// absent reports whether the answer says only that the value is not known here.
func (a Answer) absent() bool { return a.Absent != nil && *a.Absent }

// asCertificate is the only other form in which a capture can be taken.
const asCertificate = "certificate"

// take reads a capture out of an answer: the scalar, or the scalars of a list.
func (c *Capture) take(r *reply) []string {
	var found []string
	node := any(r.header.Get(c.Header))
	if c.Header == "" {
		node = at(r.tree, c.Path)
	}
	list, ok := node.([]any)
	if !ok {
		list = []any{node}
	}
	for _, item := range list {
		text := word(item)
		if c.re != nil {
			m := c.re.FindStringSubmatch(text)
			if m == nil {
				continue
			}
			text = m[1]
		}
		if c.As == asCertificate {
			text = fingerprintOf(text)
		}
		if text != "" {
			found = append(found, text)
		}
	}
	return found
}
