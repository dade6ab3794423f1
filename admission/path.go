package admission

import (
	"maps"
	"slices"
	"strings"
)

// values are what a path leads to: "spec.data[].key" steps into each item of a
// list, "spec.data{}" gives the keys of a mapping. Empty lists, mappings and
// null lead nowhere.
func values(o Object, path string) []any {
	path, wantKeys := strings.CutSuffix(path, "{}")
	at := follow(o, path)
	if !wantKeys {
		return slices.DeleteFunc(at, empty)
	}
	var names []any
	for _, v := range at {
		if m, is := v.(map[string]any); is {
			for _, key := range slices.Sorted(maps.Keys(m)) {
				names = append(names, key)
			}
		}
	}
	return names
}

func follow(o Object, path string) []any {
	at := []any{map[string]any(o)}
	for step := range strings.SplitSeq(path, ".") {
		key, each := strings.CutSuffix(step, "[]")
		at = down(at, key, each)
	}
	return at
}

// present reports whether a path leads anywhere, be it to something empty.
func present(o Object, path string) bool {
	return slices.ContainsFunc(follow(o, path), func(v any) bool { return v != nil })
}

func down(at []any, key string, each bool) (out []any) {
	for _, v := range at {
		m, is := v.(map[string]any)
		if !is {
			continue
		}
		next, has := m[key]
		if items, is := next.([]any); each && is {
			out = append(out, items...)
		} else if has && !each {
			out = append(out, next)
		}
	}
	return out
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// texts are the texts that a path leads to.
func texts(o Object, path string) (out []string) {
	for _, v := range values(o, path) {
		if s, is := v.(string); is && s != "" {
			out = append(out, s)
		}
	}
	return out
}

func text(o Object, path string) string {
	if all := texts(o, path); len(all) == 1 {
		return all[0]
	}
	return ""
}

// firstTexts are those of the first path that leads anywhere.
func firstTexts(o Object, paths []string) []string {
	for _, path := range paths {
		if all := texts(o, path); len(all) > 0 {
			return all
		}
	}
	return nil
}
