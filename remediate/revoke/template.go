package revoke

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"sort"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
)

// vars are the values that templates may name.
type vars map[string]secret.Secret

// placeholder is {{name}} or {{name|filter}}.
var placeholder = regexp.MustCompile(`\{\{([a-z][a-z0-9_.]*)(?:\|([a-z0-9]+))?\}\}`)

// filters change a value on its way into a template.
var filters = map[string]func(string) string{
	"sha256": func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) },
	"sha512": func(s string) string { sum := sha512.Sum512([]byte(s)); return hex.EncodeToString(sum[:]) },
	"base64": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"sha256url": func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return base64.RawURLEncoding.EncodeToString(sum[:])
	},
}

// expand fills a template; escape suits each value to its place. A value that
// is missing or empty is an error: half a request is another request.
func (v vars) expand(template string, escape func(string) (string, error)) (string, error) {
	var out strings.Builder
	rest := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(template, -1) {
		out.WriteString(template[rest:m[0]])
		rest = m[1]
		name := template[m[2]:m[3]]
		value := v[name].Reveal() // the request is what the value is for
		if value == "" {
			return "", fmt.Errorf("%s is missing", name)
		}
		into := escape
		if filter := group(template, m, 4); filter == segments {
			into = inSegments
		} else if filter != "" {
			value = filters[filter](value)
		}
		escaped, err := into(value)
		if err != nil {
			return "", fmt.Errorf("%s %w", name, err)
		}
		out.WriteString(escaped)
	}
	out.WriteString(template[rest:])
	return out.String(), nil
}

// group is what a group of a match holds, "" for nothing.
func group(text string, m []int, at int) string {
	if m[at] < 0 {
		return ""
	}
	return text[m[at]:m[at+1]]
}

// names lists what a template names.
func names(template string) (list []string) {
	for _, m := range placeholder.FindAllStringSubmatch(template, -1) {
		list = append(list, m[1])
	}
	return list
}

func asIs(s string) (string, error) { return s, nil }

func inQuery(s string) (string, error) { return url.QueryEscape(s), nil }

// inPath keeps a value one segment: dots alone would climb out of the path.
func inPath(s string) (string, error) {
	if s == "." || s == ".." {
		return "", fmt.Errorf("cannot be a part of a path")
	}
	return url.PathEscape(s), nil
}

// segments is the filter of a setting that is several segments of a path.
const segments = "path"

// inSegments keeps a value the segments that it is written as.
func inSegments(s string) (string, error) {
	parts := strings.Split(strings.Trim(s, "/"), "/")
	for i, part := range parts {
		if part == "" {
			return "", fmt.Errorf("is no path, as in a/b")
		}
		escaped, err := inPath(part)
		if err != nil {
			return "", err
		}
		parts[i] = escaped
	}
	return strings.Join(parts, "/"), nil
}

func inHeader(s string) (string, error) {
	if strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		return "", fmt.Errorf("has control characters, which no header may hold")
	}
	return s, nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)

func inHost(s string) (string, error) {
	if !hostName.MatchString(s) {
		return "", fmt.Errorf("is not a host name, as in api.example.com or vault.example.com:8200")
	}
	return strings.ToLower(s), nil
}

// url fills the template of an address, each part with its own escapes.
func (v vars) url(template string) (string, error) {
	rest, query, hasQuery := strings.Cut(template, "?")
	rest, ok := strings.CutPrefix(rest, "https://")
	if !ok {
		return "", fmt.Errorf("only https is asked")
	}
	host, path, _ := strings.Cut(rest, "/")
	host, err := v.expand(host, inHost)
	if err != nil {
		return "", err
	}
	if path, err = v.expand(path, inPath); err != nil {
		return "", err
	}
	if query, err = v.expand(query, inQuery); err != nil {
		return "", err
	}
	if hasQuery {
		path += "?" + query
	}
	return "https://" + host + "/" + path, nil
}

// tree fills every string of a JSON document.
func (v vars) tree(node any) (any, error) {
	switch n := node.(type) {
	case string:
		return v.expand(n, asIs)
	case []any:
		out := make([]any, len(n))
		for i := range n {
			item, err := v.tree(n[i])
			if err != nil {
				return nil, err
			}
			out[i] = item
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(n))
		for key := range n {
			item, err := v.tree(n[key])
			if err != nil {
				return nil, err
			}
			out[key] = item
		}
		return out, nil
	default:
		return node, nil
	}
}

// sortedKeys makes errors and tables the same every time.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
