package controllers

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/leakgate/leakgate/test/kube"
)

var update = flag.Bool("update", false, "rewrite testdata/reviews; read the diff before committing")

// golden compares a review, without what is new in every run, with the one in
// testdata/reviews.
func golden(t *testing.T, name string, review *kube.Review) {
	t.Helper()
	var object any
	check(t, json.Unmarshal(clean(review), &object))
	got, err := json.MarshalIndent(plain(map[string]string{}, object), "", "  ")
	check(t, err)
	got = append(got, '\n')
	for _, secret := range values(review) {
		if bytes.Contains(got, []byte(secret)) || bytes.Contains(got, encoded(secret)) {
			t.Fatalf("%s: the golden file would hold a value", name)
		}
	}
	file := filepath.Join("..", "..", "testdata", "reviews", filepath.FromSlash(name)+".json")
	if *update {
		check(t, os.MkdirAll(filepath.Dir(file), 0o755))
		check(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	check(t, err)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: this version sends something else (-want +got)\n%s", name, diff)
	}
}

// clean is the review without the values of its Secret, wherever they stand, and
// without a name that the API server made up.
func clean(review *kube.Review) []byte {
	text := review.Raw
	for i, secret := range values(review) {
		text = bytes.ReplaceAll(text, encoded(secret), fmt.Appendf(nil, "${BASE64_%d}", i+1))
		text = bytes.ReplaceAll(text, []byte(secret), fmt.Appendf(nil, "${VALUE_%d}", i+1))
	}
	meta, _ := review.Object["metadata"].(kube.Object)
	if prefix, ok := meta["generateName"].(string); ok {
		text = bytes.ReplaceAll(text, []byte(review.Name), []byte(prefix+"xxxxx"))
	}
	return text
}

// values are those of the new and of the old Secret, in that order, each once.
func values(review *kube.Review) []string {
	var list []string
	for _, secret := range []kube.Object{review.Object, review.OldObject} {
		data := decoded(secret)
		for _, key := range slices.Sorted(maps.Keys(data)) {
			if value := data[key]; value != "" && !slices.Contains(list, value) {
				list = append(list, value)
			}
		}
	}
	return list
}

func encoded(value string) []byte {
	return []byte(base64.StdEncoding.EncodeToString([]byte(value)))
}

// plain replaces what differs between runs: identifiers (the same by the same),
// versions, times and hashes.
func plain(ids map[string]string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		same := map[string]any{}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if same[plainText(ids, key)] = plain(ids, v[key]); key == "resourceVersion" {
				same[key] = "1"
			}
		}
		return same
	case []any:
		for i := range v {
			v[i] = plain(ids, v[i])
		}
	case string:
		return plainText(ids, v)
	}
	return v
}

func plainText(ids map[string]string, s string) string {
	s = uuid.ReplaceAllStringFunc(s, func(id string) string {
		if ids[id] == "" {
			ids[id] = fmt.Sprintf("00000000-0000-4000-8000-%012d", len(ids)+1)
		}
		return ids[id]
	})
	s = hash.ReplaceAllStringFunc(s, func(h string) string { return strings.Repeat("0", len(h)) })
	return when.ReplaceAllString(s, "2026-01-01T00:00:00Z")
}

var (
	uuid = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	hash = regexp.MustCompile(`[0-9a-f]{32,}`)
	when = regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
)

// decoded is the data of a Secret in the clear.
func decoded(secret kube.Object) map[string]string {
	data, _ := secret["data"].(kube.Object)
	values := map[string]string{}
	for key, value := range data {
		text, _ := value.(string)
		clear, _ := base64.StdEncoding.DecodeString(text)
		values[key] = string(clear)
	}
	return values
}
