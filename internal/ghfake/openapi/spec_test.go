package openapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// tiny is a description with what makes GitHub's hard: paths that overlap, parameters
// that hold slashes, null beside a type, and compositions.
const tiny = `{"openapi":"3.0.3","info":{"title":"t"},"paths":{
"/things/{id}":{"get":{"operationId":"things/get","x-github":{"enabledForGitHubApps":true},"parameters":[
	{"name":"id","in":"path","required":true,"schema":{"type":"integer"}},{"name":"deep","in":"query","schema":{"type":"boolean"}}],
	"responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/thing"}}}},"204":{"description":"x"}}}},
"/things/latest":{"get":{"operationId":"things/latest","responses":{}},"delete":{"operationId":"things/drop","responses":{}}},
"/files/{path}":{"get":{"operationId":"files/get","parameters":[{"name":"path","in":"path","required":true,"schema":{"type":"string"},"x-multi-segment":true}],"responses":{}}},
"/files/{path}/size":{"get":{"operationId":"files/size","parameters":[{"name":"path","in":"path","required":true,"schema":{"type":"string"},"x-multi-segment":true}],"responses":{}}},
"/unused":{"get":{"operationId":"unused","responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/unused"}}}}}}}},
"x-webhooks":{"ping":{"post":{"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/thing"}}}}}}},
"components":{"schemas":{
	"unused":{"type":"object"},
	"basic-error":{"type":"object","properties":{"message":{"type":"string"}}},
	"validation-error":{"type":"object","required":["errors"],"properties":{"message":{"type":"string"},"errors":{"type":"array"}}},
	"owner":{"type":"object","required":["login"],"properties":{"login":{"type":"string"}}},
	"base":{"type":"object","required":["name"],"properties":{"name":{"type":"string","description":"prose"},"description":{"type":"string","nullable":true}}},
	"thing":{"allOf":[{"$ref":"#/components/schemas/base"},{"type":"object","required":["state","owner","description","at"],"properties":{
		"state":{"type":"string","nullable":true,"enum":["open","closed"]},
		"owner":{"nullable":true,"allOf":[{"$ref":"#/components/schemas/owner"}]},
		"either":{"oneOf":[{"type":"string"},{"$ref":"#/components/schemas/owner"}]},
		"free":{"type":"object"},"link":{"type":"string","format":"uri-template"},"at":{"type":"string","format":"date-time"}}}]}}}}`

func tinySpec(t *testing.T) *Spec {
	t.Helper()
	cut, err := Prune([]byte(tiny), []string{"things/get", "things/latest", "things/drop", "files/get", "files/size"}, []string{"ping"})
	if err != nil {
		t.Fatal(err)
	}
	spec, err := Read(cut)
	if err != nil {
		t.Fatal(err)
	}
	spec.components["schemas"].(object)["validation-error"] = object{"type": "object"}
	return spec
}

func TestPruneKeepsWhatIsNamed(t *testing.T) {
	cut, err := Prune([]byte(tiny), []string{"things/get"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := string(cut)
	for _, gone := range []string{"unused", "prose", "files/get", "ping"} {
		if strings.Contains(text, gone) {
			t.Errorf("%s is still there", gone)
		}
	}
	for _, kept := range []string{`"description":{"nullable":true,"type":"string"}`, `"login"`, "enabledForGitHubApps"} {
		if !strings.Contains(text, kept) {
			t.Errorf("%s is gone", kept)
		}
	}
	if _, err := Prune([]byte(tiny), []string{"things/made-up"}, nil); err == nil || !strings.Contains(err.Error(), "things/made-up") {
		t.Errorf("an operation that is not there: %v", err)
	}
	if _, err := Prune([]byte(tiny), nil, []string{"made-up"}); err == nil {
		t.Error("a webhook that is not there passes")
	}
	if _, err := Prune([]byte("{"), nil, nil); err == nil {
		t.Error("half a description passes")
	}
}

func TestMatch(t *testing.T) {
	spec := tinySpec(t)
	for _, test := range []struct{ method, path, id, param, value string }{
		{"GET", "/things/7", "things/get", "id", "7"},
		{"GET", "/things/latest", "things/latest", "", ""},
		{"GET", "/files/a/b%2Fc/d%20e", "files/get", "path", "a/b/c/d e"},
		{"GET", "/files/a%2Fb/size", "files/size", "path", "a/b"},
		{"GET", "/files/", "files/get", "path", ""},
		{"DELETE", "/things/latest", "things/drop", "", ""},
		{"DELETE", "/things/7", "", "", ""},
		{"GET", "/things", "", "", ""},
		{"GET", "/things/7/8", "", "", ""},
	} {
		op, params, _ := spec.Match(test.method, test.path)
		switch {
		case op == nil && test.id != "" || op != nil && op.ID != test.id:
			t.Errorf("%s %s is %v, not %s", test.method, test.path, op, test.id)
		case params[test.param] != test.value:
			t.Errorf("%s %s: %v", test.method, test.path, params)
		}
	}
	if _, _, other := spec.Match("DELETE", "/things/7"); !other {
		t.Error("nothing says that another method has the path")
	}
}

func TestResponse(t *testing.T) {
	spec := tinySpec(t)
	op := spec.Operation("things/get")
	good := `"name":"n","description":null,"state":null,"owner":null,"at":"2026-01-02T03:04:05Z"`
	for body, want := range map[string]string{
		`{` + good + `}`: "",
		`{` + good + `,"owner":{"login":"l"},"state":"open"}`:             "",
		`{` + good + `,"either":"x","free":{"any":{"thing":1}}}`:          "",
		`{` + good + `,"either":{"login":"x"},"link":"http://h{/n}{?q}"}`: "",
		`{` + good + `,"more":1}`:                                         "/more: is not described",
		`{` + good + `,"owner":{"login":"l","more":1}}`:                   "/owner/more: is not described",
		`{` + good + `,"either":{"login":"x","more":1}}`:                  "/either/more: is not described",
		`{` + good + `,"state":"ajar"}`:                                   "/state: value must be one of",
		`{` + good + `,"name":null}`:                                      "/name: got null, want string",
		`{` + good + `,"at":"yesterday"}`:                                 "/at:",
		`{` + good + `,"link":"{/n"}`:                                     "/link:",
		`{"name":"n"}`:                                                    "missing properties",
		`[]`:                                                              "got array, want object",
		`{`:                                                               "is no JSON",
	} {
		err := spec.Response(op, 200, []byte(body))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %q", body, err, want)
		}
	}
	if err := spec.Response(op, 204, nil); err != nil {
		t.Error(err)
	}
	if err := spec.Response(op, 204, []byte(`{}`)); err == nil {
		t.Error("a body where there is none passes")
	}
	if err := spec.Response(op, 201, nil); err == nil {
		t.Error("a status that is not described passes")
	}
}

func TestRequest(t *testing.T) {
	spec := tinySpec(t)
	op := spec.Operation("things/get")
	for query, want := range map[string]string{
		"": "", "deep=true": "", "deep=maybe": "query parameter deep", "depth=1": "has no query parameter depth",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		err = spec.Request(op, map[string]string{"id": "7"}, values, http.Header{}, nil)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", query, err)
		}
	}
	if err := spec.Request(op, map[string]string{"id": "seven"}, nil, nil, nil); err == nil {
		t.Error("a path parameter of another type passes")
	}
	if err := spec.Request(op, map[string]string{"id": "7"}, nil, nil, []byte(`{}`)); err == nil {
		t.Error("a body where there is none passes")
	}
}

func TestFillGivesWhatIsRequired(t *testing.T) {
	spec := tinySpec(t)
	op := spec.Operation("things/get")
	full, err := spec.Fill(op, 200, object{"owner": object{}, "either": object{"login": "me"}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"at":"2026-01-02T03:04:05Z","description":null,"either":{"login":"me"},"name":"","owner":{"login":""},"state":null}`
	if string(text) != want {
		t.Errorf("filled to %s", text)
	}
	if err := spec.Response(op, 200, text); err != nil {
		t.Error(err)
	}
	payload, err := spec.FillPayload("ping", object{})
	if err != nil {
		t.Fatal(err)
	}
	text, _ = json.Marshal(payload)
	if err := spec.Payload("ping", text); err != nil {
		t.Error(err)
	}
	if err := spec.Payload("pong", text); err == nil {
		t.Error("a webhook that is not described passes")
	}
}
