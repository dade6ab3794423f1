package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/remediate/seal"
)

const sealLong = `Keep values of leaked credentials where nobody who stores them can read them:
encrypted with age to keys that are elsewhere. For a break of the glass the key is
cut into shares, of which some make it whole again.
`

func (w *world) sealCommand() *cobra.Command {
	c := &cobra.Command{Use: "seal", Short: "Seal values to keys that are elsewhere, and cut such a key into shares", Long: sealLong}
	c.AddCommand(w.sealInitCommand(), w.sealOpenCommand(), w.sealEvidenceCommand())
	return c
}

func (w *world) sealInitCommand() *cobra.Command {
	var cut seal.Cut
	var dir string
	var rotate bool
	c := &cobra.Command{
		Use: "init", Short: "Make a key and cut it into shares", Args: cobra.NoArgs,
		Long: "Make an age key, write each of its shares into a file of its own (mode 0600), and print\nthe recipient to seal to. The key itself is kept nowhere: hand the shares to different\npeople and delete the files.\n\nWhere a key was made before, its shares go on opening what was sealed to it. A second\none is made with --rotate only, and nothing is sealed to the first any more.\n",
		RunE: func(*cobra.Command, []string) error { return w.sealInit(cut, dir, rotate) },
	}
	c.Flags().BoolVar(&rotate, "rotate", false, "make a new key in place of the one that is in use")
	c.Flags().IntVar(&cut.Shares, "shares", 5, "how many `SHARES` to cut")
	c.Flags().IntVar(&cut.Threshold, "threshold", 3, "how `MANY` of them make the key whole")
	c.Flags().StringVar(&dir, "dir", ".", "the `FOLDER` for the shares")
	return c
}

// ledger is where it is noted which keys were cut into shares.
func (w *world) ledger() (string, seal.Ledger, error) {
	folder := w.stateFolder()
	if folder == "" {
		return "", seal.Ledger{}, badFlag("there is no folder for state, in which it is noted which keys were cut: set XDG_STATE_HOME")
	}
	path := filepath.Join(folder, "leakgate", "seal.json")
	l, err := seal.ReadLedger(path)
	return path, l, err
}

func (w *world) sealInit(cut seal.Cut, dir string, rotate bool) error {
	path, l, err := w.ledger()
	if err != nil {
		return err
	}
	old := l.Current()
	switch {
	case old != nil && !rotate:
		return badFlag("a key is in use since %s, and its shares stay valid: %s; --rotate makes a new one in its place", old.Made.Format(time.RFC3339), old.Recipient)
	case old == nil && rotate:
		return badFlag("--rotate: no key is in use")
	}
	if left, err := filepath.Glob(filepath.Join(dir, "share-*")); err != nil || len(left) > 0 {
		return badFlag("--dir %s holds shares of a key: move them away, so that nobody mixes them up", dir)
	}
	recipient, parts, err := seal.Split(cut.Shares, cut.Threshold)
	if err != nil {
		return flagError{err}
	}
	cut.Recipient, cut.Made = recipient, w.now().UTC().Truncate(time.Second)
	if err := l.With(cut).Write(path); err != nil {
		return err
	}
	if err := writeShares(dir, parts); err != nil { // nobody can use the key
		return errors.Join(err, l.Write(path))
	}
	if old != nil {
		fmt.Fprintf(w.stderr, "leakgate: the shares of %s open what was sealed to it before: seal that anew if it is still needed, then have its shares destroyed\n", old.Recipient)
	}
	fmt.Fprintln(w.stdout, recipient)
	return nil
}

// writeShares writes each share into a file of its own, or none.
func writeShares(dir string, parts []secret.Secret) error {
	for i, p := range parts {
		if err := writeNew(shareFile(dir, i), p); err != nil {
			for n := range i {
				os.Remove(shareFile(dir, n))
			}
			return err
		}
	}
	return nil
}

func shareFile(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("share-%d", i+1)) }

// writeNew writes a value into a file that is not there yet, for its owner only.
func writeNew(path string, value secret.Secret) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(f, value.Reveal()); err != nil { // the user asked for the file
		f.Close()
		return err
	}
	return f.Close()
}

func (w *world) sealOpenCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "open SHARE...", Short: "Make a key whole from the files of its shares", Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return badFlag("say where the key goes: --output FILE")
			}
			var parts []secret.Secret
			for _, path := range args {
				text, err := os.ReadFile(path)
				if err != nil {
					return flagError{err}
				}
				parts = append(parts, secret.New(string(text)))
			}
			identity, err := seal.Combine(parts)
			if err != nil {
				return err
			}
			return writeNew(out, secret.New(identity.String()))
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "write the identity to `FILE`, which must not be there")
	return c
}

func (w *world) sealEvidenceCommand() *cobra.Command {
	var l leaks
	var to []string
	var out string
	c := &cobra.Command{
		Use: "evidence [PATH]", Short: "Scan a repository and seal the values that were found", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			recipients, err := seal.Recipients(to)
			if err != nil {
				return flagError{err}
			}
			if out == "" {
				return badFlag("say where the evidence goes: --output FILE")
			}
			if err := w.inUse(to); err != nil {
				return err
			}
			return w.sealEvidence(cmd, &l, recipients, out, pathOf(args, 0))
		},
	}
	l.addFlags(c)
	c.Flags().StringArrayVar(&to, "to", nil, "an age `RECIPIENT`; may be given several times")
	c.Flags().StringVarP(&out, "output", "o", "", "write to `FILE`, which must not be there")
	return c
}

// inUse refuses recipients whose place another key has taken.
func (w *world) inUse(recipients []string) error {
	if w.stateFolder() == "" { // no key was ever cut here
		return nil
	}
	_, l, err := w.ledger()
	if err != nil {
		return err
	}
	for _, r := range recipients {
		if old := l.Replaced(r); old != nil {
			return badFlag("--to %s was replaced on %s: seal to %s", r, old.Replaced.Format(time.RFC3339), l.Current().Recipient)
		}
	}
	return nil
}

func (w *world) sealEvidence(cmd *cobra.Command, l *leaks, to []age.Recipient, out, path string) error {
	catalogue, err := revoke.Default()
	if err != nil {
		return err
	}
	key, err := w.key()
	if err != nil {
		return err
	}
	if !key.Stable() {
		return badFlag("evidence needs a key that outlives the run: set %s, or have a folder for configuration", keyVariable)
	}
	cases, _, err := w.find(cmd, &remediate.Engine{Catalogue: catalogue}, l, path)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := seal.Write(f, seal.Evidence{Made: w.now().UTC(), Cases: cases}, to); err != nil {
		f.Close()
		os.Remove(out)
		return err
	}
	fmt.Fprintf(w.stdout, "sealed %d credentials into %s\n", len(cases), inspect.Clean(out))
	return f.Close()
}
