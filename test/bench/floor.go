//go:build unix

package main

import (
	"context"
	"fmt"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// floor reads every object of a repository and does nothing with it: no scan that
// sees every byte can be faster. It is a process of its own, as this program has to
// stay small.
func floor(path string) error {
	repo, err := gitrepo.Open(path)
	if err != nil {
		return err
	}
	defer repo.Close()
	nothing := func(_ int, o gitrepo.Packed) (any, error) { return nil, o.Err }
	if err := repo.Scan(context.Background(), nil, gitrepo.ScanOptions{All: true}, nothing); err != nil {
		return fmt.Errorf("read every object: %w", err)
	}
	return nil
}
