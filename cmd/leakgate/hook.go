package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
)

const hookLong = `git runs these before a commit, before a push, and where a push arrives. They are
silent when nothing stands in the way, and refuse what they could not decide.
` + exitHelp

func (w *world) hookCommand() *cobra.Command {
	c := &cobra.Command{Use: "hook", Short: "Stand in git's hooks: pre-commit, pre-push and pre-receive", Long: hookLong}
	c.AddCommand(w.preCommitCommand(), w.prePushCommand(), w.preReceiveCommand(), w.hookInstallCommand(), w.hookUninstallCommand())
	return c
}

// hook is one run of a hook: what it asks, and what it tells whoever waits.
type hook struct {
	w         *world
	cmd       *cobra.Command
	question  inspect.Question // what all questions have in common
	blocked   string           // what to do about findings
	undecided string           // what it means that it could not decide
}

// newHookCommand makes the command of a hook; ask says what to inspect.
func (w *world) newHookCommand(use, short string, h hook, ask func(h *hook, args []string) ([]inspect.Question, error)) *cobra.Command {
	h.w = w
	c := &cobra.Command{
		Use: use, Short: short, Long: short + ".\n" + exitHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			h.cmd = cmd
			return h.run(args, ask)
		},
	}
	addRulingFlags(c.Flags(), &h.question)
	return c
}

// run asks every question and gives the worst of the answers. A hook has no
// usage errors of its own: what git hands over and it cannot read is undecided.
func (h *hook) run(args []string, ask func(h *hook, args []string) ([]inspect.Question, error)) error {
	questions, err := h.prepare(args, ask)
	if err != nil {
		return h.refuse(h.fail(err))
	}
	worst := exitClean
	for _, q := range questions {
		if code := h.answer(q); worst != exitBlocked && code != exitClean {
			worst = code
		}
	}
	return h.refuse(worst)
}

// prepare takes over what git says in the environment.
func (h *hook) prepare(args []string, ask func(h *hook, args []string) ([]inspect.Question, error)) ([]inspect.Question, error) {
	var err error
	if h.question.Git, err = gitrepo.HookEnvironment(h.w.env); err != nil {
		return nil, err
	}
	h.question.Path = h.w.env("GIT_DIR")
	if h.question.Path == "" {
		h.question.Path = "."
	}
	return ask(h, args)
}

// answer asks one question and tells what stands in the way.
func (h *hook) answer(q inspect.Question) int {
	r, err := h.w.ask(h.cmd, q, true)
	if err != nil {
		return h.fail(err)
	}
	if err := report.WriteBrief(h.w.stderr, r); err != nil {
		return h.fail(err)
	}
	return r.Verdict.ExitCode()
}

// fail tells an error; whatever it is, nothing was decided.
func (h *hook) fail(err error) int {
	h.w.explain(err)
	return exitUndecided
}

// refuse says what to do now.
func (h *hook) refuse(code int) error {
	switch code {
	case exitClean:
		return nil
	case exitBlocked:
		fmt.Fprintf(h.w.stderr, "leakgate: %s\n", h.blocked)
	default:
		fmt.Fprintf(h.w.stderr, "leakgate: %s\n", h.undecided)
	}
	return outcome(code)
}

func (w *world) preCommitCommand() *cobra.Command {
	h := hook{
		blocked:   "nothing was committed: take the value out and stage again; revoke it if it was ever shared",
		undecided: "nothing was committed: what could not be looked at is not taken for clean",
	}
	return w.newHookCommand("pre-commit", "Refuse a commit of secrets that are staged", h, func(h *hook, _ []string) ([]inspect.Question, error) {
		h.question.What = inspect.Staged
		return []inspect.Question{h.question}, nil
	})
}
