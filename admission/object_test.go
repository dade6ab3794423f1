package admission

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
)

// objectReview is the JSON of a request about what is no Secret.
func objectReview(t *testing.T, group, kind string, object, old map[string]any) []byte {
	t.Helper()
	op, before := "CREATE", any(nil)
	if old != nil {
		op, before = "UPDATE", old
	}
	body, err := json.Marshal(map[string]any{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": map[string]any{
		"uid": "1", "operation": op, "namespace": "shop", "name": "x", "userInfo": map[string]any{"username": "alice", "groups": []string{"devs"}},
		"kind": map[string]any{"group": group, "version": "v1", "kind": kind}, "resource": map[string]any{"group": group, "version": "v1", "resource": strings.ToLower(kind) + "s"},
		"object": object, "oldObject": before,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func thing(group, kind string, spec map[string]any) map[string]any {
	return map[string]any{"apiVersion": strings.TrimPrefix(group+"/v1", "/"), "kind": kind, "metadata": map[string]any{"name": "x", "namespace": "shop"}, "spec": spec}
}

func TestWhatTrustedWritersObeyIsJudged(t *testing.T) {
	plain := value(t)
	nested := map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "inner"}, "stringData": map[string]any{"password": plain}}
	store := map[string]any{"name": "vault", "kind": "SecretStore"}
	data := []any{map[string]any{"secretKey": "password", "remoteRef": map[string]any{"key": "a/b"}}}
	for name, c := range map[string]struct {
		group, kind string
		spec        map[string]any
		denied      bool
	}{
		"SealedSecret":               {"bitnami.com", "SealedSecret", map[string]any{"encryptedData": map[string]any{"a": sealed()}}, false},
		"SealedSecret, plain":        {"bitnami.com", "SealedSecret", map[string]any{"encryptedData": map[string]any{"a": plain}}, true},
		"SealedSecret, token type":   {"bitnami.com", "SealedSecret", map[string]any{"encryptedData": map[string]any{"a": sealed()}, "template": map[string]any{"type": tokenType}}, true},
		"ExternalSecret":             {"external-secrets.io", "ExternalSecret", map[string]any{"secretStoreRef": store, "data": data, "refreshInterval": "1h"}, false},
		"ExternalSecret, literal":    {"external-secrets.io", "ExternalSecret", map[string]any{"secretStoreRef": store, "data": data, "target": map[string]any{"template": map[string]any{"data": map[string]any{"password": plain}}}}, true},
		"SecretStore, fake provider": {"external-secrets.io", "SecretStore", map[string]any{"provider": map[string]any{"fake": map[string]any{"data": []any{map[string]any{"key": "a", "value": plain}}}}}, true},
		"a Secret within":            {"example.com", "Bundle", map[string]any{"objects": []any{nested}}, true},
	} {
		for mode, want := range map[string]bool{"enforce": !c.denied, "audit": true} {
			d := newDoor(t, "version: 1\nkubernetes: {modes: {default: "+mode+"}}\n", corpusCluster())
			status, body := d.post(t, objectReview(t, c.group, c.kind, thing(c.group, c.kind, c.spec), nil))
			a := d.answers[len(d.answers)-1]
			if status != 200 || allows(body) != want || a.Refused != c.denied {
				t.Errorf("%s, %s: HTTP %d, rule %s, refused %v: %s", name, mode, status, a.Rule, a.Refused, body)
			}
			if strings.Contains(string(body)+d.log.String(), plain) {
				t.Errorf("%s, %s: the value leaves", name, mode)
			}
		}
	}
}

func TestAFaultThatWasThereIsNotHeldAgainstOthers(t *testing.T) {
	spec := map[string]any{"provider": map[string]any{"fake": map[string]any{"data": []any{map[string]any{"key": "a", "value": value(t)}}}}}
	before := thing("external-secrets.io", "SecretStore", spec)
	labelled := maps.Clone(before)
	labelled["metadata"] = map[string]any{"name": "x", "namespace": "shop", "labels": map[string]any{"team": "a"}, "resourceVersion": "2"}
	labelled["status"] = map[string]any{"conditions": []any{}}
	other := thing("external-secrets.io", "SecretStore", map[string]any{"provider": map[string]any{"fake": map[string]any{"data": []any{map[string]any{"key": "b", "value": value(t)}}}}})
	for name, c := range map[string]struct {
		after map[string]any
		want  bool
	}{"a label": {labelled, true}, "nothing": {before, true}, "another value": {other, false}} {
		d := newDoor(t, "version: 1\nkubernetes: {modes: {default: enforce}}\n", corpusCluster())
		_, body := d.post(t, objectReview(t, "external-secrets.io", "SecretStore", c.after, before))
		if allows(body) != c.want {
			t.Errorf("%s: %s", name, body)
		}
	}
}

func TestExceptionsAndEmergenciesHoldForOtherKindsToo(t *testing.T) {
	fake := thing("external-secrets.io", "SecretStore", map[string]any{"provider": map[string]any{"fake": map[string]any{"data": []any{map[string]any{"key": "a", "value": value(t)}}}}})
	d := newDoor(t, "version: 1\nkubernetes: {modes: {default: enforce}}\n", corpusCluster())
	_, body := d.post(t, objectReview(t, "external-secrets.io", "SecretStore", fake, nil))
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &review); err != nil {
		t.Fatal(err)
	}
	rule := review.Response.AuditAnnotations["rule"]
	rules := []string{rule}
	policy := func(rules []string) string {
		var b strings.Builder
		b.WriteString("version: 1\nkubernetes:\n  modes: {default: enforce}\n  exceptions:\n")
		for _, r := range rules {
			b.WriteString("    - {rule: " + r + ", namespaces: [shop], reason: a test store, owner: me, expires: 2026-12-31}\n")
		}
		return b.String()
	}
	for range 5 { // several rules may find the same store
		d = newDoor(t, policy(rules), corpusCluster())
		if _, body = d.post(t, objectReview(t, "external-secrets.io", "SecretStore", fake, nil)); allows(body) {
			break
		}
		if next := d.answers[0].Rule; !slices.Contains(rules, next) {
			rules = append(rules, next)
		}
	}
	if !allows(body) || d.answers[0].Rule != ruleException {
		t.Errorf("%v: %s", rules, body)
	}
}

func TestDetectorsLookAtWhatIsNoSecret(t *testing.T) {
	plain := value(t)
	configMap := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "x", "namespace": "shop"}, "data": map[string]any{"app.conf": plain}}
	for known, want := range map[bool]bool{false: true, true: false} {
		d := newDoor(t, "version: 1\nkubernetes: {modes: {default: enforce}}\n", corpusCluster())
		if known {
			d.Known = func(v string) string {
				if v == plain {
					return "a-rule"
				}
				return ""
			}
		}
		_, body := d.post(t, objectReview(t, "", "ConfigMap", configMap, nil))
		if allows(body) != want || strings.Contains(string(body), plain) {
			t.Errorf("detectors %v: %s", known, body)
		}
	}
}

func TestExceptionsOfFormsHoldInTheCluster(t *testing.T) {
	const enforce = "version: 1\nkubernetes: {modes: {default: enforce}}\n"
	fake := map[string]any{"provider": map[string]any{"fake": map[string]any{"data": []any{}}}}
	within := map[string]any{"objects": []any{map[string]any{"apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
		"metadata": map[string]any{"name": "within", "namespace": "elsewhere"}, "spec": fake}}}
	spelled := map[string]any{"provider": map[string]any{"fake": map[string]any{"data": []any{}}, "webhook": map[string]any{"headers": map[string]any{"X-Api-Key": value(t)}}}}
	for name, c := range map[string]struct {
		where   string
		kind    string
		spec    map[string]any
		allowed bool
	}{
		"without":                       {"", "SecretStore", fake, false},
		"name":                          {"names: [x], expires: 2026-12-31", "SecretStore", fake, true},
		"namespace":                     {"namespaces: [sho*], expires: 2026-12-31", "SecretStore", fake, true},
		"another namespace":             {"namespaces: [dev], expires: 2026-12-31", "SecretStore", fake, false},
		"another name":                  {"names: [y], expires: 2026-12-31", "SecretStore", fake, false},
		"over":                          {"names: [x], expires: 2026-11-25", "SecretStore", fake, false},
		"bound to a path":               {"names: [x], paths: [x.yaml], expires: 2026-12-31", "SecretStore", fake, false},
		"what lies within names itself": {"names: [within], expires: 2026-12-31", "Bundle", within, false},
		"what lies within is elsewhere": {"namespaces: [elsewhere], expires: 2026-12-31", "Bundle", within, false},
		"what it lies in":               {"names: [x], expires: 2026-12-31", "Bundle", within, true},
		"a value beside it":             {"names: [x], expires: 2026-12-31", "SecretStore", spelled, false},
	} {
		policy := enforce
		if c.where != "" {
			policy += "exceptions: [{rule: store-fake-provider, reason: for tests, owner: team-a, " + c.where + "}]\n"
		}
		d := newDoor(t, policy, corpusCluster())
		_, body := d.post(t, objectReview(t, "external-secrets.io", c.kind, thing("external-secrets.io", c.kind, c.spec), nil))
		if allows(body) != c.allowed {
			t.Errorf("%s: %s", name, body)
		}
		a := d.answers[0]
		if c.allowed && (a.Rule != ruleException || a.Audit["exception-owner"] != "team-a") {
			t.Errorf("%s: %+v", name, a)
		}
		if over := name == "over"; (a.Audit["expired-exception-owner"] == "team-a") != over || strings.Contains(string(body), "has expired") != over {
			t.Errorf("%s: %s", name, body)
		}
	}
}

// Objects that take much to read are not all read at once, and one that has to wait
// for too long is not admitted unread.
func TestObjectsWaitForTheirTurn(t *testing.T) {
	d := newDoor(t, "version: 1\nkubernetes: {modes: {default: enforce}}\n", corpusCluster())
	spec := map[string]any{"secretStoreRef": map[string]any{"name": "vault"}, "refreshInterval": "1h",
		"data": []any{map[string]any{"secretKey": "password", "remoteRef": map[string]any{"key": "a/b"}}}}
	review := objectReview(t, "external-secrets.io", "ExternalSecret", thing("external-secrets.io", "ExternalSecret", spec), nil)
	ask := func() (string, Answer) {
		r := httptest.NewRequest(http.MethodPost, "/v1/review?timeout=10ms", bytes.NewReader(review))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		return w.Body.String(), d.answers[len(d.answers)-1]
	}
	if err := d.judging.Acquire(t.Context(), judgedAtOnce); err != nil {
		t.Fatal(err)
	}
	if body, a := ask(); allows([]byte(body)) || a.Rule != ruleUndecided || a.Code != http.StatusInternalServerError {
		t.Errorf("while another is judged: %s, %s", a.Rule, body)
	}
	if response, a := d.ask(t, byLabeller); !response.Allowed {
		t.Errorf("a Secret waits as well: %s", a.Rule)
	}
	d.judging.Release(judgedAtOnce)
	if status, body := d.post(t, review); status != http.StatusOK || !allows(body) {
		t.Errorf("after it: HTTP %d, %s", status, body)
	}
	if !d.judging.TryAcquire(judgedAtOnce) {
		t.Error("the turn is not given back")
	}
}
