// Package openapi makes a router and a judge of GitHub's published OpenAPI description:
// which operation a request is for, whether the request and the answer are as the
// description says, to the last property, and what an answer lacks. For tests only.
package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Spec is a description that has been read. It may be used concurrently.
type Spec struct {
	Operations []*Operation // the more literal path first
	whole      object
	components object

	mu       sync.Mutex // jsonschema's compiler takes one caller at a time
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

// Operation is one method of one path.
type Operation struct {
	ID, Method, Path string
	// Apps says whether tokens of GitHub Apps may call it.
	Apps     bool
	segments []string
	raw      object
	params   []parameter
}

type parameter struct {
	name, in string
	required bool
	schema   any
}

// Read reads a description, usually one that Prune has cut.
func Read(description []byte) (*Spec, error) {
	s := &Spec{compiled: map[string]*jsonschema.Schema{}}
	if err := json.Unmarshal(description, &s.whole); err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	s.components, _ = s.whole["components"].(object)
	paths, _ := s.whole["paths"].(object)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for _, method := range methods {
			if raw, ok := dig(paths, path, method).(object); ok {
				s.Operations = append(s.Operations, s.operation(method, path, raw))
			}
		}
	}
	slices.SortStableFunc(s.Operations, func(a, b *Operation) int { return slices.Compare(order(a), order(b)) })
	return s, s.compile()
}

// compile prepares the definitions; each schema is compiled when it is first asked for.
func (s *Spec) compile() error {
	s.compiler = jsonschema.NewCompiler()
	s.compiler.DefaultDraft(jsonschema.Draft2020)
	s.compiler.AssertFormat()
	s.compiler.RegisterFormat(&jsonschema.Format{Name: "uri-template", Validate: template})
	s.compiler.RegisterFormat(&jsonschema.Format{Name: "email", Validate: email})
	return s.compiler.AddResource(root, object{"$defs": definitions(s.components)})
}

const root = "https://github.invalid/description"

func (s *Spec) operation(method, path string, raw object) *Operation {
	id, _ := raw["operationId"].(string)
	apps, _ := dig(raw, "x-github", "enabledForGitHubApps").(bool)
	op := &Operation{ID: id, Method: strings.ToUpper(method), Path: path, Apps: apps, raw: raw}
	list, _ := raw["parameters"].([]any)
	multi := ""
	for _, entry := range list {
		p := s.resolve(entry)
		name, _ := p["name"].(string)
		in, _ := p["in"].(string)
		required, _ := p["required"].(bool)
		op.params = append(op.params, parameter{name: name, in: in, required: required, schema: p["schema"]})
		if p["x-multi-segment"] == true || name == "ref" && strings.HasPrefix(id, "git/") {
			multi = "{" + name + "}"
		}
	}
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for i, segment := range segments {
		if segment == multi && i == len(segments)-1 {
			segment = "{" + segment + "}"
		}
		op.segments = append(op.segments, segment)
	}
	return op
}

// order sorts literal segments before parameters, and these before the rest of a path.
func order(op *Operation) []string {
	out := make([]string, 0, len(op.segments))
	for _, segment := range op.segments {
		out = append(out, strings.NewReplacer("{{", "~~", "{", "~").Replace(segment))
	}
	return out
}

// resolve follows references to components.
func (s *Spec) resolve(value any) object {
	v, _ := value.(object)
	for range 20 {
		ref, ok := v["$ref"].(string)
		if !ok {
			return v
		}
		v, _ = dig(s.whole, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...).(object)
	}
	return v
}

// Operation is the one of that id, or nil.
func (s *Spec) Operation(id string) *Operation {
	for _, op := range s.Operations {
		if op.ID == id {
			return op
		}
	}
	return nil
}

// Match finds the operation for a method and an escaped path, and what its parameters
// are, unescaped. Without one it returns nil, and whether another method has the path.
func (s *Spec) Match(method, path string) (op *Operation, params map[string]string, other bool) {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for _, op := range s.Operations {
		params, ok := op.match(segments)
		if ok && op.Method == method {
			return op, params, false
		}
		other = other || ok
	}
	return nil, nil, other
}

func (op *Operation) match(segments []string) (map[string]string, bool) {
	params := map[string]string{}
	for i, want := range op.segments {
		rest := strings.HasPrefix(want, "{{")
		if rest && i == len(segments) {
			params[strings.Trim(want, "{}")] = ""
			return params, true // the root of what has paths
		}
		if i >= len(segments) || !rest && i == len(op.segments)-1 && len(segments) > len(op.segments) {
			return nil, false
		}
		if !strings.HasPrefix(want, "{") {
			if want != segments[i] {
				return nil, false
			}
			continue
		}
		text := segments[i]
		if rest {
			text = strings.Join(segments[i:], "/")
		}
		value, err := url.PathUnescape(text)
		if err != nil || value == "" && !rest {
			return nil, false
		}
		params[strings.Trim(want, "{}")] = value
		if rest {
			return params, true
		}
	}
	return params, true
}

// expression is a part of a URI template. jsonschema's own check splits at slashes
// first, so that it refuses {/number}, which GitHub writes everywhere.
var expression = regexp.MustCompile(`\{[^{}]+\}`)

func template(value any) error {
	text, ok := value.(string)
	if !ok {
		return nil
	}
	if text = expression.ReplaceAllString(text, "x"); strings.ContainsAny(text, "{}") {
		return errors.New("a brace has no partner")
	}
	_, err := url.Parse(text)
	return err
}

// email takes name[bot]@users.noreply.github.com, which is none by the letter: it is
// what GitHub writes for every bot.
func email(value any) error {
	text, ok := value.(string)
	if name, host, _ := strings.Cut(text, "@"); ok && (name == "" || host == "" || strings.ContainsAny(text, " <>")) {
		return errors.New("it is no address")
	}
	return nil
}
