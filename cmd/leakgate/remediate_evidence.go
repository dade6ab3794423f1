package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/evidence"
	"github.com/leakgate/leakgate/remediate/revoke"
)

const evidenceLong = `Ask the sources that the operator's file names who had access: GitHub's audit log,
traffic, forks, collaborators and pushes, the issuer's last use, CloudTrail and Vault's
audit files. Each answer is kept in the audit trail with its window and its gaps, and
leakgate remediate report shows it. Nothing is changed anywhere.

What only the value can tell is asked when PATH, --stdin or --evidence gives it.
remediate plan asks by itself when it first sees a leak, since GitHub keeps clones and
pushes by name for seven days.

Exit codes:
  0  every source answered
  2  usage: a wrong flag, or a file named by a flag that does not parse
  3  some source could not tell; the others are kept`

func (w *world) remediateEvidenceCommand(f *remediation) *cobra.Command {
	var l leaks
	var v valueFlags
	c := &cobra.Command{
		Use: "evidence ID [PATH]", Short: "Ask who used a leaked credential, and keep what is told", Args: cobra.RangeArgs(1, 2), Long: evidenceLong,
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := w.engine(cmd.Context(), f)
			if err != nil {
				return err
			}
			defer e.Store.Close()
			value, err := w.valueOf(cmd, e, &l, v, args)
			if err != nil {
				return err
			}
			show, clear := w.bar("asked")
			e.Progress = show
			records, err := e.Evidence(cmd.Context(), args[0], value, w.sources(e))
			clear()
			if err != nil {
				return err
			}
			return w.printEvidence(records)
		},
	}
	c.Flags().StringVar(&l.repository, "repository", "", "`NAME` of the repository at PATH, as the operator's file lists it")
	v.addFlags(c)
	return c
}

// valueOf is the value of a credential, or the zero Secret when none was given.
func (w *world) valueOf(cmd *cobra.Command, e *remediate.Engine, l *leaks, v valueFlags, args []string) (found secret.Secret, err error) {
	id := "LG-" + strings.TrimPrefix(strings.TrimPrefix(args[0], "INC-"), "LG-")
	if len(args) == 1 && !v.stdin && v.evidence == "" {
		return found, nil
	}
	if v.stdin {
		lines := bufio.NewScanner(w.stdin)
		lines.Buffer(nil, maxLine)
		for lines.Scan() {
			if value := secret.New(lines.Text()); e.Key.ID(value) == id {
				found = value
			}
		}
		err = lines.Err()
	} else {
		var cases map[string]remediate.Case
		cases, err = w.values(cmd, e, l, nil, v, pathOf(args, 1))
		found = cases[id].Value
	}
	if err == nil && found.IsZero() {
		err = badFlag("the value of %s was not found where you said that it is", id)
	}
	return found, err
}

// sources are those that the operator's file names.
func (w *world) sources(e *remediate.Engine) (all []evidence.Source) {
	given := func(name, other string) string {
		if v := e.Given[name]; !v.IsZero() {
			return v.Reveal() // a setting
		}
		return other
	}
	if token := e.Given["evidence-github.token"]; !token.IsZero() {
		host := given("evidence-github.host", "github.com")
		all = append(all, evidence.GitHub{HTTP: w.reach(e, evidence.APIHost(host)), Host: host, Token: token, Now: w.now})
	}
	if id, key := e.Given["evidence-aws.key_id"], e.Given["evidence-aws.secret_key"]; !id.IsZero() && !key.IsZero() {
		regions := list(given("evidence-aws.regions", "us-east-1"))
		all = append(all, evidence.AWS{HTTP: w.reach(e, evidence.AWSHosts(regions)...), Regions: regions, Now: w.now, Sleep: e.Clock.Sleep,
			Sign: func(req *http.Request, body []byte, service, region string) error {
				return revoke.SignAWS(req, body, service, region, id, key, w.now())
			}})
	}
	if token := e.Given["evidence-vault.token"]; !token.IsZero() {
		host := given("evidence-vault.host", "")
		rules := append(list(given("evidence-vault.rules", "")), evidence.VaultRules...)
		all = append(all, evidence.Vault{HTTP: w.reach(e, host), Host: host, Token: token, Device: given("evidence-vault.device", "file"),
			Files: list(given("evidence-vault.files", "")), Rules: rules})
	}
	return all
}

// reach is a client for these hosts only.
func (w *world) reach(e *remediate.Engine, hosts ...string) *http.Client {
	client := w.client
	if client == nil {
		client = &revoke.Client{Private: e.Policy.Private}
	}
	guarded := client.Guarded(hosts...)
	guarded.Transport = evidence.Remember(guarded.Transport)
	return guarded
}

// list cuts a setting at its commas.
func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// askEarly asks the sources about leaks that are new: some forget within days. What
// they cannot tell stops nothing.
func (w *world) askEarly(cmd *cobra.Command, e *remediate.Engine, cases []remediate.Case) error {
	sources := w.sources(e)
	if len(sources) == 0 {
		return nil
	}
	values := map[string]secret.Secret{}
	var credentials []string
	for _, c := range cases {
		credentials = append(credentials, c.Credential)
		values["INC-"+strings.TrimPrefix(c.Credential, "LG-")] = c.Value
	}
	ids, err := e.Unasked(cmd.Context(), credentials)
	if err != nil {
		return err
	}
	show, clear := w.bar("asked who used it")
	defer clear()
	for n, id := range ids {
		show(n, len(ids))
		if _, err := e.Evidence(cmd.Context(), id, values[id], sources); err != nil {
			if errors.Is(err, store.ErrBusy) || cmd.Context().Err() != nil {
				return err
			}
			fmt.Fprintf(w.stderr, "leakgate: %s: nobody was asked who used it: %s\n", id, inspect.Clean(oneLine(err)))
		}
	}
	return nil
}

// expose writes down who could read the repository, when somebody said so.
func (w *world) expose(cmd *cobra.Command, e *remediate.Engine, cases []remediate.Case, exposure string) error {
	if exposure == "" {
		return nil
	}
	return e.Store.Tx(cmd.Context(), func(t *store.Tx) error {
		for _, c := range cases {
			in, err := t.Incident(cmd.Context(), c.Credential)
			if err != nil {
				return err
			}
			if in.Exposure == exposure {
				continue
			}
			if err := t.SetExposure(cmd.Context(), in.ID, e.Actor, exposure); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *world) printEvidence(records []evidence.Record) error {
	table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SOURCE\tANSWER\tFROM\tTO\tABOUT")
	open := 0
	for _, r := range records {
		answer := string(r.Answer)
		switch {
		case r.Answer == evidence.CannotTell:
			open++
			answer = "cannot tell: " + r.Why
		case r.Count > 0:
			answer = fmt.Sprintf("%d seen", r.Count)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.Source, inspect.Clean(answer), day(r.From), day(r.To), inspect.Clean(r.About))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if open > 0 {
		return outcome(exitUndecided)
	}
	return nil
}

func day(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format("2006-01-02T15:04Z")
}
