package purge

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/gitrepo/wire"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/rewrite"
)

// value is made for the run: nothing that looks like a secret is committed.
var value = "leaked-" + rand.Text()

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := tryGit(dir, args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func tryGit(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func write(t *testing.T, work, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	git(t, work, "add", name)
	git(t, work, "commit", "-qm", "write "+name)
}

// scene is a remote with a value in its history, a clone of it, and who may act.
type scene struct {
	*Engine
	t             *testing.T
	remote, clone string
	credential    string
	database, key string
	approver      ssh.Signer
	identity      *age.X25519Identity
	clock         time.Time
	values        []string
}

func newScene(t *testing.T) *scene { return newSceneOf(t, "sha1") }

// newSceneOf has a repository whose ids are made by another hash.
func newSceneOf(t *testing.T, format string) *scene {
	t.Helper()
	top := t.TempDir()
	s := &scene{t: t, remote: filepath.Join(top, "remote.git"), clone: filepath.Join(top, "clone"), clock: time.Now().UTC().Truncate(time.Second), values: []string{value}}
	if err := os.CopyFS(top, os.DirFS(model(t, format))); err != nil {
		t.Fatal(err)
	}
	s.staff()
	return s
}

// model is made once: a clean commit, one with the value, one more.
func model(t *testing.T, format string) string {
	t.Helper()
	top := filepath.Join(models.top, format)
	models.once[format].Do(func() {
		remote, clone := filepath.Join(top, "remote.git"), filepath.Join(top, "clone")
		git(t, "/", "init", "-q", "--bare", "-b", "main", "--object-format="+format, remote)
		git(t, "/", "init", "-q", "-b", "main", "--object-format="+format, clone) // a clone of nothing knows no format
		git(t, clone, "remote", "add", "origin", "../remote.git")
		write(t, clone, "a", "clean\n")
		write(t, clone, "config", "password = "+value+"\n")
		git(t, clone, "tag", "-am", "a tag", "v1")
		write(t, clone, "b", "more\n")
		git(t, clone, "branch", "side")
		git(t, clone, "branch", "old", "main~2")
		git(t, clone, "push", "-q", "origin", "main", "side", "old", "v1", "side:refs/pull/1/head")
	})
	return top
}

var models = struct {
	once map[string]*sync.Once
	top  string
}{once: map[string]*sync.Once{"sha1": {}, "sha256": {}}}

func TestMain(m *testing.M) {
	if text := os.Getenv("PURGE_ERRAND"); text != "" {
		var r errand
		err := json.Unmarshal([]byte(text), &r)
		if err == nil {
			err = r.run()
		}
		fmt.Println(err)
		os.Exit(1)
	}
	top, err := os.MkdirTemp("", "purge")
	if err != nil {
		panic(err)
	}
	models.top = top
	code := m.Run()
	_ = os.RemoveAll(top)
	os.Exit(code)
}

// overHTTP has git's own http-backend between the scene and its remote.
func (s *scene) overHTTP() {
	s.t.Helper()
	server := httptest.NewServer(&cgi.Handler{
		Path:       filepath.Join(git(s.t, "/", "--exec-path"), "git-http-backend"),
		Env:        []string{"GIT_PROJECT_ROOT=" + filepath.Dir(s.remote), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=tester"},
		InheritEnv: []string{"PATH"},
	})
	s.t.Cleanup(server.Close)
	s.reach(server.URL + "/remote.git")
	s.Policy.Owned = []string{strings.TrimPrefix(server.URL, "http://") + "/remote"}
}

// reach opens the remote by another address.
func (s *scene) reach(address string) {
	s.t.Helper()
	remote, err := wire.Open(address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Remote = remote
}

// staff gives the scene its engine, its people and a credential that is dead.
func (s *scene) staff() {
	s.t.Helper()
	s.key = strings.Repeat(hex.EncodeToString([]byte(rand.Text()))[:16], 4)
	key, err := secret.ParseKey(s.key)
	if err != nil {
		s.t.Fatal(err)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.approver, err = ssh.NewSignerFromKey(private); err != nil {
		s.t.Fatal(err)
	}
	if s.identity, err = age.GenerateX25519Identity(); err != nil {
		s.t.Fatal(err)
	}
	s.database = filepath.Join(s.t.TempDir(), "state.db")
	db, err := store.Open(s.t.Context(), s.database, store.Options{Key: key, Now: func() time.Time { return s.clock }})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { db.Close() })
	remote, err := wire.Open(s.remote)
	if err != nil {
		s.t.Fatal(err)
	}
	s.credential = key.ID(secret.New(value))
	s.Engine = &Engine{Store: db, Remote: remote, Now: func() time.Time { return s.clock }, Actor: "requester", Dir: filepath.Join(s.t.TempDir(), "work"),
		Recipients: []age.Recipient{s.identity.Recipient()},
		Policy:     remediate.Policy{Owned: []string{s.remote}, Approvers: []remediate.Approver{{Name: "approver", Keys: []string{string(ssh.MarshalAuthorizedKey(s.approver.PublicKey()))}}}},
		Rewriter: History{Key: key, Spec: func(*gitrepo.Repo) (*rewrite.Spec, error) {
			spec := &rewrite.Spec{}
			for _, v := range s.values {
				spec.Literals = append(spec.Literals, rewrite.Literal{Value: secret.New(v), With: rewrite.Placeholder})
			}
			return spec, nil
		}}}
	s.kill(s.credential)
}

// kill records a credential and that a check found it dead.
func (s *scene) kill(credential string) {
	s.t.Helper()
	err := s.Store.Tx(s.t.Context(), func(t *store.Tx) error {
		c := store.Credential{ID: credential, Rule: "rule", Severity: "high"}
		if err := t.Record(s.t.Context(), "tester", []store.Sighting{{Credential: c, Repository: "r", Fingerprint: "f", Body: struct{}{}}}); err != nil {
			return err
		}
		in, err := t.Incident(s.t.Context(), credential)
		if err != nil {
			return err
		}
		proof, err := t.Audit(s.t.Context(), "tester", "checked", in.ID, map[string]string{"status": "dead"})
		if err != nil {
			return err
		}
		return t.Advance(s.t.Context(), in.ID, store.Move{To: store.Revoked, By: "tester", Proof: proof})
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// id is the name of a credential by its value.
func (s *scene) id(v string) string {
	s.t.Helper()
	key, err := secret.ParseKey(s.key)
	if err != nil {
		s.t.Fatal(err)
	}
	return key.ID(secret.New(v))
}

func (s *scene) plan() (*Manifest, string) {
	s.t.Helper()
	m, err := s.Plan(s.t.Context(), []string{s.credential}, "")
	if err != nil {
		s.t.Fatal(err)
	}
	digest, err := m.Digest()
	if err != nil {
		s.t.Fatal(err)
	}
	return m, digest
}

// approve approves a plan, its undo, and the early end of its bundle.
func (s *scene) approve(digest string) {
	s.t.Helper()
	for _, a := range []remediate.Approval{{}, {Undo: true}, {Destroy: true}} {
		a.Plan, a.Approver, a.Expires = digest, "approver", s.clock.Add(time.Hour)
		if err := a.Sign(s.approver); err != nil {
			s.t.Fatal(err)
		}
		if err := s.Approve(s.t.Context(), a); err != nil {
			s.t.Fatal(err)
		}
	}
}

// sign has the approver say something.
func (s *scene) sign(digest string, word remediate.Word, of string) {
	s.t.Helper()
	a := remediate.Approval{Plan: digest, Word: word, Of: of, Approver: "approver", Expires: s.clock.Add(time.Hour)}
	if err := errors.Join(a.Sign(s.approver), s.Approve(s.t.Context(), a)); err != nil {
		s.t.Fatal(err)
	}
}

// applied plans, approves and applies.
func (s *scene) applied() (digest string) {
	s.t.Helper()
	_, digest = s.plan()
	s.approve(digest)
	if _, err := s.Apply(s.t.Context(), digest); err != nil {
		s.t.Fatal(err)
	}
	return digest
}

func (s *scene) refs() string { return git(s.t, s.remote, "for-each-ref") }

// holds are the objects of a fresh clone that hold the value; pull requests too when asked.
func (s *scene) holds(specs ...string) (found []string) {
	s.t.Helper()
	fresh := filepath.Join(s.t.TempDir(), "fresh.git")
	git(s.t, "/", "init", "-q", "--bare", "--object-format="+git(s.t, s.remote, "rev-parse", "--show-object-format"), fresh)
	git(s.t, fresh, append([]string{"fetch", "-q", s.remote}, specs...)...)
	git(s.t, fresh, "fsck", "--strict")
	for line := range strings.Lines(git(s.t, fresh, "cat-file", "--batch-all-objects", "--batch-check")) {
		id, _, _ := strings.Cut(line, " ")
		if out := git(s.t, fresh, "cat-file", "-p", id); strings.Contains(out, value) {
			found = append(found, id)
		}
	}
	return found
}

func TestARemoteIsRewrittenVerifiedAndRolledBack(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"sha1", "sha256"} {
		for _, way := range []string{"path", "http"} {
			t.Run(format+" by "+way, func(t *testing.T) {
				s := newSceneOf(t, format)
				if way == "http" {
					s.overHTTP()
				}
				s.wholeWay()
			})
		}
	}
}

func (s *scene) wholeWay() {
	t := s.t
	before, stays := s.refs(), git(t, s.remote, "rev-parse", "old")
	m, digest := s.plan()
	if len(m.Changes) != 3 || len(m.Remaining) != 1 || m.Commits != 2 || len(m.First) != 1 || len(m.Blobs) != 1 {
		t.Errorf("the plan: %+v", m)
	}
	if s.refs() != before {
		t.Fatal("a plan changed the remote")
	}
	s.approve(digest)
	if _, err := s.Apply(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	if found := s.holds("refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"); len(found) > 0 {
		t.Errorf("the value is still in %v", found)
	}
	if git(t, s.remote, "rev-parse", "old") != stays {
		t.Error("a branch without the value moved")
	}
	left, err := s.Verify(t.Context(), digest)
	if !errors.Is(err, ErrRemains) || len(left.Hidden) != 1 || len(left.Moved) != 0 {
		t.Errorf("verify: %+v, %v", left, err)
	}
	s.state(store.Revoked)
	if left, err := s.accept(digest); err != nil || left.Accepted == nil || left.Accepted.By != "requester" {
		t.Errorf("accept: %+v, %v", left, err)
	}
	s.state(store.Purged)
	after := s.refs()
	if again, err := s.Apply(t.Context(), digest); err != nil || len(again) != 3 || s.refs() != after {
		t.Errorf("a second apply: %v, %v", again, err)
	}
	if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err != nil {
		t.Fatal(err)
	}
	if s.refs() != before {
		t.Errorf("the refs were\n%s\nand are\n%s", before, s.refs())
	}
	s.state(store.Revoked)
	if _, err := s.Apply(t.Context(), digest); err == nil {
		t.Error("a plan that was rolled back was applied again")
	}
}

// accept verifies, and accepts that the pull request stays, which the approver signs.
func (s *scene) accept(digest string) (*Residue, error) {
	s.t.Helper()
	left, err := s.Verify(s.t.Context(), digest)
	if left == nil || left.Of == "" {
		return left, err
	}
	s.sign(digest, remediate.WordRemains, left.Of)
	return s.Accept(s.t.Context(), digest, "the server's people know")
}

func (s *scene) state(want store.State) {
	s.t.Helper()
	err := s.Store.Tx(s.t.Context(), func(t *store.Tx) error {
		in, err := t.Incident(s.t.Context(), s.credential)
		if err == nil && in.State != want {
			err = fmt.Errorf("the incident is %s, not %s", in.State, want)
		}
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
}

// refusedWith runs an apply that must change nothing.
func (s *scene) refusedWith(digest, words string) {
	s.t.Helper()
	before := s.refs()
	_, err := s.Apply(s.t.Context(), digest)
	if err == nil || !strings.Contains(err.Error(), words) {
		s.t.Errorf("the error is %v, without %q", err, words)
	}
	if s.refs() != before {
		s.t.Error("the remote changed")
	}
}

func TestNothingMovesWithoutWhatIsNeeded(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	_, digest := s.plan()
	s.refusedWith(digest, "0 of 1 approvals")
	s.refusedWith(strings.Repeat("0", 64), "not in the store")
	s.approve(digest)

	s.Policy.Requesters = []remediate.Approver{{Name: "requester", Keys: s.Policy.Approvers[0].Keys}}
	s.refusedWith(digest, "nobody proved to be requester")
	s.Policy.Requesters = nil

	owned := s.Policy.Owned
	s.Policy.Owned = nil
	s.refusedWith(digest, "not on the operator's list")
	s.Policy.Owned = owned

	s.Policy.KillSwitch = s.remote
	s.refusedWith(digest, "kill switch")
	s.Policy.KillSwitch = ""

	recipients := s.Recipients
	s.Recipients = nil
	s.refusedWith(digest, "name a recipient")
	s.Recipients = recipients

	s.values = append(s.values, "another value")
	s.refusedWith(digest, "replaces something else")
	s.values = s.values[:1]

	now := s.clock
	s.clock = now.Add(30 * time.Minute)
	s.clock = now.Add(2 * time.Hour)
	s.refusedWith(digest, "ended at") // the approval
	s.clock = now.Add(80 * time.Hour)
	s.refusedWith(digest, "expired")
}

func TestACredentialThatMayWorkHoldsARewriteBack(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.values = []string{"password = " + value}
	s.credential = s.id(s.values[0])
	_, digest := s.plan()
	s.approve(digest)
	s.refusedWith(digest, "was never checked")
	m, err := s.Plan(t.Context(), nil, "")
	if err != nil {
		t.Fatal(err)
	}
	digest, _ = m.Digest()
	s.approve(digest)
	s.refusedWith(digest, "names no credential")
	if m, err = s.Plan(t.Context(), []string{s.credential}, "the host is gone"); err != nil {
		t.Fatal(err)
	}
	digest, _ = m.Digest()
	s.approve(digest)
	if _, err := s.Apply(t.Context(), digest); err != nil {
		t.Errorf("an override: %v", err)
	}
}

func TestCommitsOnTopGoAlong(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	_, digest := s.plan()
	s.approve(digest)
	write(t, s.clone, "c", "on top\n")
	git(t, s.clone, "push", "-q", "origin", "main")
	if _, err := s.Apply(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	if got := git(t, s.remote, "show", "main:c"); got != "on top" {
		t.Errorf("what came on top is %q", got)
	}
	if found := s.holds("refs/heads/*:refs/heads/*"); len(found) > 0 {
		t.Errorf("the value is in %v", found)
	}
}

func TestNewTaintStopsAnApproved(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *scene){
		"a file with the value":   func(s *scene) { write(s.t, s.clone, "d", "again "+value+"\n") },
		"a branch with the value": func(s *scene) { git(s.t, s.clone, "push", "-q", "origin", "main:new") },
		"a branch is gone":        func(s *scene) { git(s.t, s.clone, "push", "-q", "origin", ":side") },
		"another root": func(s *scene) {
			git(s.t, s.clone, "checkout", "-q", "--orphan", "root")
			write(s.t, s.clone, "e", value)
			git(s.t, s.clone, "push", "-qf", "origin", "root:side")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			_, digest := s.plan()
			s.approve(digest)
			change(s)
			_, _ = tryGit(s.clone, "push", "-q", "origin", "main")
			before := s.refs()
			if _, err := s.Apply(t.Context(), digest); !errors.Is(err, ErrChanged) {
				t.Errorf("the error is %v", err)
			}
			if s.refs() != before {
				t.Error("the remote changed")
			}
		})
	}
}

// A push that comes in while the rewrite is under way changes nothing, and the
// next run takes it along.
func TestAPushInBetweenIsNotOverwritten(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	_, digest := s.plan()
	s.approve(digest)
	write(t, s.clone, "c", "in between\n")
	s.crash = func(point string) {
		if point == pushing {
			git(t, s.clone, "push", "-q", "origin", "main")
			s.crash = nil
		}
	}
	if _, err := s.Apply(t.Context(), digest); !errors.Is(err, wire.ErrMoved) {
		t.Fatalf("the error is %v", err)
	}
	if got := git(t, s.remote, "show", "main:c"); got != "in between" {
		t.Errorf("the push was overwritten: %q", got)
	}
	if _, err := s.Apply(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	if got := git(t, s.remote, "show", "main:c"); got != "in between" {
		t.Errorf("the push is lost: %q", got)
	}
}

// The server may have dropped the old objects long before anybody goes back.
func TestRollbackBringsObjectsThatAreGone(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	git(t, s.remote, "update-ref", "-d", "refs/pull/1/head")
	before := s.refs()
	digest := s.applied()
	git(t, s.remote, "-c", "gc.pruneExpire=now", "gc", "-q", "--prune=now")
	if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err != nil {
		t.Fatal(err)
	}
	if after := s.refs(); after != before {
		t.Errorf("the refs were\n%s\nand are\n%s", before, after)
	}
	git(t, s.remote, "fsck", "--strict")
}

func TestRollbackOverwritesNobody(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	digest := s.applied()
	git(t, s.clone, "fetch", "-q", "origin")
	git(t, s.clone, "reset", "-q", "--hard", "origin/main")
	write(t, s.clone, "c", "after the rewrite\n")
	git(t, s.clone, "push", "-q", "origin", "main")
	now := s.refs()
	if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); !errors.Is(err, wire.ErrMoved) {
		t.Errorf("the error is %v", err)
	}
	if s.refs() != now {
		t.Error("the remote changed")
	}
}

func TestTheBundleIsSealedAndDestroyed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	digest := s.applied()
	p, err := s.recall(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(p.bundle.File)
	if err != nil || !bytes.HasPrefix(text, []byte("age-encryption.org/")) {
		t.Errorf("the bundle is not sealed: %v", err)
	}
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Rollback(t.Context(), digest, []age.Identity{stranger}); err == nil || !strings.Contains(err.Error(), "other keys") {
		t.Errorf("a stranger's key: %v", err)
	}
	if err := s.Destroy(t.Context(), digest, false); err == nil {
		t.Error("the bundle was destroyed before its time")
	}
	s.clock = s.clock.Add(8 * 24 * time.Hour)
	if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err == nil || !strings.Contains(err.Error(), "approve --undo") {
		t.Errorf("an undo that nobody approves: %v", err)
	}
	if err := s.Destroy(t.Context(), digest, false); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p.bundle.File); !errors.Is(err, os.ErrNotExist) {
		t.Error("the bundle is still there")
	}
	if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err == nil {
		t.Error("a rollback without a bundle")
	}
	left, err := os.ReadDir(s.Dir)
	if err != nil || len(left) != 1 || left[0].Name() != "commit-map-"+digest[:16] { // ids, which the server's people ask for
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestADamagedBundleRollsNothingBack(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	digest := s.applied()
	p, err := s.recall(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(p.bundle.File)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(p.bundle.File, text, 0o600); err != nil {
		t.Fatal(err)
	}
	now := s.refs()
	if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err == nil || s.refs() != now {
		t.Errorf("a damaged bundle: %v", err)
	}
}

// The value is in no byte that a rewrite keeps, tells or signs, the sealed bundle included.
func TestNoByteOfARewriteHoldsTheValue(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	m, digest := s.plan()
	s.approve(digest)
	if _, err := s.Apply(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	if _, err := s.accept(digest); err != nil {
		t.Fatal(err)
	}
	text, err := m.text()
	if err != nil {
		t.Fatal(err)
	}
	all := [][]byte{text}
	for _, dir := range []string{s.Dir, filepath.Dir(s.database)} {
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			all = append(all, content)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, content := range all {
		for _, form := range secret.Forms(secret.New(value)) {
			if bytes.Contains(content, []byte(form)) {
				t.Fatal("the value was written down")
			}
		}
	}
}

func TestAProposalEndsTheLeakAtTheTip(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := newSceneOf(t, format)
			s.overHTTP()
			s.proposes()
		})
	}
}

func (s *scene) proposes() {
	t := s.t
	m, digest := s.plan()
	before := git(t, s.remote, "rev-parse", "main")
	p, err := s.Propose(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	if p.Base != "refs/heads/main" || git(t, s.remote, "rev-parse", "main") != before || git(t, s.remote, "rev-parse", p.Branch+"^") != before {
		t.Errorf("the proposal: %+v", p)
	}
	if again, err := s.Propose(t.Context(), digest); err != nil || again.Branch != p.Branch || again.Base != p.Base || again.Commit != p.Commit {
		t.Errorf("again: %+v, %v", again, err)
	}
	file := Folder + "/" + digest[:16] + ".json"
	if diff := git(t, s.remote, "diff", "--stat", "--name-only", "main", p.Branch); diff != file+"\nconfig" {
		t.Errorf("it changes\n%s", diff)
	}
	if text := git(t, s.remote, "show", p.Branch+":config"); text != "password = "+rewrite.Placeholder {
		t.Errorf("the file is %q", text)
	}
	want, _ := m.text()
	if text := git(t, s.remote, "show", p.Branch+":"+file); text != strings.TrimSpace(string(want)) {
		t.Errorf("the manifest is %s", text)
	}
	git(t, s.remote, "fsck", "--strict")
	git(t, s.remote, "merge-base", "--is-ancestor", "main", p.Branch)
	if text := git(t, s.remote, "log", "-1", "-p", "--format=%B", "--diff-filter=A", p.Branch); strings.Contains(text, value) {
		t.Error("the proposal shows the value")
	}

	// Merged, it goes along, and what it says holds back who comes from before.
	git(t, s.remote, "update-ref", "refs/heads/main", p.Branch)
	s.approve(digest)
	if _, err := s.Apply(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	if found := s.holds("refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"); len(found) > 0 {
		t.Errorf("the value is in %v", found)
	}
	s.guards(before)
}

// guards looks whether the manifest on the remote's main bans a commit.
func (s *scene) guards(old string) {
	s.t.Helper()
	repo, err := gitrepo.Open(s.remote)
	if err != nil {
		s.t.Fatal(err)
	}
	defer repo.Close()
	tip, err := repo.Resolve("main")
	if err != nil {
		s.t.Fatal(err)
	}
	stale, err := gitrepo.ParseID(old)
	if err != nil {
		s.t.Fatal(err)
	}
	bans := NewBans()
	if err := bans.Read(repo.NewReader(1<<20), tip); err != nil {
		s.t.Fatal(err)
	}
	if found, err := bans.Check(s.t.Context(), repo, []gitrepo.ID{stale}, []gitrepo.ID{tip}); err != nil || len(found) == 0 {
		s.t.Errorf("the old history passes: %v", err)
	}
	if found, err := bans.Check(s.t.Context(), repo, []gitrepo.ID{tip}, nil); err != nil || len(found) > 0 {
		s.t.Errorf("the new history is refused: %v, %v", found, err)
	}
}
