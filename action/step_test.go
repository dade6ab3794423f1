package action

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/report"
)

const auditPolicy = "version: 1\nmode: audit\n"

func TestThePolicyInputIsNotTakenFromTheChange(t *testing.T) {
	token := gittest.Token()
	p := propose(t, func(r *gittest.Repo) {
		r.Write("app.env", "token: "+token+"\n")
		r.Write("loose/policy.yaml", auditPolicy)
		if err := os.Symlink("loose", filepath.Join(r.Dir, "link")); err != nil {
			t.Skip(err)
		}
		r.Commit("Leak")
	}, nil)
	clone := checkout(t, p.Repo, p.merge, 0)
	outside := filepath.Join(t.TempDir(), "policy.yaml")
	os.WriteFile(outside, []byte(auditPolicy), 0o600)
	os.MkdirAll(filepath.Join(clone, "central"), 0o755)
	os.WriteFile(filepath.Join(clone, "central", "policy.yaml"), []byte(auditPolicy), 0o600)
	for policy, code := range map[string]int{
		"":                               1,
		outside:                          0,
		"central/policy.yaml":            0, // checked out beside, not held by the repository
		"loose/policy.yaml":              2,
		clone + "/loose/policy.yaml":     2,
		"link/policy.yaml":               2,
		"./central/../loose/policy.yaml": 2,
		"nowhere.yaml":                   2,
	} {
		o := step(t, clone, "pull_request", p.event(), append(p.variables(), "INPUT_POLICY="+policy)...)
		if o.code != code {
			t.Errorf("policy %q: exit %d, want %d\n%s", policy, o.code, code, o.log)
		}
	}
}

func TestTheSARIFFileGoesWhereTheInputSays(t *testing.T) {
	token := gittest.Token()
	p := propose(t, func(r *gittest.Repo) { r.File("app.env", "token: "+token+"\n") }, nil)
	clone := checkout(t, p.Repo, p.merge, 0)
	o := step(t, clone, "pull_request", p.event(), append(p.variables(),
		"INPUT_SARIF_FILE=out.sarif", "INPUT_CATEGORY="+report.CategoryHead)...)
	o.expect(t, 1, "sarif-file="+filepath.Join(clone, "out.sarif"))
	text, err := os.ReadFile(filepath.Join(clone, "out.sarif"))
	var log struct {
		Runs []struct {
			AutomationDetails struct{ ID string }
			Results           []struct{}
		}
	}
	if err != nil || json.Unmarshal(text, &log) != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(log.Runs) != 1 || len(log.Runs[0].Results) != 1 || log.Runs[0].AutomationDetails.ID != "leakgate/head/7-1" {
		t.Errorf("%+v", log)
	}
	step(t, clone, "pull_request", p.event(), append(p.variables(), "INPUT_CATEGORY=leakgate")...).expect(t, 2)
}

func TestWhatCannotBeToldIsNotClean(t *testing.T) {
	p := propose(t, func(r *gittest.Repo) { r.File("new.txt", "hello\n") }, nil)
	clone := checkout(t, p.Repo, p.merge, 0)
	for _, variable := range []string{"INPUT_SARIF_FILE", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"} {
		nowhere := filepath.Join(t.TempDir(), "no", "folder")
		o := step(t, clone, "pull_request", p.event(), append(p.variables(), variable+"="+nowhere)...)
		if o.code != 3 || !strings.Contains(o.log, "::error title=leakgate%3A could not decide") {
			t.Errorf("%s: exit %d\n%s", variable, o.code, o.log)
		}
	}
}

func TestFurtherReportsAreWritten(t *testing.T) {
	r := gittest.New(t)
	head := r.File("new.txt", "hello\n")
	for want, result := range map[int]error{0: nil, 3: errors.New("disk full")} {
		written := 0
		s := Step{Env: environment("GITHUB_EVENT_NAME=schedule GITHUB_SHA=" + head + " GITHUB_EVENT_PATH=" + emptyEvent(t) + " GITHUB_WORKSPACE=" + r.Dir),
			Stdout: &strings.Builder{}, World: surroundings(t), Write: func(*report.Report) error { written++; return result }}
		if code := Run(t.Context(), s); code != want || written != 1 {
			t.Errorf("%v: exit %d, written %d times", result, code, written)
		}
	}
}

func TestAnIncompleteScanIsSaid(t *testing.T) {
	p := propose(t, func(r *gittest.Repo) { r.File("new.txt", "hello\n") }, nil)
	clone := cloneOf(t, p.Repo, p.merge, 0)
	blob := clone.Git("rev-parse", "HEAD:new.txt")
	unpack(t, clone)
	if err := os.Remove(filepath.Join(clone.Dir, ".git", "objects", blob[:2], blob[2:])); err != nil {
		t.Fatal(err)
	}
	o := step(t, clone.Dir, "pull_request", p.event(), p.variables()...)
	o.expect(t, 3, "complete=false")
	if !strings.Contains(o.log, "the scan is incomplete, what was missed (1) is in the summary") {
		t.Error(o.log)
	}
}

func TestAPartialCloneThatLacksObjectsNamesTheCure(t *testing.T) {
	r := gittest.New(t)
	r.Git("config", "uploadpack.allowFilter", "true")
	r.File("app.env", "token: "+gittest.Token()+"\n")
	r.Git("rm", "-q", "app.env")
	r.Commit("Remove")
	dir := filepath.Join(t.TempDir(), "clone")
	r.Git("clone", "-q", "--filter=blob:none", "file://"+r.Dir, dir)
	o := step(t, dir, "schedule", object{}, "GITHUB_SHA="+r.Git("rev-parse", "HEAD"))
	o.expect(t, 3, "complete=false")
	if !strings.Contains(o.log, "this is a partial clone, without some objects: add `with: {fetch-depth: 0}`") {
		t.Error(o.log)
	}
}

// unpack turns the packs of a repository into loose objects.
func unpack(t *testing.T, r *gittest.Repo) {
	t.Helper()
	packs, _ := filepath.Glob(filepath.Join(r.Dir, ".git", "objects", "pack", "*.pack"))
	for _, pack := range packs {
		moved := filepath.Join(t.TempDir(), "pack")
		if err := os.Rename(pack, moved); err != nil {
			t.Fatal(err)
		}
		os.Remove(strings.TrimSuffix(pack, "pack") + "idx")
		f, err := os.Open(moved)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("git", "-C", r.Dir, "unpack-objects", "-q")
		cmd.Stdin = f
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		f.Close()
	}
}
