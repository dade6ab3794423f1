// Package doors shows that every door says the same of the same change: the GitHub App,
// the step of a GitHub workflow, leakgate ci, and leakgate scan at the desk of who made it.
// A shape is a change that somebody makes on GitHub, with what has to be said of it, written
// by hand. Whatever differs by nature is written down, too.
package doors

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/leakgate/leakgate/internal/ghfake"
)

// shape is a change and what has to be said of it. Commits go by the labels that the play
// gave them.
type shape struct {
	name string
	// play makes the change on GitHub. The last delivery of the event is what is judged.
	play  func(*play)
	event string // pull_request when ""

	base, head string // labels; both "" for the whole history
	tip        string // that people are told about, where it is not head
	commits    int
	conclusion string
	// found is "DECISION PLACE LABEL" for each finding; "DECISION PLACE LABEL removed" where
	// no file at head shows it.
	found    []string
	older    int // findings that were there before the range
	excluded int
	says     string // part of why nothing is known

	merge  bool    // the step judges GitHub's test merge, one commit more
	step   string  // why GitHub runs no workflow for it, or what is different there
	desk   string  // why nobody can ask for it at a desk, or what is different there
	deskIs *expect // what is said at the desk then; nil: nobody asks there
	stepIs *expect
}

// expect replaces what has to be said, where a door differs by nature.
type expect struct {
	conclusion string
	found      []string
	commits    int
	ends       bool // the range is told
	says       string
}

// shapes are all of them.
var shapes = slices.Concat(proposals, pushes, contents, policies)

// program is the leakgate that is tested.
var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "doors-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if os.Getenv("LEAKGATE_E2E") != "" {
		program = filepath.Join(dir, "leakgate")
		if out, err := exec.Command("go", "build", "-o", program, "../../cmd/leakgate").CombinedOutput(); err != nil {
			panic(string(out))
		}
	}
	return m.Run()
}

func TestEveryDoorSaysTheSame(t *testing.T) {
	if os.Getenv("LEAKGATE_E2E") == "" {
		t.Skip("LEAKGATE_E2E is not set: test/e2e/run doors")
	}
	if len(shapes) < 40 {
		t.Errorf("%d shapes", len(shapes))
	}
	w := newWorld(t, ghfake.New(t, ghfake.Options{}))
	for i, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := w.newPlay(t, i)
			s.play(p)
			w.collect(t)
			p.judge(t, s)
		})
	}
}
