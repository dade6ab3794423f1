package inspect_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/manifest/sopstest"
	"github.com/leakgate/leakgate/internal/secret"
)

// fleet is a repository in which three folders have a .sops.yaml of their own.
type fleet struct {
	*gittest.Repo
	keys map[string]*age.X25519Identity // by the file that is encrypted for it
}

// aSecret is not encrypted yet.
const aSecret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  password: not-a-real-password\n"

// configurations of sops: FIRST and SECOND stand for recipients. Their path_regex
// tell whether a path is taken from the folder of the configuration.
var configurations = map[string]string{
	".sops.yaml":             "creation_rules:\n- path_regex: ^root\\.yaml$\n  age: FIRST\n- path_regex: ^apps/[^/]+\\.yaml$\n  age: SECOND\n",
	"apps/prod/.sops.yaml":   "creation_rules:\n- path_regex: ^db\\.yaml$\n  encrypted_regex: ^(data|stringData)$\n  age: FIRST\n- path_regex: ^deep/er/\n  age: SECOND\n",
	"apps/silent/.sops.yaml": "creation_rules:\n- path_regex: ^nothing$\n  age: FIRST\n",
}

// encrypted names the files, and the configuration and recipient that they are for.
var encrypted = map[string]string{
	"root.yaml": ".sops.yaml FIRST", "apps/web.yaml": ".sops.yaml SECOND",
	"apps/prod/db.yaml": "apps/prod/.sops.yaml FIRST", "apps/prod/deep/er/db.yaml": "apps/prod/.sops.yaml SECOND",
}

// newFleet encrypts every file for whom its configuration names.
func newFleet(t *testing.T, encrypt func(f fleet, file string, key *age.X25519Identity)) fleet {
	f := fleet{gittest.New(t), map[string]*age.X25519Identity{}}
	named := map[string]*age.X25519Identity{}
	for file, text := range configurations {
		for _, name := range []string{"FIRST", "SECOND"} {
			key := sopstest.Key(t)
			named[file+" "+name] = key
			text = strings.ReplaceAll(text, name, key.Recipient().String())
		}
		f.Write(file, text)
	}
	for file, by := range encrypted {
		f.keys[file] = named[by]
		f.Write(file, aSecret)
		encrypt(f, file, named[by])
	}
	f.Commit("Add the fleet")
	return f
}

func (f fleet) encrypt(t *testing.T, file string, key *age.X25519Identity) {
	f.Write(file, sopstest.File{Rule: sopstest.DataRule, For: []*age.X25519Identity{key}}.Encrypt(t, aSecret))
}

// recipients are the files of which a recipient is not allowed, or missing.
func recipients(t *testing.T, q inspect.Question) (out []string) {
	t.Helper()
	key, err := secret.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	r, err := inspect.Run(context.Background(), q, inspect.World{
		Key: key, Now: func() time.Time { return time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC) }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Verdict.Findings {
		if strings.HasPrefix(f.Rule.ID, "sops-recipient") && !slices.Contains(out, f.At.Path) {
			out = append(out, f.At.Path)
		}
	}
	slices.Sort(out)
	return out
}

// everywhere asks about the fleet as files, from within, as history, and bare.
func (f fleet) everywhere(t *testing.T, want ...string) {
	t.Helper()
	t.Chdir(f.Dir)
	for name, q := range map[string]inspect.Question{
		"check":   {What: inspect.Manifests, Path: ".", Paths: []string{"."}},
		"folder":  {What: inspect.Folder, Path: f.Dir},
		"history": {What: inspect.History, Path: f.Dir},
	} {
		if got := recipients(t, q); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	bare := filepath.Join(t.TempDir(), "bare.git")
	f.Git("clone", "-q", "--bare", f.Dir, bare)
	if got := recipients(t, inspect.Question{What: inspect.History, Path: bare}); !slices.Equal(got, want) {
		t.Errorf("bare: %v, want %v", got, want)
	}
}

func TestTheNearestConfigurationOfSOPSApplies(t *testing.T) {
	f := newFleet(t, func(f fleet, file string, key *age.X25519Identity) { f.encrypt(t, file, key) })
	f.everywhere(t)

	// From a folder below, the configuration above it counts, as for sops.
	t.Chdir(filepath.Join(f.Dir, "apps"))
	here := inspect.Question{What: inspect.Manifests, Path: ".", Paths: []string{"."}}
	if got := recipients(t, here); len(got) > 0 {
		t.Error(got)
	}
	f.encrypt(t, "apps/web.yaml", sopstest.Key(t))
	if got := recipients(t, here); !slices.Equal(got, []string{"web.yaml"}) {
		t.Error(got)
	}

	// What another configuration names, or a path_regex that has to be taken from
	// the root, allows nothing.
	f.encrypt(t, "apps/web.yaml", f.keys["root.yaml"])
	f.encrypt(t, "apps/prod/db.yaml", f.keys["apps/web.yaml"])
	f.encrypt(t, "apps/prod/deep/er/db.yaml", f.keys["apps/prod/db.yaml"])
	f.encrypt(t, "apps/silent/a.yaml", sopstest.Key(t)) // the nearest says nothing of it
	f.Commit("Change who may read")
	f.everywhere(t, "apps/prod/db.yaml", "apps/prod/deep/er/db.yaml", "apps/web.yaml")
}

// A change that brings its own .sops.yaml is judged by those that are there.
func TestAChangeDoesNotChooseItsConfigurationOfSOPS(t *testing.T) {
	f := newFleet(t, func(f fleet, file string, key *age.X25519Identity) { f.encrypt(t, file, key) })
	f.Git("checkout", "-q", "-b", "change")
	other := sopstest.Key(t)
	f.Write("apps/.sops.yaml", "creation_rules:\n- age: "+other.Recipient().String()+"\n")
	f.encrypt(t, "apps/web.yaml", other)
	f.Commit("Take the file over")
	if got := recipients(t, inspect.Question{What: inspect.Range, Path: f.Dir, Range: "main..change"}); !slices.Equal(got, []string{"apps/web.yaml"}) {
		t.Error(got)
	}
}

// What sops encrypts, run where a file is, is for whom leakgate expects.
func TestSOPSItselfTakesTheNearestConfiguration(t *testing.T) {
	program, err := exec.LookPath("sops")
	if err != nil {
		t.Skip("needs the sops program: test/e2e/run sops builds it, and fails where this is skipped")
	}
	f := newFleet(t, func(f fleet, file string, key *age.X25519Identity) {
		cmd := exec.Command(program, "-e", "-i", filepath.Base(file))
		cmd.Dir = filepath.Join(f.Dir, filepath.Dir(file))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("sops %s: %v\n%s", file, err, out)
		}
		text, err := os.ReadFile(filepath.Join(f.Dir, file))
		if err != nil || !strings.Contains(string(text), key.Recipient().String()) {
			t.Fatalf("%s is not encrypted for the recipient of %s: %v", file, encrypted[file], err)
		}
	})
	f.everywhere(t)

	// Where no rule of the nearest matches, sops does not go on to the one above.
	f.Write("apps/silent/a.yaml", aSecret)
	cmd := exec.Command(program, "-e", "a.yaml")
	cmd.Dir = filepath.Join(f.Dir, "apps/silent")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "no matching creation rules") {
		t.Errorf("sops: %v\n%s", err, out)
	}
}
