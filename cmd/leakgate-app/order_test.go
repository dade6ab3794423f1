package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v89/github"
	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

// operating is whoever operates the App: the command line, a clone, and keys of approvers.
type operating struct {
	*acting
	program, home string
	keys          map[string]string // files by name
}

// approver makes a key of somebody, and gives his lines of the operator's file.
func (w *operating) approver(name string, account int64) string {
	w.t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	w.must(err)
	block, err := ssh.MarshalPrivateKey(private, "")
	w.must(err)
	w.keys[name] = filepath.Join(w.home, name)
	w.must(os.WriteFile(w.keys[name], pem.EncodeToMemory(block), 0o600))
	key, err := ssh.NewPublicKey(public)
	w.must(err)
	return fmt.Sprintf("[[approvers]]\nname = %q\nkeys = [%q]\ngithub = %d\n", name, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), account)
}

// run runs leakgate remediate on the App's database.
func (w *operating) run(args ...string) (code int, out string) {
	w.t.Helper()
	data := argument(w.servers[0].args, "--data")
	c := exec.CommandContext(w.t.Context(), w.program, append([]string{"remediate", "--operator", w.operator, "--database", filepath.Join(data, "leakgate.db"), "--actor", "olga"}, args...)...)
	c.Env = append(gittest.Environment(), "HOME="+w.home, "XDG_STATE_HOME="+w.home, "XDG_CONFIG_HOME="+w.home, "XDG_CACHE_HOME="+w.home, "LEAKGATE_KEY="+strings.Repeat("5a", 32))
	c.Env = append(c.Env, w.env...)
	text, err := c.CombinedOutput()
	if c.ProcessState == nil {
		w.t.Fatal(err)
	}
	w.said.Write(text)
	return c.ProcessState.ExitCode(), string(text)
}

// ends fails unless a command ends with a code and says something.
func (w *operating) ends(code int, says string, args ...string) {
	w.t.Helper()
	if got, out := w.run(args...); got != code || !strings.Contains(out, says) {
		w.t.Fatalf("%s: exit %d, want %d and %q:\n%s", strings.Join(args, " "), got, code, says, out)
	}
}

// plans are those of the database, with who ordered them.
func (w *operating) plans(s *store.Store) (requesters []string) {
	w.t.Helper()
	ctx := w.t.Context()
	w.must(s.Tx(ctx, func(t *store.Tx) error {
		all, err := t.Plans(ctx)
		for _, digest := range all {
			_, who, err := t.Plan(ctx, digest)
			w.must(err)
			requesters = append(requesters, who)
		}
		return err
	}))
	return requesters
}

// says waits until the answer that has a marker says something, and gives it.
func (w *operating) says(pull int, marker, text string) (answer string) {
	w.t.Helper()
	w.eventually(marker+" says "+text, func() bool {
		for _, c := range w.comments(pull) {
			if strings.HasPrefix(c, marker) && strings.Contains(c, text) {
				answer = c
				return true
			}
		}
		return false
	})
	return answer
}

// mayNot is what the log says of a command of somebody who may not.
const mayNot = "a command of somebody who may not"

var applied = regexp.MustCompile(`leakgate remediate apply ([0-9a-f]{64}) --account ([0-9]+)`)

// command is that of an answer.
func (w *operating) command(answer string) (digest, account string) {
	w.t.Helper()
	m := applied.FindStringSubmatch(answer)
	if m == nil {
		w.t.Fatalf("no command: %s", answer)
	}
	return m[1], m[2]
}

// comment is somebody's, and its number.
func (w *operating) comment(login string, pull int, text string) int64 {
	w.t.Helper()
	c, _, err := w.as(login).Issues.CreateComment(w.t.Context(), "acme", "app", pull, &github.IssueComment{Body: &text})
	w.must(err)
	return c.GetID()
}

// TestAnOrderIsPlannedAppliedAndToldOf goes from a comment and a button to a dead token by
// real processes, of which one is killed between plan and answer; every delivery comes twice.
func TestAnOrderIsPlannedAppliedAndToldOf(t *testing.T) {
	t.Parallel()
	w := &operating{acting: newActing(t, ""), home: t.TempDir(), keys: map[string]string{}}
	w.program = filepath.Join(t.TempDir(), "leakgate")
	if out, err := exec.Command("go", "build", "-o", w.program, "../leakgate").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	always := "owned = [\"OWNED\"]\nprivate = [\"ISSUER\"]\n[[approvals]]\nneed = 1\n" + w.approver("ann", w.User("ada").ID) + w.approver("ben", w.User("bob").ID) + w.approver("cid", 0)
	w.rule("lifetime = \"1s\"\n" + always) // plans that end at once
	s := w.serve(ghfake.Weather{Duplicate: 1})

	w.local.Git("checkout", "-q", "-b", "leaky")
	w.local.File("deploy.conf", "token = \""+w.gitLab.token+"\"\n")
	w.local.Git("push", "-q", "origin", "leaky")
	p, _, err := w.as("bob").PullRequests.Create(t.Context(), "acme", "app", &github.NewPullRequest{Title: github.Ptr("Deploy"), Head: github.Ptr("leaky"), Base: github.Ptr("main")})
	w.must(err)
	pull, run := p.GetNumber(), ghfake.Check{}
	w.eventually("the check run fails", func() bool {
		for _, k := range w.Checks(w.repo) {
			if k.SHA == p.GetHead().GetSHA() && k.Conclusion == "failure" {
				run = k
			}
		}
		return run.ID != 0
	})
	w.says(pull, report.CommentMarker, "")
	in, _, _ := w.incident(s)
	order := "/leakgate fix " + in.Credential.ID

	// Who may not: eve never might, and dan might when he wrote it.
	w.comment("eve", pull, order)
	w.Press(run.ID, "eve", report.ButtonFix)
	w.eventually("she may not", func() bool { return strings.Count(w.servers[0].text(), mayNot) == 2 })
	gate := make(chan struct{})
	w.Fail(ghfake.Fault{Operation: "repos/get-collaborator-permission-level", Wait: gate})
	w.comment("dan", pull, order)
	w.Collaborator(w.repo, "dan", "read")
	close(gate)
	w.eventually("he may not any more", func() bool { return strings.Count(w.servers[0].text(), mayNot) == 3 })

	// The plan is there, and the process is killed before GitHub takes the answer.
	gate = make(chan struct{})
	w.Fail(ghfake.Fault{Operation: "issues/list-comments", Wait: gate})
	looked := w.Calls("issues/list-comments")
	first := fmt.Sprintf("<!-- leakgate:answer %d -->", w.comment("ada", pull, order))
	w.eventually("it is about to answer", func() bool { return len(w.plans(s)) == 1 && w.Calls("issues/list-comments") > looked })
	w.servers[0].kill()
	close(gate)
	clone, account := w.clone(pull), fmt.Sprint(w.Org("acme").ID)
	w.eventually("it has expired", func() bool { return time.Now().After(w.until(s, w.newest(s))) })
	w.ends(3, "the plan has expired", "apply", w.newest(s), "--account", account, clone)
	w.rule(always)
	w.must(w.servers[0].run())
	if digest, of := w.command(w.says(pull, first, "The plan has ended")); digest != w.newest(s) || of != account {
		t.Errorf("the answer names plan %s of account %s", digest, of)
	}
	if all := w.plans(s); len(all) != 1 || !strings.HasPrefix(all[0], fmt.Sprintf("@ada (GitHub account %d)", w.User("ada").ID)) {
		t.Errorf("plans of %q", all)
	}

	// The button makes another one, which two people have to want.
	w.Press(run.ID, "ada", report.ButtonFix)
	button := fmt.Sprintf("<!-- leakgate:button %s", report.ButtonFix)
	digest, _ := w.command(w.says(pull, button, "It needs 1 approvals"))
	w.ends(3, "0 of 1 approvals", "apply", digest, "--account", account, clone)
	w.ends(3, "ordered the plan at GitHub and cannot approve it", "approve", digest, "--actor", "ann", "--key", w.keys["ann"])
	w.ends(3, "nobody can tell that cid did not do so", "approve", digest, "--actor", "cid", "--key", w.keys["cid"])
	if n := w.gitLab.counted(http.MethodDelete); n != 0 {
		t.Errorf("%d calls before anybody approved", n)
	}
	w.ends(0, "", "approve", digest, "--actor", "ben", "--key", w.keys["ben"])
	w.ends(0, "dead ", "apply", digest, "--account", account, clone)
	w.ends(0, "done before", "apply", digest, "--account", account, clone)
	if n := w.gitLab.counted(http.MethodDelete); n != 1 {
		t.Errorf("%d calls", n)
	}
	if in, _, _ = w.incident(s); in.State != store.Revoked {
		t.Errorf("the incident is %s", in.State)
	}

	w.again() // it looks at once, and then each minute
	w.says(pull, button, "`"+in.Credential.ID+"` is revoked: its issuer says that it is dead.")
	w.says(pull, first, "`"+in.Credential.ID+"` is revoked")
	if all := w.plans(s); len(all) != 2 {
		t.Errorf("two orders, and %d plans: %q", len(all), all)
	}
	if all := w.comments(pull); len(all) != 6 { // one that is sticky, three of people, two answers
		t.Errorf("%d comments: %q", len(all), all)
	}
	w.story(s, in.ID, "detected", "checked dead", "revoked")
	w.secretive(pull)
}

// newest is the plan that was made last.
func (w *operating) newest(s *store.Store) (digest string) {
	w.t.Helper()
	w.must(s.Tx(w.t.Context(), func(t *store.Tx) error {
		all, err := t.Plans(w.t.Context())
		digest = all[0]
		return err
	}))
	return digest
}

// until is until when a plan may be applied.
func (w *operating) until(s *store.Store, digest string) time.Time {
	w.t.Helper()
	var plan remediate.Plan
	w.must(s.Tx(w.t.Context(), func(t *store.Tx) error {
		body, _, err := t.Plan(w.t.Context(), digest)
		return errors.Join(err, json.Unmarshal(body, &plan))
	}))
	return plan.Expires
}

// clone is one of the repository that has its pull request.
func (w *operating) clone(pull int) string {
	w.t.Helper()
	dir := filepath.Join(w.home, "clone")
	w.local.Git("clone", "-q", strings.Replace(w.CloneURL(w.repo), "//", "//x-access-token:"+w.PAT("ada")+"@", 1), dir)
	w.local.Git("-C", dir, "fetch", "-q", "origin", fmt.Sprintf("pull/%d/head:leakgate", pull))
	return dir
}
