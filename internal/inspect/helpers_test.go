package inspect_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
)

// What a chart has beyond the limit is not followed, which is said unless helm reads it.
func TestNamedTemplatesBeyondTheLimitAreMissed(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.MkdirAll("chart/templates", 0o755); err != nil {
		t.Fatal(err)
	}
	secretOf := "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {k: {{ include \"a\" . }}}\n"
	for name, text := range map[string]string{"Chart.yaml": "apiVersion: v2\nname: a\nversion: 1.0.0\n", "templates/secret.yaml": secretOf} {
		if err := os.WriteFile(filepath.Join("chart", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rendered := func(context.Context, string) ([]byte, error) { return []byte("a: b\n"), nil }
	for _, c := range []struct {
		size  int
		paths string
		helm  func(context.Context, string) ([]byte, error)
		exit  int
	}{{100 << 10, "chart", nil, 0}, {600 << 10, "chart", nil, 3}, {600 << 10, "chart", rendered, 0}, {600 << 10, "chart/templates", rendered, 3}} {
		text := "{{ define \"a\" }}{{ .Values.a }}{{ end }}\n" + strings.Repeat("# a comment\n", c.size/12)
		if err := os.WriteFile("chart/templates/_helpers.tpl", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := secret.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		r, err := inspect.Run(context.Background(), inspect.Question{What: inspect.Manifests, Path: ".", Paths: []string{c.paths}, Helm: c.helm},
			inspect.World{Key: key, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if err != nil || r.Verdict.ExitCode() != c.exit {
			t.Errorf("%d bytes, %s: exit code %d, want %d: %v %v", c.size, c.paths, r.Verdict.ExitCode(), c.exit, err, r.Result.Coverage.Missed)
		}
	}
}
