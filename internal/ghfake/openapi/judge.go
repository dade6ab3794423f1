package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Request says what in a request is not as described: a parameter that the operation
// does not have or of another type, a body that it does not take.
func (s *Spec) Request(op *Operation, path map[string]string, query url.Values, header http.Header, body []byte) error {
	var wrong []error
	for name, value := range path {
		wrong = append(wrong, s.parameter(op, "path", name, value))
	}
	for name, values := range query {
		for _, value := range values {
			wrong = append(wrong, s.parameter(op, "query", name, value))
		}
	}
	for _, p := range op.params {
		if p.in == "query" && p.required && !query.Has(p.name) {
			wrong = append(wrong, fmt.Errorf("query parameter %s is missing", p.name))
		}
	}
	return errors.Join(append(wrong, s.requestBody(op, header, body))...)
}

func (s *Spec) parameter(op *Operation, in, name, value string) error {
	i := slices.IndexFunc(op.params, func(p parameter) bool { return p.in == in && p.name == name })
	if i < 0 {
		return fmt.Errorf("%s has no %s parameter %s", op.ID, in, name)
	}
	schema, err := s.schema(op.ID+" "+in+" "+name, op.params[i].schema)
	if err != nil {
		return err
	}
	for _, typed := range []any{value, number(value), boolean(value)} {
		if err = schema.Validate(typed); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s parameter %s: %w", in, name, brief(schema.Validate(value)))
}

// number and boolean are what a text stands for in a URL, else the text.
func number(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return json.Number(strconv.FormatInt(n, 10))
	}
	return text
}

func boolean(text string) any {
	if b, err := strconv.ParseBool(text); err == nil && len(text) > 1 {
		return b
	}
	return text
}

func (s *Spec) requestBody(op *Operation, header http.Header, body []byte) error {
	described := s.resolve(op.raw["requestBody"])
	if text := string(bytes.TrimSpace(body)); text == "" || text == "null" { // ghinstallation sends null for nothing, and GitHub takes it
		if described["required"] == true && s.needsBody(described) {
			return fmt.Errorf("%s needs a body", op.ID)
		}
		return nil
	}
	if described == nil {
		return fmt.Errorf("%s takes no body", op.ID)
	}
	name, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	media := dig(described, "content", name)
	if err != nil || media == nil {
		return fmt.Errorf("%s takes no body of type %q", op.ID, header.Get("Content-Type"))
	}
	return s.check(op.ID+" request", dig(media, "schema"), body)
}

// needsBody is false where every property may be left out: GitHub takes no body for an
// empty object.
func (s *Spec) needsBody(described object) bool {
	schema := s.resolve(dig(described, "content", "application/json", "schema"))
	required, _ := schema["required"].([]any)
	return len(required) > 0 || schema["oneOf"] != nil || schema["anyOf"] != nil
}

// anywhere are the answers that GitHub may give to every request, whatever the
// description of the operation lists: https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
var anywhere = []int{401, 403, 404, 422, 429, 500, 502, 503, 504}

// Response says what in an answer is not as described.
func (s *Spec) Response(op *Operation, status int, body []byte) error {
	described := s.resolve(dig(op.raw, "responses", strconv.Itoa(status)))
	if described == nil && slices.Contains(anywhere, status) {
		return s.check("an error", object{"anyOf": []any{
			object{"$ref": "#/components/schemas/basic-error"}, object{"$ref": "#/components/schemas/validation-error"},
		}}, body)
	}
	if described == nil {
		return fmt.Errorf("%s never answers %d", op.ID, status)
	}
	schema := s.content(described)
	if schema == nil {
		if len(body) > 0 {
			return fmt.Errorf("%s answers %d without a body", op.ID, status)
		}
		return nil
	}
	return s.check(fmt.Sprintf("%s %d", op.ID, status), schema, body)
}

func (s *Spec) content(described object) any {
	for _, media := range []string{"application/json", "application/vnd.github.object"} {
		if schema := dig(described, "content", media, "schema"); schema != nil {
			return schema
		}
	}
	return nil
}

// Payload says what in a webhook's body is not as described. The name is that of
// x-webhooks: push, check-run-rerequested.
func (s *Spec) Payload(name string, body []byte) error {
	schema := s.payload(name)
	if schema == nil {
		return fmt.Errorf("the description has no webhook %s", name)
	}
	return s.check("webhook "+name, schema, body)
}

func (s *Spec) payload(name string) any {
	return dig(s.resolve(dig(s.whole, "x-webhooks", name, "post", "requestBody")), "content", "application/json", "schema")
}

func (s *Spec) check(name string, schema any, body []byte) error {
	compiled, err := s.schema(name, schema)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s is no JSON: %w", name, err)
	}
	if err := compiled.Validate(value); err != nil {
		return fmt.Errorf("%s: %w", name, brief(err))
	}
	return nil
}

// schema compiles, once, what stands at a named place.
func (s *Spec) schema(name string, schema any) (*jsonschema.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if done := s.compiled[name]; done != nil {
		return done, nil
	}
	place := fmt.Sprintf("%s/%d", root, len(s.compiled))
	if err := s.compiler.AddResource(place, convert(schema, true)); err != nil {
		return nil, err
	}
	done, err := s.compiler.Compile(place)
	if err != nil {
		return nil, fmt.Errorf("compile the schema of %s: %w", name, err)
	}
	s.compiled[name] = done
	return done, nil
}

// brief keeps the innermost causes of a failed validation, where and what, a few.
func brief(err error) error {
	var failed *jsonschema.ValidationError
	if !errors.As(err, &failed) {
		return err
	}
	var lines []string
	causes := leaves(failed)
	for _, cause := range causes {
		if !follows(cause, causes) {
			lines = append(lines, "/"+strings.Join(cause.InstanceLocation, "/")+": "+say(cause))
		}
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	if len(lines) > 12 {
		lines = append(lines[:12], fmt.Sprintf("… and %d more", len(lines)-12))
	}
	return errors.New(strings.Join(lines, "; "))
}

func leaves(err *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(err.Causes) == 0 {
		return []*jsonschema.ValidationError{err}
	}
	var out []*jsonschema.ValidationError
	for _, cause := range err.Causes {
		out = append(out, leaves(cause)...)
	}
	return out
}

// say puts a cause into words. A property that nothing declares fails the schema that
// takes nothing.
func say(cause *jsonschema.ValidationError) string {
	if undeclared(cause) {
		return "is not described"
	}
	return cause.ErrorKind.LocalizedString(printer)
}

func undeclared(cause *jsonschema.ValidationError) bool {
	_, ok := cause.ErrorKind.(*kind.FalseSchema)
	return ok
}

// follows says whether a property is undeclared only because its object, or what is
// deeper in it, failed: then no branch vouches for any of its properties.
func follows(cause *jsonschema.ValidationError, all []*jsonschema.ValidationError) bool {
	if !undeclared(cause) {
		return false
	}
	parent := cause.InstanceLocation[:len(cause.InstanceLocation)-1]
	return slices.ContainsFunc(all, func(other *jsonschema.ValidationError) bool {
		at := other.InstanceLocation
		within := len(at) >= len(parent) && slices.Equal(at[:len(parent)], parent)
		return within && (!undeclared(other) || len(at) > len(cause.InstanceLocation))
	})
}
