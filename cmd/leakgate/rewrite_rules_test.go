//go:build linux

package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/ghfake"
)

func TestRulesetsAreOpenedForOnePush(t *testing.T) {
	t.Parallel()
	f := newForge(t, ghfake.Options{})
	f.closed(f.actor(github.BypassActorTypeIntegration, 77), f.actor(github.BypassActorTypeTeam, 99))
	f.approved()
	rules, refs := f.rulesets(), f.refs()
	f.says(f.run(exitUndecided, "rewrite", "apply", f.digest, "--stdin"), "declined", "--open-rulesets")
	if f.refs() != refs || f.rulesets() != rules || f.Calls("repos/update-repo-ruleset") != 0 {
		t.Error("something changed that was not asked for")
	}
	f.says(f.run(exitClean, "rewrite", "apply", f.digest, "--stdin", "--open-rulesets"), "refs moved")
	if f.rulesets() != rules {
		t.Errorf("the rulesets were\n%s\nand are\n%s", rules, f.rulesets())
	}
	f.clean()
	if f.Calls("repos/delete-repo-ruleset") != 0 || f.Calls("repos/update-repo-ruleset") != 2 {
		t.Errorf("%d updates of rulesets", f.Calls("repos/update-repo-ruleset"))
	}
	f.says(f.run(exitClean, "audit", "export"), "rewrite opening the rules", "rewrite rules restored")

	f.run(exitClean, "rewrite", "approve", f.digest, "--undo", "--actor", "bob", "--key", filepath.Join(f.dir, "approver"))
	f.run(exitUndecided, "rewrite", "rollback", f.digest, "--identity", filepath.Join(f.dir, "identity"))
	f.run(exitClean, "rewrite", "rollback", f.digest, "--identity", filepath.Join(f.dir, "identity"), "--open-rulesets")
	if f.refs() != refs || f.rulesets() != rules {
		t.Errorf("after the rollback\n%s\n%s", f.refs(), f.rulesets())
	}
	f.hides()
}

func TestAStandingBypassIsUsed(t *testing.T) {
	slow(t)
	t.Parallel()
	f := newForge(t, ghfake.Options{Enterprise: true})
	f.closed(f.actor(github.BypassActorTypeRepositoryRole, 5)) // administrators
	f.approved()
	f.run(exitClean, "rewrite", "apply", f.digest, "--stdin", "--open-rulesets")
	if n := f.Calls("repos/update-repo-ruleset"); n != 0 {
		t.Errorf("%d updates of rulesets", n)
	}
	f.clean()
}

// A push that is refused, a call that fails: the rulesets are as they were all the same.
func TestRulesetsAreRestoredWhateverFails(t *testing.T) {
	slow(t)
	t.Parallel()
	for name, fault := range map[string]ghfake.Fault{
		"opening fails":                {Operation: "repos/update-repo-ruleset", Status: 502},
		"opening is done and not told": {Operation: "repos/update-repo-ruleset", Lose: true, After: true},
		"git fails":                    {Operation: "git", Status: 503, Times: 9},
		"no ruleset is to be seen":     {Operation: "repos/get-repo-rulesets", Status: 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForge(t, ghfake.Options{})
			f.closed(f.actor(github.BypassActorTypeIntegration, 77))
			f.approved()
			rules, refs := f.rulesets(), f.refs()
			f.Fail(fault)
			f.run(exitUndecided, "rewrite", "apply", f.digest, "--stdin", "--open-rulesets")
			if f.rulesets() != rules || f.refs() != refs {
				t.Errorf("the rulesets were\n%s\nand are\n%s", rules, f.rulesets())
			}
			if name == "git fails" {
				return
			}
			f.run(exitClean, "rewrite", "apply", f.digest, "--stdin", "--open-rulesets")
			if f.rulesets() != rules {
				t.Errorf("the rulesets were\n%s\nand are\n%s", rules, f.rulesets())
			}
			f.clean()
		})
	}
}

// killedAt runs apply until it hangs in the n-th call that changes a ruleset, before or
// after that took effect, and kills it there.
func (f *forge) killedAt(n int, after, withWatchdog bool) {
	f.t.Helper()
	let := make(chan struct{})
	f.t.Cleanup(func() { close(let) })
	for range n - 1 { // one that only waits for what is open already lets the call through
		open := make(chan struct{})
		close(open)
		f.Fail(ghfake.Fault{Operation: "repos/update-repo-ruleset", Wait: open, After: after})
	}
	f.Fail(ghfake.Fault{Operation: "repos/update-repo-ruleset", Wait: let, After: after, Status: http.StatusBadGateway})
	c := f.start("leakgate", f.value+"\n", "rewrite", "apply", f.digest, "--stdin", "--open-rulesets")
	f.must(c.Start())
	f.await(func() bool { return f.Calls("repos/update-repo-ruleset") == n })
	watchers := children(c.Process.Pid)
	if len(watchers) == 0 {
		f.t.Error("nobody watches over it")
	}
	if !withWatchdog {
		for _, pid := range watchers {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	f.must(c.Process.Kill())
	_ = c.Wait() // it was killed
}

// A call that GitHub carries out only after its caller was killed, and after the
// rulesets were put back for the first time, opens nothing for good.
func TestALateCallLeavesNoRulesetOpen(t *testing.T) {
	slow(t)
	t.Parallel()
	f := newForge(t, ghfake.Options{})
	f.closed(f.actor(github.BypassActorTypeIntegration, 77))
	f.approved()
	rules, let := f.rulesets(), make(chan struct{})
	f.Fail(ghfake.Fault{Operation: "repos/update-repo-ruleset", Wait: let})
	c := f.start("leakgate", f.value+"\n", "rewrite", "apply", f.digest, "--stdin", "--open-rulesets")
	f.must(c.Start())
	f.await(func() bool { return f.Calls("repos/update-repo-ruleset") == 1 })
	reads := f.Calls("repos/get-repo-ruleset")
	f.must(c.Process.Kill())
	_ = c.Wait()                                                              // it was killed
	f.await(func() bool { return f.Calls("repos/get-repo-ruleset") > reads }) // the watchdog has looked
	close(let)
	f.await(func() bool { return f.rulesets() != rules }) // now it is carried out
	f.await(func() bool { return f.rulesets() == rules && strings.Contains(f.audit(), "rules restored") })
}

// children are the processes that a process started.
func children(pid int) (all []int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if len(text) == 0 { // any thread may have started one
		out, _ := exec.Command("sh", "-c", fmt.Sprintf("cat /proc/%d/task/*/children", pid)).Output()
		text = out
	}
	for _, field := range strings.Fields(string(text)) {
		var n int
		if _, err := fmt.Sscan(field, &n); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// Whenever the process is killed, the watchdog puts the rulesets back; where that was
// killed too, recover does, and so does the next run.
func TestAKilledApplyLeavesNoRulesetOpen(t *testing.T) {
	slow(t)
	t.Parallel()
	for _, by := range []string{"watchdog", "recover", "apply"} {
		for _, at := range []struct {
			name  string
			n     int
			after bool
		}{{"before opening", 1, false}, {"opened", 1, true}, {"before restoring", 2, false}, {"restored", 2, true}} {
			t.Run(by+" "+at.name, func(t *testing.T) {
				t.Parallel()
				f := newForge(t, ghfake.Options{})
				f.closed(f.actor(github.BypassActorTypeIntegration, 77))
				f.approved()
				rules := f.rulesets()
				f.killedAt(at.n, at.after, by == "watchdog")
				f.restoredBy(by, rules)
				f.run(exitClean, "rewrite", "apply", f.digest, "--stdin", "--open-rulesets")
				if f.rulesets() != rules {
					t.Errorf("the rulesets were\n%s\nand are\n%s", rules, f.rulesets())
				}
				f.clean()
			})
		}
	}
}

func (f *forge) restoredBy(by, rules string) {
	f.t.Helper()
	switch by {
	case "watchdog":
		f.await(func() bool { return f.rulesets() == rules && strings.Contains(f.audit(), "rules restored") })
	case "recover":
		f.says(f.run(exitClean, "rewrite", "recover", f.digest), "as they were")
		if f.rulesets() != rules {
			f.t.Errorf("the rulesets were\n%s\nand are\n%s", rules, f.rulesets())
		}
	}
}

func (f *forge) audit() string { return f.run(exitClean, "audit", "export") }
