package openapi

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Version is that of npm's @octokit/openapi, which test/components/github locks.
const Version = "23.0.2"

// format changes when Prune does, so that no older cut is used.
const format = "3"

var (
	loading sync.Mutex
	loaded  = map[string]*Spec{}
)

// Load reads a published description (api.github.com, ghes-3.19), cut down to what is
// named; the cut is kept beside the description. Without the description the test is
// skipped, unless LEAKGATE_E2E is true, as the part github of test/e2e sets it: then it fails.
func Load(t testing.TB, profile string, operations, webhooks []string) *Spec {
	t.Helper()
	dir := Folder(t)
	sum := sha256.Sum256([]byte(strings.Join(append(append([]string{format}, operations...), webhooks...), "\n")))
	name := filepath.Join(dir, fmt.Sprintf("%s.%x.json", profile, sum[:8]))
	loading.Lock()
	defer loading.Unlock()
	if loaded[name] == nil {
		spec, err := read(filepath.Join(dir, profile+".json"), name, operations, webhooks)
		if err != nil {
			t.Fatal(err)
		}
		loaded[name] = spec
	}
	return loaded[name]
}

func read(whole, cut string, operations, webhooks []string) (*Spec, error) {
	description, err := os.ReadFile(cut)
	if errors.Is(err, fs.ErrNotExist) {
		if description, err = os.ReadFile(whole); err == nil {
			description, err = Prune(description, operations, webhooks)
		}
		if err == nil {
			err = keep(cut, description)
		}
	}
	if err != nil {
		return nil, err
	}
	return Read(description)
}

// keep writes the cut whole or not at all: several test binaries may do so at once.
func keep(name string, description []byte) error {
	file, err := os.CreateTemp(filepath.Dir(name), ".cut-")
	if err != nil {
		return err
	}
	_, err = file.Write(description)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}

// Folder is where test/components/get github puts what GitHub publishes.
func Folder(t testing.TB) string {
	t.Helper()
	components := os.Getenv("LEAKGATE_COMPONENTS")
	if components == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		components = filepath.Join(cache, "leakgate", "components")
	}
	dir := filepath.Join(components, "github", Version)
	if _, err := os.Stat(dir); err != nil {
		why := "GitHub's description is missing: test/components/get github (needs npm)"
		if os.Getenv("LEAKGATE_E2E") == "true" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	return dir
}
