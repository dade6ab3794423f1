package main

import (
	"fmt"
	"os"
	"path/filepath"

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
	var shares, threshold int
	var dir string
	c := &cobra.Command{
		Use: "init", Short: "Make a key and cut it into shares", Args: cobra.NoArgs,
		Long: "Make an age key, write each of its shares into a file of its own (mode 0600), and print\nthe recipient to seal to. The key itself is kept nowhere: hand the shares to different\npeople and delete the files.\n",
		RunE: func(*cobra.Command, []string) error {
			recipient, parts, err := seal.Split(shares, threshold)
			if err != nil {
				return flagError{err}
			}
			for i, p := range parts {
				if err := writeNew(filepath.Join(dir, fmt.Sprintf("share-%d", i+1)), p); err != nil {
					return err
				}
			}
			fmt.Fprintln(w.stdout, recipient)
			return nil
		},
	}
	c.Flags().IntVar(&shares, "shares", 5, "how many `SHARES` to cut")
	c.Flags().IntVar(&threshold, "threshold", 3, "how `MANY` of them make the key whole")
	c.Flags().StringVar(&dir, "dir", ".", "the `FOLDER` for the shares")
	return c
}

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
			return w.sealEvidence(cmd, &l, recipients, out, pathOf(args, 0))
		},
	}
	l.addFlags(c)
	c.Flags().StringArrayVar(&to, "to", nil, "an age `RECIPIENT`; may be given several times")
	c.Flags().StringVarP(&out, "output", "o", "", "write to `FILE`, which must not be there")
	return c
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
