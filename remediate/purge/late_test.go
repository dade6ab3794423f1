package purge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
)

// refsOf are commands that put refs where they are now.
func (s *scene) refsOf() string {
	return git(s.t, s.remote, "for-each-ref", "--format=update %(refname) %(objectname)")
}

// put runs such commands, as a server does that comes to the end of an old push.
func (s *scene) put(commands string) {
	s.t.Helper()
	for line := range strings.Lines(commands) {
		git(s.t, s.remote, append([]string{"update-ref"}, strings.Fields(line)[1:]...)...)
	}
}

// late is a remote that still works on the push of a run that was cut off: it is as
// before, and what it becomes in the end is known.
func (s *scene) late() (digest, before, after string) {
	s.t.Helper()
	before = s.refsOf()
	_, digest = s.cutOff("sent")
	after = s.refsOf()
	s.put(before)
	return digest, before, after
}

// The server comes to the end of a push after the next run found the refs where they were.
func TestAPushThatEndsLateIsTaken(t *testing.T) {
	t.Parallel()
	for _, point := range []string{refused, bundled, pushing} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			digest, before, after := s.late()
			s.crash = func(at string) {
				if at == point {
					s.crash = nil
					s.put(after)
				}
			}
			if moved, err := s.Apply(t.Context(), digest); err != nil || len(moved) != 3 {
				t.Errorf("%v, %v", moved, err)
			}
			if _, err := s.Apply(t.Context(), digest); err != nil {
				t.Errorf("again: %v", err)
			}
			if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err != nil {
				t.Fatal(err)
			}
			if s.refsOf() != before {
				t.Error("the way back is lost")
			}
		})
	}
}

// As above, while the server has the second push in its hands: it says no to that one.
func TestAPushThatEndsLateUnderAnotherIsTaken(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	digest, _, after := s.late()
	script := "#!/bin/sh\nunset GIT_QUARANTINE_PATH\ngit update-ref --stdin <<END\n" + after + "\nEND\n"
	if err := os.WriteFile(filepath.Join(s.remote, "hooks", "pre-receive"), []byte(script), 0o700); err != nil { //nolint:gosec // a hook is run
		t.Fatal(err)
	}
	if _, err := s.Apply(t.Context(), digest); err != nil {
		t.Error(err)
	}
	if p, err := s.recall(t.Context(), digest); err != nil || p.last != pushed {
		t.Errorf("the journal says %s, %v", p.last, err)
	}
}

// The same of the way back.
func TestARollbackThatEndsLateIsTaken(t *testing.T) {
	t.Parallel()
	for _, point := range []string{stayed, returning} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			before := s.refsOf()
			digest := s.applied()
			after := s.refsOf()
			s.killed("rollback", "sent back", digest)
			s.put(after)
			s.crash = func(at string) {
				if at == point {
					s.crash = nil
					s.put(before)
				}
			}
			if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err != nil {
				t.Error(err)
			}
			if p, err := s.recall(t.Context(), digest); err != nil || p.last != returned {
				t.Errorf("the journal says %s, %v", p.last, err)
			}
		})
	}
}
