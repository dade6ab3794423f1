package serve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/gate"
)

func TestNothingIsServedWithoutAPolicy(t *testing.T) {
	folder := t.TempDir()
	for name, c := range map[string]struct{ text, want string }{
		"missing":       {"", "no such file"},
		"empty":         {" ", "the file is empty"},
		"broken":        {"version: 1\nkubernetes: {modus: 1}\n", `broken:2:14: unknown key "modus"`},
		"no kubernetes": {"version: 1\n", "there is no section kubernetes in it"},
	} {
		path := filepath.Join(folder, name)
		if c.text != "" {
			writeFile(t, path, c.text)
		}
		if _, err := OpenPolicy(path, time.Now); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestABrokenPolicyKeepsTheOldOneUntilItIsMended(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	writeFile(t, path, "version: 1\nkubernetes: {modes: {default: warn}}\n")
	now := start
	p, err := OpenPolicy(path, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	expect := func(mode gate.Mode, broken bool, loaded time.Time) {
		t.Helper()
		since, err := p.Broken()
		if p.Holds().Modes.Default != mode || (err != nil) != broken || !since.Equal(loaded) {
			t.Errorf("mode %v, broken: %v, loaded %v", p.Holds().Modes.Default, err, since)
		}
	}
	if p.Reload() {
		t.Error("the same file is a change")
	}
	now = now.Add(time.Hour)
	for _, broken := range []string{"version: 1\nkubernetes: {modes: {default: off}}\n", "", "version: 1\n"} {
		writeFile(t, path, broken)
		if !p.Reload() {
			t.Errorf("%q is no change", broken)
		}
		expect(gate.ModeWarn, true, start)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	p.Reload()
	expect(gate.ModeWarn, true, start)
	writeFile(t, path, "version: 1\nkubernetes: {modes: {default: enforce}}\n")
	p.Reload()
	expect(gate.ModeEnforce, false, now)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
