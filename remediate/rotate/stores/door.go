package stores

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// door is the one host at which a store is asked.
type door struct {
	client *revoke.Client
	host   string
	dress  func(*http.Request, []byte) error // adds what signs in
}

// answer is what the store said, read.
type answer struct {
	status int
	text   secret.Secret
}

// ask makes one call. body is JSON unless nil; headers are names and values.
// What the store answers is judged by the caller, who knows what it documents.
func (d door) ask(ctx context.Context, method, path string, body any, headers ...string) (answer, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return answer{}, fmt.Errorf("encode the request: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "https://"+d.host+path, bytes.NewReader(text))
	if err != nil {
		return answer{}, errors.New("the address of the store does not parse")
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	if d.dress != nil {
		if err := d.dress(req, text); err != nil {
			return answer{}, err
		}
	}
	said, err := d.client.Exchange(req, d.host)
	if err != nil && said.Wait > 0 {
		err = fmt.Errorf("%w; it asks to wait %s", err, said.Wait)
	}
	return answer{said.Status, said.Body}, err
}

// into reads the document. A number stays as it was written.
func (a answer) into(v any) error {
	d := json.NewDecoder(strings.NewReader(a.text.Reveal())) // the store gives values, which go into secrets
	d.UseNumber()
	if d.Decode(v) != nil {
		return fmt.Errorf("status %d with a document that is not as documented", a.status)
	}
	return nil
}

// unclear is the error for an answer that is not documented.
func (a answer) unclear(what string) error {
	return fmt.Errorf("%s: status %d, which is no answer that is documented", what, a.status)
}

// denied is the error for a documented refusal.
func denied(why string) error { return fmt.Errorf("%w: %s", rotate.ErrDenied, why) }

// conflict is the error for another's write.
func conflict(found, want string) error {
	return fmt.Errorf("%w: version %s is there, not %s", rotate.ErrConflict, found, want)
}

// bearer signs in with a token.
func bearer(token secret.Secret) func(*http.Request, []byte) error {
	return func(req *http.Request, _ []byte) error {
		req.Header.Set("Authorization", "Bearer "+token.Reveal()) // the request is what it is for
		return nil
	}
}

// numbered refuses a version that is no number, where it goes into an address.
func numbered(version string) error {
	if _, err := strconv.ParseUint(version, 10, 63); err != nil {
		return denied(fmt.Sprintf("%q is no version of this store", version))
	}
	return nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)

// hostOf takes the host out of the address that the operator gave.
func hostOf(address string) (string, error) {
	host, ok := strings.CutPrefix(address, "https://")
	if host = strings.TrimSuffix(host, "/"); !ok || !hostName.MatchString(host) {
		return "", errors.New("address is https:// and a host, as in https://vault.example.com:8200, and nothing else") // which may be a password
	}
	return strings.ToLower(host), nil
}

// under joins the segments of a path, each escaped. Dots alone would climb out.
func under(prefix string, segments ...string) (string, error) {
	var b strings.Builder
	b.WriteString(prefix)
	for _, s := range segments {
		if s == "" || s == "." || s == ".." || strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
			return "", fmt.Errorf("path: %q cannot be a part of it", s)
		}
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String(), nil
}
