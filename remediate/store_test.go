package remediate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAStoreOfTheOperatorsFile(t *testing.T) {
	for text, fault := range map[string]string{
		"[[store]]\nname = \"a\"\nkind = \"vault\"\npath = \"kv/a\"":                                                                                        "",
		"[[store]]\nname = \"a\"\nkind = \"vault\"":                                                                                                         "name, kind and path are needed",
		"[[store]]\nname = \"a\"\nkind = \"vault\"\npath = \"p\"\nvalue = \"x\"":                                                                            "unknown key",
		"[[store]]\nname = \"a\"\nkind = \"k\"\npath = \"p\"\ngrace = \"-1s\"":                                                                              "not negative",
		"[[store]]\nname = \"a\"\nkind = \"k\"\npath = \"p\"\nlength = -1":                                                                                  "not negative",
		"[[store]]\nname = \"a\"\nkind = \"k\"\npath = \"p\"\nproof = [\"./proof\"]":                                                                        "a whole path",
		"[[store]]\nname = \"a\"\nkind = \"k\"\npath = \"p\"\n[[store]]\nname = \"a\"\nkind = \"k\"\npath = \"p\"":                                          "there twice",
		"[[store]]\nname = \"a\"\nkind = \"k\"\npath = \"p\"\nproof = [\"/bin/proof\", \"x\"]\ngrace = \"0s\"\n[store.settings]\nregion = \"eu-central-1\"": "",
	} {
		_, err := ParsePolicy([]byte(text))
		if (err == nil) != (fault == "") || err != nil && !strings.Contains(err.Error(), fault) {
			t.Errorf("%s\n%v", text, err)
		}
	}
	p, err := ParsePolicy([]byte("[[store]]\nname = \"a\"\nkind = \"k\"\npath = \"p\"\n[[store]]\nname = \"b\"\nkind = \"k\"\npath = \"p\"\ngrace = \"0s\""))
	must(t, err)
	if p.Place("a").Patience() != 7*24*time.Hour || p.Place("b").Patience() != 0 || p.Place("c") != nil {
		t.Error("the grace, or the name")
	}
}

func TestCredentialsOfAStore(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	must(t, os.WriteFile(file, []byte("of-a-file\n"), 0o600))
	env := func(name string) string { return map[string]string{"TOKEN": "of-the-environment"}[name] }
	given, err := Place{Name: "a", Credentials: map[string]string{"file": file, "env": "env:TOKEN"}}.Given(env)
	must(t, err)
	if given["file"].Reveal() != "of-a-file" || given["env"].Reveal() != "of-the-environment" {
		t.Error("not what was given")
	}
	if _, err := (Place{Name: "a", Credentials: map[string]string{"env": "env:MISSING"}}).Given(env); err == nil || !strings.Contains(err.Error(), "MISSING") {
		t.Errorf("%v", err)
	}
	must(t, os.Chmod(file, 0o644))
	if _, err := (Place{Name: "a", Credentials: map[string]string{"file": file}}).Given(env); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("%v", err)
	}
}
