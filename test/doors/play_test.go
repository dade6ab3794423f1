package doors

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
)

// play is one repository on GitHub and who works at it.
type play struct {
	*gittest.Repo // of who works at it
	t             *testing.T
	w             *world
	there         *ghfake.Repo
	name          string               // of the repository, without its owner
	at            map[string]string    // commit by label
	pull          int                  // number of the last pull request
	edit          func(map[string]any) // of the payload that is judged
}

// newPlay makes an empty repository.
func (w *world) newPlay(t *testing.T, n int) *play {
	p := &play{Repo: gittest.New(t), t: t, w: w, name: fmt.Sprintf("app%d", n), at: map[string]string{}}
	var err error
	p.there, err = w.Repository("acme/"+p.name, true)
	p.must(err)
	w.Collaborator(p.there, "ada", "admin")
	p.Git("remote", "add", "origin", p.url(p.there, "ada"))
	p.Git("config", "core.quotePath", "false")
	return p
}

func (p *play) url(r *ghfake.Repo, login string) string {
	return strings.Replace(p.w.CloneURL(r), "//", "//x-access-token:"+p.w.PAT(login)+"@", 1)
}

func (p *play) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Errorf("%s: %v", p.name, err)
		panic(err)
	}
}

// token is a line with a value of its own, at column 8.
func token() string { return "token: " + gittest.Token() + "\n" }

// start has one commit on main, called one.
func (p *play) start() {
	p.file("one", "a.txt", "hello\n")
	p.push("main")
}

// file commits a file and labels the commit.
func (p *play) file(label, path, text string) { p.at[label] = p.File(path, text) }

// commit commits whatever changed.
func (p *play) commit(label string) { p.at[label] = p.Commit(label) }

// label names a revision.
func (p *play) label(label, revision string) { p.at[label] = p.Git("rev-parse", revision+"^0") }

func (p *play) branch(name, from string) { p.Git("checkout", "-q", "-B", name, from) }

func (p *play) push(args ...string) { p.Git(append([]string{"push", "-q", "origin"}, args...)...) }

// merge merges other branches into this one and labels the merge.
func (p *play) merge(label string, branches ...string) {
	p.Git(append([]string{"merge", "-q", "--no-ff", "-m", label}, branches...)...)
	p.label(label, "HEAD")
}

// open opens a pull request.
func (p *play) open(head, base string) { p.openAs("ada", head, base, false) }

func (p *play) openAs(login, head, base string, draft bool) {
	made, _, err := p.w.as(login).PullRequests.Create(p.t.Context(), "acme", p.name, &github.NewPullRequest{
		Title: github.Ptr("Add something"), Head: &head, Base: &base, Draft: &draft,
	})
	p.must(err)
	p.pull = made.GetNumber()
}

func (p *play) change(to *github.PullRequest) {
	_, _, err := p.w.as("ada").PullRequests.Edit(p.t.Context(), "acme", p.name, p.pull, to)
	p.must(err)
}

// github runs git in the repository on GitHub.
func (p *play) github(args ...string) string {
	out, err := p.there.Git.Git(args...)
	p.must(err)
	return out
}

// queue puts a commit at the head of the merge queue of main.
func (p *play) queue(base, head string) {
	ref := "refs/heads/gh-readonly-queue/main/pr-1-" + p.at[base]
	p.push(p.at[head] + ":" + ref)
	person := map[string]any{"name": "Ada"}
	p.w.Emit(p.there, "merge_group", "checks_requested", "ada", map[string]any{"merge_group": map[string]any{
		"base_sha": p.at[base], "base_ref": "refs/heads/main", "head_sha": p.at[head], "head_ref": ref,
		"head_commit": map[string]any{"id": p.at[head], "tree_id": p.Git("rev-parse", p.at[head]+"^{tree}"), "message": "x",
			"timestamp": "2026-01-02T03:04:05Z", "author": person, "committer": person},
	}})
}

// checkout clones one commit as actions/checkout does, which has the token in a header.
// https://github.com/actions/checkout
func (p *play) checkout(t *testing.T, sha, ref string) *gittest.Repo {
	clone := gittest.New(t)
	clone.Git("remote", "add", "origin", p.w.CloneURL(p.there))
	clone.Git("config", "http."+p.w.URL+"/.extraheader", "AUTHORIZATION: basic "+basic(p.w.PAT("ada")))
	clone.Git("-c", "protocol.version=2", "fetch", "-q", "--no-tags", "--prune", "--no-recurse-submodules", "--depth=1", "origin", "+"+sha+":"+ref)
	clone.Git("checkout", "-q", "--force", "--detach", sha)
	return clone
}

// labelOf is the label of a commit, or its id.
func (p *play) labelOf(sha string) string {
	for label, known := range p.at {
		if sha != "" && strings.HasPrefix(known, sha) {
			return label
		}
	}
	return sha
}

// run runs a program somewhere and returns its exit code and what it printed.
func (p *play) run(t *testing.T, dir string, env []string, args ...string) (int, string) {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(append(gittest.Environment(), "XDG_CACHE_HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir(), "LEAKGATE_KEY="+key,
		"CI=", "GITHUB_ACTIONS="), env...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}
