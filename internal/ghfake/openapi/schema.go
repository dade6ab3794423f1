package openapi

import (
	"maps"
	"slices"
	"strings"
)

// convert turns a schema of OpenAPI 3.0 into one of JSON Schema 2020-12, in which an
// object may hold no property that is not declared for it.
//
// Each component X becomes two definitions: X itself, and "X!", which is closed. A part
// of a composition (allOf, anyOf, oneOf) refers to X, as its siblings declare properties
// too; everything else refers to "X!". unevaluatedProperties looks through references
// and compositions: https://json-schema.org/draft/2020-12/json-schema-core#section-11.3
func convert(schema any, closed bool) any {
	s, ok := schema.(object)
	if !ok {
		return schema
	}
	if ref, ok := s["$ref"].(string); ok {
		return object{"$ref": rename(ref, closed)}
	}
	out := object{}
	for key, value := range s {
		convertKey(out, key, value)
	}
	if isFree(s) {
		out["additionalProperties"] = true
	}
	nullable, _ := s["nullable"].(bool)
	if nullable {
		out = orNull(out)
	}
	if closed && (out["properties"] != nil || out["anyOf"] != nil || out["allOf"] != nil) {
		out["unevaluatedProperties"] = false
	}
	return out
}

// convertKey adds one keyword. oneOf becomes anyOf: GitHub's own examples fit several
// branches where one declares a subset of another.
func convertKey(out object, key string, value any) {
	switch key {
	case "nullable", "deprecated", "readOnly", "default", "discriminator":
	case "properties":
		props := object{}
		for name, schema := range value.(object) {
			props[name] = convert(schema, true)
		}
		out[key] = props
	case "items", "additionalProperties":
		out[key] = convert(value, true)
	case "not":
		out[key] = convert(value, false)
	case "oneOf", "anyOf":
		out["anyOf"] = branches(value)
	case "allOf":
		out[key] = branches(value)
	default:
		if !strings.HasPrefix(key, "x-") {
			out[key] = value
		}
	}
}

func branches(value any) []any {
	var out []any
	for _, branch := range value.([]any) {
		out = append(out, convert(branch, false))
	}
	return out
}

// isFree says whether a schema is an object of which nothing more is said.
func isFree(s object) bool {
	for _, key := range []string{"properties", "additionalProperties", "allOf", "anyOf", "oneOf"} {
		if s[key] != nil {
			return false
		}
	}
	return s["type"] == "object"
}

// orNull adds null to what a schema takes.
func orNull(s object) object {
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, nil) {
		s["enum"] = append(slices.Clone(enum), nil)
	}
	if kind, ok := s["type"].(string); ok {
		s["type"] = []any{kind, "null"}
	}
	if s["anyOf"] != nil {
		s["anyOf"] = append(s["anyOf"].([]any), object{"type": "null"})
	}
	if all, ok := s["allOf"]; ok {
		delete(s, "allOf")
		s["anyOf"] = []any{object{"allOf": all}, object{"type": "null"}}
	}
	return s
}

// rename points a reference of the description into the definitions.
func rename(ref string, closed bool) string {
	name := strings.TrimPrefix(ref, "#/components/schemas/")
	if closed {
		name += "!"
	}
	return root + "#/$defs/" + name
}

// definitions are those of all components, open and closed.
func definitions(components object) object {
	out := object{}
	schemas, _ := components["schemas"].(object)
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		out[name] = convert(schemas[name], false)
		out[name+"!"] = convert(object{"allOf": []any{object{"$ref": "#/components/schemas/" + name}}}, canClose(components, schemas[name], 0))
	}
	return out
}

// canClose says whether a schema declares properties anywhere that a closed one counts.
func canClose(components object, schema any, depth int) bool {
	s, _ := schema.(object)
	if ref, ok := s["$ref"].(string); ok && depth < 20 {
		return canClose(components, dig(components, "schemas", strings.TrimPrefix(ref, "#/components/schemas/")), depth+1)
	}
	if s["properties"] != nil {
		return true
	}
	for _, key := range []string{"allOf", "anyOf", "oneOf"} {
		list, _ := s[key].([]any)
		for _, branch := range list {
			if canClose(components, branch, depth+1) {
				return true
			}
		}
	}
	return false
}
