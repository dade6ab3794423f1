package ghfake

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/ghfake/openapi"
)

// What is judged is judged to the last property: of every answer that the walk through
// all operations brings, each property in turn is taken away, made of another type, and
// joined by one that nobody described, and each time the judge has to notice.
func TestChangedAnswersAreRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("judges thousands of answers")
	}
	w := newWorld(t, Options{})
	type sample struct {
		status int
		text   []byte
	}
	samples := map[string]sample{}
	w.watch = func(id string, status int, answer []byte) {
		if status < 300 && len(answer) > len(samples[id].text) {
			samples[id] = sample{status, answer}
		}
	}
	walkAll(w)
	m := &mutation{t: t, spec: w.spec, free: map[string]string{}, shapes: map[string]int{}}
	for _, id := range slices.Sorted(maps.Keys(samples)) {
		m.op, m.status = w.spec.Operation(id), samples[id].status
		if err := json.Unmarshal(samples[id].text, &m.root); err != nil {
			t.Fatal(err)
		}
		m.walk(m.root, "")
	}
	t.Logf("%d answers; noticed %d of %d properties taken away, %d of %d of another type, %d of %d undescribed",
		len(samples), m.missing.noticed, m.missing.tried, m.typed.noticed, m.typed.tried, m.extra.noticed, m.extra.tried)
	if m.missing.tried < 1000 || m.typed.tried < 1000 || m.extra.tried < 200 || len(samples) < 80 {
		t.Error("too few were tried")
	}
	for what, free := range m.free {
		if !slices.ContainsFunc(open, func(prefix string) bool { return strings.HasPrefix(what, prefix) }) {
			t.Errorf("nobody notices %s: %s", what, free)
		}
	}
}

// open are the places where GitHub describes nothing but that there is an object.
var open = []string{
	"apps/get-webhook-delivery/request/headers", "apps/get-webhook-delivery/request/payload", "apps/get-webhook-delivery/response/headers",
	"apps/redeliver-webhook-delivery", "credentials/revoke", "apps/create-from-manifest",
	// Only one of two shapes of a user requires it.
	"users/get-authenticated/two_factor_authentication", "users/get-by-username/two_factor_authentication", "users/get-by-id/two_factor_authentication",
}

type mutation struct {
	t      *testing.T
	spec   *openapi.Spec
	op     *openapi.Operation
	status int
	root   any

	missing, typed, extra struct{ tried, noticed int }
	free                  map[string]string
	shapes                map[string]int
}

func (m *mutation) refused() bool {
	text, err := json.Marshal(m.root)
	if err != nil {
		m.t.Fatal(err)
	}
	return m.spec.Response(m.op, m.status, text) != nil
}

func (m *mutation) walk(value any, path string) {
	switch v := value.(type) {
	case doc:
		// A user or a repository is everywhere: three of a shape say it all.
		if shape := fmt.Sprint(slices.Sorted(maps.Keys(v))); m.shapes[shape] < 3 {
			m.shapes[shape]++
			m.object(v, path)
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			m.walk(v[key], path+"/"+key)
		}
	case []any:
		if len(v) > 0 {
			m.walk(v[0], path+"/0")
		}
	}
}

func (m *mutation) object(v doc, path string) {
	v["undescribed"] = true
	m.extra.tried++
	if m.refused() {
		m.extra.noticed++
	} else {
		m.miss("an undescribed property", path)
	}
	delete(v, "undescribed")
	for _, key := range slices.Sorted(maps.Keys(v)) {
		old := v[key]
		delete(v, key)
		if full, err := m.spec.Fill(m.op, m.status, m.root); err == nil && at(full, path+"/"+key) {
			m.missing.tried++
			if m.refused() {
				m.missing.noticed++
			} else {
				m.miss("that it is missing", path+"/"+key)
			}
		}
		if old != nil {
			v[key] = other(old)
			m.typed.tried++
			if m.refused() {
				m.typed.noticed++
			} else {
				m.miss("another type", path+"/"+key)
			}
		}
		v[key] = old
	}
}

func (m *mutation) miss(what, path string) {
	m.free[m.op.ID+path] = what
}

// at says whether something is at a path.
func at(value any, path string) bool {
	for _, key := range strings.Split(strings.Trim(path, "/"), "/") {
		switch v := value.(type) {
		case doc:
			next, ok := v[key]
			if !ok {
				return false
			}
			value = next
		case []any:
			if len(v) == 0 {
				return false
			}
			value = v[0]
		}
	}
	return true
}

// other is a value of another type.
func other(value any) any {
	switch value.(type) {
	case string:
		return []any{7.5}
	case float64, bool:
		return []any{"x"}
	case []any:
		return "x"
	}
	return 7.5
}

// What a client sends that GitHub does not describe fails the test, and names what it is.
func TestUndescribedRequestsAreReported(t *testing.T) {
	var reports []string
	w := newWorld(t, Options{Report: func(why string) { reports = append(reports, why) }})
	token := "Bearer " + w.PAT("ada")
	annotations := strings.Repeat(`{"path":"a","start_line":1,"end_line":1,"annotation_level":"notice","message":"m"},`, 51)
	for _, test := range []struct{ method, path, body, want string }{
		{"GET", "/repos/acme/app/nothing", "", "no operation for GET"},
		{"DELETE", "/repos/acme/app/pulls", "", "no operation for DELETE"},
		{"GET", "/repos/acme/app/pulls?stat=open", "", "has no query parameter stat"},
		{"GET", "/repos/acme/app/pulls?state=ajar", "", "query parameter state"},
		{"GET", "/repos/acme/app/pulls?page=two", "", "query parameter page"},
		{"GET", "/repos/acme/app/pulls/one", "", "path parameter pull_number"},
		{"POST", "/repos/acme/app/pulls", `{"title":"t","head":"h"}`, "missing property 'base'"},
		{"POST", "/repos/acme/app/pulls", `{"title":"t","head":"h","base":"b","bass":"b"}`, "/bass: is not described"},
		{"POST", "/repos/acme/app/pulls", `{"title":1,"head":"h","base":"b"}`, "/title: got number, want string"},
		{"POST", "/repos/acme/app/pulls", `{"title":`, "is no JSON"},
		{"POST", "/repos/acme/app/pulls", "", "needs a body"},
		{"GET", "/repos/acme/app/pulls", `{"state":"open"}`, "takes no body"},
		{"POST", "/repos/acme/app/check-runs", `{"name":"n","head_sha":"s","output":{"title":"t","summary":"s","annotations":[` + annotations[:len(annotations)-1] + `]}}`, "/output/annotations: maxItems"},
		{"POST", "/repos/acme/app/check-runs", `{"name":"n","head_sha":"s","output":{"title":"t","summary":"` + strings.Repeat("é", 65536) + `"}}`, "/output/summary: maxLength"},
		{"POST", "/repos/acme/app/check-runs", `{"name":"n","head_sha":"s","actions":[` + strings.Repeat(`{"label":"l","description":"d","identifier":"i"},`, 3) + `{"label":"l","description":"d","identifier":"i"}]}`, "/actions: maxItems"},
		{"POST", "/repos/acme/app/check-runs", `{"name":"n","head_sha":"s","actions":[{"label":"` + strings.Repeat("l", 21) + `","description":"d","identifier":"i"}]}`, "maxLength"},
		{"PATCH", "/repos/acme/app/check-runs/1", `{"status":"completed"}`, "missing property 'conclusion'"},
		{"POST", "/credentials/revoke", `{"credentials":[]}`, "minItems"},
	} {
		reports = nil
		request, err := http.NewRequest(test.method, w.API+test.path, strings.NewReader(test.body))
		w.must(err)
		request.Header.Set("Authorization", token)
		if test.body != "" {
			request.Header.Set("Content-Type", "application/json")
		}
		response, err := http.DefaultClient.Do(request)
		w.must(err)
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if response.StatusCode < 400 || !strings.Contains(fmt.Sprint(reports), test.want) {
			t.Errorf("%s %s: %d, reported %.300q, not %q", test.method, test.path, response.StatusCode, reports, test.want)
		}
	}
}
