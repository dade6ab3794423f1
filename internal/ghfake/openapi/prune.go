package openapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// object is any JSON object.
type object = map[string]any

// methods are the keys of a path that hold operations.
var methods = []string{"get", "put", "post", "delete", "patch"}

// Prune cuts a description down to the operations and webhooks that are named, and to
// what these refer to, without prose and examples. A name that is not in it is an
// error: a typing mistake, or GitHub no longer has it.
func Prune(description []byte, operations, webhooks []string) ([]byte, error) {
	var whole object
	if err := json.Unmarshal(description, &whole); err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	correct(whole)
	paths, err := pick(whole, operations)
	if err != nil {
		return nil, err
	}
	hooks := object{}
	for _, name := range webhooks {
		hook := dig(whole, "x-webhooks", name)
		if hook == nil {
			return nil, fmt.Errorf("the description has no webhook %s", name)
		}
		hooks[name] = hook
	}
	out := object{"openapi": whole["openapi"], "info": whole["info"], "servers": whole["servers"], "paths": paths, "x-webhooks": hooks}
	strip(out)
	if out["components"], err = closure(whole, out); err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// pick returns the paths with the wanted operations only.
func pick(whole object, operations []string) (object, error) {
	left := map[string]bool{}
	for _, id := range operations {
		left[id] = true
	}
	paths := object{}
	all, _ := whole["paths"].(object)
	for path, item := range all {
		kept := object{}
		for _, method := range methods {
			op := dig(item, method)
			if id, _ := dig(op, "operationId").(string); left[id] {
				kept[method] = op
				delete(left, id)
			}
		}
		if len(kept) > 0 {
			paths[path] = kept
		}
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("the description has no operation %s", strings.Join(slices.Sorted(maps.Keys(left)), ", "))
	}
	return paths, nil
}

// closure returns the components that the value refers to, and those they refer to.
func closure(whole object, from any) (object, error) {
	out := object{}
	queue := refs(from, nil)
	for len(queue) > 0 {
		ref := queue[0]
		queue = queue[1:]
		parts := strings.Split(strings.TrimPrefix(ref, "#/"), "/")
		if len(parts) != 3 || parts[0] != "components" {
			return nil, fmt.Errorf("the description refers to %s, which is no component", ref)
		}
		kind, _ := out[parts[1]].(object)
		if kind == nil {
			kind = object{}
			out[parts[1]] = kind
		}
		if kind[parts[2]] != nil {
			continue
		}
		component := dig(whole, parts...)
		if component == nil {
			return nil, fmt.Errorf("the description has no %s", ref)
		}
		strip(component)
		kind[parts[2]] = component
		queue = refs(component, queue)
	}
	return out, nil
}

// refs appends what every $ref in the value points to.
func refs(value any, to []string) []string {
	switch v := value.(type) {
	case object:
		if ref, ok := v["$ref"].(string); ok {
			to = append(to, ref)
		}
		for _, inner := range v {
			to = refs(inner, to)
		}
	case []any:
		for _, inner := range v {
			to = refs(inner, to)
		}
	}
	return to
}

// prose is what neither routes nor validates. It stands in schemas, parameters and
// operations; a property of that name is an object, and stays.
var prose = []string{"description", "summary", "externalDocs", "tags", "example", "examples", "title", "x-octokit"}

// strip removes prose in place, but not properties that are called like it.
func strip(value any) {
	switch v := value.(type) {
	case object:
		for _, key := range prose {
			delete(v, key)
		}
		for key, inner := range v {
			if names, ok := inner.(object); ok && (key == "properties" || key == "schemas") {
				for _, schema := range names {
					strip(schema)
				}
				continue
			}
			strip(inner)
		}
	case []any:
		for _, inner := range v {
			strip(inner)
		}
	}
}

// dig returns what is at the end of the keys, or nil.
func dig(value any, keys ...string) any {
	for _, key := range keys {
		m, _ := value.(object)
		value = m[key]
	}
	return value
}
