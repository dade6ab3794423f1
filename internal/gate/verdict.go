// Package gate judges: a policy and findings in, a verdict out. It reads no
// file and asks no network; whoever calls it brings both.
package gate

import (
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
)

// Decision is what happens to a finding or to a whole scan. The zero value is
// Undecided, which every door treats as closed.
type Decision int

// The decisions, from "could not tell" to "refused".
const (
	Undecided Decision = iota
	Allow
	Warn
	Block
)

// String is the word used in every report.
func (d Decision) String() string {
	switch d {
	case Allow:
		return "allow"
	case Warn:
		return "warn"
	case Block:
		return "block"
	}
	return "undecided"
}

// Judged is a finding with its decision.
type Judged struct {
	scanner.Finding
	Credential  string // id of the finding's credential
	Decision    Decision
	Reason      string         // why, in a few words: "exception", "baseline", "possible confidence warns"; see the constants
	Severity    rules.Severity // after the environment's shift
	Environment string         // "dev", "staging", "prod" or ""
	Exception   string         // fingerprint of the exception or baseline entry that allowed it
	Older       bool           // in history before the judged range: reported, never blocking
}

// Notice is something about the policy itself that its owner should know: an
// expired or unused exception, a policy loosened by the judged change.
type Notice struct {
	Text  string
	Path  string // the file that caused it
	Line  int
	Block bool // the notice alone closes the gate
}

// Verdict is the outcome for one door.
type Verdict struct {
	Decision Decision
	Findings []Judged // in the order of the findings given
	Notices  []Notice
	Err      error // why the decision is Undecided, or beside a Block why the scan was incomplete
}

// ExitCode is 1 when anything blocks, else 3 when it could not decide, else 0.
func (v Verdict) ExitCode() int {
	switch {
	case v.Decision == Block:
		return 1
	case v.Decision == Undecided || v.Err != nil:
		return 3
	}
	return 0
}
