package inspect_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
)

// What is packed beyond the limits was not looked at, though nothing around it says Secret.
func TestABombInAConfigMapIsMissed(t *testing.T) {
	t.Chdir(t.TempDir())
	for size, exit := range map[int]int{1 << 20: 0, 20 << 20: 3} {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		for range size / 1024 {
			if _, err := w.Write(bytes.Repeat([]byte("- a: b\n#"), 128)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		text := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nbinaryData: {x: " + base64.StdEncoding.EncodeToString(packed.Bytes()) + "}\n"
		if err := os.WriteFile("a.yaml", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := secret.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		r, err := inspect.Run(context.Background(), inspect.Question{What: inspect.Manifests, Path: ".", Paths: []string{"a.yaml"}},
			inspect.World{Key: key, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if err != nil || r.Verdict.ExitCode() != exit {
			t.Errorf("%d bytes: exit code %d, want %d: %v %v", size, r.Verdict.ExitCode(), exit, err, r.Result.Coverage.Missed)
		}
	}
}
