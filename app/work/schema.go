package work

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/riverqueue/river/rivermigrate"

	"github.com/leakgate/leakgate/internal/store"
)

// MissingMigrations counts those of the queue that a database lacks, and changes nothing.
func MissingMigrations(ctx context.Context, s *store.Store) (missing int, err error) {
	migrator, err := rivermigrate.New(driver(s), &rivermigrate.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		return 0, err
	}
	there, err := migrator.ExistingVersions(ctx)
	if err != nil {
		return 0, fmt.Errorf("look at the tables of the queue: %w", err)
	}
	done := map[int]bool{}
	for _, m := range there {
		done[m.Version] = true
	}
	for _, m := range migrator.AllVersions() {
		if !done[m.Version] {
			missing++
		}
	}
	return missing, nil
}

// Migrate brings the tables of the queue up to date, one process at a time.
func Migrate(ctx context.Context, s *store.Store, log *slog.Logger) error {
	release, err := wait(ctx, s, "queue schema")
	if err != nil {
		return err
	}
	defer release()
	migrator, err := rivermigrate.New(driver(s), &rivermigrate.Config{Logger: log})
	if err == nil {
		_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	}
	if err != nil {
		return fmt.Errorf("bring the tables of the queue up to date: %w", err)
	}
	return nil
}
