package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/go-github/v89/github"
)

// Pattern is a custom pattern of GitHub's secret scanning.
type Pattern struct {
	Name    string `json:"name"`
	Pattern string `json:"pattern"`
	Start   string `json:"start_delimiter,omitempty"` // GitHub's own when ""
	End     string `json:"end_delimiter,omitempty"`
}

// Synced says what became of patterns, by name.
type Synced struct {
	Created, Changed, Same, Left []string // Left: of ours once, and not any more
}

// ErrNoPatterns: this GitHub has no interface for custom patterns, or the account has no
// secret scanning.
var ErrNoPatterns = errors.New("GitHub does not take custom patterns here")

// onPatterns are the permissions for custom patterns of an organisation. The description
// of the interface does not say which of an App's it asks for; GitHub's own answer does,
// in X-Accepted-GitHub-Permissions.
func onPatterns() Permissions { return Permissions{"organization_administration": "write"} }

// storedPattern is one as GitHub has it.
type storedPattern struct {
	Pattern
	ID      int64  `json:"id"`
	Version string `json:"custom_pattern_version"`
}

// atOnce is how many patterns one request makes, and how many a page lists.
const atOnce = 100

// SyncPatterns has an organisation hold patterns: those whose name is missing are made, and
// those that say something else are changed. ours tells from a name what was made by us
// before; nothing is deleted, as its alerts would go with it. dry only says what would be done.
// https://docs.github.com/rest/secret-scanning/custom-patterns
func (a *App) SyncPatterns(ctx context.Context, org string, wanted []Pattern, ours func(name string) bool, dry bool) (out Synced, err error) {
	i, _, err := a.client.Apps.GetOrganizationInstallation(ctx, org)
	if err != nil {
		return out, fmt.Errorf("look for the App on %s: %w", org, err)
	}
	s, err := a.anywhere(ctx, i.GetID(), onPatterns())
	if err != nil {
		return out, fmt.Errorf("custom patterns need the App's organisation permission Administration: write: %w", err)
	}
	defer func() { _ = s.Close(ctx) }() // it ends within the hour
	there, err := s.patterns(ctx, org)
	if err != nil {
		return out, err
	}
	var missing []Pattern
	for _, p := range wanted {
		known, found := there[p.Name]
		switch {
		case !found:
			missing = append(missing, p)
			out.Created = append(out.Created, p.Name)
		case known.Pattern.Pattern == p.Pattern:
			out.Same = append(out.Same, p.Name)
		default:
			out.Changed = append(out.Changed, p.Name)
			if !dry {
				body := map[string]string{"pattern": p.Pattern, "custom_pattern_version": known.Version}
				err = s.patternCall(ctx, http.MethodPatch, fmt.Sprintf("orgs/%s/secret-scanning/custom-patterns/%d", org, known.ID), body, nil)
			}
		}
		if err != nil {
			return out, err
		}
		delete(there, p.Name)
	}
	for name := range there {
		if ours(name) {
			out.Left = append(out.Left, name)
		}
	}
	slices.Sort(out.Left)
	for chunk := range slices.Chunk(missing, atOnce) {
		if dry {
			break
		}
		if err := s.patternCall(ctx, http.MethodPost, "orgs/"+org+"/secret-scanning/custom-patterns", map[string]any{"patterns": chunk}, nil); err != nil {
			return out, err
		}
	}
	return out, nil
}

// patterns are all of an organisation by name.
func (s *Session) patterns(ctx context.Context, org string) (map[string]storedPattern, error) {
	all := map[string]storedPattern{}
	for page := 1; ; page++ {
		var list []storedPattern
		if err := s.patternCall(ctx, http.MethodGet, fmt.Sprintf("orgs/%s/secret-scanning/custom-patterns?per_page=%d&page=%d", org, atOnce, page), nil, &list); err != nil {
			return nil, err
		}
		for _, p := range list {
			all[p.Name] = p
		}
		if len(list) < atOnce {
			return all, nil
		}
	}
}

func (s *Session) patternCall(ctx context.Context, method, path string, body, into any) error {
	req, err := s.GitHub.NewRequest(ctx, method, path, body)
	if err != nil {
		return err
	}
	_, err = s.GitHub.Do(req, into)
	if refused, is := errors.AsType[*github.ErrorResponse](err); is && refused.Response.StatusCode == http.StatusNotFound {
		return ErrNoPatterns
	}
	if err != nil {
		return fmt.Errorf("custom patterns: %w", err)
	}
	return nil
}
