package action

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"github.com/leakgate/leakgate/internal/change"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
)

// Step is one run of the GitHub Action. Env must answer for the GITHUB_, RUNNER_
// and INPUT_ variables of the step.
type Step struct {
	Env    func(string) string
	Stdout io.Writer // the log of the step
	Git    change.Git
	World  inspect.World
	// Question holds what was asked for beside the inputs: rules, baseline, workers.
	Question inspect.Question
	// Write, where it is set, writes further reports.
	Write func(*report.Report) error
}

// The exit codes of a step, as of every command.
const (
	exitUsage     = 2
	exitUndecided = 3
)

// Run judges what the event is about and tells the workflow. The code is that
// of the verdict; 2 for an event or input that must not be judged; 3 when it
// could not be decided, also when what was found could not be told.
func Run(ctx context.Context, s Step) int {
	log := NewLog(s.Stdout)
	code, err := s.run(ctx, log)
	if err != nil {
		log.Command("error", inspect.Clean(err.Error()), Property{"title", title(err)})
		if code == 0 {
			code = exitUndecided
		}
	}
	if log.Err() != nil && code == 0 {
		return exitUndecided
	}
	return code
}

func title(err error) string {
	if inspect.IsUsage(err) {
		return "leakgate: not judged"
	}
	return "leakgate: could not decide"
}

func (s *Step) run(ctx context.Context, log *Log) (int, error) {
	plan, err := s.plan(ctx)
	if err != nil {
		return s.undecided(err)
	}
	log.Say("%s", inspect.Clean(plan.Why)) // the name of a branch may hold a value
	if plan.Nothing {
		return 0, s.tell(Output{"findings", "0"}, Output{"blocked", "0"}, Output{"complete", "true"}, Output{"range", "nothing"})
	}
	r, err := plan.Ask(ctx, s.World)
	if err != nil {
		return s.undecided(err)
	}
	s.identify(r)
	err = errors.Join(report.Write(log, "text", r), s.annotate(log, r, plan.Question.Path), s.write(r))
	return r.Verdict.ExitCode(), err
}

// undecided tells the workflow that there is no report.
func (s *Step) undecided(err error) (int, error) {
	code := exitUndecided
	if inspect.IsUsage(err) {
		code = exitUsage
	}
	return code, errors.Join(err, s.tell(Output{"complete", "false"}))
}

func (s *Step) tell(outputs ...Output) error { return writeOutputs(s.Env("GITHUB_OUTPUT"), outputs) }

// plan reads inputs and event.
func (s *Step) plan(ctx context.Context) (change.Plan, error) {
	in, err := s.inputs()
	if err != nil {
		return change.Plan{}, err
	}
	event, err := GitHub(s.Env)
	if err != nil {
		return change.Plan{}, err
	}
	plan, err := change.NewPlan(ctx, event, in, s.Git)
	if err != nil || plan.Nothing {
		return plan, err
	}
	return plan, ownPolicy(plan.Question)
}

// inputs are those of action.yml that the step itself needs.
func (s *Step) inputs() (inspect.Question, error) {
	q := s.Question
	q.Path = s.Env("INPUT_PATH")
	if workspace := s.Env("GITHUB_WORKSPACE"); !filepath.IsAbs(q.Path) {
		q.Path = filepath.Join(workspace, q.Path)
	}
	if q.Range == "" {
		q.Range = s.Env("INPUT_RANGE")
	}
	if policy := s.Env("INPUT_POLICY"); policy != "" {
		if !filepath.IsAbs(policy) {
			policy = filepath.Join(s.Env("GITHUB_WORKSPACE"), policy)
		}
		q.PolicyFile = policy
	}
	switch s.Env("INPUT_CATEGORY") {
	case "", report.CategoryHead, report.CategoryHistory:
		return q, nil
	}
	return q, &inspect.UsageError{Err: fmt.Errorf("the input category is %s or %s, not %q",
		report.CategoryHead, report.CategoryHistory, s.Env("INPUT_CATEGORY"))}
}

// identify says of what the report is.
func (s *Step) identify(r *report.Report) {
	if server, name := s.Env("GITHUB_SERVER_URL"), s.Env("GITHUB_REPOSITORY"); server != "" && name != "" {
		r.Repository = server + "/" + name
	}
	r.Ref, r.Category = s.Env("GITHUB_REF"), s.Env("INPUT_CATEGORY")
	if run := s.Env("GITHUB_RUN_ID"); run != "" {
		r.RunID = run + "-" + s.Env("GITHUB_RUN_ATTEMPT")
	}
}

func (s *Step) annotate(log *Log, r *report.Report, path string) error {
	repo, err := gitrepo.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = repo.Close() }() // only read from
	annotate(log, r, repo)
	if !r.Result.Coverage.Complete() {
		log.Command("error", fmt.Sprintf("the scan is incomplete, what was missed (%d) is in the summary", len(r.Result.Coverage.Missed)),
			Property{"title", "leakgate: could not decide"})
	}
	return nil
}

// write leaves what the workflow reads: summary, SARIF, further reports, outputs.
func (s *Step) write(r *report.Report) error {
	var summary bytes.Buffer
	errs := []error{report.Write(&summary, "markdown", r)}
	errs = append(errs, writeSummary(s.Env("GITHUB_STEP_SUMMARY"), summary.String()))
	sarif := s.sarifFile()
	if sarif != "" {
		if err := report.WriteFile(sarif, "sarif", r); err != nil {
			sarif, errs = "", append(errs, err)
		}
	}
	if s.Write != nil {
		errs = append(errs, s.Write(r))
	}
	return errors.Join(append(errs, s.tell(append(counts(r), Output{"sarif-file", sarif})...))...)
}

// counts are the outputs that the verdict gives.
func counts(r *report.Report) []Output {
	findings, blocked := 0, 0
	for i := range r.Verdict.Findings {
		switch r.Verdict.Findings[i].Decision {
		case gate.Allow:
		case gate.Warn:
			findings++
		default:
			findings++
			blocked++
		}
	}
	complete := r.Result.Coverage.Complete() && r.Verdict.Err == nil
	return []Output{
		{"findings", strconv.Itoa(findings)}, {"blocked", strconv.Itoa(blocked)},
		{"complete", strconv.FormatBool(complete)}, {"range", r.Result.Range.Text},
	}
}

// sarifFile is where the input says, else in the folder that the runner empties;
// "" outside of a runner.
func (s *Step) sarifFile() string {
	if file := s.Env("INPUT_SARIF_FILE"); file != "" {
		if !filepath.IsAbs(file) {
			file = filepath.Join(s.Env("GITHUB_WORKSPACE"), file)
		}
		return file
	}
	if temp := s.Env("RUNNER_TEMP"); temp != "" {
		return filepath.Join(temp, "leakgate.sarif")
	}
	return ""
}
