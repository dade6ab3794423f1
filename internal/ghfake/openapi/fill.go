package openapi

import (
	"encoding/json"
	"fmt"
	"slices"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

var printer = message.NewPrinter(language.English)

// Fill gives an answer what the description requires and the answer leaves out: null
// where it may be, else the emptiest value. It removes and changes nothing.
func (s *Spec) Fill(op *Operation, status int, answer any) (any, error) {
	described := s.resolve(dig(op.raw, "responses", fmt.Sprint(status)))
	return s.fillTo(s.content(described), answer)
}

// FillPayload is Fill for a webhook's body.
func (s *Spec) FillPayload(name string, payload any) (any, error) {
	return s.fillTo(s.payload(name), payload)
}

func (s *Spec) fillTo(schema, answer any) (any, error) {
	text, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil || schema == nil {
		return plain, err
	}
	return s.fill(schema, plain), nil
}

func (s *Spec) fill(schema, value any) any {
	resolved := s.resolve(schema)
	switch v := value.(type) {
	case object:
		parts := s.parts(resolved, v)
		for _, part := range parts {
			s.fillObject(part, parts, v)
		}
	case []any:
		for i, item := range v {
			for _, part := range s.parts(resolved, item) {
				if items := part["items"]; items != nil {
					v[i] = s.fill(items, item)
				}
			}
		}
	}
	return value
}

// fillObject adds what one part requires, which another may describe.
func (s *Spec) fillObject(part object, parts []object, v object) {
	required, _ := part["required"].([]any)
	for _, name := range required {
		if key := name.(string); !has(v, key) {
			v[key] = s.empty(property(append([]object{part}, parts...), key))
		}
	}
	props, _ := part["properties"].(object)
	for name, inner := range v {
		if schema := props[name]; schema != nil {
			v[name] = s.fill(schema, inner)
		} else if extra, ok := part["additionalProperties"].(object); ok {
			v[name] = s.fill(extra, inner)
		}
	}
}

func property(parts []object, key string) any {
	for _, part := range parts {
		if schema := dig(part, "properties", key); schema != nil {
			return schema
		}
	}
	return nil
}

func has(v object, key string) bool {
	_, ok := v[key]
	return ok
}

// parts are the schemas that together describe a value: all of allOf, and of a choice
// the branch that declares most of what the value holds.
func (s *Spec) parts(schema object, value any) []object {
	out := []object{schema}
	all, _ := schema["allOf"].([]any)
	for _, branch := range all {
		out = append(out, s.parts(s.resolve(branch), value)...)
	}
	for _, key := range []string{"oneOf", "anyOf"} {
		if list, ok := schema[key].([]any); ok {
			out = append(out, s.parts(s.resolve(s.choose(list, value)), value)...)
		}
	}
	return out
}

func (s *Spec) choose(branches []any, value any) any {
	v, _ := value.(object)
	return slices.MaxFunc(branches, func(a, b any) int { return s.declares(a, v) - s.declares(b, v) })
}

// declares counts the properties of a value that a schema knows, less those it forbids.
func (s *Spec) declares(schema any, v object) int {
	known := 0
	for name := range v {
		for _, part := range s.parts(s.resolve(schema), nil) {
			if prop := dig(part, "properties", name); prop != nil {
				known += 2
				if enum, ok := dig(s.resolve(prop), "enum").([]any); ok && !slices.Contains(enum, v[name]) {
					known -= 3
				}
			}
		}
	}
	return known
}

// empty is the least value that fits a schema.
func (s *Spec) empty(schema any) any {
	r := s.resolve(schema)
	if r["nullable"] == true {
		return nil
	}
	if enum, ok := r["enum"].([]any); ok {
		return enum[0]
	}
	switch r["type"] {
	case "string":
		return emptyText(r)
	case "integer", "number":
		if least, ok := r["minimum"]; ok {
			return least
		}
		return 0
	case "boolean":
		return false
	case "array":
		return []any{}
	}
	for _, key := range []string{"oneOf", "anyOf", "allOf"} {
		if list, ok := r[key].([]any); ok && r["properties"] == nil && key != "allOf" {
			return s.empty(list[0])
		}
	}
	return s.fill(r, object{})
}

func emptyText(r object) string {
	switch r["format"] {
	case "uri", "uri-template":
		return "https://api.github.com/"
	case "date-time":
		return "2026-01-02T03:04:05Z"
	case "date":
		return "2026-01-02"
	case "email":
		return "nobody@example.com"
	}
	return ""
}
