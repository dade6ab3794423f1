package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/report"
)

func TestNoDoorShowsAValueOfAScan(t *testing.T) {
	c := newCanary(t)
	r := c.repo()
	dirs := []string{r.Dir}
	out := func(name string) string { return filepath.Join(c.root, name) }
	var reports []string
	for _, format := range report.Formats() {
		reports = append(reports, "--report", format+"="+out("report."+format))
	}
	for _, format := range report.Formats() {
		c.run(dirs, "", exitBlocked, "scan", r.Dir, "--format", format, "--untracked")
	}
	c.run(dirs, "", exitBlocked, append([]string{"scan", r.Dir, "--color", "always", "--untracked"}, reports...)...)
	c.foundEverything(out("report.json"))
	c.knewSomething(out("report.json"))
	c.run(dirs, "", exitBlocked, "scan", r.Dir, "--no-cache")
	for _, args := range [][]string{
		{"scan", r.Dir, "--range", "first..HEAD"}, {"scan", r.Dir, "--range", "first...HEAD"}, {"scan", r.Dir, "--since-commit", "first"},
		{"scan", r.Dir, "--staged"}, {"scan", r.Dir, "--dir"}, {"scan", r.Dir, "--engine", "reference"},
		{"scan", r.Dir, "--range", "first..topic-" + c.values["a branch"].Reveal()},
	} {
		c.run(dirs, "", exitBlocked, append(args, reports...)...)
	}
	c.run(dirs, "token: "+c.values["a line"].Reveal()+"\n", exitBlocked, "scan", "-")
	c.run(dirs, "", exitClean, "baseline", "create", r.Dir, "-o", out("baseline.json"))
	c.run(dirs, "", exitClean, "baseline", "create", r.Dir, "-o", "-")
	c.run(dirs, "", exitClean, "baseline", "diff", out("baseline.json"), out("baseline.json"))
	c.run(dirs, "", exitBlocked, "scan", r.Dir, "--baseline", out("baseline.json"), "--format", "json")
}

// foundEverything keeps the search honest: a value that was not found was not hidden.
func (c *canary) foundEverything(file string) {
	c.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		c.t.Fatal(err)
	}
	if n := strings.Count(string(text), `"id":"LG-`); n < len(c.values) {
		c.t.Errorf("%d values are planted, %d credentials were found", len(c.values), n)
	}
}

// knewSomething keeps the search of what is kept for later scans honest: the last
// one made use of it.
func (c *canary) knewSomething(file string) {
	c.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		c.t.Fatal(err)
	}
	if strings.Contains(string(text), `"knownCommits":0,`) || strings.Contains(string(text), `"knownBlobs":0,`) {
		c.t.Error("nothing was kept of earlier scans")
	}
}

func TestNoHookShowsAValueAndWhatIsWrittenHoldsNone(t *testing.T) {
	c := newCanary(t)
	r := c.repo()
	t.Chdir(r.Dir)
	dirs, zeros := []string{r.Dir}, strings.Repeat("0", 40)
	first, tip, tag, branch := r.Git("rev-parse", "first"), r.Git("rev-parse", "HEAD"), r.Git("rev-parse", "v1"), c.values["a branch"].Reveal()
	c.run(dirs, "", exitBlocked, "hook", "pre-commit")
	c.run(dirs, first+" "+tip+" refs/heads/"+branch+"\n", exitBlocked, "hook", "pre-receive")
	c.run(dirs, "refs/heads/"+branch+" "+tip+" refs/heads/"+branch+" "+first+"\n", exitBlocked, "hook", "pre-push", "origin")
	c.run(dirs, "refs/tags/v1 "+tag+" refs/tags/v1 "+zeros+"\n", exitBlocked, "hook", "pre-push", "origin")
	c.run(dirs, zeros+" "+strings.Repeat("1", 40)+" refs/heads/"+branch+"\n", exitUndecided, "hook", "pre-receive")
	c.run(dirs, c.values["a line"].Reveal()+"\n", exitUndecided, "hook", "pre-receive")
	c.run(dirs, "a b c "+c.values["a line"].Reveal()+"\n", exitUndecided, "hook", "pre-push", branch, "https://user:"+branch+"@example.com")
	c.run(dirs, "", exitClean, "hook", "install")
	c.run(dirs, "", exitClean, "hook", "uninstall")
	for _, args := range [][]string{{"version"}, {"config", "schema"}, {"rules", "list"}, {"rules", "test", "slack-bot-token"}} {
		c.run(dirs, "", exitClean, args...)
	}
	c.run(dirs, "", exitClean, "init")
	c.run(dirs, "", exitClean, "init", "--write", "--ci", "gitlab")
}

func TestNoCIShowsAValue(t *testing.T) {
	c := newCanary(t)
	r := c.repo()
	first, tip, branch := r.Git("rev-parse", "first"), r.Git("rev-parse", "HEAD"), "topic-"+c.values["a branch"].Reveal()
	tag := r.Git("rev-parse", "v1")
	event := filepath.Join(t.TempDir(), "event.json") // GitHub's, not ours
	github := func(name, ref, payload string) {
		if err := os.WriteFile(event, []byte(payload), 0o600); err != nil {
			t.Fatal(err)
		}
		c.env = map[string]string{"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": event,
			"GITHUB_WORKSPACE": r.Dir, "GITHUB_REF": ref, "GITHUB_SHA": tip, "GITHUB_SERVER_URL": "https://github.com",
			"GITHUB_REPOSITORY": "o/r", "GITHUB_OUTPUT": filepath.Join(c.root, "output"), "RUNNER_TEMP": c.root,
			"GITHUB_STEP_SUMMARY": filepath.Join(c.root, "summary.md"), cacheVariable: filepath.Join(c.root, "cache")}
	}
	dirs, ref := []string{r.Dir}, "refs/heads/"+branch
	for _, e := range []struct {
		name, ref, payload string
		code               int
	}{
		{"push", ref, `{"ref":"` + ref + `","before":"` + first + `","after":"` + tip + `","commits":[{}],"repository":{"default_branch":"main"}}`, exitBlocked},
		{"push", ref, `{"ref":"` + ref + `","before":"` + strings.Repeat("1", 40) + `","after":"` + tip + `","repository":{"default_branch":"` + branch + `"}}`, exitBlocked},
		{"push", "refs/tags/v1", `{"ref":"refs/tags/v1","after":"` + tag + `","repository":{"default_branch":"` + branch + `"}}`, anyCode},
		{"push", ref, `{"ref":"` + ref + `","deleted":true,"before":"` + first + `"}`, exitClean},
		{"pull_request", "refs/pull/1/merge", `{"pull_request":{"commits":1,"base":{"ref":"` + branch + `","sha":"` + first + `"},"head":{"ref":"` + branch + `","sha":"` + tip + `"}}}`, exitBlocked},
		{"pull_request", "refs/pull/1/merge", `{"pull_request":{"base":{"ref":"` + branch + `"},"head":{"sha":"` + c.values["a line"].Reveal() + `"}}}`, exitUndecided},
		{"merge_group", ref, `{"merge_group":{"base_sha":"` + first + `","base_ref":"` + ref + `","head_sha":"` + tip + `"}}`, exitBlocked},
		{"schedule", ref, `{"repository":{"default_branch":"` + branch + `"}}`, exitBlocked},
		{"pull_request_target", ref, `{}`, exitUsage},
		{"push", ref, `{"ref": ` + branch, exitUndecided},
	} {
		github(e.name, e.ref, e.payload)
		c.run(dirs, "", e.code, "action")
	}
	github("push", ref, `{"ref":"`+ref+`","before":"`+first+`","after":"`+tip+`"}`)
	c.env["GITHUB_STEP_SUMMARY"] = filepath.Join(c.root, "none", "summary.md")
	c.env["INPUT_TOKEN"] = c.token("the token of the step")
	c.run(dirs, "", exitBlocked, "action")
	c.run(dirs, "", exitBlocked, "ci", "--report", "gitlab="+filepath.Join(c.root, "gitlab.json"))
	for _, env := range []map[string]string{
		{"GITLAB_CI": "true", "CI_COMMIT_SHA": tip, "CI_COMMIT_BEFORE_SHA": first, "CI_COMMIT_BRANCH": branch, "CI_PIPELINE_SOURCE": "push", "CI_DEFAULT_BRANCH": "main"},
		{"GITLAB_CI": "true", "CI_COMMIT_SHA": tip, "CI_MERGE_REQUEST_IID": "1", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": branch},
		{"BUILDKITE": "true", "BUILDKITE_BRANCH": branch, "BUILDKITE_COMMIT": tip}, {"CIRCLECI": "true", "CIRCLE_BRANCH": branch, "CIRCLE_SHA1": tip},
		{"JENKINS_URL": "https://j", "GIT_BRANCH": "origin/" + branch, "GIT_COMMIT": tip, "GIT_PREVIOUS_SUCCESSFUL_COMMIT": first},
		{"BITBUCKET_BUILD_NUMBER": "1", "BITBUCKET_BRANCH": branch, "BITBUCKET_COMMIT": tip},
		{"TF_BUILD": "True", "BUILD_SOURCEBRANCH": ref, "BUILD_SOURCEVERSION": tip}, {},
	} {
		c.env = env
		c.run(dirs, "", anyCode, "ci", r.Dir, "--report", "json="+filepath.Join(c.root, "ci.json"))
	}
}
