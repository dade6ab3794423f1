package ghfake

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/ghfake/openapi"
)

// GitHub's own examples of answers pass the judge, but for those that its description
// itself does not fit: what it has learned since, and objects where it promises others.
func TestGitHubsOwnExamples(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(openapi.Folder(t), "api.github.com.json"))
	if err != nil {
		t.Fatal(err)
	}
	var whole doc
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	spec := openapi.Load(t, "api.github.com", operations(false), webhooks)
	passed, failed := 0, map[string]string{}
	for _, op := range spec.Operations {
		answers, _ := dig(whole, "paths", op.Path, strings.ToLower(op.Method), "responses").(doc)
		for _, status := range slices.Sorted(maps.Keys(answers)) {
			examples, _ := dig(answers, status, "content", "application/json", "examples").(doc)
			for name, example := range examples {
				code, _ := strconv.Atoi(status)
				if err := spec.Response(op, code, value(whole, example)); err != nil {
					failed[op.ID+" "+status+" "+name] = err.Error()
				} else {
					passed++
				}
			}
		}
	}
	t.Logf("%d examples pass, %d do not", passed, len(failed))
	for _, name := range slices.Sorted(maps.Keys(failed)) {
		t.Logf("%s: %.200s", name, failed[name])
	}
	if passed < 75 || len(failed) > 30 {
		t.Error("the judge is not of GitHub's opinion")
	}
}

// value follows an example's reference.
func value(whole doc, example any) []byte {
	if ref, ok := dig(example, "$ref").(string); ok {
		example = dig(whole, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	text, _ := json.Marshal(dig(example, "value")) // it was JSON before
	return text
}

func dig(value any, keys ...string) any {
	for _, key := range keys {
		m, _ := value.(doc)
		value = m[key]
	}
	return value
}

// What a test pays before its first request.
func TestTheDescriptionIsReadOnce(t *testing.T) {
	openapi.Load(t, "api.github.com", operations(false), webhooks) // cut and kept by now
	cuts, err := filepath.Glob(filepath.Join(openapi.Folder(t), "api.github.com.*.json"))
	if err != nil || len(cuts) == 0 {
		t.Fatal("there is no cut", err)
	}
	text, err := os.ReadFile(cuts[0])
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	begin := time.Now()
	spec, err := openapi.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	read := time.Since(begin)
	for _, op := range spec.Operations { // what is judged first is compiled first; here all is
		for _, status := range []int{200, 201, 202, 204} {
			_ = spec.Response(op, status, []byte(`{}`))
		}
	}
	t.Logf("note: the description of %d operations (%d kB) is read in %d ms; all of it compiled takes %d ms and %d MiB",
		len(spec.Operations), len(text)/1000, read.Milliseconds(), time.Since(begin).Milliseconds(), (heap()-before)>>20)
	runtime.KeepAlive(spec)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
