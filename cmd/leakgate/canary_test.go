package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"flag"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
)

// canary holds values planted in a repository, and searches for them in every
// byte that leaves any door. A new command, format or failure joins it by a line
// in one of the tests below.
type canary struct {
	t      *testing.T
	values map[string]secret.Secret // by the place they were planted in
	forms  map[string]string        // every spelling of them, with the place
	root   string                   // everything may be written below
	known  map[string]string        // the files that were planted: path to content
	env    map[string]string
	now    func() time.Time
	stdout io.Writer // instead of a buffer
}

func newCanary(t *testing.T) *canary {
	t.Helper()
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		t.Fatal(err)
	}
	return &canary{
		t: t, values: map[string]secret.Secret{}, forms: map[string]string{hex.EncodeToString(key): "the installation's key"},
		root: t.TempDir(), known: map[string]string{}, now: time.Now,
		env: map[string]string{keyVariable: hex.EncodeToString(key)},
	}
}

// plant makes a value known, and each line of one of several lines by itself.
func (c *canary) plant(place, value string) string {
	c.values[place] = secret.New(value)
	for _, line := range strings.Split(value, "\n") {
		if len(line) >= 16 && !strings.HasPrefix(line, "-----") {
			for _, form := range secret.Forms(secret.New(line)) {
				c.forms[form] = place
			}
		}
	}
	return value
}

// token plants a new token.
func (c *canary) token(place string) string { return c.plant(place, gittest.Token()) }

// repo is a repository with a value in every place that a report may show.
func (c *canary) repo() *gittest.Repo {
	r := gittest.New(c.t)
	r.File("a.txt", "hello\n")
	r.Git("tag", "first")
	r.File("token.txt", "token: "+c.token("a line")+"\n")
	r.File("key.pem", c.plant("a private key", privateKey(c.t)))
	r.File("secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata:\n  password: "+
		base64.StdEncoding.EncodeToString([]byte(c.plant("a Kubernetes Secret", gittest.Letters(28))))+"\n")
	r.File("encoded.txt", "value: "+base64.StdEncoding.EncodeToString([]byte("token: "+c.token("base64")+"\n"))+"\n")
	r.File("name-"+c.token("a path")+"/f.txt", "token: "+c.token("a file with a bad name")+"\n")
	r.Write("said.txt", "hello\n")
	r.Commit("Use " + c.token("a message") + " now")
	r.Write("signed.txt", "token: "+c.token("a file of a bad author")+"\n")
	r.Git("add", "-A")
	r.Git("commit", "-q", "-m", "Sign", "--author", "Ada "+c.token("an author")+" <ada@example.com>")
	r.Git("branch", "topic-"+c.token("a branch"))
	r.Git("tag", "-a", "-m", "Release with "+c.token("a tag message"), "v1")
	r.Write("box.zip", c.zip())
	r.Write("both.txt", "branch: "+c.values["a branch"].Reveal()+"\n")
	r.Commit("Add a box")
	r.Write("staged.txt", "token: "+c.token("what is staged")+"\n")
	r.Git("add", "staged.txt")
	r.Write("token.txt", "other: "+c.token("what is changed")+"\n")
	r.Write("loose.txt", "other: "+c.token("an untracked file")+"\n")
	c.settle(r.Dir)
	return r
}

func (c *canary) zip() string {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	member, err := w.Create("in-" + c.token("a member's name") + "/member.txt")
	if err == nil {
		_, err = member.Write([]byte("token: " + c.token("an archive") + "\n"))
	}
	if err != nil || w.Close() != nil {
		c.t.Fatal(err)
	}
	return out.String()
}

func privateKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE" + " KEY", Bytes: der}))
}

// settle remembers what lies in a folder now: only what is written later leaves.
func (c *canary) settle(dir string) { maps.Copy(c.known, files(c.t, dir)) }

// files reads every file below a folder, but git's own objects and its index.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == "objects" && d.IsDir() {
			return fs.SkipDir
		}
		if d.Type().IsRegular() {
			text, err := os.ReadFile(path)
			out[path] = string(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// run runs a command line, with every verbosity, and searches what it says and
// what it writes. The exit code shows that the door did what it is for.
func (c *canary) run(dirs []string, stdin string, code int, args ...string) {
	c.t.Helper()
	for _, level := range []string{"", "-v", "-vv"} {
		line := args
		if level != "" {
			line = append(slices.Clone(args), level)
		}
		c.once(context.Background(), dirs, stdin, code, line...)
	}
}

// driven are the commands that were run.
var driven = map[string]bool{}

func (c *canary) once(ctx context.Context, dirs []string, stdin string, code int, args ...string) {
	c.t.Helper()
	var out, errs bytes.Buffer
	w := &world{
		stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs, now: c.now, status: true,
		env: func(name string) string { return c.env[name] },
	}
	if c.stdout != nil {
		w.stdout = c.stdout
	}
	if leaf, _, err := w.root().Find(args); err == nil {
		driven[leaf.CommandPath()] = true
	}
	if got := w.run(ctx, args); got != code && code != anyCode {
		c.t.Errorf("%s: exit %d, want %d\n%s%s", c.hide(strings.Join(args, " ")), got, code, c.hide(out.String()), c.hide(errs.String()))
	}
	c.search(args, "standard output", out.String())
	c.search(args, "standard error", errs.String())
	for _, dir := range append(dirs, c.root) {
		for path, text := range files(c.t, dir) {
			if c.known[path] != text {
				c.search(args, "the name of "+filepath.Ext(path), path)
				c.search(args, path, text)
			}
		}
	}
}

// search fails where a value is visible, without showing it.
func (c *canary) search(args []string, where, text string) {
	c.t.Helper()
	for form, place := range c.forms {
		if at := strings.Index(text, form); at >= 0 {
			around := text[max(0, at-60):min(len(text), at+len(form)+40)]
			c.t.Errorf("%s: the value in %s is visible in %s: …%s…", c.hide(strings.Join(args, " ")), place, c.hide(where), c.hide(around))
		}
	}
}

// hide keeps the values from the output of the tests.
func (c *canary) hide(text string) string {
	var r secret.Redactor
	for _, s := range c.values {
		r.Add(s)
	}
	return r.Redact(text)
}

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

// broken are files of configuration that cannot be used, or only just, and hold
// a value where messages quote.
var broken = map[string][]string{
	".leakgate.yaml": {
		"version: 1\nVALUE: x\n", "version: 1\nmode: VALUE\n", "version: 1\nmode: [VALUE\n", "version: VALUE\n", "version: 1\npaths: VALUE\n",
		"version: 1\nrules: {disable: [VALUE]}\n", "version: 1\npaths: {exclude: ['VALUE[']}\n", "version: 1\nenvironments: {VALUE: {}}\n",
		"version: 1\nrules: {severity: {VALUE: low}}\n", "version: 1\nVALUE: a\nVALUE: b\n", "version: 1\nlimits: {max_blob: VALUE}\n",
		"version: 1\nexceptions:\n  - {fingerprint: VALUE, blob: VALUE, reason: VALUE, owner: VALUE, expires: VALUE}\n",
		"version: 1\nexceptions:\n  - {fingerprint: VALUE, blob: 0a4d55a8d778e5022fab701977c5d840bbc486d0, reason: VALUE, owner: VALUE, expires: 2020-01-01}\n",
		"*VALUE\n", "version: 1\nmode: !VALUE audit\n", "VALUE",
	},
	".gitleaks.toml": {
		"VALUE", "VALUE = 1\n", "title = \"VALUE\n", "[[rules]]\nid = \"x\"\nregex = '''VALUE('''\n", "[[rules]]\nid = \"VALUE\"\nregex = '''('''\n",
		"[extend]\npath = \"VALUE\"\n", "[[rules]]\nid = \"VALUE\"\nregex = '''abc'''\n[[rules]]\nid = \"VALUE\"\nregex = '''abc'''\n",
		"[extend]\nuseDefault = true\ndisabledRules = [\"VALUE\"]\n", "[[rules]]\nid = \"x\"\nregex = '''x'''\nentropy = \"VALUE\"\n",
		"[[rules]]\nid = \"x\"\nregex = ''''VALUE''''\nkeywords = [\"VALUE\"]\n[[rules.allowlists]]\ndescription = \"VALUE\"\nregexes = [''''VALUE'''']\nstopwords = [\"VALUE\"]\n",
		"[[allowlists]]\ntargetRules = [\"VALUE\"]\nregexes = ['''VALUE''']\n", "minVersion = \"VALUE\"\n",
	},
	".gitleaksignore": {"VALUE\n", "a:b:VALUE\n", "VALUE:x:1:2:3\n"},
	".leakgate-baseline.json": {
		"VALUE", "{\"VALUE\": 1}", `{"schemaVersion": 1, "entries": [{"fingerprint": "VALUE", "rule": "VALUE", "path": "VALUE", "blob": "VALUE"}]}`,
		`{"schemaVersion": "VALUE"}`,
	},
}

// anyCode is for runs whose exit code says nothing.
const anyCode = -1

func TestNoDoorShowsAValueOfABrokenConfiguration(t *testing.T) {
	flag := map[string]string{".leakgate.yaml": "--policy", ".gitleaks.toml": "--gitleaks-config", ".gitleaksignore": "--gitleaks-ignore",
		".leakgate-baseline.json": "--baseline"}
	for name, texts := range broken {
		for i, text := range texts {
			c := newCanary(t)
			r := gittest.New(t)
			old := r.File("a.txt", "hello\n")
			value := c.token(name)
			r.Write(name, strings.ReplaceAll(text, "VALUE", value))
			tip := r.Commit("Configure")
			c.settle(r.Dir)
			t.Chdir(r.Dir)
			dirs := []string{r.Dir}
			doors := [][]string{
				{"scan"}, {"scan", "--range", old + ".."}, {"scan", "--dir"}, {"scan", "--dir", flag[name], name},
				{"config", "validate"}, {"config", "explain"}, {"baseline", "create", "-o", "-"}, {"hook", "pre-commit"}, {"init"},
			}
			switch name {
			case ".gitleaks.toml":
				doors = append(doors, []string{"rules", "list"}, []string{"rules", "explain", "x"}, []string{"rules", "test", "github-pat"})
			case ".leakgate-baseline.json":
				doors = append(doors, []string{"baseline", "diff", name, name})
			}
			for _, args := range doors {
				c.once(context.Background(), dirs, "", anyCode, args...)
			}
			zeros := strings.Repeat("0", 40)
			c.once(context.Background(), dirs, zeros+" "+tip+" refs/heads/x\n"+old+" "+tip+" refs/heads/main\n", anyCode, "hook", "pre-receive")
			c.once(context.Background(), dirs, "refs/heads/x "+tip+" refs/heads/x "+zeros+"\n", anyCode, "hook", "pre-push", "origin")
			if t.Failed() {
				t.Logf("%s %d: %q", name, i, text)
			}
		}
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
	c.run(dirs, zeros+" "+tip[:39]+"f refs/heads/"+branch+"\n", exitUndecided, "hook", "pre-receive")
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
			"GITHUB_STEP_SUMMARY": filepath.Join(c.root, "summary.md")}
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

// A new command is not out of sight: it has to be driven by one of the tests above.
func TestEveryCommandIsSearchedForValues(t *testing.T) {
	if flag.Lookup("test.run").Value.String() != "" {
		t.Skip("only some of the tests were run")
	}
	var missing func(c *cobra.Command)
	missing = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			missing(sub)
		}
		if !c.HasSubCommands() && !driven[c.CommandPath()] {
			t.Errorf("%s is not driven by a test of this file", c.CommandPath())
		}
	}
	missing((&world{}).root())
}
