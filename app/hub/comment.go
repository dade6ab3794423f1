package hub

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v89/github"
)

// Comment is one of a pull request or an issue, as GitHub tells it now.
type Comment struct {
	ID   int64  `json:"id"`
	Body string `json:"body"`
	User struct {
		Login string `json:"login"`
		Type  string `json:"type"`
	} `json:"user"`
	App *struct { // go-github's type does not have it
		ID int64 `json:"id"`
	} `json:"performed_via_github_app"`
	IssueURL string `json:"issue_url"`
}

// PutComment has a pull request hold exactly one comment of ours with a marker, and the
// comment say what body says. Where there is none and quiet is set, none is made. The
// marker is in the body; what others wrote with it is left alone.
func (s *Session) PutComment(ctx context.Context, number int, marker, body string, quiet bool) error {
	if !strings.Contains(body, marker) {
		return fmt.Errorf("the comment lacks its marker %s", marker)
	}
	mine, err := s.findComments(ctx, number, marker)
	if err != nil {
		return fmt.Errorf("look for our comment at %s#%d: %w", s.FullName(), number, err)
	}
	text := &github.IssueComment{Body: &body}
	switch {
	case len(mine) == 0 && quiet:
		return nil
	case len(mine) == 0:
		_, _, err = s.GitHub.Issues.CreateComment(ctx, s.Owner, s.Name, number, text)
	case mine[0].Body != body:
		_, _, err = s.GitHub.Issues.EditComment(ctx, s.Owner, s.Name, mine[0].ID, text)
	}
	if err != nil {
		return fmt.Errorf("write our comment at %s#%d: %w", s.FullName(), number, err)
	}
	for i := 1; i < len(mine); i++ { // two that wrote at the same time
		if _, err := s.GitHub.Issues.DeleteComment(ctx, s.Owner, s.Name, mine[i].ID); err != nil {
			return fmt.Errorf("remove our second comment at %s#%d: %w", s.FullName(), number, err)
		}
	}
	return nil
}

// findComments reads every page: a busy pull request has hundreds.
func (s *Session) findComments(ctx context.Context, number int, marker string) ([]Comment, error) {
	var mine []Comment
	for page := 1; page != 0; {
		var list []Comment
		resp, err := s.get(ctx, fmt.Sprintf("repos/%s/%s/issues/%d/comments?per_page=100&page=%d", s.Owner, s.Name, number, page), &list)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if c.App != nil && c.App.ID == s.app.ID && strings.Contains(c.Body, marker) {
				mine = append(mine, c)
			}
		}
		page = resp.NextPage
	}
	return mine, nil
}

// Comment reads a comment again, because a payload says what it was when it was sent.
func (s *Session) Comment(ctx context.Context, id int64) (Comment, error) {
	var c Comment
	_, err := s.get(ctx, fmt.Sprintf("repos/%s/%s/issues/comments/%d", s.Owner, s.Name, id), &c)
	return c, err
}

// get decodes an answer into a type of our own.
func (s *Session) get(ctx context.Context, path string, into any) (*github.Response, error) {
	req, err := s.GitHub.NewRequest(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	return s.GitHub.Do(req, into)
}

// roles in their order. Those of an organisation's own count as what GitHub says they
// are based on. https://docs.github.com/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization
var roles = []string{"none", "read", "triage", "write", "maintain", "admin"}

// May asks GitHub whether somebody has at least a role on the repository, as it is now.
func (s *Session) May(ctx context.Context, login, role string) (bool, error) {
	_, may, err := s.Who(ctx, login, role)
	return may, err
}

// Who is May with the number of the account, which stays when the login changes.
func (s *Session) Who(ctx context.Context, login, role string) (account int64, may bool, err error) {
	if rank(role) < 0 {
		return 0, false, fmt.Errorf("unknown role %q", role)
	}
	level, resp, err := s.GitHub.Repositories.GetPermissionLevel(ctx, s.Owner, s.Name, login)
	if resp != nil && resp.StatusCode == http.StatusNotFound {
		return 0, false, nil // no collaborator, or nobody
	}
	if err != nil {
		return 0, false, fmt.Errorf("ask for the role of %q in %s: %w", login, s.FullName(), err)
	}
	has := rank(level.GetRoleName())
	if has < 0 {
		has = rank(level.GetPermission())
	}
	return level.GetUser().GetID(), has >= rank(role), nil
}

func rank(role string) int {
	for i, name := range roles {
		if name == role {
			return i
		}
	}
	return -1
}
