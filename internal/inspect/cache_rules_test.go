package inspect_test

import (
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/inspect"
)

// A doubtful rule of our own gives way to others that know the same value, until
// a repository makes it one of its own, if only by another description.
func TestARuleThatNoLongerGivesWayIsNotRecalled(t *testing.T) {
	const mine = `[extend]
useDefault = true
[[rules]]
id = "mine"
regex = '''password = "([^"]+)"'''
keywords = ["password"]
`
	repo, s := gittest.New(t), newRescans(t)
	q := inspect.Question{Path: repo.Dir}
	repo.File(".gitleaks.toml", mine)
	repo.File("f.py", `db_password = "Q7x`+gittest.Letters(11)+"\"\n")
	s.same("it gives way", q)
	repo.File(".gitleaks.toml", mine+"[[rules]]\nid = \"password-assignment\"\ndescription = \"Ours\"\n")
	s.same("it does not", q)
}
