package revoketest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

var silent = log.New(io.Discard, "", 0)

// automatic are the headers that every client sends; what a provider wants of
// them stands in the transcript.
var automatic = []string{"User-Agent", "Accept-Encoding", "Content-Length", "Content-Type", "Accept", "Authorization"}

// differs says how a request is not the expected one, "" when it is. It never
// says a value.
func (t *Transcript) differs(r *http.Request, body string, want Expected) string {
	host := t.fill(want.Host)
	switch {
	case r.Method != want.Method:
		return fmt.Sprintf("the method is %s, not %s", r.Method, want.Method)
	case r.Host != host:
		return fmt.Sprintf("the host is %s, not %s", r.Host, host)
	case r.URL.EscapedPath() != t.escaped(want.Path):
		return fmt.Sprintf("the path is not %s", want.Path)
	case r.URL.Query().Encode() != t.query(want.Query).Encode():
		return fmt.Sprintf("the query is not %v", want.Query)
	case !t.Record.InURL && t.shows(r.URL.String()):
		return "a secret stands in the address"
	}
	for _, fault := range []string{t.headers(r, want), t.authorization(r, body, want), t.body(r, body, want)} {
		if fault != "" {
			return fault
		}
	}
	return ""
}

func (t *Transcript) shows(text string) bool {
	for _, s := range t.Secrets() {
		for _, form := range secret.Forms(s) {
			if strings.Contains(text, form) {
				return true
			}
		}
	}
	return false
}

// escaped fills a path segment by segment, each as one segment.
func (t *Transcript) escaped(path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		if strings.Contains(parts[i], "{{") {
			parts[i] = placeholder.ReplaceAllStringFunc(parts[i], func(s string) string { return url.PathEscape(t.fill(s)) })
		}
	}
	return strings.Join(parts, "/")
}

func (t *Transcript) query(want map[string]string) url.Values {
	q := url.Values{}
	for name, value := range want {
		q.Set(name, t.fill(value))
	}
	return q
}

func (t *Transcript) headers(r *http.Request, want Expected) string {
	for name, value := range want.Headers {
		if r.Header.Get(name) != t.fill(value) {
			return fmt.Sprintf("the header %s is not as documented", name)
		}
	}
	documentedHeaders := map[string]bool{}
	for name := range want.Headers {
		documentedHeaders[http.CanonicalHeaderKey(name)] = true
	}
	for name := range r.Header {
		documented := documentedHeaders[name]
		signed := want.Signed != nil && strings.HasPrefix(name, "X-Amz-")
		if !documented && !signed && !slices.Contains(automatic, name) {
			return fmt.Sprintf("the header %s is not documented", name)
		}
	}
	return ""
}

func (t *Transcript) authorization(r *http.Request, body string, want Expected) string {
	_, documented := want.Headers["Authorization"]
	switch {
	case want.Signed != nil:
		return t.signature(r, body, *want.Signed)
	case len(want.Basic) == 2:
		user, password, ok := r.BasicAuth()
		if !ok || user != t.fill(want.Basic[0]) || password != t.fill(want.Basic[1]) {
			return "the basic authorization is not as documented"
		}
	case !documented && r.Header.Get("Authorization") != "":
		return "it is authorized, and the documentation asks for none"
	}
	return ""
}

func (t *Transcript) body(r *http.Request, body string, want Expected) string {
	kind := r.Header.Get("Content-Type")
	switch {
	case want.JWS != nil:
		if kind != "application/jose+json" {
			return "the type is not that of a signed request"
		}
		return t.jws(body, *want.JWS)
	case want.Form != nil:
		if kind != "application/x-www-form-urlencoded" {
			return "the type is not that of a form"
		}
		form, err := url.ParseQuery(body)
		if assertion := form.Get("assertion"); err == nil && want.Form["assertion"] == "<signed>" {
			if err := t.assertion(assertion); err != nil {
				return err.Error()
			}
			form.Set("assertion", "<signed>")
		}
		for name := range form {
			if strings.Contains(want.Form[name], "<now>") {
				form.Set(name, nowIn(form.Get(name)))
			}
		}
		if err != nil || form.Encode() != t.query(want.Form).Encode() {
			return "the form is not as documented"
		}
	case want.JSON != nil:
		if kind != "application/json" && want.Headers["Content-Type"] == "" {
			return "the type is not JSON"
		}
		var got any
		text, err := json.Marshal(want.JSON)
		var expected any
		if err != nil || json.Unmarshal([]byte(body), &got) != nil || json.Unmarshal(text, &expected) != nil || !reflect.DeepEqual(got, t.fillTree(expected)) {
			return "the JSON document is not as documented"
		}
	case body != "":
		return "there is a body, and the documentation knows none"
	}
	return ""
}

var timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// nowIn writes <now> for a time that is about now.
func nowIn(text string) string {
	return timestamp.ReplaceAllStringFunc(text, func(at string) string {
		when, err := time.Parse(time.RFC3339, at)
		if age := time.Since(when); err != nil || age < -time.Second || age > 10*time.Minute {
			return at
		}
		return "<now>"
	})
}

func (t *Transcript) fillTree(node any) any {
	switch n := node.(type) {
	case string:
		return t.fill(n)
	case []any:
		for i := range n {
			n[i] = t.fillTree(n[i])
		}
	case map[string]any:
		for key := range n {
			n[key] = t.fillTree(n[key])
		}
	}
	return node
}

// signature computes AWS Signature Version 4 anew, from its description:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
func (t *Transcript) signature(r *http.Request, body string, want Signed) string {
	at := r.Header.Get("X-Amz-Date")
	if len(at) != len("20060102T150405Z") || r.Header.Get("X-Amz-Security-Token") != t.fill(want.Session) {
		return "the date or the session of the signature is not as documented"
	}
	scope := strings.Join([]string{at[:8], want.Region, want.Service, "aws4_request"}, "/")
	_, list, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	list, _, _ = strings.Cut(list, ",")
	var canonical strings.Builder
	fmt.Fprintf(&canonical, "%s\n%s\n%s\n", r.Method, r.URL.EscapedPath(), r.URL.Query().Encode())
	signed := strings.Split(list, ";")
	sort.Strings(signed)
	for _, name := range signed {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		fmt.Fprintf(&canonical, "%s:%s\n", name, strings.TrimSpace(value))
	}
	fmt.Fprintf(&canonical, "\n%s\n%s", list, sha256Hex(body))
	key := []byte("AWS4" + t.fill(want.Key))
	for _, part := range append(strings.Split(scope, "/"), "AWS4-HMAC-SHA256\n"+at+"\n"+scope+"\n"+sha256Hex(canonical.String())) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	full := fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s", t.fill(want.KeyID), scope, list, hex.EncodeToString(key))
	if r.Header.Get("Authorization") != full || !slices.Contains(signed, "host") {
		return "the signature is not that of the documented service, region and key"
	}
	return ""
}

func sha256Hex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func keys[V any](m map[string]V) []string {
	list := make([]string, 0, len(m))
	for key := range m {
		list = append(list, key)
	}
	sort.Strings(list)
	return list
}
