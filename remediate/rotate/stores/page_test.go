package stores

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/stores.md")

func TestThePageIsWhatTheDataSays(t *testing.T) {
	const path = "../../../docs/stores.md"
	want, err := Page()
	check(t, err)
	if *update {
		check(t, os.WriteFile(path, []byte(want), 0o644))
	}
	if string(contentOf(t, path)) != want {
		t.Error("docs/stores.md is not what the data says: make docs")
	}
}
