package main

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/seal"
)

// valueFlags say where the values of a plan are, if not in the repository.
type valueFlags struct {
	stdin    bool
	evidence string
	identity string
}

func (v *valueFlags) addFlags(c *cobra.Command) {
	c.Flags().BoolVar(&v.stdin, "stdin", false, "read the values from standard input, one a line, where PATH no longer has them")
	c.Flags().StringVar(&v.evidence, "evidence", "", "read the values from sealed `FILE`, see leakgate seal")
	c.Flags().StringVar(&v.identity, "identity", "", "`FILE` of the age identity that opens the evidence")
}

// values gives the credentials of a plan with their values, read again.
func (w *world) values(cmd *cobra.Command, e *remediate.Engine, l *leaks, plan *remediate.Plan, v valueFlags, path string) (map[string]remediate.Case, error) {
	all := map[string]remediate.Case{}
	switch {
	case v.stdin && v.evidence != "":
		return nil, badFlag("--stdin and --evidence cannot be used together")
	case (v.evidence == "") != (v.identity == ""):
		return nil, badFlag("--evidence and --identity go together")
	case v.stdin:
		return all, readValues(w.stdin, e, plan, all)
	case v.evidence != "":
		return all, readEvidence(v, e, all)
	}
	cases, _, err := w.find(cmd, e, &leaks{repository: l.repository}, path)
	for _, c := range cases {
		all[c.Credential] = c
	}
	return all, err
}

// readEvidence takes the values from a sealed file.
func readEvidence(v valueFlags, e *remediate.Engine, into map[string]remediate.Case) error {
	keys, err := os.Open(v.identity)
	if err != nil {
		return flagError{err}
	}
	defer keys.Close()
	identities, err := age.ParseIdentities(keys)
	if err != nil {
		return badFlag("--identity %s holds no age identity", v.identity) // the error could quote it
	}
	file, err := os.Open(v.evidence)
	if err != nil {
		return flagError{err}
	}
	defer file.Close()
	ev, err := seal.Read(file, e.Key, identities...)
	for _, c := range ev.Cases {
		into[c.Credential] = c
	}
	return err
}

// maxLine is the longest value on standard input, in bytes.
const maxLine = 1 << 20

// readValues takes values from standard input for the steps they belong to.
func readValues(from io.Reader, e *remediate.Engine, plan *remediate.Plan, into map[string]remediate.Case) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		value := secret.New(lines.Text())
		id := e.Key.ID(value)
		for _, s := range plan.Steps {
			if s.Credential == id {
				into[id] = remediate.Case{Credential: id, Value: value, Rule: s.Rule, Repository: s.Repository}
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	if len(into) == 0 {
		return badFlag("no line of standard input is a value of the plan")
	}
	return nil
}
