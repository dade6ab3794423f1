package gate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

func TestSchemaAndParserAgree(t *testing.T) {
	schema := compileSchema(t)
	for _, text := range validPolicies {
		if _, err := ParsePolicy("p.yaml", []byte(text)); err != nil {
			t.Errorf("parser refuses\n%s\n%v", text, err)
		}
		if err := schema.Validate(asJSON(t, text)); err != nil {
			t.Errorf("schema refuses\n%s\n%v", text, err)
		}
	}
	for _, c := range invalidPolicies {
		if schema.Validate(asJSON(t, c.text)) == nil {
			t.Errorf("schema accepts\n%s", c.text)
		}
	}
}

func TestEveryPolicyFieldIsAKeyOfTheSchema(t *testing.T) {
	var schema struct {
		Properties map[string]struct {
			Properties map[string]any
			Items      struct{ Properties map[string]any }
		}
		Defs map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	if err := json.Unmarshal(PolicySchema, &schema); err != nil {
		t.Fatal(err)
	}
	// Fields that are not keys of the same name.
	other := map[string]string{"name": "", "file": "", "from": "", "organisation": "", "lines": "", "line": "", "audit": "mode", "sections": "app", "place": "fingerprint"}
	check := func(v any, keys []string) {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
			key := snake(f.Name)
			if o, is := other[key]; is {
				key = o
			}
			if key != "" && !slices.Contains(keys, key) {
				t.Errorf("%T.%s: the schema has no key %q", v, f.Name, key)
			}
		}
	}
	check(Policy{}, sortedKeys(schema.Properties))
	check(Paths{}, sortedKeys(schema.Properties["paths"].Properties))
	check(RuleChoice{}, sortedKeys(schema.Properties["rules"].Properties))
	check(Limits{}, sortedKeys(schema.Properties["limits"].Properties))
	check(Environment{}, sortedKeys(schema.Defs["environment"].Properties))
	check(Exception{}, sortedKeys(schema.Properties["exceptions"].Items.Properties))
}

func TestParserAndSchemaKnowTheSameKeys(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(PolicySchema, &schema); err != nil {
		t.Fatal(err)
	}
	open := "version: 1\n%s"
	for at, c := range map[string]struct{ document, schema string }{
		"document":    {"nokey: 1", "properties"},
		"paths":       {"paths: {nokey: 1}", "properties paths properties"},
		"rules":       {"rules: {nokey: 1}", "properties rules properties"},
		"limits":      {"limits: {nokey: 1}", "properties limits properties"},
		"environment": {"environments: {prod: {nokey: 1}}", "$defs environment properties"},
		"names":       {"environments: {nokey: {}}", "properties environments properties"},
		"exception":   {"exceptions: [{nokey: 1}]", "properties exceptions items properties"},

		"kubernetes":      {"kubernetes: {nokey: 1}", "properties kubernetes properties"},
		"preset":          {"kubernetes: {presets: {flux: {nokey: 1}}}", "$defs preset properties"},
		"presets":         {"kubernetes: {presets: {nokey: {}}}", "properties kubernetes properties presets properties"},
		"writer":          {"kubernetes: {writers: [{nokey: 1}]}", "$defs writer properties"},
		"claim":           {"kubernetes: {writers: [{claims: [{nokey: 1}]}]}", "$defs claim properties"},
		"modes":           {"kubernetes: {modes: {nokey: 1}}", "$defs modes properties"},
		"namespace mode":  {"kubernetes: {modes: {namespaces: {a: {nokey: 1}}}}", "$defs namespace_mode properties"},
		"break glass":     {"kubernetes: {break_glass: {nokey: 1}}", "$defs break_glass properties"},
		"write exception": {"kubernetes: {exceptions: [{nokey: 1}]}", "$defs write_exception properties"},
		"formats":         {"kubernetes: {formats: {nokey: 1}}", "$defs formats properties"},
		"sops":            {"kubernetes: {formats: {sops: {nokey: 1}}}", "$defs sops properties"},
		"recipients":      {"kubernetes: {formats: {sops: {recipients: {nokey: 1}}}}", "$defs recipients properties"},
		"sealed secret":   {"kubernetes: {formats: {sealed_secret: {nokey: 1}}}", "$defs sealed_secret properties"},
		"external secret": {"kubernetes: {formats: {external_secret: {nokey: 1}}}", "$defs external_secret properties"},
		"vault":           {"kubernetes: {formats: {vault: {nokey: 1}}}", "$defs vault properties"},
	} {
		_, err := ParsePolicy("p.yaml", fmt.Appendf(nil, open, c.document))
		known := regexp.MustCompile(`(?:unknown key|no such preset) "nokey"; known here: (.*)`).FindStringSubmatch(err.Error())
		if known == nil {
			t.Fatalf("%s: no list of known keys in %v", at, err)
		}
		node := schema
		for _, step := range strings.Fields(c.schema) {
			node = node[step].(map[string]any)
		}
		if diff := cmp.Diff(sortedKeys(node), strings.Split(known[1], ", ")); diff != "" {
			t.Errorf("%s: schema against parser\n%s", at, diff)
		}
		for key, property := range node {
			described, _ := property.(map[string]any)["description"].(string)
			if described == "" {
				t.Errorf("%s: the schema does not describe %q", at, key)
			}
		}
	}
}

func FuzzParsedPolicyValidatesInTheSchema(f *testing.F) {
	for _, text := range validPolicies {
		f.Add([]byte(text))
	}
	for _, c := range slices.Concat(invalidPolicies, parserOnly[:12]) {
		f.Add([]byte(c.text))
	}
	schema := compileSchema(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParsePolicy("p.yaml", text)
		if err != nil {
			return
		}
		if err := schema.Validate(asJSON(t, string(text))); err != nil {
			t.Errorf("the parser accepts what the schema refuses: %v", err)
		}
		for _, s := range Explain(p) {
			if s.Key == "" || s.Origin == "" {
				t.Errorf("setting without key or origin: %+v", s)
			}
		}
		if n := Loosened(p, p); len(n) > 0 {
			t.Errorf("a policy loosens itself: %v", n)
		}
	})
}

func compileSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(PolicySchema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("policy.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("policy.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// asJSON is the document as an editor hands it to a schema.
func asJSON(t testing.TB, text string) any {
	t.Helper()
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return jsonValue(root.Content[0])
}

func jsonValue(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			out[n.Content[i].Value] = jsonValue(n.Content[i+1])
		}
		return out
	case yaml.SequenceNode:
		out := []any{}
		for _, c := range n.Content {
			out = append(out, jsonValue(c))
		}
		return out
	}
	var out any
	if tag := n.ShortTag(); tag == "!!timestamp" || tag == "!!str" || n.Decode(&out) != nil {
		return n.Value
	}
	if f, is := out.(float64); is && (f != f || f-f != 0) {
		return nil // JSON has neither NaN nor infinity
	}
	return out
}

func snake(name string) string {
	return strings.ToLower(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(name, "${1}_$2"))
}
