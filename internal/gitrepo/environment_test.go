package gitrepo

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHookEnvironmentReadsGitsVariables(t *testing.T) {
	sep := string(filepath.ListSeparator)
	abs := func(name string) string {
		full, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		return full
	}
	for alternates, want := range map[string][]string{
		"":                             {abs("in")},
		"a":                            {abs("in"), abs("a")},
		"a" + sep + "b":                {abs("in"), abs("a"), abs("b")},
		`"a` + sep + `b"` + sep + "c":  {abs("in"), abs("a" + sep + "b"), abs("c")},
		`"tab\t"` + sep + sep + `d"d`:  {abs("in"), abs("tab\t"), abs(`d"d`)},
		`"not closed` + sep + "second": {abs("in"), abs(`"not closed`), abs("second")},
	} {
		env, err := HookEnvironment(func(name string) string {
			return map[string]string{"GIT_OBJECT_DIRECTORY": "in", "GIT_ALTERNATE_OBJECT_DIRECTORIES": alternates}[name]
		})
		if diff := cmp.Diff(want, env.Objects); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", alternates, err, diff)
		}
	}
}

// What lies in a further folder of objects is read, loose or packed; nothing else is lost.
func TestOpenWithReadsObjectsOfAQuarantine(t *testing.T) {
	dir, other := newRepo(t), newRepo(t)
	write(t, filepath.Join(other, "only-there"), "unheard of")
	git(t, other, "add", ".")
	git(t, other, "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-q", "-m", "Only there")
	loose := mustParse(t, git(t, other, "rev-parse", "HEAD"))
	open := func(objects ...string) *Reader {
		repo, err := OpenWith(dir, Environment{Objects: objects})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { repo.Close() })
		if _, err := repo.Resolve("main~3"); err != nil {
			t.Error(err)
		}
		return repo.NewReader(0)
	}
	if _, err := open().Commit(loose); err == nil {
		t.Fatal("the commit is in the repository itself")
	}
	objects := filepath.Join(other, ".git", "objects")
	if _, err := open(objects).Commit(loose); err != nil {
		t.Error(err)
	}
	git(t, other, "gc", "-q")
	if _, err := open(objects).Commit(loose); err != nil {
		t.Error(err)
	}
	repo, err := OpenWith(dir, Environment{Objects: []string{filepath.Join(t.TempDir(), "gone")}})
	if err != nil || len(repo.Damage()) == 0 {
		t.Errorf("a folder that is not there is not told: %v", err)
	}
	repo.Close()
}

func mustParse(t *testing.T, text string) ID {
	t.Helper()
	id, err := ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestOpenWithReadsTheIndexOfTheEnvironment(t *testing.T) {
	dir := newRepo(t)
	apart := filepath.Join(t.TempDir(), "index")
	if data, err := os.ReadFile(filepath.Join(dir, ".git", "index")); err != nil || os.WriteFile(apart, data, 0o644) != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "later"), "later")
	git(t, dir, "add", ".")
	staged := func(env Environment) bool {
		repo, err := OpenWith(dir, env)
		if err != nil {
			t.Fatal(err)
		}
		defer repo.Close()
		index, err := repo.Index()
		for _, e := range index.Entries {
			if e.Path == "later" {
				return true
			}
		}
		return err != nil
	}
	repo, err := OpenWith(dir, Environment{Index: apart + "-gone"})
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	if _, err := repo.Index(); err == nil {
		t.Error("an index that the environment names and that is not there was taken for an empty one")
	}
	if !staged(Environment{}) || staged(Environment{Index: apart}) {
		t.Error("the index of the environment is not the one that was read")
	}
}
