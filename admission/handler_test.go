package admission

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/leakgate/leakgate/internal/manifest"
	"github.com/leakgate/leakgate/internal/secret"
)

// review is the JSON of a call after a change to its text.
func changed(t testing.TB, c call, old, new string) []byte {
	t.Helper()
	text := string(c.review(t))
	if !strings.Contains(text, old) {
		t.Fatalf("no %q in %s", old, text)
	}
	return []byte(strings.Replace(text, old, new, 1))
}

// What is no review gets an HTTP error, which an API server takes for a failed
// call; what is one but cannot be judged is denied, also where the policy audits.
func TestBadInputIsNeverAllowed(t *testing.T) {
	for name, c := range map[string]struct {
		method, contentType string
		body                []byte
		status              int
	}{
		"wrong content type":      {"POST", "application/yaml", byCreator.review(t), 415},
		"no content type":         {"POST", "", byCreator.review(t), 415},
		"wrong method":            {"GET", "application/json", nil, 405},
		"empty body":              {"POST", "application/json", nil, 400},
		"truncated":               {"POST", "application/json", byCreator.review(t)[:200], 400},
		"not JSON":                {"POST", "application/json", []byte("\x00\x01\x02"), 400},
		"NUL bytes":               {"POST", "application/json", append(byCreator.review(t), 0, 0), 400},
		"invalid UTF-8":           {"POST", "application/json", changed(t, bySealed, `"data":{"password":`, "\"data\":{\"pass\xffword\":"), 400},
		"a NUL in a string":       {"POST", "application/json", changed(t, bySealed, `"data":{"password":`, "\"data\":{\"pass\x00word\":"), 400},
		"two documents":           {"POST", "application/json", append(byCreator.review(t), byCreator.review(t)...), 400},
		"an array":                {"POST", "application/json", []byte("[]"), 400},
		"null":                    {"POST", "application/json", []byte("null"), 400},
		"unknown version":         {"POST", "application/json", changed(t, byCreator, "admission.k8s.io/v1", "admission.k8s.io/v2"), 400},
		"old version":             {"POST", "application/json", changed(t, byCreator, "admission.k8s.io/v1", "admission.k8s.io/v1beta1"), 400},
		"another kind":            {"POST", "application/json", changed(t, byCreator, "AdmissionReview", "ConversionReview"), 400},
		"no request":              {"POST", "application/json", []byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}`), 400},
		"no uid":                  {"POST", "application/json", changed(t, byCreator, `"uid":"0a1b2c3d-0000-4000-8000-000000000001"`, `"uid":""`), 400},
		"keys of another case":    {"POST", "application/json", changed(t, byCreator, `"request":`, `"Request":`), 400},
		"nested a million deep":   {"POST", "application/json", []byte(strings.Repeat("[", 1<<20)), 400},
		"more than the limit":     {"POST", "application/json", []byte(`{"a":"` + strings.Repeat("x", MaxBody) + `"}`), 413},
		"wrong type of a field":   {"POST", "application/json", changed(t, byCreator, `"operation":"CREATE"`, `"operation":7`), 400},
		"object is denied":        {"POST", "application/json", changed(t, byCreator, `"object":{`, `"object":[{`), 400},
		"kind of another":         {"POST", "application/json", changed(t, byCreator, `"kind":"Secret","metadata"`, `"kind":"ConfigMap","metadata"`), 200},
		"version of another":      {"POST", "application/json", changed(t, byCreator, `"object":{"apiVersion":"v1"`, `"object":{"apiVersion":"v2"`), 200},
		"kind against resource":   {"POST", "application/json", changed(t, byCreator, `"resource":{"group":"","resource":"secrets"`, `"resource":{"group":"","resource":"configmaps"`), 200},
		"subresource":             {"POST", "application/json", changed(t, byCreator, `"operation":`, `"subResource":"status","operation":`), 200},
		"a key twice":             {"POST", "application/json", changed(t, byCreator, `"object":{"apiVersion":"v1"`, `"object":{"apiVersion":"v1","apiVersion":"v1"`), 400},
		"a value twice":           {"POST", "application/json", changed(t, bySealed, `"data":{"password":`, `"data":{"password":"","password":`), 400},
		"another case":            {"POST", "application/json", changed(t, byCreator, `"request":`, `"Request":`), 400},
		"data is a list":          {"POST", "application/json", changed(t, bySealed, `"data":{"password":`, `"data":[],"x":{"password":`), 200},
		"data is no base64":       {"POST", "application/json", changed(t, bySealed, `"data":{"password":"`, `"data":{"password":"!`), 200},
		"object of another name":  {"POST", "application/json", changed(t, byCreator, `"name":"empty","namespace":"shop","uid"`, `"name":"other","namespace":"shop","uid"`), 200},
		"object of another place": {"POST", "application/json", changed(t, byCreator, `"name":"empty","namespace":"shop","uid"`, `"name":"empty","namespace":"prod","uid"`), 200},
		"no object":               {"POST", "application/json", changed(t, byCreator, `"operation":"CREATE"`, `"operation":"UPDATE"`), 200},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t, "version: 1\nkubernetes: {}\n", corpusCluster()) // audits everywhere
			r := httptest.NewRequest(c.method, "/v1/review", bytes.NewReader(c.body))
			if c.contentType != "" {
				r.Header.Set("Content-Type", c.contentType)
			}
			w := httptest.NewRecorder()
			d.ServeHTTP(w, r)
			if w.Code != c.status {
				t.Errorf("HTTP %d, want %d: %s", w.Code, c.status, w.Body)
			}
			if allows(w.Body.Bytes()) {
				t.Errorf("allowed: %s", w.Body)
			}
			if !strings.Contains(w.Body.String(), ruleBadReview) {
				t.Errorf("no word of what is wrong: %s", w.Body)
			}
		})
	}
}

func allows(body []byte) bool {
	var review admissionv1.AdmissionReview
	return json.Unmarshal(body, &review) == nil && review.Response != nil && review.Response.Allowed
}

func TestUnknownLengthIsLimitedToo(t *testing.T) {
	d := newDoor(t, corpusPolicy, corpusCluster())
	r := httptest.NewRequest(http.MethodPost, "/v1/review", struct{ *bytes.Reader }{bytes.NewReader(bytes.Repeat([]byte(" "), MaxBody+1))})
	r.ContentLength = -1
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("HTTP %d", w.Code)
	}
}

func TestLargeSecretsAreJudged(t *testing.T) {
	large := strings.Repeat("v", 1<<20)
	c := byLabeller.with(func(c *call) {
		c.data["password"], c.old.data["password"] = large, large
		lastApplied(c)
		lastApplied(c.old)
	})
	if size := len(c.review(t)); size < 3<<20 {
		t.Fatalf("the review has only %d bytes", size)
	}
	d := newDoor(t, corpusPolicy, corpusCluster())
	if response, a := d.ask(t, c); !response.Allowed || a.Rule != ruleUnchanged {
		t.Errorf("%s: %s", a.Rule, a.Message)
	}
	if response, a := d.ask(t, c.with(func(c *call) { c.data["password"] = large[1:] })); response.Allowed {
		t.Errorf("allowed by %s", a.Rule)
	}
}

// A known credential in a label or an annotation is no value of the Secret, and yet
// everybody reads it.
func TestCredentialsBesideTheDataAreRefused(t *testing.T) {
	v := value(t)
	d := newDoor(t, corpusPolicy, corpusCluster())
	d.Known = func(text string) string {
		if strings.Contains(text, v) {
			return "some-token"
		}
		return ""
	}
	noted := func(c *call) { set(&c.annotations, "note", "it is "+v) }
	was := byLabeller.with(func(c *call) { noted(c.old) })
	for name, c := range map[string]struct {
		call   call
		denied bool
	}{
		"no data":          {byCreator.with(noted), true},
		"a label":          {byCreator.with(func(c *call) { set(&c.labels, "note", v) }), true},
		"an update":        {byLabeller.with(noted), true},
		"as it was":        {was.with(noted), false},
		"a trusted writer": {bySealed.with(noted), false},
		"another text":     {byCreator.with(func(c *call) { set(&c.annotations, "note", "nothing") }), false},
	} {
		response, a := d.ask(t, c.call)
		if response.Allowed == c.denied || c.denied && a.Rule != manifest.RulePlainValue || strings.Contains(a.Message, v) {
			t.Errorf("%s: %v by %s", name, response.Allowed, a.Rule)
		}
	}
}

func TestOtherOperationsBringNothingIn(t *testing.T) {
	d := newDoor(t, corpusPolicy, corpusCluster())
	body := strings.Replace(string(byLabeller.review(t)), `"operation":"UPDATE"`, `"operation":"DELETE"`, 1)
	if _, out := d.post(t, []byte(body)); !allows(out) {
		t.Errorf("%s", out)
	}
}

func TestAPanicIsNoYesAndTellsNoValue(t *testing.T) {
	v := value(t)
	d := newDoor(t, corpusPolicy, nil) // a nil cluster panics when it is asked
	response, a := d.ask(t, bySealed.with(func(c *call) { c.data["password"] = v }))
	if response.Allowed || response.Result.Code != 500 || a.Rule != ruleBadReview {
		t.Errorf("%+v", response)
	}
	if log := d.log.String(); !strings.Contains(log, "panic") || strings.Contains(log, v) {
		t.Errorf("log: %s", log)
	}
}

// Every call of the corpus is sent with new values, in every mode; nothing that
// leaves may hold one of them in any spelling.
func TestCanaryOfAnswersAndLogs(t *testing.T) {
	policies := []string{corpusPolicy, strings.Replace(corpusPolicy, "{default: enforce}", "{default: warn}", 1), strings.Replace(corpusPolicy, "{default: enforce}", "{default: audit}", 1)}
	calls := 0
	for _, policy := range policies {
		d := newDoor(t, policy, corpusCluster())
		for _, a := range attacks {
			for _, c := range []call{a.twin, a.twin.with(a.forge)} {
				canary := value(t)
				c = c.with(func(c *call) {
					for key, v := range c.data {
						if strings.HasPrefix(v, "not-") {
							c.data[key] = canary
						}
					}
					if c.annotations[managedAnnotation] != "" {
						lastApplied(c)
					}
					if c.annotations[AnnotationReason] != "" {
						c.annotations[AnnotationReason] += " " + canary
					}
					set(&c.annotations, "note", "it is "+canary)
				})
				d.log.Reset()
				status, body := d.post(t, c.review(t))
				calls++
				for _, form := range secret.Forms(secret.New(canary)) {
					if bytes.Contains(body, []byte(form)) || strings.Contains(d.log.String(), form) {
						t.Fatalf("%s/%s: a value leaves (HTTP %d)", a.class, a.name, status)
					}
				}
			}
		}
		for name, body := range map[string][]byte{
			"data is no base64": changed(t, bySealed, `"data":{"password":"`, `"data":{"password":"!`),
			"data is no map":    changed(t, bySealed, `"data":{"password":`, `"data":"not-a-real-password","x":{"password":`),
		} {
			d.log.Reset()
			_, out := d.post(t, body)
			if strings.Contains(string(out)+d.log.String(), "not-a-real-password") {
				t.Errorf("%s: a value leaves: %s %s", name, out, d.log.String())
			}
		}
	}
	t.Logf("%d calls", calls)
}

// FuzzReview changes real reviews at will: the handler never panics, and a
// review that is not exactly one that is allowed is allowed only if the answer
// says by which rule and for which request.
func FuzzReview(f *testing.F) {
	for _, c := range []call{bySealed, byFlux, byLabeller, byOncall, byControllerManager, byCreator, bySealed.with(human)} {
		f.Add(c.review(f))
	}
	f.Add(changed(f, byCreator, `"kind":"Secret","metadata"`, `"kind":"ConfigMap","metadata"`))
	f.Add([]byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE","kind":{"group":"external-secrets.io","version":"v1","kind":"ExternalSecret"},"resource":{"resource":"externalsecrets"},"object":{"apiVersion":"external-secrets.io/v1","kind":"ExternalSecret"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) { holds(t, newDoor(t, corpusPolicy, corpusCluster()), body) })
}

// holds is the property of every body that is sent.
func holds(t *testing.T, d *door, body []byte) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v1/review", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if strings.Contains(d.log.String(), `"msg":"panic"`) {
		t.Fatalf("panic: %s", d.log.String())
	}
	if w.Code != http.StatusOK {
		if allows(w.Body.Bytes()) {
			t.Fatal("an error that allows")
		}
		return
	}
	q, err := decodeReview(body)
	if err != nil {
		t.Fatalf("answered what cannot be read: %v", err)
	}
	_, readErr := readRequest(q)
	if allowed := allows(w.Body.Bytes()); allowed && readErr != nil {
		t.Fatalf("allowed what cannot be judged: %v", readErr)
	}
	if !bytes.Contains(w.Body.Bytes(), fmt.Appendf(nil, "%q", string(q.UID))) && json.Valid(fmt.Appendf(nil, "%q", string(q.UID))) {
		var review admissionv1.AdmissionReview
		if json.Unmarshal(w.Body.Bytes(), &review) != nil || review.Response.UID != q.UID {
			t.Fatalf("the answer is to another request: %s", w.Body)
		}
	}
}

// Real reviews with bytes changed, cut, doubled and swapped, many more than the
// seeds of the fuzz target, in every run of the tests.
func TestMutatedReviewsHoldTheProperty(t *testing.T) {
	d := newDoor(t, corpusPolicy, corpusCluster())
	random := rand.New(rand.NewPCG(1, 2))
	var bodies [][]byte
	for _, a := range attacks[:40] {
		bodies = append(bodies, a.twin.review(t), a.twin.with(a.forge).review(t))
	}
	for range 20_000 {
		body := slices.Clone(bodies[random.IntN(len(bodies))])
		for range 1 + random.IntN(4) {
			at, to := random.IntN(len(body)), random.IntN(len(body))
			switch random.IntN(4) {
			case 0:
				body[at] = byte(random.IntN(256))
			case 1:
				body = append(body[:min(at, to)], body[max(at, to):]...)
			case 2:
				body = slices.Insert(body, at, body[min(at, to):min(max(at, to), min(at, to)+64)]...)
			case 3:
				body[at], body[to] = body[to], body[at]
			}
			if len(body) == 0 {
				break
			}
		}
		d.log.Reset()
		holds(t, d, body)
	}
}
