package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/store"
)

const databaseLong = `Back the database up, restore it, and bring its schema up to date.

The database holds no value of any credential, no token and no payload, but what was
found where. A backup is of as much use as the key is kept with it, though elsewhere:
the file "key" in the folder of --data, or LEAKGATE_KEY. Without it credentials that are
found again are new ones, and the audit trail does not verify.`

func (w *world) databaseCommand() *cobra.Command {
	c := &cobra.Command{Use: "db", Short: "Back up, restore and migrate the database", Long: databaseLong, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(w.backupCommand(), w.restoreCommand(), w.migrateCommand())
	return c
}

func (w *world) backupCommand() *cobra.Command {
	var o serveOptions
	c := &cobra.Command{Use: "backup FILE", Short: "Write the database into a file, while it is served", Args: cobra.ExactArgs(1),
		Long: `Write the database into a file, as it is at one moment, while servers go on.

For SQLite the file is a database itself; for PostgreSQL pg_dump writes it, which has to
be installed. The last line is the head of the audit trail: note it elsewhere, and
restore --noted tells later whether a backup is an older one.`,
		RunE: func(c *cobra.Command, args []string) error { return w.backup(c.Context(), o, args[0]) }}
	o.databaseFlags(c.Flags())
	return c
}

func (w *world) backup(ctx context.Context, o serveOptions, file string) error {
	s, _, err := w.openThere(ctx, &o)
	if err != nil {
		return err
	}
	defer s.Close()
	head, err := s.VerifyTrail(ctx)
	if err != nil {
		return fmt.Errorf("nothing is written: %w", err)
	}
	if err := store.Backup(ctx, o.database, file); err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "The database is in %s. It needs its key, which is not in it: %s.\n%s\n", file, w.keyPlace(o), head)
	return nil
}

// keyPlace says where the installation's key is.
func (w *world) keyPlace(o serveOptions) string {
	if w.env(keyVariable) != "" {
		return "the value of " + keyVariable
	}
	return filepath.Join(o.data, "key")
}

type restoreOptions struct {
	serveOptions
	replace, older bool
	noted          string
}

func (w *world) restoreCommand() *cobra.Command {
	var o restoreOptions
	c := &cobra.Command{Use: "restore FILE", Short: "Put a backup in the place of the database", Args: cobra.ExactArgs(1),
		Long: `Put a backup in the place of the database, which nobody may serve meanwhile.

A database that holds anything is kept, unless --replace is given. What was delivered
since the backup is asked for again when serve starts, as far as GitHub has it: three
days. A backup whose audit trail ends before what was noted here, or by --noted, is
refused unless --older is given: what was done since is not in it. That is looked at, as
is that the trail is whole, before anything is changed.`,
		RunE: func(c *cobra.Command, args []string) error { return w.restore(c.Context(), o, args[0]) }}
	f := c.Flags()
	o.databaseFlags(f)
	f.BoolVar(&o.replace, "replace", false, "the database that is there may go")
	f.BoolVar(&o.older, "older", false, "an older state than the one that was noted is wanted")
	f.StringVar(&o.noted, "noted", "", "the head of the audit trail as it was noted elsewhere, NUMBER:HASH")
	return c
}

func (w *world) restore(ctx context.Context, o restoreOptions, file string) error {
	var noted []store.Head
	if o.noted != "" {
		h, err := store.ParseHead(o.noted)
		if err != nil {
			return badFlag("--noted: %w", err)
		}
		noted = append(noted, h)
	}
	o.place(w)
	if w.env(keyVariable) == "" {
		if _, err := os.Stat(filepath.Join(o.data, "key")); err != nil {
			return badFlag("the key of the backup is missing: put it into %s first, or set %s", filepath.Join(o.data, "key"), keyVariable)
		}
	}
	err := store.Restore(ctx, o.database, file, o.replace, func(place string) error { return w.proven(ctx, o, place, noted) })
	if errors.Is(err, store.ErrNotEmpty) {
		return fmt.Errorf("%w: --replace lets it go", err)
	}
	if err != nil {
		return err
	}
	return w.restored(ctx, o, noted)
}

// proven looks at a backup before anything goes for it. It notes nothing: that is for what
// is put back.
func (w *world) proven(ctx context.Context, o restoreOptions, place string, noted []store.Head) error {
	o.database = place
	s, _, err := w.open(ctx, &o.serveOptions)
	if err != nil {
		return err
	}
	defer s.DB().Close()
	if _, err := s.VerifyTrail(ctx); err != nil {
		return fmt.Errorf("nothing is changed, the backup is not to be used: %w", err)
	}
	_, err = s.VerifyTrail(ctx, noted...)
	if err = errors.Join(err, s.Recall(ctx)); err != nil && !o.older {
		return fmt.Errorf("nothing is changed: the backup is an older state, or another one, than was noted; --older if that is wanted, or else a newer backup: %w", err)
	}
	return nil
}

// restored proves what was put back, and says how it stands to what was noted.
func (w *world) restored(ctx context.Context, o restoreOptions, noted []store.Head) error {
	s, _, err := w.open(ctx, &o.serveOptions)
	if err != nil {
		return err
	}
	defer s.Close()
	last, err := s.VerifyTrail(ctx)
	if err != nil {
		return fmt.Errorf("the database is put back and not to be used: %w", err)
	}
	fmt.Fprintf(w.stdout, "The database is put back. Its audit trail is whole and ends at event %d.\n", last.Seq)
	_, err = s.VerifyTrail(ctx, noted...)
	if err = errors.Join(err, s.Recall(ctx)); err != nil && !o.older {
		return fmt.Errorf("it is an older state, or another one, than was noted; restore it again with --older if that is wanted, or else a newer backup: %w", err)
	}
	if err != nil {
		fmt.Fprintf(w.stdout, "It is an older state: %v\n", err)
		if err := os.Remove(o.notedFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return s.Remember(ctx)
}

func (w *world) migrateCommand() *cobra.Command {
	var o serveOptions
	check := false
	c := &cobra.Command{Use: "migrate", Short: "Bring the schema up to date", Args: cobra.NoArgs,
		Long: `Bring the schema up to date, that of the queue too; serve does the same when it starts.

The version before goes on running on the new schema, so that servers are replaced one
by one, and back again. With --check nothing is changed.

Exit codes: 0 up to date · 1 with --check, migrations are missing · 2 wrong flags · 3 it
could not be done, or the database needs a newer version`,
		RunE: func(c *cobra.Command, _ []string) error {
			if check {
				return w.migrateCheck(c.Context(), o)
			}
			return w.migrate(c.Context(), o)
		}}
	o.databaseFlags(c.Flags())
	c.Flags().BoolVar(&check, "check", false, "say what is missing, and change nothing")
	return c
}

func (w *world) migrateCheck(ctx context.Context, o serveOptions) error {
	o.place(w)
	level, err := store.LevelOf(ctx, o.database)
	if err != nil {
		return err
	}
	missing, queue := level.Missing(), 0
	if _, err := os.Stat(o.database); store.IsPostgres(o.database) || err == nil {
		s, err := store.Look(o.database)
		if err != nil {
			return err
		}
		defer s.Close()
		if queue, err = work.MissingMigrations(ctx, s); err != nil {
			return err
		}
	}
	fmt.Fprintf(w.stdout, "leakgate: %d of %d migrations done\n", level.Known-missing, level.Known)
	if level.Done > level.Known {
		fmt.Fprintf(w.stdout, "leakgate: %d more by a newer version, which this one survives\n", level.Done-level.Known)
	}
	fmt.Fprintf(w.stdout, "queue: %d missing\n", queue)
	if missing+queue > 0 || level.Done == 0 {
		return outcome{1, "migrations are missing: `leakgate-app db migrate` does them"}
	}
	return nil
}

func (w *world) migrate(ctx context.Context, o serveOptions) error {
	s, _, err := w.open(ctx, &o)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := work.Migrate(ctx, s, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	fmt.Fprintln(w.stdout, "the schema is up to date")
	return nil
}

// openThere opens a database that has to be there.
func (w *world) openThere(ctx context.Context, o *serveOptions) (*store.Store, storeKey, error) {
	o.place(w)
	if _, err := os.Stat(o.database); !store.IsPostgres(o.database) && errors.Is(err, fs.ErrNotExist) {
		return nil, storeKey{}, badFlag("there is no database at %s: name it with --database or --data", o.database)
	}
	return w.open(ctx, o)
}
