package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
)

// TestNoRewriteShowsAValue drives every verb of rewrite, in success and failure,
// and searches all that is printed and reported. Backups hold values by design and
// are not searched: they say so.
func TestNoRewriteShowsAValue(t *testing.T) {
	c := newCanary(t)
	r := gittest.New(t)
	r.File("README", "fine\n")
	value := c.token("a leak")
	r.File("deploy.conf", "token = \""+value+"\"\n")
	r.Commit("Use " + value)
	text, report, saved := filepath.Join(t.TempDir(), "text"), t.TempDir(), t.TempDir()
	write := func(line string) {
		if err := os.WriteFile(text, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.settle(r.Dir)
	c.settle(saved)
	searched := []string{report}

	write("regex:(" + value + "==>x\n")
	c.run(searched, "", exitUsage, "rewrite", "plan", r.Dir, "--replace-text", text)
	write(value + "==>prefix-" + value + "\n")
	c.run(searched, "", exitUsage, "rewrite", "plan", r.Dir, "--replace-text", text)
	write("regex:" + value + "(x*)==>$1\n")
	c.run(searched, "", exitUsage, "rewrite", "plan", r.Dir, "--replace-text", text)
	r.Git("tag", "v-"+value)
	c.run(searched, value+"\n", exitUsage, "rewrite", "plan", r.Dir, "--stdin")
	r.Git("tag", "-d", "v-"+value)
	write(value + "\n")
	c.run(searched, "", exitBlocked, "rewrite", "plan", r.Dir, "--replace-text", text, "--report", report)
	c.run(searched, value+"\n", exitUndecided, "rewrite", "local", r.Dir, "--stdin", "--backup", filepath.Join(r.Dir, "README"))
	c.once(t.Context(), searched, "", exitClean, "rewrite", "local", r.Dir, "--replace-text", text, "--report", report, "-vv",
		"--backup", filepath.Join(saved, "before.git"), "--bundle", filepath.Join(saved, "before.bundle"))
	c.run(searched, value+"\n", exitBlocked, "rewrite", "verify", r.Dir, "--stdin")
	c.once(t.Context(), searched, "", exitClean, "rewrite", "clean", r.Dir, "--yes")
	c.run(searched, value+"\n", exitClean, "rewrite", "verify", r.Dir, "--stdin")
	if strings.Contains(r.Git("log", "-p", "--all"), value) {
		t.Error("history still holds the value")
	}
}
