package purge

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/gitrepo/wire"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/rewrite"
)

// errand is what a process of its own does until it is killed.
type errand struct {
	Verb, Point, Digest        string
	Remote, Database, Dir, Key string
	Value, Identity            string
	Policy                     remediate.Policy
	Clock                      time.Time
}

// run does the errand, and dies by SIGKILL at its point.
func (r errand) run() error {
	key, err := secret.ParseKey(r.Key)
	if err != nil {
		return err
	}
	identity, err := age.ParseX25519Identity(r.Identity)
	if err != nil {
		return err
	}
	ctx := context.Background()
	db, err := store.Open(ctx, r.Database, store.Options{Key: key, Now: func() time.Time { return r.Clock }})
	if err != nil {
		return err
	}
	remote, err := wire.Open(r.Remote)
	if err != nil {
		return err
	}
	e := &Engine{Store: db, Remote: remote, Now: func() time.Time { return r.Clock }, Actor: "requester", Dir: r.Dir, Policy: r.Policy,
		Recipients: []age.Recipient{identity.Recipient()},
		Rewriter: History{Key: key, Spec: func(*gitrepo.Repo) (*rewrite.Spec, error) {
			return &rewrite.Spec{Literals: []rewrite.Literal{{Value: secret.New(r.Value), With: rewrite.Placeholder}}}, nil
		}}}
	e.crash = func(point string) {
		if point == r.Point {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
	if r.Verb == "rollback" {
		return e.Rollback(ctx, r.Digest, []age.Identity{identity})
	}
	if r.Verb == "propose" {
		_, err = e.Propose(ctx, r.Digest)
		return err
	}
	_, err = e.Apply(ctx, r.Digest)
	return err
}

// killed runs a verb in a process that is killed at a point.
func (s *scene) killed(verb, point, digest string) {
	s.t.Helper()
	text, err := json.Marshal(errand{Verb: verb, Point: point, Digest: digest, Remote: s.remote, Database: s.database, Dir: s.Dir, Key: s.key,
		Value: value, Identity: s.identity.String(), Policy: s.Policy, Clock: s.clock})
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PURGE_ERRAND="+string(text))
	out, err := cmd.CombinedOutput()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		s.t.Fatalf("the process was to be killed at %s: %v\n%s", point, err, out)
	}
}

func TestAKilledRunIsTakenUp(t *testing.T) {
	t.Parallel()
	for _, point := range []string{bundled, pushing, "sent", pushed} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			before := s.refs()
			_, digest := s.plan()
			s.approve(digest)
			s.killed("apply", point, digest)
			if _, err := s.Apply(t.Context(), digest); err != nil {
				t.Fatal(err)
			}
			if found := s.holds("refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"); len(found) > 0 {
				t.Errorf("the value is in %v", found)
			}
			if _, err := s.accept(digest); err != nil {
				t.Error(err)
			}
			if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err != nil {
				t.Fatal(err)
			}
			if s.refs() != before {
				t.Error("the way back is lost")
			}
			s.leftNothing()
		})
	}
}

func TestAKilledRollbackIsTakenUp(t *testing.T) {
	t.Parallel()
	for _, point := range []string{returning, "sent back", returned} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			before := s.refs()
			digest := s.applied()
			s.killed("rollback", point, digest)
			if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err != nil {
				t.Fatal(err)
			}
			if s.refs() != before {
				t.Error("the remote is not as it was")
			}
		})
	}
}

// leftNothing: mirrors hold the value, those of killed runs too.
func (s *scene) leftNothing() {
	s.t.Helper()
	left, err := os.ReadDir(s.Dir)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, entry := range left {
		if strings.HasPrefix(entry.Name(), "work-") {
			s.t.Errorf("left behind: %s", filepath.Join(s.Dir, entry.Name()))
		}
	}
}
