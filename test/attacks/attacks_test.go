package attacks

import (
	"path/filepath"
	"slices"
	"testing"
)

// What the set has to have at least: attacks, legitimate cases, attacks of a class.
const (
	leastAttacks    = 120
	leastLegitimate = 120
	leastOfClass    = 6
)

// classes are those that nobody may drop, by the names that the lists give them.
var classes = []string{
	// files and what trusted writers obey
	"strip one ENC", "append after ]", "second document without sops", "widened rule", "swapped recipient",
	"template-literal", "fake-store", "nested-secret", "duplicate-key", "anchors",
	// writes
	"owner", "label", "field manager", "impersonation", "re-created account", "token", "type", "last-applied", "generateName",
}

func TestTheAttackSetIsWhole(t *testing.T) {
	files, err := filepath.Glob("../../testdata/attacks/*.txt")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d lists, %v", len(files), err)
	}
	seen, count, attacks, legitimate := map[string]bool{}, map[string]int{}, 0, 0
	for _, file := range files {
		l, err := Read(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range l.Attacks {
			if id := file + ": " + c.Class + ": " + c.Name; seen[id] || c.Rule == "" {
				t.Errorf("%s is there twice, or has no rule", id)
			} else {
				seen[id] = true
			}
			count[c.Class]++
			attacks++
		}
		for _, name := range l.Legitimate {
			if id := file + ": legitimate: " + name; seen[id] {
				t.Errorf("%s is there twice", id)
			} else {
				seen[id] = true
			}
			legitimate++
		}
	}
	for _, class := range classes {
		if count[class] < leastOfClass {
			t.Errorf("the class %s has %d attacks, at least %d are due", class, count[class], leastOfClass)
		}
	}
	if attacks < leastAttacks || legitimate < leastLegitimate {
		t.Errorf("%d attacks and %d legitimate cases", attacks, legitimate)
	}
	t.Logf("%d attacks in %d classes, %d legitimate cases beside their twins", attacks, len(count), legitimate)
}

func TestListsAreReadAsTheyAreWritten(t *testing.T) {
	want := List{[]Case{{"append after ]", "a = b", "sops-value"}, {"label", "x: y", "untrusted-writer"}}, []string{"a: b = c"}}
	file := filepath.Join(t.TempDir(), "list.txt")
	want.Hold(t, file, true)
	got, err := Read(file)
	if err != nil || !slices.Equal(got.Attacks, want.Attacks) || !slices.Equal(got.Legitimate, want.Legitimate) {
		t.Errorf("%v %v", got, err)
	}
	if _, err := Read("attacks.go"); err == nil {
		t.Error("anything is a list")
	}
}
