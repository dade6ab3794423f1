package inspect_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
)

const forOthers = `apiVersion: v1
kind: Secret
metadata:
  name: %s
  labels: {a: "%d"}
data:
  a: ENC[AES256_GCM,data:abcd,iv:AAAA,tag:AAAA,type:str]
sops:
  age:
    - recipient: age1other
      enc: x
  lastmodified: "2024-01-01T00:00:00Z"
  mac: ENC[AES256_GCM,data:abcd,iv:AAAA,tag:AAAA,type:str]
`

// What stood in a file before the range is judged at the path of that file, and
// not at one that was looked at before it.
func TestWhatWasWrongBeforeTheRangeIsOlder(t *testing.T) {
	repo := gittest.New(t)
	repo.File(".sops.yaml", "creation_rules:\n  - path_regex: strict/\n    age: age1one\n  - path_regex: loose/\n    age: age1other\n")
	repo.File("strict/s.yaml", fmt.Sprintf(forOthers, "s", 0))
	repo.File("loose/l.yaml", fmt.Sprintf(forOthers, "l", 0))
	repo.Git("branch", "base")
	for n := range 6 {
		repo.File("strict/s.yaml", fmt.Sprintf(forOthers, "s", n+1))
		repo.File("loose/l.yaml", fmt.Sprintf(forOthers, "l", n+1))
	}
	key, err := secret.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		q := inspect.Question{What: inspect.Range, Path: repo.Dir, Range: "base..HEAD", Workers: 1 + n%2}
		r, err := inspect.Run(context.Background(), q, inspect.World{Key: key, Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, f := range r.Result.Findings {
			if strings.HasPrefix(f.Rule.ID, "sops-recipient") {
				if found++; !f.Older {
					t.Errorf("scan %d: %s in %s counts as new", n, f.Rule.ID, f.At.Path)
				}
			}
		}
		if found == 0 {
			t.Fatal("nothing was found")
		}
	}
}
