package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/store"
)

const auditLong = `The audit trail says who did what to which credential. It only grows; each event
carries a hash of itself and, through it, of all before. The head is signed with
the installation's key.

A head that you note elsewhere, as in a ticket or a git tag, proves later that
nothing up to it was cut or changed, even by somebody who has the key.
`

func (w *world) auditCommand() *cobra.Command {
	var place string
	c := &cobra.Command{Use: "audit", Short: "Verify and export the audit trail", Long: auditLong}
	c.PersistentFlags().StringVar(&place, "database", "", "`PLACE` of the state: a file, or a postgres:// URL; default leakgate/leakgate.db in the user's state folder")
	c.AddCommand(w.auditVerifyCommand(&place), w.auditExportCommand(&place))
	return c
}

// trail opens the store of the audit trail.
func (w *world) trail(cmd *cobra.Command, place string) (*store.Store, error) {
	key, err := w.key()
	if err != nil {
		return nil, err
	}
	if !key.Stable() {
		return nil, badFlag("the audit trail is signed with a key that outlives the run: set %s", keyVariable)
	}
	return w.openStore(cmd.Context(), place, key)
}

func (w *world) auditVerifyCommand(place *string) *cobra.Command {
	var heads []string
	c := &cobra.Command{
		Use: "verify", Short: "Prove that the trail was neither edited nor cut", Args: cobra.NoArgs,
		Long: "Walk the whole trail. Prints its head, to be noted elsewhere; where the trail was\ntampered with, says at which event and exits 1.\n",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var noted []store.Head
			for _, text := range heads {
				h, err := store.ParseHead(text)
				if err != nil {
					return badFlag("--head: %w", err)
				}
				noted = append(noted, h)
			}
			return w.verifyTrail(cmd, *place, noted)
		},
	}
	c.Flags().StringArrayVar(&heads, "head", nil, "a `HEAD` that was noted elsewhere; may be given several times")
	return c
}

func (w *world) verifyTrail(cmd *cobra.Command, place string, noted []store.Head) error {
	s, err := w.trail(cmd, place)
	if err != nil {
		return err
	}
	defer s.Close()
	head, err := s.VerifyTrail(cmd.Context(), noted...)
	if err == nil {
		err = s.VerifyNew(cmd.Context()) // which knows how far it came on this machine
	}
	if fault, ok := asTrailError(err); ok {
		fmt.Fprintf(w.stdout, "TAMPERED %s\n", fault)
		return outcome(exitBlocked)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "%d events, head %s\n", head.Seq, head)
	return nil
}

func (w *world) auditExportCommand(place *string) *cobra.Command {
	var format, subject string
	c := &cobra.Command{
		Use: "export", Short: "Write the trail for other systems", Args: cobra.NoArgs,
		Long: "Verify the trail and write its events: as JSON lines, as OCSF events of the class API\nActivity (https://schema.ocsf.io/1.4.0/classes/api_activity), or as syslog lines (RFC 5424).\n",
		RunE: func(cmd *cobra.Command, _ []string) error {
			write, ok := exports[format]
			if !ok {
				return badFlag("--format is jsonl, ocsf or syslog, not %q", format)
			}
			return w.exportTrail(cmd, *place, subject, write)
		},
	}
	c.Flags().StringVar(&format, "format", "jsonl", "jsonl, ocsf or syslog")
	c.Flags().StringVar(&subject, "subject", "", "only events about this credential, incident or plan `ID`")
	return c
}

func (w *world) exportTrail(cmd *cobra.Command, place, subject string, write func(store.Event) (string, error)) error {
	s, err := w.trail(cmd, place)
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.VerifyTrail(cmd.Context()); err != nil {
		return err
	}
	return s.Trail(cmd.Context(), subject, func(e store.Event) error {
		line, err := write(e)
		if err == nil {
			_, err = fmt.Fprintln(w.stdout, line)
		}
		return err
	})
}

var exports = map[string]func(store.Event) (string, error){"jsonl": jsonLine, "ocsf": ocsfLine, "syslog": syslogLine}

func jsonLine(e store.Event) (string, error) {
	line, err := json.Marshal(e)
	return string(line), err
}

// Numbers of OCSF 1.4.0: the class API Activity of the category Application
// Activity, its activity Other, and the severity Informational.
const (
	ocsfCategory = 6
	ocsfClass    = 6003
	ocsfOther    = 99
	ocsfSeverity = 1
)

// ocsfLine is an event in the Open Cybersecurity Schema Framework.
func ocsfLine(e store.Event) (string, error) {
	line, err := json.Marshal(map[string]any{
		"category_uid": ocsfCategory, "class_uid": ocsfClass, "activity_id": ocsfOther, "activity_name": e.Action, "type_uid": 100*ocsfClass + ocsfOther,
		"severity_id": ocsfSeverity, "time": e.At.UnixMilli(),
		"actor":        map[string]any{"user": map[string]string{"name": e.Actor}},
		"api":          map[string]any{"operation": e.Action, "service": map[string]string{"name": "leakgate"}},
		"metadata":     map[string]any{"version": "1.4.0", "uid": e.Hash, "sequence": e.Seq, "product": map[string]string{"name": "leakgate", "vendor_name": "leakgate", "version": toolVersion()}},
		"resources":    []map[string]string{{"uid": e.Subject}},
		"src_endpoint": map[string]string{"name": "leakgate"},
		"unmapped":     map[string]any{"body": e.Body},
	})
	return string(line), err
}

// syslogLine is an event as RFC 5424 has it: facility "log audit" (13),
// severity "notice" (5).
func syslogLine(e store.Event) (string, error) {
	const priority = 13*8 + 5
	body, err := json.Marshal(e)
	return fmt.Sprintf("<%d>1 %s - leakgate - audit - %s", priority, e.At.Format(time.RFC3339Nano), body), err
}

func asTrailError(err error) (*store.TrailError, bool) { return errors.AsType[*store.TrailError](err) }
