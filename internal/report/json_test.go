package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func jsonSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("report.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestJSONKeepsToItsSchema(t *testing.T) {
	schema := jsonSchema(t)
	hostileReport, _ := canaries(t)
	for name, r := range map[string]*Report{"blocked": blocked(), "clean": clean(), "hostile": hostileReport} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(write(t, "json", r)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJSONHoldsNothingThatDoesNotPrint(t *testing.T) {
	const author = "größe\u009b31m\u202e\u200b\x7f\u00a0\U000e0041"
	for _, format := range []string{"json", "gitlab"} {
		r := blocked()
		for i := range r.Verdict.Findings {
			r.Verdict.Findings[i].Commit.Author = author
		}
		text := write(t, format, r)
		if i := strings.IndexFunc(text, unprintable); i >= 0 {
			t.Errorf("%s: byte %d does not print", format, i)
		}
		if !strings.Contains(text, `größe\u009b31m\u202e\u200b\u007f\u00a0\udb40\udc41`) || !json.Valid([]byte(text)) {
			t.Errorf("%s does not hold the author:\n%s", format, text)
		}
	}
}

func TestTheSchemaForbidsUnknownAndMissingProperties(t *testing.T) {
	schema := jsonSchema(t)
	text := write(t, "json", blocked())
	objects := 0
	var walk func(doc, part any)
	walk = func(doc, part any) {
		switch part := part.(type) {
		case map[string]any:
			objects++
			part["unknown"] = true
			if schema.Validate(doc) == nil {
				t.Errorf("an unknown property passes beside %v", part)
			}
			delete(part, "unknown")
			for name, value := range part {
				delete(part, name)
				if schema.Validate(doc) == nil {
					t.Errorf("a missing %q passes", name)
				}
				part[name] = value
				walk(doc, value)
			}
		case []any:
			for _, item := range part[:min(1, len(part))] {
				walk(doc, item)
			}
		}
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	walk(doc, doc)
	if objects < 9 {
		t.Errorf("only %d objects were tried", objects)
	}
}

func TestJSONHasTheFieldsThatRemediationReads(t *testing.T) {
	var doc struct {
		Findings []struct {
			Path, Blob, Preview, Decision string
			Span                          [2]int
		}
	}
	if err := json.Unmarshal([]byte(write(t, "json", blocked())), &doc); err != nil {
		t.Fatal(err)
	}
	first := doc.Findings[0]
	if len(doc.Findings) != 6 || first.Blob != strings.Repeat("b", 40) || first.Span != [2]int{100, 140} ||
		first.Preview != "ghp_…(40)" || first.Decision != "block" {
		t.Errorf("got %+v", doc.Findings)
	}
	if path := doc.Findings[2].Path; path != "deploy keys/|`<b>@org\n\x1b[31m.pem" {
		t.Errorf("a path must come back as it is, got %q", path)
	}
}
