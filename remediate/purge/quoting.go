package purge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/remediate/rewrite"
)

// mapFile is where the ids of the commits that a rewrite took out are kept, a line
// each with the new one, as git-filter-repo writes its commit-map. They are no secret.
func (e *Engine) mapFile(digest string) string {
	return filepath.Join(e.Dir, "commit-map-"+digest[:16])
}

// keepMap writes them before anything is pushed.
func (e *Engine) keepMap(digest string, moves []rewrite.Move) error {
	var text bytes.Buffer
	for _, m := range moves {
		fmt.Fprintf(&text, "%s %s\n", m.Old, m.New)
	}
	return os.WriteFile(e.mapFile(digest), text.Bytes(), 0o600)
}

// quoting are commits of a mirror whose messages name commits that are no more;
// nil when no map says which these are.
func (e *Engine) quoting(ctx context.Context, digest, dir string) ([]string, error) {
	text, err := os.ReadFile(e.mapFile(digest))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var gone []gitrepo.ID
	for line := range strings.Lines(string(text)) {
		old, _, _ := strings.Cut(line, " ")
		id, err := gitrepo.ParseID(old)
		if err != nil {
			return nil, fmt.Errorf("%s does not parse: %w", e.mapFile(digest), err)
		}
		gone = append(gone, id)
	}
	repo, err := gitrepo.Open(dir)
	if err != nil {
		return nil, err
	}
	defer repo.Close()
	ids, err := rewrite.Quoting(ctx, repo, gone)
	return hexes(ids), err
}
