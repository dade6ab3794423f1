package work_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
)

// caught are deliveries that GitHub made and that did not reach the App.
type caught struct {
	event string
	body  []byte
}

// catch has GitHub deliver to us instead of the App, and gives back what it delivered of
// pushes and pull requests.
func (w *world) catch() (all []caught) {
	w.t.Helper()
	there := w.app.Hook
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.t.Error(err)
		}
		if event := r.Header.Get("X-GitHub-Event"); event == "push" || event == "pull_request" {
			all = append(all, caught{event, body})
		}
	}))
	defer web.Close()
	w.app.Hook = web.URL
	w.deliver()
	w.app.Hook = there
	return all
}

// send delivers a body that GitHub signed, under any GUID.
func (w *world) send(guid, event string, body []byte) int {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.app.Hook, bytes.NewReader(body))
	w.must(err)
	r.Header.Set("X-GitHub-Event", event)
	r.Header.Set("X-GitHub-Delivery", guid)
	r.Header.Set("X-Hub-Signature-256", ghfake.Sign(w.app.WebhookSecret, body))
	response, err := http.DefaultClient.Do(r)
	w.must(err)
	response.Body.Close()
	return response.StatusCode
}

// edited is a payload with other values, wherever a key stands.
func edited(t *testing.T, body []byte, values map[string]any) []byte {
	t.Helper()
	var payload any
	if err := json.Unmarshal(body, &payload); err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for key := range v {
				if with, is := values[key]; is {
					v[key] = with
				} else {
					walk(v[key])
				}
			}
		case []any:
			for _, each := range v {
				walk(each)
			}
		}
	}
	walk(payload)
	out, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func guid(n int) string { return fmt.Sprintf("00000000-0000-0000-0000-%012d", n) }

// lookedAt reports whether a delivery was looked at.
func (w *world) lookedAt(guid string) bool {
	return strings.Contains(w.log.String(), "msg=delivery delivery="+guid)
}

// A delivery that is sent again, under its own GUID or another (which is not signed),
// changes nothing.
func TestWhatIsReplayedChangesNothing(t *testing.T) {
	w := newWorld(t)
	head := w.branch("x", "b.txt", leak())
	w.pull("x")
	all := w.catch()
	for i, d := range all {
		w.send(guid(i), d.event, d.body)
	}
	run := w.concluded(head, "failure")
	writes := w.Calls("checks/create") + w.Calls("checks/update")
	for i, d := range all {
		for _, id := range []string{guid(i), guid(100 + i)} {
			if status := w.send(id, d.event, d.body); status != http.StatusAccepted {
				t.Errorf("%s again: %d", d.event, status)
			}
		}
	}
	for i := range all {
		w.eventually("all of them were looked at", func() bool { return w.lookedAt(guid(i)) && w.lookedAt(guid(100+i)) })
	}
	other := w.branch("y", "c.txt", "nothing\n") // what was asked for before it would be done before it
	w.deliver()
	w.concluded(other, "success")
	if again := w.runs(head); len(again) != 1 || again[0].ID != run.ID || strings.Count(w.log.String(), "msg=verdict") > 3 {
		t.Errorf("%d check runs, %d writes before\n%s", len(again), writes, w.log)
	}
}

// A delivery that names one's installation and somebody else's repository opens nothing.
func TestAnInstallationReachesItsOwnRepositoriesOnly(t *testing.T) {
	w := newWorld(t)
	w.Org("other")
	w.User("bob")
	theirs, err := w.Repository("other/vault", true)
	w.must(err)
	w.Collaborator(theirs, "bob", "admin")
	local := gittest.New(t)
	head := local.File("b.txt", leak())
	w.Install(w.app, "other")
	local.Git("push", "-q", strings.Replace(w.CloneURL(theirs), "//", "//x-access-token:"+w.PAT("bob")+"@", 1), "main")
	all := w.catch()
	d := all[len(all)-1]
	forged := edited(t, d.body, map[string]any{"installation": map[string]any{"id": w.installed.ID}})
	w.send(guid(1), "push", forged)
	w.eventually("it is given up", func() bool { return strings.Contains(w.log.String(), "a job is given up") })
	if len(w.Checks(theirs))+len(w.runs(head)) > 0 || w.Calls("git") > 0 {
		t.Errorf("somebody was told of %v", w.Checks(theirs))
	}
	mirrors, _ := filepath.Glob(filepath.Join(w.mirrors, "*.git")) // there may be no folder at all
	if len(mirrors) > 0 {
		t.Errorf("it was fetched: %q", mirrors)
	}
}

// Addresses and names in a payload lead nowhere: the address to fetch from is that of the
// server, the folder comes from a number, and the names of refs are no options.
func TestNothingInAPayloadLeadsAnywhere(t *testing.T) {
	w := newWorld(t)
	var visits atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	defer evil.Close()
	trap := filepath.Join(t.TempDir(), "trap")
	option := "--upload-pack=touch " + trap
	head := w.branch("x", "b.txt", leak())
	w.pull("x")
	addresses := map[string]any{}
	for _, key := range []string{"clone_url", "git_url", "ssh_url", "url", "html_url", "svn_url", "mirror_url", "hooks_url", "contents_url", "statuses_url", "git_refs_url"} {
		addresses[key] = evil.URL + "/acme/app.git"
	}
	addresses["full_name"] = "../../../../" + strings.TrimPrefix(trap, "/")
	all := w.catch()
	for i, d := range all {
		w.send(guid(i), d.event, edited(t, d.body, addresses))
	}
	w.concluded(head, "failure")
	push := all[slices.IndexFunc(all, func(d caught) bool { return d.event == "push" })].body
	for i, names := range []map[string]any{
		{"ref": "refs/heads/" + option}, {"ref": option}, {"default_branch": option}, {"default_branch": option, "before": strings.Repeat("0", 40)},
		{"before": option}, {"ref": "refs/tags/" + option, "default_branch": option},
	} {
		w.send(guid(100+i), "push", edited(t, push, names))
	}
	for i, names := range []map[string]any{{"after": option}, {"ref": "refs/heads/x\ny"}, {"ref": "refs/heads/" + strings.Repeat("x", 9000)}} {
		if status := w.send(guid(200+i), "push", edited(t, push, names)); status != http.StatusBadRequest {
			t.Errorf("%v: %d", names, status)
		}
	}
	w.eventually("those that cannot be asked are tried", func() bool { return strings.Contains(w.log.String(), "is no name of a branch") })
	if _, err := os.Stat(trap); err == nil || visits.Load() > 0 {
		t.Errorf("trap: %v, %d visits", err, visits.Load())
	}
	entries, err := os.ReadDir(w.mirrors)
	w.must(err)
	for _, e := range entries {
		if !regexp.MustCompile(`^\d+\.(git|lock)$`).MatchString(e.Name()) {
			t.Errorf("a folder of mirrors holds %q", e.Name())
		}
	}
}

// What GitHub may send, and what it may not.
func TestPayloadsThatAreNotAsExpected(t *testing.T) {
	w := newWorld(t)
	w.branch("x", "b.txt", "nothing\n")
	all := w.catch()
	push := all[len(all)-1].body
	deep := strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000)
	for i, c := range []struct {
		event, body string
		status      int
	}{
		{"star", `{"action":"created"}`, 202},
		{"secret_event_of_tomorrow", `{"action":{"not":"a text"}}`, 400},
		{"ping", `{"zen":"Anything added dilutes everything else."}`, 202},
		{"installation", `{"action":"deleted","installation":{"id":1}}`, 202},
		{"push", `{}`, 400}, {"push", ``, 400}, {"push", `[]`, 400}, {"push", `null`, 400}, {"push", `{"ref":`, 400}, {"push", deep, 400},
		{"push", string(edited(t, push, map[string]any{"after": strings.Repeat("g", 40)})), 400},
		{"push", string(edited(t, push, map[string]any{"installation": map[string]any{"id": -1}})), 400},
		{"push", string(edited(t, push, map[string]any{"repository": map[string]any{}})), 400},
		{"pull_request", `{"action":"opened"}`, 400}, {"pull_request", `{"action":"labeled"}`, 202},
		{"merge_group", `{"action":"checks_requested"}`, 400}, {"check_run", `{"action":"rerequested"}`, 400},
		{"issue_comment", `{"action":"created","issue":{"pull_request":{}},"comment":{"body":"/leakgate fix"}}`, 400},
	} {
		if status := w.send(guid(i), c.event, []byte(c.body)); status != c.status {
			t.Errorf("%s %.80s: %d, want %d", c.event, c.body, status, c.status)
		}
	}
	head := w.branch("y", "b.txt", leak()) // it goes on as before
	w.deliver()
	w.concluded(head, "failure")
}

// What somebody writes into a branch, a message or the name of a file is text to whoever
// reads of it, in the check run, its annotations, the comment and the alerts.
func TestTextsAreOnlyTexts(t *testing.T) {
	w := newWorldAt(t, gate.Enforced, func(w *world) { w.app.Permissions["security_events"] = "write"; w.repo.CodeSecurity = true })
	name := "a|b`<script>alert(1)</script>\n## [x](javascript:y) @acme ![](http:z).txt"
	branch := "x/<img-src=y>@acme|`"
	w.local.Git("checkout", "-q", "-b", branch, "main")
	w.local.Write(name, leak())
	w.local.Git("add", "-A")
	w.local.Git("commit", "-q", "-m", "<script>x</script> | `x` @acme\n\n[x](javascript:y)\n\n"+leak())
	head := w.local.Git("rev-parse", "HEAD")
	w.push("HEAD")
	n := w.pull(branch)
	w.deliver()
	k := w.concluded(head, "failure")
	w.eventually("there is a comment, and alerts", func() bool { return len(w.comments(n)) == 1 && len(w.Sarifs(w.repo)) == 2 })
	told := map[string]string{"check run": k.Summary + k.Text, "comment": strings.Join(w.comments(n), "\n")}
	for where, text := range told {
		if !strings.Contains(text, "alert&#40;1&#41;") {
			t.Errorf("%s does not name the file:\n%s", where, text)
		}
		for _, bad := range []string{"<script", "<img", "](javascript", "@acme", "\n## [x]", "![]("} {
			if strings.Contains(text, bad) {
				t.Errorf("%s: %q:\n%s", where, bad, text)
			}
		}
		for line := range strings.Lines(text) { // a row stays a row
			if strings.HasPrefix(line, "| ") && strings.Count(line, " | ") > 0 && !strings.HasSuffix(strings.TrimSpace(line), "|") {
				t.Errorf("%s: a row that broke: %s", where, line)
			}
		}
	}
	for _, a := range k.Annotations {
		if text := fmt.Sprint(a["title"], a["message"]); strings.Contains(text, "\n##") {
			t.Errorf("annotation %s", text)
		}
	}
	for _, s := range w.Sarifs(w.repo) {
		if s.Status == "failed" || !json.Valid(s.Log) || bytes.Contains(s.Log, []byte("](javascript:y)\"")) {
			t.Errorf("%s: %s %q", s.Category, s.Status, s.Problems)
		}
	}
}

// An archive that unpacks to far more than it is leaves the scan incomplete, not the App dead.
func TestABombIsNotClean(t *testing.T) {
	w := newWorld(t)
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	f, err := z.Create("zeros.txt")
	w.must(err)
	zeros := make([]byte, 1<<20)
	for range 300 {
		_, err = f.Write(zeros)
		w.must(err)
	}
	w.must(z.Close())
	head := w.branch("x", "bomb.zip", out.String())
	w.deliver()
	if k := w.concluded(head, "action_required"); !strings.Contains(k.Summary, "bomb.zip") {
		t.Errorf("it does not say what was missed:\n%s", k.Summary)
	}
	next := w.branch("y", "c.txt", leak())
	w.deliver()
	w.concluded(next, "failure")
}

// The App is taken from an account while it judges: nobody is told, and it goes on.
func TestWhoIsRemovedMeanwhileIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.Org("other")
	w.User("bob")
	theirs, err := w.Repository("other/app", true)
	w.must(err)
	w.Collaborator(theirs, "bob", "admin")
	installed := w.Install(w.app, "other")
	local := gittest.New(t)
	head := local.File("b.txt", leak())
	local.Git("push", "-q", strings.Replace(w.CloneURL(theirs), "//", "//x-access-token:"+w.PAT("bob")+"@", 1), "main")
	fetch := make(chan struct{})
	w.Fail(ghfake.Fault{Operation: "git", Wait: fetch})
	w.deliver()
	w.eventually("it is being judged", func() bool {
		all := w.Checks(theirs)
		return len(all) == 1 && all[0].Status == "in_progress"
	})
	w.Uninstall(installed)
	close(fetch)
	w.eventually("the job is given up", func() bool { return strings.Contains(w.log.String(), "a job is given up") })
	for _, k := range w.Checks(theirs) {
		if k.SHA == head && k.Status == "completed" {
			t.Errorf("it was told %s", k.Conclusion)
		}
	}
	ours := w.branch("x", "b.txt", leak())
	w.deliver()
	w.concluded(ours, "failure")
}

// No token and no key is in the log, the database or a mirror, whatever goes wrong.
func TestNoTokenIsKeptOrTold(t *testing.T) {
	w := newWorld(t)
	w.branch("lost", "b.txt", "nothing\n")
	w.pull("lost")
	for _, f := range []ghfake.Fault{
		{Operation: "apps/create-installation-access-token", Status: 500}, {Operation: "git", Status: 403}, {Operation: "git", Status: 500}, {Operation: "git", Lose: true},
		{Operation: "checks/create", Status: 422}, {Operation: "checks/update", Lose: true}, {Operation: "pulls/get", Status: 404},
	} {
		w.Fail(f)
	}
	w.deliver()
	w.eventually("something went wrong", func() bool { return strings.Contains(w.log.String(), "a job is tried again") })
	w.Calm()
	head := w.branch("x", "b.txt", leak())
	w.pull("x")
	w.deliver()
	w.concluded(head, "failure")
	kept := w.log.String()
	w.must(filepath.WalkDir(filepath.Dir(w.mirrors), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) == ".pack" {
			return err
		}
		text, err := os.ReadFile(path)
		kept += string(text)
		return err
	}))
	basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:"))
	for name, form := range map[string]string{
		"a token of an installation": `gh[s]_[0-9A-Za-z]`, "a JWT": `eyJ[0-9A-Za-z_-]{10,}\.`, "a header": regexp.QuoteMeta(basic[:16]),
		"the webhook secret": regexp.QuoteMeta(w.app.WebhookSecret), "a private key": `BEGIN [A-Z ]*PRIVATE`, "Authorization": `(?i)authorization: `,
	} {
		if found := regexp.MustCompile(form).FindStringIndex(kept); found != nil {
			t.Errorf("%s is kept or told: …%s", name, kept[max(0, found[0]-200):found[0]])
		}
	}
}
