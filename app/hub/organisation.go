package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/gate"
)

// organisationRepo is where an organisation keeps what is for all of its repositories.
const organisationRepo = ".github"

// Organisation reads the policy of an organisation at the default branch of its
// repository .github, with the commit at which it was read. A broken one is an error that
// says where, and the commit at which people need to see it. Where there is none, or the
// App does not reach that repository, it is zero and so is the commit.
func (a *App) Organisation(ctx context.Context, installation int64, login string) (gate.Organisation, string, error) {
	s, err := a.openByName(ctx, installation, organisationRepo, Permissions{"contents": "read"})
	if errors.Is(err, ErrGone) && !strings.Contains(err.Error(), "suspended") {
		return gate.Organisation{}, "", nil
	}
	if err != nil {
		return gate.Organisation{}, "", err
	}
	defer func() { _ = s.Close(ctx) }() // it only reads, and ends within the hour
	branch, resp, err := s.GitHub.Repositories.GetBranch(ctx, s.Owner, s.Name, s.Branch, 1)
	if resp != nil && resp.StatusCode == http.StatusNotFound {
		return gate.Organisation{}, "", nil // empty
	}
	if err != nil {
		return gate.Organisation{}, "", fmt.Errorf("read the policy of %s: %w", login, err)
	}
	sha := branch.GetCommit().GetSHA()
	text, err := s.File(ctx, gate.OrganisationFile, sha)
	if err != nil || text == nil {
		return gate.Organisation{}, "", err
	}
	o, err := gate.ParseOrganisation(s.FullName()+"/"+gate.OrganisationFile, text)
	if err != nil {
		return gate.Organisation{}, sha, fmt.Errorf("%w: %w", ErrBrokenPolicy, err)
	}
	return o, sha, nil
}

// ErrBrokenPolicy: a policy that cannot be read judges nothing.
var ErrBrokenPolicy = errors.New("the policy cannot be read")

// File reads a file of the repository at a commit, of the default branch for "", nil where
// there is none.
func (s *Session) File(ctx context.Context, path, sha string) ([]byte, error) {
	file, _, resp, err := s.GitHub.Repositories.GetContents(ctx, s.Owner, s.Name, path, &github.RepositoryContentGetOptions{Ref: sha})
	if resp != nil && resp.StatusCode == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s of %s at %.10s: %w", path, s.FullName(), sha, err)
	}
	if file == nil {
		return nil, fmt.Errorf("%s of %s is a folder", path, s.FullName())
	}
	text, err := file.GetContent()
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", path, s.FullName(), err)
	}
	return []byte(text), nil
}

// ToEnrol is what reading the traits of a repository and its policy needs.
func ToEnrol(o gate.Organisation) Permissions {
	p := Permissions{"contents": "read"}
	if _, properties := o.Asks(); properties {
		p["repository_custom_properties"] = "read"
	}
	return p
}

// Traits are what the enrolments of an organisation look at, as they are now; what none
// of them asks for is not read. Own is for the caller to say, who has the tree of the base.
func (s *Session) Traits(ctx context.Context, o gate.Organisation) (gate.Repository, error) {
	r := gate.Repository{Name: s.Name}
	topics, properties := o.Asks()
	var err error
	if topics {
		if r.Topics, _, err = s.GitHub.Repositories.ListAllTopics(ctx, s.Owner, s.Name, nil); err != nil {
			return r, fmt.Errorf("read the topics of %s: %w", s.FullName(), err)
		}
	}
	if properties {
		if r.Properties, err = s.properties(ctx); err != nil {
			return r, fmt.Errorf("read the custom properties of %s: %w", s.FullName(), err)
		}
	}
	return r, nil
}

func (s *Session) properties(ctx context.Context) (map[string][]string, error) {
	out := map[string][]string{}
	values, resp, err := s.GitHub.Repositories.GetAllCustomPropertyValues(ctx, s.Owner, s.Name)
	if resp != nil && resp.StatusCode == http.StatusNotFound {
		return out, nil // accounts of users have none
	}
	if err != nil {
		return nil, err
	}
	for _, v := range values {
		switch value := v.Value.(type) {
		case string:
			out[v.PropertyName] = []string{value}
		case []string:
			out[v.PropertyName] = value
		}
	}
	return out, nil
}
