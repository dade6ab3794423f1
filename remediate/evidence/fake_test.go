package evidence_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/evidence"
)

var (
	now   = time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	since = time.Date(2026, 3, 18, 9, 0, 0, 0, time.UTC)
)

// serve gives a client whose requests to these hosts all come to the handler; any
// other fails the test.
func serve(t *testing.T, h http.HandlerFunc, hosts ...string) *http.Client {
	t.Helper()
	return &http.Client{Transport: door{t, h, hosts}}
}

type door struct {
	t     *testing.T
	h     http.HandlerFunc
	hosts []string
}

func (d door) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" || !slices.Contains(d.hosts, req.URL.Host) {
		d.t.Errorf("%s was asked", req.URL.Host)
	}
	w := httptest.NewRecorder()
	d.h(w, req)
	res := w.Result()
	res.Request = req
	return res, nil
}

func record(t *testing.T, all []evidence.Record, source string) evidence.Record {
	t.Helper()
	for _, r := range all {
		if r.Source == source {
			return r
		}
	}
	t.Fatalf("no record of %q in %+v", source, all)
	return evidence.Record{}
}

func says(t *testing.T, r evidence.Record, why string) {
	t.Helper()
	if r.Answer != evidence.CannotTell || !strings.Contains(r.Why, why) {
		t.Errorf("%s: %q because %q, want that nobody can tell because of %q", r.Source, r.Answer, r.Why, why)
	}
}

func token() secret.Secret { return secret.New("gh" + "p_" + strings.Repeat("x", 36)) }
