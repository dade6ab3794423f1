package hub

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/report"
)

// user is a client of a person.
func (w *world) user(login string) *github.Client {
	w.t.Helper()
	base := w.API + "/"
	c, err := github.NewClient(github.WithURLs(&base, &base), github.WithAuthToken(w.PAT(login)))
	w.must(err)
	return c
}

// pull opens a pull request as bob.
func (w *world) pull(branch string) int {
	w.t.Helper()
	w.local.Git("checkout", "-q", "-B", branch, "main")
	w.local.File(branch+".txt", "new\n")
	w.local.Git("push", "-q", "origin", branch)
	p, _, err := w.user("bob").PullRequests.Create(w.t.Context(), "acme", "app", &github.NewPullRequest{Title: github.Ptr("Add"), Head: &branch, Base: github.Ptr("main"), Body: github.Ptr("please")})
	w.must(err)
	return p.GetNumber()
}

func (w *world) comments(number int) []*github.IssueComment {
	w.t.Helper()
	list, _, err := w.user("ada").Issues.ListComments(w.t.Context(), "acme", "app", number, &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: 100}})
	w.must(err)
	return list
}

func TestCommentIsOneAndEdited(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	w.repo.Private = false
	n, marker := w.pull("topic"), report.CommentMarker
	for range 101 { // a busy pull request; some quote our marker
		_, _, err := w.user("eve").Issues.CreateComment(t.Context(), "acme", "app", n, &github.IssueComment{Body: github.Ptr(marker + " not ours")})
		w.must(err)
	}
	s := w.open(ToReport())
	w.must(s.PutComment(t.Context(), n, marker, marker+" clean", true))
	if got := w.Calls("issues/create-comment"); got != 101 {
		t.Errorf("a comment without need: %d", got-101)
	}
	for _, text := range []string{" found", " found", " clean"} {
		w.must(s.PutComment(t.Context(), n, marker, marker+text, text == " clean"))
	}
	if made, edited := w.Calls("issues/create-comment")-101, w.Calls("issues/update-comment"); made != 1 || edited != 1 {
		t.Errorf("made %d, edited %d", made, edited)
	}
	if err := s.PutComment(t.Context(), n, marker, "without", false); err == nil {
		t.Error("a comment without its marker could not be found again")
	}
}

func TestCommentSurvivesFaults(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	n := w.pull("topic")
	for i, f := range []ghfake.Fault{
		{Operation: "issues/list-comments", Status: http.StatusBadGateway}, {Operation: "issues/create-comment", Lose: true},
		{Operation: "issues/create-comment", After: true, Lose: true}, {Operation: "issues/create-comment", After: true, Status: http.StatusBadGateway},
	} {
		marker := fmt.Sprintf("<!-- leakgate:%d -->", i)
		s := w.open(ToReport())
		w.Fail(f)
		for range 3 {
			if err := s.PutComment(t.Context(), n, marker, marker+" found", false); err == nil {
				break
			} else if _, ok := AsLater(err); !ok {
				t.Fatal(err)
			}
		}
		found := 0
		for _, c := range w.comments(n) {
			if strings.Contains(c.GetBody(), marker) {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%+v: %d comments", f, found)
		}
	}
}

func TestMayIsReadFromGitHub(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	w.repo.Private = false
	s := w.open(ToRead())
	for _, c := range []struct {
		login, role string
		want        bool
	}{{"ada", "admin", true}, {"bob", "write", true}, {"bob", "admin", false}, {"eve", "read", true}, {"eve", "write", false}, {"nobody", "read", false}} {
		if got, err := s.May(t.Context(), c.login, c.role); err != nil || got != c.want {
			t.Errorf("%s as %s: %v, %v", c.login, c.role, got, err)
		}
	}
	w.Collaborator(w.repo, "bob", "read")
	if got, _ := s.May(t.Context(), "bob", "write"); got {
		t.Error("a role that was taken away still counts")
	}
	if _, err := s.May(t.Context(), "ada", "boss"); err == nil {
		t.Error("an unknown role is no role")
	}
}
