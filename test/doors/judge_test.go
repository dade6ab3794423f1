package doors

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
)

// judge has every door judge the change and holds what it says against the shape.
func (p *play) judge(t *testing.T, s shape) {
	d := p.last(t, s)
	p.w.send(t, d)
	step, ran := p.askStep(t, s, d)
	desk, asked := p.askDesk(t, s)
	app, judged := p.askApp(t, s)
	if !judged {
		if len(p.w.Checks(p.there)) > 0 {
			t.Errorf("the App tells of %v", p.w.Checks(p.there))
		}
		return
	}
	p.same(t, "App", app, s.want())
	if ran {
		p.same(t, "step", step, s.atStep())
	}
	if asked {
		p.same(t, "desk", desk, s.atDesk())
	}
	if ran && s.stepIs == nil && !slices.Equal(app.values, step.values) {
		t.Errorf("values: App %q, step %q", app.values, step.values)
	}
	if asked && s.deskIs == nil && (!slices.Equal(app.values, desk.values) || app.blobs != desk.blobs) {
		t.Errorf("values: App %d %q, desk %d %q", app.blobs, app.values, desk.blobs, desk.values)
	}
}

// last is the delivery that is judged.
func (p *play) last(t *testing.T, s shape) (d delivery) {
	t.Helper()
	event := s.event
	if event == "" {
		event = "pull_request"
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	for _, each := range p.w.delivered[fmt.Sprint(p.there.ID())] {
		if each.event == event && !strings.Contains(string(each.body), `"action":"closed"`) { // nobody asks about it any more
			d = each
		}
	}
	if d.event == "" {
		t.Fatalf("GitHub delivered no %s", event)
	}
	if p.edit != nil {
		var payload map[string]any
		if err := json.Unmarshal(d.body, &payload); err != nil {
			t.Fatal(err)
		}
		p.edit(payload)
		d.body, _ = json.Marshal(payload) // it was JSON before
	}
	return d
}

// want is what everybody has to say.
func (s shape) want() told {
	o := told{conclusion: s.conclusion, found: slices.Sorted(slices.Values(s.found)), commits: s.commits, older: s.older, excluded: s.excluded, says: s.says}
	if s.base != "" {
		o.ends = s.base + ".." + s.head
	}
	return o
}

func (s shape) atStep() told {
	o := s.want()
	if s.merge {
		o.ends = s.base + "..merge"
		o.commits++
	}
	return o.but(s.stepIs)
}

func (s shape) atDesk() told { return s.want().but(s.deskIs) }

func (o told) but(e *expect) told {
	if e != nil {
		o.conclusion, o.found, o.commits, o.says = e.conclusion, slices.Sorted(slices.Values(e.found)), e.commits, e.says
		if !e.ends {
			o.ends = ""
		}
	}
	return o
}

func (p *play) same(t *testing.T, door string, got, want told) {
	t.Helper()
	text := func(o told) string {
		return fmt.Sprintf("%s %s: %d commits, %d missed, %d older, %d excluded; %s", o.conclusion, o.ends, o.commits, o.missed, o.older, o.excluded, strings.Join(o.found, "; "))
	}
	if text(got) != text(want) {
		t.Errorf("%s says  %s\n  it is to say %s", door, text(got), text(want))
	}
	if !strings.Contains(got.says, want.says) {
		t.Errorf("%s does not say %q:\n%s", door, want.says, got.says)
	}
}

// askApp waits for the check run. There is none where no conclusion is expected.
func (p *play) askApp(t *testing.T, s shape) (told, bool) {
	if s.conclusion == "" {
		return told{}, false
	}
	tip := p.at[s.head]
	if s.tip != "" {
		tip = p.at[s.tip]
	}
	var run ghfake.Check
	for end := time.Now().Add(2 * time.Minute); run.Status != "completed"; time.Sleep(20 * time.Millisecond) {
		for _, k := range p.w.Checks(p.there) {
			if k.SHA == tip {
				run = k
			}
		}
		if time.Now().After(end) {
			t.Fatalf("there is no completed check run at %s", tip)
		}
	}
	return p.ofCheck(run), true
}

// payload is what a workflow knows of its event.
type payload struct {
	Ref         string `json:"ref"`
	After       string `json:"after"`
	Deleted     bool   `json:"deleted"`
	PullRequest struct {
		Number int `json:"number"`
	} `json:"pull_request"`
	MergeGroup struct {
		HeadSHA string `json:"head_sha"`
		HeadRef string `json:"head_ref"`
	} `json:"merge_group"`
}

// askStep runs leakgate action as GitHub does, and then leakgate ci, which has to say the
// same and writes reports.
func (p *play) askStep(t *testing.T, s shape, d delivery) (told, bool) {
	if s.step != "" && s.stepIs == nil {
		return told{}, false
	}
	var e payload
	if err := json.Unmarshal(d.body, &e); err != nil {
		t.Fatal(err)
	}
	sha, ref := e.After, e.Ref
	switch {
	case d.event == "pull_request":
		ref = fmt.Sprintf("refs/pull/%d/merge", e.PullRequest.Number)
		sha = p.github("rev-parse", ref)
		p.at["merge"] = sha
	case d.event == "merge_group":
		sha, ref = e.MergeGroup.HeadSHA, e.MergeGroup.HeadRef
	case e.Deleted:
		sha, ref = p.github("rev-parse", "main"), "refs/heads/main"
	case strings.HasPrefix(ref, "refs/tags/"):
		sha = p.github("rev-parse", sha+"^{commit}")
	}
	clone := p.checkout(t, sha, strings.Replace(ref, "refs/heads/", "refs/remotes/origin/", 1))
	if s.step != "" && strings.HasPrefix(s.step, "nothing can be fetched") {
		clone.Git("remote", "set-url", "origin", p.w.URL+"/acme/nothing.git")
	}
	dir := t.TempDir()
	event := filepath.Join(dir, "event.json")
	if err := os.WriteFile(event, d.body, 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"GITHUB_ACTIONS=true", "CI=true", "GITHUB_EVENT_NAME=" + d.event, "GITHUB_EVENT_PATH=" + event, "GITHUB_SHA=" + sha, "GITHUB_REF=" + ref,
		"GITHUB_WORKSPACE=" + clone.Dir, "GITHUB_OUTPUT=" + filepath.Join(dir, "output"), "GITHUB_STEP_SUMMARY=" + filepath.Join(dir, "summary.md"),
		"RUNNER_TEMP=" + dir, "GITHUB_SERVER_URL=" + p.w.URL, "GITHUB_REPOSITORY=acme/" + p.name}
	code, log := p.run(t, clone.Dir, env, "action")
	again, more := p.run(t, clone.Dir, env, "ci", "--report", "json="+filepath.Join(dir, "report.json"), "--report", "markdown="+filepath.Join(dir, "report.md"))
	o := p.ofReports(t, dir, again)
	p.outputs(t, dir, o, code)
	if code != again {
		t.Errorf("action exits with %d, ci with %d", code, again)
	}
	o.says += log + more
	return o, true
}

// outputs holds what the step leaves to the workflow against the reports.
func (p *play) outputs(t *testing.T, dir string, o told, code int) {
	text, err := os.ReadFile(filepath.Join(dir, "output"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ { // NAME<<END, VALUE, END
		if name, end, is := strings.Cut(lines[i], "<<"); is && got[name] == "" {
			for i++; lines[i] != end; i++ {
				got[name] += lines[i]
			}
		}
	}
	blocked, warned := 0, 0 // what was there before warns
	for _, f := range o.found {
		if strings.HasPrefix(f, "blocks") {
			blocked++
		} else if strings.HasPrefix(f, "warns") {
			warned++
		}
	}
	if got["range"] == "nothing" {
		return
	}
	want := fmt.Sprintf("%d %d %v", blocked+warned+o.older, blocked, code != 3)
	if text := got["findings"] + " " + got["blocked"] + " " + got["complete"]; text != want && got["findings"] != "" || p.ends(got["range"]) != o.ends {
		t.Errorf("outputs %q, want %s of %s", got, want, o.ends)
	}
}

// askDesk asks in the repository of who made the change.
func (p *play) askDesk(t *testing.T, s shape) (told, bool) {
	if s.desk != "" && s.deskIs == nil || s.conclusion == "" {
		return told{}, false
	}
	dir := t.TempDir()
	clone := &gittest.Repo{Dir: filepath.Join(dir, "clone")}
	p.Git("clone", "-q", "--shared", "--no-checkout", p.Dir, clone.Dir)
	args := []string{"-C", clone.Dir, "fetch", "-q", "--no-tags", p.there.Git.Dir, "+refs/*:refs/there/*"}
	p.Git(args...)
	p.Git("-C", clone.Dir, "checkout", "-q", "--detach", p.at[s.head])
	scan := []string{"scan", "--report", "json=" + filepath.Join(dir, "report.json"), "--report", "markdown=" + filepath.Join(dir, "report.md"), "--no-cache"}
	if s.base != "" {
		scan = append(scan, "--range", p.at[s.base]+".."+p.at[s.head])
	}
	code, log := p.run(t, clone.Dir, nil, append(scan, clone.Dir)...)
	o := p.ofReports(t, dir, code)
	o.says += log
	return o, true
}

// fingerprint is that of the first finding in a file, and its blob, as any report tells.
func (p *play) fingerprint(path string) (fingerprint, blob string) {
	cmd := exec.Command(program, "scan", "--format", "json", "--no-cache", "--range", p.at["one"]+"..HEAD", p.Dir)
	cmd.Env = append(gittest.Environment(), "LEAKGATE_KEY="+key)
	out, err := cmd.Output() // it blocks
	if err == nil {
		p.must(fmt.Errorf("%s is clean", path))
	}
	var r struct {
		Findings []struct{ Path, Fingerprint, Blob string }
	}
	p.must(json.Unmarshal(out, &r))
	for _, f := range r.Findings {
		if f.Path == path {
			return f.Fingerprint, f.Blob
		}
	}
	p.must(fmt.Errorf("nothing is found in %s", path))
	return "", ""
}
