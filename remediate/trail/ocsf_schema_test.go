package trail

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var ocsfSource = flag.String("ocsf", "", "`FOLDER` of github.com/ocsf/ocsf-schema at the tag of "+OCSF+": compare testdata with it, and with -update write that anew")
var update = flag.Bool("update", false, "rewrite testdata")

// schema is what testdata/ocsf.json keeps of the published schema: the class that is
// written and the objects within it, with names, types, enumerations and what is
// required, without the descriptions. The schema is under the Apache License 2.0
// (https://github.com/ocsf/ocsf-schema).
type schema struct {
	Notice  string           `json:"notice"`
	Version string           `json:"version"`
	Objects map[string]shape `json:"objects"`
}

type shape struct {
	Attributes map[string]attribute `json:"attributes"`
	OneOf      []string             `json:"at_least_one,omitempty"`
}

type attribute struct {
	Type     string   `json:"type"`
	Array    bool     `json:"array,omitempty"`
	Required bool     `json:"required,omitempty"`
	Enum     []string `json:"enum,omitempty"`
}

const ocsfTop = "api_activity"

var ocsfObjects = []string{"actor", "user", "api", "service", "metadata", "product", "resource_details", "network_endpoint"}

func TestOCSFLinesAreOfThePublishedSchema(t *testing.T) {
	text, err := os.ReadFile("testdata/ocsf.json")
	check(t, err)
	var s schema
	check(t, json.Unmarshal(text, &s))
	if s.Version != OCSF {
		t.Fatalf("the schema is %s", s.Version)
	}
	events, _ := chained(t, story)
	for _, e := range events {
		line, err := Writer{Version: "1"}.Line("ocsf", e)
		check(t, err)
		var event map[string]any
		check(t, json.Unmarshal([]byte(line), &event))
		if faults := s.faults(ocsfTop, event); len(faults) > 0 {
			t.Errorf("%s: %q", e.Action, faults)
		}
		for _, key := range slices.Sorted(maps.Keys(event)) { // the check sees what is missing or wrong
			without := maps.Clone(event)
			delete(without, key)
			if s.Objects[ocsfTop].Attributes[key].Required != (len(s.faults(ocsfTop, without)) > 0) {
				t.Errorf("without %s: %q", key, s.faults(ocsfTop, without))
			}
		}
		event["severity_id"], event["surprise"] = float64(77), 1
		if len(s.faults(ocsfTop, event)) != 2 {
			t.Errorf("two faults: %q", s.faults(ocsfTop, event))
		}
	}
}

// faults are where a value differs from a shape.
func (s schema) faults(name string, value any) (faults []string) {
	if name == "object" || name == "json_t" {
		return nil
	}
	fields, ok := value.(map[string]any)
	shape, known := s.Objects[name]
	if !ok || !known {
		return []string{fmt.Sprintf("%T where %s is wanted", value, name)}
	}
	for key, a := range shape.Attributes {
		if _, ok := fields[key]; !ok && a.Required {
			faults = append(faults, key+" is missing")
		}
	}
	for key, v := range fields {
		a, ok := shape.Attributes[key]
		if !ok {
			faults = append(faults, key+" is not of "+name)
			continue
		}
		faults = append(faults, s.field(key, a, v)...)
	}
	if len(shape.OneOf) > 0 && !slices.ContainsFunc(shape.OneOf, func(key string) bool { return fields[key] != nil }) {
		faults = append(faults, "none of "+strings.Join(shape.OneOf, ", "))
	}
	return faults
}

func (s schema) field(key string, a attribute, value any) (faults []string) {
	if a.Array {
		list, ok := value.([]any)
		if !ok {
			return []string{key + " is no list"}
		}
		a.Array = false
		for _, item := range list {
			faults = append(faults, s.field(key, a, item)...)
		}
		return faults
	}
	switch v := value.(type) {
	case string:
		if !slices.Contains([]string{"string_t", "hostname_t", "username_t", "resource_uid_t"}, a.Type) {
			faults = append(faults, key+" is text, not "+a.Type)
		}
	case float64:
		if v != float64(int64(v)) || !slices.Contains([]string{"integer_t", "long_t", "timestamp_t"}, a.Type) {
			faults = append(faults, key+" is a number, not "+a.Type)
		}
		if len(a.Enum) > 0 && !slices.Contains(a.Enum, fmt.Sprint(int64(v))) {
			faults = append(faults, fmt.Sprintf("%s is %v", key, v))
		}
	default:
		for _, f := range s.faults(a.Type, value) {
			faults = append(faults, key+": "+f)
		}
	}
	return faults
}

// TestTheKeptSchemaIsThePublishedOne holds testdata against the schema's sources.
func TestTheKeptSchemaIsThePublishedOne(t *testing.T) {
	if *ocsfSource == "" {
		t.Skip("-ocsf names no folder of the published schema")
	}
	want := published(t, *ocsfSource)
	if *update {
		text, err := json.MarshalIndent(want, "", " ")
		check(t, err)
		check(t, os.WriteFile("testdata/ocsf.json", append(text, '\n'), 0o644))
	}
	var kept schema
	readJSON(t, "testdata/ocsf.json", &kept)
	if !reflect.DeepEqual(kept, want) {
		t.Error("testdata/ocsf.json is not what the schema says")
	}
}

type source struct {
	Extends    string                     `json:"extends"`
	UID        int                        `json:"uid"`
	Attributes map[string]json.RawMessage `json:"attributes"`
	Constraint struct {
		OneOf []string `json:"at_least_one"`
	} `json:"constraints"`
}

type sourceAttribute struct {
	Type        string                     `json:"type"`
	Array       bool                       `json:"is_array"`
	Requirement string                     `json:"requirement"`
	Enum        map[string]json.RawMessage `json:"enum"`
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	check(t, err)
	check(t, json.Unmarshal(text, into))
}

// published reduces the sources of the schema.
func published(t *testing.T, dir string) schema {
	t.Helper()
	var version struct{ Version string }
	readJSON(t, filepath.Join(dir, "version.json"), &version)
	var dictionary source
	readJSON(t, filepath.Join(dir, "dictionary.json"), &dictionary)
	s := schema{Version: version.Version, Objects: map[string]shape{}, Notice: "Reduced from the Open Cybersecurity Schema Framework, https://github.com/ocsf/ocsf-schema, under the Apache License 2.0; changed: descriptions and all but a few objects are left out."}
	for _, name := range append([]string{ocsfTop}, ocsfObjects...) {
		s.Objects[name] = resolve(t, dir, name, dictionary)
	}
	// The numbers of a class follow from where it is in the schema.
	top := s.Objects[ocsfTop]
	for key, enum := range map[string][]string{"category_uid": {fmt.Sprint(ocsfCategory)}, "class_uid": {fmt.Sprint(ocsfClass)}, "type_uid": nil} {
		a := top.Attributes[key]
		a.Enum = enum
		if key == "type_uid" {
			for _, id := range top.Attributes["activity_id"].Enum {
				a.Enum = append(a.Enum, fmt.Sprintf("%d%02s", ocsfClass, id))
			}
		}
		top.Attributes[key] = a
	}
	return s
}

func file(dir, name string) string {
	for _, at := range []string{"objects/" + name, "events/" + name, "events/application/" + name} {
		if _, err := os.Stat(filepath.Join(dir, at+".json")); err == nil {
			return filepath.Join(dir, at+".json")
		}
	}
	return filepath.Join(dir, "objects", name+".json")
}

// resolve merges a class or an object with what it extends and the dictionary.
func resolve(t *testing.T, dir, name string, dictionary source) shape {
	t.Helper()
	var own source
	readJSON(t, file(dir, name), &own)
	all := shape{Attributes: map[string]attribute{}, OneOf: own.Constraint.OneOf}
	if own.Extends != "" {
		up := resolve(t, dir, own.Extends, dictionary)
		all.Attributes = up.Attributes
		if all.OneOf == nil {
			all.OneOf = up.OneOf
		}
	}
	for key, raw := range own.Attributes {
		if key == "$include" { // of profiles, which no line is of
			continue
		}
		var said, word sourceAttribute
		check(t, json.Unmarshal(raw, &said))
		if text, ok := dictionary.Attributes[key]; ok {
			check(t, json.Unmarshal(text, &word))
		}
		a := all.Attributes[key]
		a.Type, a.Array = word.Type, word.Array
		if said.Requirement != "" {
			a.Required = said.Requirement == "required"
		}
		for _, enum := range []map[string]json.RawMessage{said.Enum, word.Enum} {
			for id := range enum {
				if !slices.Contains(a.Enum, id) {
					a.Enum = append(a.Enum, id)
				}
			}
		}
		slices.Sort(a.Enum)
		all.Attributes[key] = a
	}
	return all
}
