package gate

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
)

// Input is what a verdict is made of. Policy, Result and Now are needed: without
// one of them the verdict is Undecided. A nil function answers "no".
type Input struct {
	Policy Policy
	Result *scanner.Result // what the scan found and looked at; nil: nothing was scanned
	Err    error           // why the scan is incomplete or the policy could not be read; nil: nothing was missed
	Now    time.Time       // against which exceptions expire

	// Whole says that the scan saw all there is, history and tree, so that an
	// exception without a finding is unused and worth a notice.
	Whole    bool
	Baseline Baseline // from the tree that the policy comes from
	Values   Values   // reads excepted values again; nil: only findings in the very blob are excepted
	Notices  []Notice // about the change being judged: see [ProposedPolicy] and [AddedLines]

	Branches   []string                     // being judged, without refs/heads/; of several the one that weighs most counts
	Namespace  func(scanner.Finding) string // the Kubernetes namespace of a finding, "" for none
	Credential func(secret.Secret) string   // the id of a value
	Ignored    func(scanner.Finding) bool   // a .gitleaksignore of the policy's tree names the finding
	Commented  func(scanner.Finding) bool   // the finding's allow-comment stands in the policy's tree too
	Older      func(scanner.Finding) bool   // the finding lies in history before the judged range
}

// Values reads what stood at a place. It may be asked for the same place once
// per verdict.
type Values interface {
	// At returns the values that the scanner finds in the blob of the place by
	// its rule and with its fingerprint; none if there is no such finding. An
	// error means that the blob could not be read.
	At(Place) ([]secret.Secret, error)
}

// The reasons of a decision that callers may want to tell apart.
const (
	ReasonException = "exception"
	ReasonBaseline  = "baseline"
	ReasonIgnored   = ".gitleaksignore"
	ReasonComment   = "allow-comment"
	ReasonDisabled  = "rule disabled by the policy"
	ReasonOlder     = "in history before the judged range"
	ReasonAudit     = "the policy only audits"
	ReasonChanged   = "a new value at an excepted place"
	ReasonValue     = "an exception of a form excepts no value"
	ReasonUnread    = "the value at the excepted place cannot be read again"
)

// Errors beside an Undecided verdict of an Input that lacks what is needed.
var (
	ErrNoPolicy = errors.New("there is no policy to judge by")
	ErrNoScan   = errors.New("nothing was scanned")
	ErrNoClock  = errors.New("the time is not known, so exceptions cannot expire")
)

// Decide judges a scan. One finding that blocks closes the gate even if the
// scan is incomplete; else an incomplete scan is Undecided; only a complete one
// is Allow or Warn. Nothing that the judged change itself brought is obeyed.
func Decide(in Input) Verdict {
	v := Verdict{Err: in.lacks(), Notices: slices.Clone(in.Notices)}
	if v.Err != nil {
		return v
	}
	v.Err = in.incomplete()
	pardons := newPardons(in)
	var comments []Notice
	for _, f := range in.Result.Findings {
		j := in.judge(f, pardons)
		v.Findings = append(v.Findings, j)
		if f.Allowed && j.Decision != Allow && !ask(in.Commented, f) {
			comments = append(comments, Notice{
				Text: "allow-comment not obeyed: the tree that the policy comes from does not have it", Path: f.At.Path, Line: f.At.StartLine})
		}
	}
	v.Notices = append(v.Notices, atMost(comments, "more allow-comments are not obeyed")...)
	v.Notices = append(v.Notices, pardons.notices(in.Whole && v.Err == nil)...)
	v.Decision = sum(&v, in.Policy.Audit)
	return v
}

// lacks is the error of an Input that nobody filled.
func (in Input) lacks() error {
	switch {
	case len(in.Policy.Block) == 0 || len(in.Policy.FailOn) == 0:
		return errors.Join(ErrNoPolicy, in.Err)
	case in.Result == nil:
		return errors.Join(ErrNoScan, in.Err)
	case in.Now.IsZero():
		return errors.Join(ErrNoClock, in.Err)
	}
	return nil
}

// incomplete is the scan's error, also where a caller forgot to hand it on.
func (in Input) incomplete() error {
	if in.Err == nil && !in.Result.Coverage.Complete() {
		return scanner.ErrIncomplete
	}
	return in.Err
}

// sum is the decision over all findings and notices.
func sum(v *Verdict, audit bool) Decision {
	worst := Allow
	for _, j := range v.Findings {
		worst = max(worst, j.Decision)
	}
	for i := range v.Notices {
		v.Notices[i].Block = v.Notices[i].Block && !audit
		if v.Notices[i].Block {
			worst = Block
		}
	}
	if worst != Block && v.Err != nil {
		return Undecided
	}
	return worst
}

// judge decides about one finding.
func (in Input) judge(f scanner.Finding, pardons *pardons) Judged {
	j := Judged{Finding: f, Older: ask(in.Older, f)}
	if in.Credential != nil {
		j.Credential = in.Credential(f.Secret)
	}
	j.Environment, j.Severity = in.weigh(f)
	pardon := pardons.of(f)
	switch {
	case f.Rule != nil && !in.Policy.Wants(f.Rule.ID):
		j.Decision, j.Reason = Allow, ReasonDisabled
	case pardon.holds:
		j.Decision, j.Reason, j.Exception = Allow, pardon.reason, f.Fingerprint
	case ask(in.Ignored, f):
		j.Decision, j.Reason = Allow, ReasonIgnored
	case f.Allowed && ask(in.Commented, f):
		j.Decision, j.Reason = Allow, ReasonComment
	default:
		j.Decision, j.Reason = in.Policy.tier(f.Confidence, j.Severity)
		if j.Decision == Block && pardon.reason != "" {
			j.Reason = pardon.reason
		}
		if j.Decision == Block && in.Policy.Audit {
			j.Decision, j.Reason = Warn, ReasonAudit
		}
		if j.Decision == Block && j.Older {
			j.Decision, j.Reason = Warn, ReasonOlder
		}
	}
	return j
}

// tier is what the policy does with a confidence and a severity. A value that
// is none of the known ones counts as the highest.
func (p Policy) tier(confidence rules.Confidence, severity rules.Severity) (Decision, string) {
	if confidence < rules.Possible || confidence > rules.Certain {
		confidence = rules.Certain
	}
	if !slices.Contains(p.Block, confidence) {
		return Warn, confidenceWords[confidence] + " confidence warns"
	}
	if !slices.Contains(p.FailOn, severity) {
		return Warn, severityWords[severity] + " severity warns"
	}
	return Block, fmt.Sprintf("%s confidence, %s severity", confidenceWords[confidence], severityWords[severity])
}

// weigh is the environment of a finding and its severity there. Of several
// environments the strictest counts.
func (in Input) weigh(f scanner.Finding) (string, rules.Severity) {
	severity := min(max(f.Severity, rules.Low), rules.Critical)
	if f.Rule != nil {
		if set, ok := in.Policy.Rules.Severity[f.Rule.ID]; ok {
			severity = set
		}
	}
	namespace := ""
	if in.Namespace != nil {
		namespace = in.Namespace(f)
	}
	branches := in.Branches
	if len(branches) == 0 {
		branches = []string{""}
	}
	name, most := in.shift(f, branches[0], namespace, severity)
	for _, branch := range branches[1:] {
		if n, s := in.shift(f, branch, namespace, severity); s > most {
			name, most = n, s
		}
	}
	return name, most
}

// shift finds the environment of a finding on one branch, and the severity there.
func (in Input) shift(f scanner.Finding, branch, namespace string, severity rules.Severity) (string, rules.Severity) {
	for _, e := range in.Policy.Environments {
		if matchAny(e.Paths, f.At.Path) || matchAny(e.Branches, branch) || matchAny(e.Namespaces, namespace) {
			return e.Name, e.Severity.Apply(severity)
		}
	}
	return "", severity
}

func ask(question func(scanner.Finding) bool, f scanner.Finding) bool {
	return question != nil && question(f)
}
