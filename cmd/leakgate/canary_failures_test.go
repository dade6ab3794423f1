package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestNoFailureShowsAValue(t *testing.T) {
	c := newCanary(t)
	r := c.repo()
	dirs := []string{r.Dir}
	c.run(dirs, "", exitBlocked, "scan", r.Dir, "--report", "json="+filepath.Join(c.root, "none", "report.json"))
	c.run(dirs, "", exitUsage, "scan", r.Dir, "--range", c.values["a line"].Reveal()+"..HEAD")
	c.run(dirs, "", exitUsage, "scan", r.Dir, "--since-commit", c.values["a line"].Reveal())
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	for _, args := range [][]string{{"scan", r.Dir, "-vv"}, {"scan", "--dir", r.Dir, "-vv"}, {"scan", r.Dir, "--staged", "-vv"}} {
		c.once(stopped, dirs, "", exitUndecided, args...)
	}
	c.once(stopped, dirs, "token: "+c.values["a line"].Reveal()+"\n", exitUndecided, "scan", "-", "-vv")
	c.stdout = failing{}
	c.run(dirs, "", exitBlocked, "scan", r.Dir)
	c.stdout = nil
	c.stdout = crashing{c.values["a line"].Reveal()}
	c.run(dirs, "", exitUndecided, "scan", r.Dir)
	c.stdout = nil
	c.now = func() time.Time { panic("crashed with " + c.values["a line"].Reveal()) }
	c.once(context.Background(), dirs, "", exitUndecided, "scan", r.Dir)
	c.now = time.Now

	blob := r.Git("rev-parse", "HEAD:token.txt")
	object := filepath.Join(r.Dir, ".git", "objects", blob[:2], blob[2:])
	c.spoil(object, func([]byte) []byte { return []byte("no object: " + c.values["a line"].Reveal()) })
	c.run(dirs, "", exitBlocked, "scan", r.Dir)
	if err := os.Remove(object); err != nil {
		t.Fatal(err)
	}
	c.run(dirs, "", exitBlocked, "scan", r.Dir)
	c.run(dirs, "", exitUndecided, "baseline", "create", r.Dir)
	c.env[keyVariable] = c.values["a line"].Reveal()
	c.run(dirs, "", exitUsage, "scan", r.Dir)
}

func TestADamagedPackShowsNoValue(t *testing.T) {
	c := newCanary(t)
	r := c.repo()
	r.Git("gc", "-q")
	packs, err := filepath.Glob(filepath.Join(r.Dir, ".git", "objects", "pack", "*.pack"))
	if err != nil || len(packs) != 1 {
		t.Fatalf("%v %v", packs, err)
	}
	c.settle(r.Dir)
	c.spoil(packs[0], func(b []byte) []byte { return b[:len(b)*2/3] })
	c.run([]string{r.Dir}, "", anyCode, "scan", r.Dir)
	c.spoil(packs[0], func(b []byte) []byte { return append(b[:12], c.values["a line"].Reveal()...) })
	c.run([]string{r.Dir}, "", exitUndecided, "scan", r.Dir)
	c.spoil(filepath.Join(r.Dir, ".git", "HEAD"), func([]byte) []byte { return []byte("ref: refs/heads/" + c.values["a line"].Reveal() + "\x01\n") })
	c.spoil(filepath.Join(r.Dir, ".git", "packed-refs"), func([]byte) []byte { return []byte(c.values["a line"].Reveal() + " x\n") })
	c.settle(r.Dir)
	c.run([]string{r.Dir}, "", exitUndecided, "scan", r.Dir)
}

// spoil changes a file in place.
func (c *canary) spoil(path string, change func([]byte) []byte) {
	c.t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.Chmod(path, 0o644)
	}
	if err == nil {
		err = os.WriteFile(path, change(text), 0o644)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// failing is a standard output that cannot be written.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("the pipe is closed") }

// crashing is a defect that knows a value.
type crashing struct{ value string }

func (c crashing) Write([]byte) (int, error) { panic("crashed with " + c.value) }
