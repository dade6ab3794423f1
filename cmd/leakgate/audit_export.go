package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/trail"
)

// bundleFormat is the format that is a file of its own.
const bundleFormat = "bundle"

const auditExportLong = `Verify the trail and write its events: as JSON lines, as OCSF ` + trail.OCSF + ` events of the class
API Activity, or as syslog lines (RFC 5424).

The format bundle writes a zip file that stands alone: the events, the document of
each incident, and what they show of controls of SOC 2, ISO/IEC 27001:2022, PCI DSS
4.0 and GDPR and what is missing, signed with your SSH key. leakgate audit verify
--bundle verifies it anywhere.
`

// export are the flags of the command.
type export struct {
	format, subject, output, key string
}

func (w *world) auditExportCommand(place *string) *cobra.Command {
	var x export
	c := &cobra.Command{
		Use: "export", Short: "Write the trail for other systems, or as signed evidence", Args: cobra.NoArgs, Long: auditExportLong,
		RunE: func(cmd *cobra.Command, _ []string) error {
			bundle := x.format == bundleFormat
			switch {
			case !bundle && !slices.Contains(trail.Formats, x.format):
				return badFlag("--format is %s or %s, not %q", strings.Join(trail.Formats, ", "), bundleFormat, x.format)
			case bundle && (x.output == "" || x.key == ""):
				return badFlag("a bundle needs --output FILE and --key FILE")
			case bundle && x.subject != "":
				return badFlag("a bundle holds the whole trail: leave --subject out")
			case !bundle && (x.output != "" || x.key != ""):
				return badFlag("--output and --key are for --format bundle; the others go to standard output")
			}
			s, err := w.trail(cmd, *place)
			if err != nil {
				return err
			}
			defer s.Close()
			if bundle {
				return w.exportBundle(cmd.Context(), s, x)
			}
			return w.exportTrail(cmd.Context(), s, x)
		},
	}
	c.Flags().StringVar(&x.format, "format", "jsonl", strings.Join(trail.Formats, ", ")+" or "+bundleFormat)
	c.Flags().StringVar(&x.subject, "subject", "", "only events about this credential, incident or plan `ID`")
	c.Flags().StringVarP(&x.output, "output", "o", "", "write the bundle to `FILE`, which must not be there")
	c.Flags().StringVar(&x.key, "key", "", "`FILE` of the private SSH key, without a passphrase, that signs the bundle")
	return c
}

func (w *world) exportTrail(ctx context.Context, s *store.Store, x export) error {
	if _, err := s.VerifyTrail(ctx); err != nil {
		return err
	}
	writer := trail.Writer{Version: toolVersion()}
	return s.Trail(ctx, x.subject, func(e store.Event) error {
		line, err := writer.Line(x.format, e)
		if err == nil {
			_, err = fmt.Fprintln(w.stdout, line)
		}
		return err
	})
}

func (w *world) exportBundle(ctx context.Context, s *store.Store, x export) error {
	text, err := os.ReadFile(x.key)
	if err != nil {
		return flagError{err}
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return badFlag("--key %s is no private SSH key without a passphrase", x.key)
	}
	bundle, err := w.bundle(ctx, s)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := bundle.Write(&out, signer); err != nil {
		return err
	}
	f, err := os.OpenFile(x.output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return flagError{err}
	}
	if _, err := f.Write(out.Bytes()); err != nil {
		f.Close()
		os.Remove(x.output)
		return err
	}
	fmt.Fprintf(w.stdout, "%d events and %d documents, signed by %s, in %s\n", len(bundle.Events), len(bundle.Files), ssh.FingerprintSHA256(signer.PublicKey()), inspect.Clean(x.output))
	return f.Close()
}

// bundle is the whole trail as evidence, up to a head that was verified.
func (w *world) bundle(ctx context.Context, s *store.Store) (b trail.Bundle, err error) {
	head, err := s.VerifyTrail(ctx)
	if err != nil {
		return b, err
	}
	b = trail.Bundle{Tool: "leakgate " + toolVersion(), Made: w.now(), By: w.env("USER"), Files: map[string][]byte{}}
	if b.Base, err = s.Base(ctx); err != nil {
		return b, err
	}
	err = s.Trail(ctx, "", func(e store.Event) error {
		if e.Seq <= head.Seq { // others may have gone on
			b.Events = append(b.Events, e)
		}
		return nil
	})
	if err != nil {
		return b, err
	}
	documents, err := remediate.Documents(b.Events, head, b.Made)
	for id, text := range documents {
		b.Files["incidents/"+id+".md"] = []byte(text)
	}
	return b, err
}

// verifyBundle holds a bundle against its signature, its digests and its chain.
func (w *world) verifyBundle(path, signers string, noted []store.Head) error {
	v, err := readBundle(path, signers)
	if err != nil {
		return err
	}
	for _, h := range noted {
		if len(v.Faults) == 0 && !v.Holds(h) {
			v.Faults = append(v.Faults, fmt.Sprintf("audit event %d is not in it as it was noted", h.Seq))
		}
	}
	for _, fault := range v.Faults {
		fmt.Fprintf(w.stdout, "TAMPERED %s\n", inspect.Clean(fault))
	}
	if len(v.Faults) > 0 {
		return outcome(exitBlocked)
	}
	fmt.Fprintf(w.stdout, "%d events, head %s\nsigned by %s, made %s\n", v.Events, v.Head, v.Signer, v.Manifest.Made.Format("2006-01-02T15:04:05Z07:00"))
	return nil
}

func readBundle(path, signers string) (*trail.Verified, error) {
	text, err := os.ReadFile(signers)
	if err != nil {
		return nil, flagError{err}
	}
	keys, err := trail.Signers(text)
	if err != nil {
		return nil, badFlag("--signers %s: %w", signers, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, flagError{err}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	v, err := trail.Verify(f, info.Size(), keys)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", path, err)
	}
	return v, nil
}
