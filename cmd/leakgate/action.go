package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/action"
	"github.com/leakgate/leakgate/internal/change"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
)

const actionLong = `Judge what the event of a GitHub workflow run is about. It is what action.yml runs:
it reads the GITHUB_ variables and the inputs from INPUT_ variables, prints
annotations, and writes the job summary, a SARIF file and the outputs.
` + exitHelp

func (w *world) actionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "action", Short: "The step of a GitHub workflow", Long: actionLong, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return w.guarded(func(w *world) error { return w.runAction(cmd, action.Step{}) })
		},
	}
}

// guarded runs what is run in a CI, which reads standard error too: nothing
// that is printed there can command it.
func (w *world) guarded(run func(*world) error) error {
	inside := *w
	inside.stderr = action.NewLog(w.stderr)
	err := run(&inside)
	var done outcome
	if err == nil || errors.As(err, &done) {
		return err
	}
	return outcome(inside.explain(err))
}

// runAction completes a step with this process' surroundings and runs it.
func (w *world) runAction(cmd *cobra.Command, step action.Step) error {
	surroundings, err := w.surroundings(cmd)
	if err != nil {
		return err
	}
	step.Env, step.Stdout, step.World = w.env, w.stdout, surroundings
	token := w.env("INPUT_TOKEN")
	if token == "" {
		token = w.env("GITHUB_TOKEN")
	}
	step.Git = w.git(secret.New(token), w.env("GITHUB_SERVER_URL"))
	if code := action.Run(cmd.Context(), step); code != exitClean {
		return outcome(code)
	}
	return nil
}

// surroundings are those of a CI: a machine that is thrown away afterwards has
// no key of its own, so without one in the environment it is for this run only.
func (w *world) surroundings(cmd *cobra.Command) (inspect.World, error) {
	key, err := secret.NewKey()
	if text := w.env(keyVariable); text != "" {
		if key, err = secret.ParseKey(text); err != nil {
			return inspect.World{}, badFlag("%s: %w", keyVariable, err)
		}
	}
	if err != nil {
		return inspect.World{}, fmt.Errorf("make a key for this run: %w", err)
	}
	keys, err := w.sopsKeys()
	if err != nil {
		return inspect.World{}, err
	}
	return inspect.World{Key: key, SOPSKeys: keys, Now: w.now, Log: w.log(cmd), Version: toolVersion()}, nil
}

// git gives a step a git that reaches the server with a token, or with what the
// clone's own configuration has for it when there is no token.
func (w *world) git(token secret.Secret, server string) change.Git {
	return func(ctx context.Context, dir string, args ...string) error {
		return runGit(ctx, dir, gitSettings(w.env, dir, token, server), token, args)
	}
}
