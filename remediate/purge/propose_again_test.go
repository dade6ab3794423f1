package purge

import (
	"os"
	"reflect"
	"testing"
)

// leaky has a file that is removed, and a folder whose .gitignore is a link.
func (s *scene) leaky() {
	s.t.Helper()
	write(s.t, s.clone, "run.sh", "API_KEY='"+value+"'\n")
	write(s.t, s.clone, ".env", "KEY="+value+"\n")
	if err := os.Symlink("a", s.clone+"/.gitignore"); err != nil {
		s.t.Fatal(err)
	}
	git(s.t, s.clone, "add", ".gitignore")
	git(s.t, s.clone, "commit", "-qm", "a link")
	git(s.t, s.clone, "push", "-q", "origin", "main")
}

// The list of what has to be set is made again, whoever put commits on top, on the branch or on
// what it was made from; and it is in the journal then.
func TestAProposalWhoseNoteWasLostIsCompleted(t *testing.T) {
	t.Parallel()
	want := Mended{Set: []string{"API_KEY"}, Removed: []string{".env"}, Links: []string{".gitignore"}, Unignored: []string{".env"}}
	for name, between := range map[string]func(s *scene, branch string){
		"as it was": func(*scene, string) {},
		"the default branch moved": func(s *scene, _ string) {
			write(s.t, s.clone, "c", "more\n")
			git(s.t, s.clone, "push", "-q", "origin", "main")
		},
		"somebody added to it": func(s *scene, branch string) {
			git(s.t, s.clone, "fetch", "-q", "origin", branch)
			git(s.t, s.clone, "checkout", "-q", "--detach", "FETCH_HEAD")
			write(s.t, s.clone, "c", "more\n")
			git(s.t, s.clone, "push", "-q", "origin", "HEAD:"+branch)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.leaky()
			_, digest := s.plan()
			s.killed("propose", "branch sent", digest)
			if known, err := s.mended(t.Context(), digest); err != nil || known != nil {
				t.Fatalf("the note is there: %+v, %v", known, err)
			}
			between(s, Branch(digest))
			before := s.refs()
			s.Plain = true // the run that was cut off decided it
			p, err := s.Propose(t.Context(), digest)
			if err != nil || !reflect.DeepEqual(p.Mended, want) || s.refs() != before {
				t.Fatalf("%+v, %v", p, err)
			}
			s.values = nil // nothing is made again
			if p, err = s.Propose(t.Context(), digest); err != nil || !reflect.DeepEqual(p.Mended, want) {
				t.Errorf("again: %+v, %v", p, err)
			}
		})
	}
}

// A branch of that name, with that manifest and a message of somebody's own, proves nothing.
func TestAListIsNotTakenFromAMessage(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.leaky()
	_, digest := s.plan()
	s.killed("propose", "branch sent", digest)
	git(t, s.clone, "fetch", "-q", "origin", Branch(digest))
	git(t, s.clone, "checkout", "-q", "--detach", "FETCH_HEAD")
	git(t, s.clone, "commit", "-q", "--amend", "-m", "To be set where it runs:\n- MALLORY")
	git(t, s.clone, "push", "-qf", "origin", "HEAD:"+Branch(digest))
	p, err := s.Propose(t.Context(), digest)
	if err != nil || !reflect.DeepEqual(p.Mended, Mended{Untold: true}) {
		t.Errorf("%+v, %v", p, err)
	}
}
