package work

import (
	"context"
	"fmt"
	"net/http"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/store"
)

// needs are the permissions for what is to be said.
func (s saying) needs() hub.Permissions {
	if len(s.comments) > 0 {
		return hub.ToReport()
	}
	return hub.ToCheck()
}

// comment has the pull requests say in their one comment what was found at this head. A
// head that was replaced in the meantime leaves the word to the newer one.
func (e *Engine) comment(ctx context.Context, s *hub.Session, tip store.Tip, all []verdict) error {
	for _, v := range all {
		if err := e.commentOne(ctx, s, tip, v); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) commentOne(ctx context.Context, s *hub.Session, tip store.Tip, v verdict) error {
	release, err := e.commenting(ctx, tip.Repository, v.Pull)
	if err != nil {
		return err
	}
	defer release()
	p, resp, err := s.GitHub.PullRequests.Get(ctx, s.Owner, s.Name, v.Pull)
	if resp != nil && resp.StatusCode == http.StatusNotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read pull request %d: %w", v.Pull, err)
	}
	if p.GetHead().GetSHA() != tip.SHA {
		return nil
	}
	return s.PutComment(ctx, v.Pull, report.CommentMarker, v.Comment, v.Quiet)
}

// commenting is the lock under which our comments at a pull request are written.
func (e *Engine) commenting(ctx context.Context, repository int64, pull int) (release func(), err error) {
	return e.Store.Exclusive(ctx, fmt.Sprintf("comment %d", (repository+int64(pull))%locks))
}
