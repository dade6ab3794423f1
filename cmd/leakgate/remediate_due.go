package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/due"
)

const dueLong = `List credentials that are older than the policy allows: static ones that leaked and are
not proven dead, and the successors of those that were rotated, by when they were minted,
rotated or first committed; dynamic ones of the manifests at PATH (files, or folders with
.yaml, .yml and .json) by how long they let a credential of Vault live. What was counted
is kept in the audit trail, for leakgate remediate metrics.

Exit codes:
  0  nothing is due
  1  a static credential is too old, or a dynamic one lives too long
  2  usage: a wrong flag, or a PATH that is not there
  3  could not tell about one`

// dueFlags are the policy.
type dueFlags struct {
	days          int
	ttl           time.Duration
	roles         []string
	format, color string
}

func (w *world) remediateDueCommand(f *remediation) *cobra.Command {
	var d dueFlags
	c := &cobra.Command{
		Use: "due [PATH...]", Short: "List credentials that are older than the policy allows", Long: dueLong,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains([]string{"text", "json"}, d.format) || !slices.Contains([]string{"auto", "always", "never"}, d.color) {
				return badFlag("--format is text or json, and --color auto, always or never")
			}
			if d.days < 1 || d.ttl <= 0 {
				return badFlag("--max-age and --max-ttl are greater than 0")
			}
			roles := map[string]time.Duration{}
			for _, text := range d.roles {
				path, ttl, err := due.ParseRole(text)
				if err != nil {
					return badFlag("--role: %w", err)
				}
				roles[path] = ttl
			}
			return w.due(cmd, f, d, roles, args)
		},
	}
	c.Flags().IntVar(&d.days, "max-age", int(due.MaxAge.Hours()/24), "`DAYS` after which a static credential is due")
	c.Flags().DurationVar(&d.ttl, "max-ttl", due.MaxTTL, "longest life of a dynamic credential")
	c.Flags().StringArrayVar(&d.roles, "role", nil, "the TTL of a role in Vault whose manifest does not say it, as `PATH=TTL`; may be given several times")
	c.Flags().StringVarP(&d.format, "format", "f", "text", "text or json")
	c.Flags().StringVar(&d.color, "color", "auto", "auto, always or never")
	return c
}

func (w *world) due(cmd *cobra.Command, f *remediation, d dueFlags, roles map[string]time.Duration, paths []string) error {
	var all []due.Item
	for _, path := range paths {
		found, err := dynamicAt(path, d.ttl, roles)
		if err != nil {
			return flagError{err}
		}
		all = append(all, found...)
	}
	e, err := w.engine(cmd.Context(), f)
	if err != nil {
		return err
	}
	defer e.Store.Close()
	events, _, err := e.Trail(cmd.Context())
	if err != nil {
		return err
	}
	all = append(all, due.Static(events, w.now(), time.Duration(d.days)*24*time.Hour)...)
	for i := range all { // names of a repository may hold a value
		all[i].Name, all[i].Where, all[i].Why = inspect.Clean(all[i].Name), inspect.Clean(all[i].Where), inspect.Clean(all[i].Why)
	}
	due.Sort(all)
	counts := due.Count(all)
	err = e.Store.Tx(cmd.Context(), func(t *store.Tx) error {
		_, err := t.Audit(cmd.Context(), e.Actor, "due.examined", "due", counts)
		return err
	})
	if err != nil {
		return err
	}
	if err := w.printDue(all, counts, d); err != nil {
		return err
	}
	switch {
	case counts.Overdue+counts.Violation > 0:
		return outcome(exitBlocked)
	case counts.Unknown > 0:
		return outcome(exitUndecided)
	}
	return nil
}

// maxManifest is the largest file that is read as a manifest, in bytes.
const maxManifest = 64 << 20

// dynamicAt judges a file, or the manifests of a folder.
func dynamicAt(path string, limit time.Duration, roles map[string]time.Duration) (all []due.Item, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	err = filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			all = append(all, due.Item{Kind: "dynamic", Name: "?", Where: file, Why: "it cannot be read"})
			return nil
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.IsDir() || file != path && !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(file)):
			return nil
		}
		text, err := readManifest(file)
		if err != nil {
			all = append(all, due.Item{Kind: "dynamic", Name: "?", Where: file, Why: err.Error()})
			return nil
		}
		all = append(all, due.Dynamic(file, text, limit, roles)...)
		return nil
	})
	return all, err
}

func readManifest(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		return nil, errors.New("it is no file that can be read")
	}
	if info.Size() > maxManifest {
		return nil, fmt.Errorf("it has more than %d MiB", maxManifest>>20)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, errors.New("it cannot be read")
	}
	return text, nil
}

func (w *world) printDue(all []due.Item, counts due.Counts, d dueFlags) error {
	if d.format == "json" {
		return w.printJSON(map[string]any{"items": append([]due.Item{}, all...), "counts": counts, "max_age_days": d.days, "max_ttl": d.ttl.String()})
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STATUS\tKIND\tAGE\tCREDENTIAL\tWHERE\tWHY")
	for _, i := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", i.Status, i.Kind, lifetime(i), i.Name, i.Where, i.Why)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	color := d.color == "always" || d.color == "auto" && w.width > 0 && w.env("NO_COLOR") == ""
	for n, line := range strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n") {
		if color && n > 0 {
			line = paint(all[n-1].Status, line)
		}
		fmt.Fprintln(w.stdout, line)
	}
	fmt.Fprintf(w.stdout, "\n%s.\n", counts.Summary())
	return nil
}

// lifetime is how old something is, or how old it may become.
func lifetime(i due.Item) string {
	switch {
	case i.Age == 0:
		return "-"
	case i.Age >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(i.Age.Hours()/24))
	}
	return i.Age.Round(time.Minute).String()
}

// paint colours the status, which begins the line, red, yellow or green.
func paint(s due.Status, line string) string {
	code := map[due.Status]string{due.Due: "31", due.Violation: "31", due.CannotTell: "33", due.OK: "32"}[s]
	n := len(s.String())
	return "\x1b[" + code + "m" + line[:n] + "\x1b[0m" + line[n:]
}

// printJSON writes a document for machines.
func (w *world) printJSON(document any) error {
	out := json.NewEncoder(w.stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(document)
}
