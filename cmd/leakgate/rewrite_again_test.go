package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/ghfake"
)

// The process was killed behind the push of the branch: nothing says what it did, and there may
// be a pull request, or none. The next run finds both, and the list is there.
func TestAPullRequestWhoseProposalWasNotNotedHasItsList(t *testing.T) {
	for _, opened := range []bool{false, true} {
		f := newForge(t, ghfake.Options{})
		f.local.File("run.sh", "API_KEY='"+f.value+"'\n")
		f.local.File(".env", "KEY="+f.value+"\n")
		f.local.Git("push", "-q", "origin", "main")
		f.plan("--override", "it is over")
		state, before := filepath.Join(f.dir, "state"), filepath.Join(f.dir, "before")
		f.must(exec.Command("cp", "-a", state, before).Run())
		hub := []string{"--github", "none"}
		if opened {
			hub = nil
		}
		f.run(exitClean, append([]string{"rewrite", "propose", f.digest, "--stdin"}, hub...)...)
		if opened { // as a run without the list opened it
			pull, body := f.pull(), "nothing"
			pull.Body = &body
			_, _, err := f.ann.PullRequests.Edit(t.Context(), "acme", "app", pull.GetNumber(), pull)
			f.must(err)
		}
		f.must(os.RemoveAll(state))
		f.must(os.Rename(before, state))
		f.says(f.run(exitClean, "rewrite", "propose", f.digest, "--stdin"), "To be set where it runs: API_KEY", "Removed: .env", "Pull request ")
		f.says(f.pull().GetBody(), "Before this is merged", "<code>API&#95;KEY</code>", "<code>&#46;env</code>")
		f.says(f.run(exitClean, "rewrite", "propose", f.digest, "--stdin"), "To be set where it runs: API_KEY")
		if strings.Contains(f.said.String(), f.value) {
			t.Error("the value was printed")
		}
	}
}
