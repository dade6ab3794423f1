package admission

import (
	"runtime"
	"strings"
	"testing"
)

// mostAllocated is what judging one object may allocate in all, in bytes: far below what a bomb
// would take that is unfolded, and a small part of what a replica may have.
const mostAllocated = 512 << 20

// Whatever an object says, it is judged with little memory, and what cannot be judged is
// refused.
func TestHostileObjectsAreJudgedWithLittleMemory(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		from, to := string(rune('0'+i)), string(rune('1'+i))
		bomb += "a" + to + ": &a" + to + " [" + strings.TrimSuffix(strings.Repeat("*a"+from+", ", 10), ", ") + "]\n"
	}
	v := value(t)
	store := map[string]any{"name": "vault", "kind": "SecretStore"}
	data := []any{map[string]any{"secretKey": "password", "remoteRef": map[string]any{"key": "a/b"}}}
	literal := func(text string) map[string]any {
		return thing("external-secrets.io", "ExternalSecret", map[string]any{"secretStoreRef": store, "refreshInterval": "1h", "data": data,
			"target": map[string]any{"template": map[string]any{"templateFrom": []any{map[string]any{"literal": text}}}}})
	}
	nested := any(map[string]any{"apiVersion": "v1", "kind": "Secret", "stringData": map[string]any{"password": v}})
	for range 500 {
		nested = []any{nested}
	}
	for name, object := range map[string]map[string]any{
		"a YAML bomb in a literal":          literal(bomb + "password: " + v + "\n"),
		"10,000 documents in a literal":     literal(strings.Repeat("a: '{{ .a }}'\n---\n", 10_000) + "password: " + v + "\n"),
		"a Secret 500 lists deep":           thing("external-secrets.io", "ExternalSecret", map[string]any{"extra": nested}),
		"a value behind a NUL in a literal": literal("user: a\x00\npassword: " + v + "\n"),
		"a large literal":                   literal("password: " + v + "\n" + strings.Repeat("# a line\n", 100_000)),
		"a SealedSecret of a million bytes": thing("bitnami.com", "SealedSecret", map[string]any{"encryptedData": map[string]any{"password": strings.Repeat("A", 1<<20)}}),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t, "version: 1\nkubernetes: {modes: {default: enforce}}\n", corpusCluster())
			group, _, _ := strings.Cut(object["apiVersion"].(string), "/")
			body := objectReview(t, group, object["kind"].(string), object, nil)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, answer := d.post(t, body)
			runtime.ReadMemStats(&after)
			if allows(answer) {
				t.Errorf("allowed: %s", answer)
			}
			if strings.Contains(string(answer), v) {
				t.Error("the value is told")
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > mostAllocated {
				t.Errorf("%d MiB were allocated", took>>20)
			} else {
				t.Logf("%d KiB", took>>10)
			}
		})
	}
}
