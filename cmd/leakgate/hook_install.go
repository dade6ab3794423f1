package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

const hookInstallLong = `Write the hooks into the folder where git looks for them: that of core.hooksPath, or
the one that all worktrees share. A hook that is there already is kept beside,
as NAME` + keptSuffix + `, and runs first; uninstall puts it back.

Hooks of a clone are a courtesy: git commit --no-verify and git push --no-verify
go around them. The gate is where a push arrives, and in continuous integration.`

// hookNames are the hooks that can be installed; the first two by default.
var hookNames = []string{"pre-commit", "pre-push", "pre-receive"}

func (w *world) hookInstallCommand() *cobra.Command {
	return w.hooksCommand("install [PATH]", "Put leakgate into the hooks of the repository at PATH", hookInstallLong, installHere)
}

// installHere writes a hook that runs this very program.
func installHere(dir, name string) (said string, err error) {
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	return installHook(dir, name, program)
}

func (w *world) hookUninstallCommand() *cobra.Command {
	return w.hooksCommand("uninstall [PATH]", "Take leakgate out of the hooks and put back what was there", "", uninstallHook)
}

// hooksCommand does the same with each of the hooks asked for.
func (w *world) hooksCommand(use, short, long string, do func(dir, name string) (string, error)) *cobra.Command {
	var names []string
	c := &cobra.Command{
		Use: use, Short: short, Long: long, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range names {
				if !slices.Contains(hookNames, name) {
					return badFlag("--type is one of %s, not %q", strings.Join(hookNames, ", "), name)
				}
			}
			dir, err := hooksFolder(cmd.Context(), append(args, ".")[0])
			if err != nil {
				return err
			}
			for _, name := range names {
				said, err := do(dir, name)
				if err != nil {
					return err
				}
				fmt.Fprintf(w.stdout, "%s: %s\n", filepath.Join(dir, name), said)
			}
			return nil
		},
	}
	c.Flags().StringSliceVar(&names, "type", hookNames[:2], "which hooks: "+strings.Join(hookNames, ", "))
	return c
}

// hooksFolder asks git, because core.hooksPath may stand in any of its
// configuration files. Hooks that are not of this repository alone are refused.
func hooksFolder(ctx context.Context, path string) (string, error) {
	dir, err := askGit(ctx, path, "rev-parse", "--git-path", "hooks")
	if err != nil {
		return "", badFlag("find the hooks of %s: %w", path, err)
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(path, dir)
	}
	if filepath.Base(dir) == "_" && filepath.Base(filepath.Dir(dir)) == ".husky" {
		return "", errors.New("the hooks are husky's: write `leakgate hook pre-commit` into .husky/pre-commit, " +
			"and `leakgate hook pre-push \"$@\"` into .husky/pre-push")
	}
	if setting, err := askGit(ctx, path, "config", "--show-scope", "--get", "core.hooksPath"); err == nil {
		if scope, _, _ := strings.Cut(setting, "\t"); scope == "global" || scope == "system" {
			return "", fmt.Errorf("core.hooksPath is %s configuration, so %s holds the hooks of other repositories too: "+
				"git config --local core.hooksPath .git/hooks gives this one its own", scope, dir)
		}
	}
	return dir, nil
}

// askGit is one line of what git knows.
func askGit(ctx context.Context, dir string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).Output()
	var failed *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", errors.New("there is no git here, and without it no hook runs")
	case errors.As(err, &failed) && len(failed.Stderr) > 0:
		return "", errors.New(strings.TrimSpace(string(failed.Stderr)))
	}
	return strings.TrimRight(string(out), "\r\n"), err
}

// keptSuffix is added to the name of a hook that was there before.
const keptSuffix = ".before-leakgate"

// installHook writes one hook. It does not touch what it does not understand.
func installHook(dir, name, program string) (said string, err error) {
	path := filepath.Join(dir, name)
	ours, there, err := whoseHook(path)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("install the hook: %w", err)
	}
	said = "installed"
	if there && !ours {
		if _, err := os.Lstat(path + keptSuffix); err == nil {
			return "", fmt.Errorf("%s is not leakgate's, and %s is there already: put one of them away", path, name+keptSuffix)
		}
		if err := os.Rename(path, path+keptSuffix); err != nil {
			return "", fmt.Errorf("keep the hook that is there: %w", err)
		}
		said = "installed; what was there runs first, as " + name + keptSuffix
	}
	if err := writeHook(path, hookScript(name, program)); err != nil {
		if there && !ours {
			err = errors.Join(err, os.Rename(path+keptSuffix, path))
		}
		return "", fmt.Errorf("install the hook: %w", err)
	}
	return said, nil
}

// uninstallHook removes one hook and puts back what was there before.
func uninstallHook(dir, name string) (said string, err error) {
	path := filepath.Join(dir, name)
	ours, there, err := whoseHook(path)
	if err != nil {
		return "", err
	}
	if there && !ours {
		return "not leakgate's, left as it is", nil
	}
	if _, err := os.Lstat(path + keptSuffix); err == nil {
		// over ours, in one step, so that there is never no hook
		return "what was there before is back", os.Rename(path+keptSuffix, path)
	}
	if !there {
		return "nothing to remove", nil
	}
	return "removed", os.Remove(path)
}

// whoseHook tells whether a hook is there and whether leakgate wrote it. What is
// no plain file is an error: a link may call a program that goes by its name. So
// is what leakgate wrote and somebody changed: nothing of it may get lost.
func whoseHook(path string) (ours, there bool, err error) {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, false, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a plain file: call `leakgate hook %s` from it yourself", path, filepath.Base(path))
	}
	if err != nil {
		return false, true, err
	}
	text, err := os.ReadFile(path)
	name := filepath.Base(path)
	ours = err == nil && isHookScript(name, string(text))
	if err == nil && !ours && wasHookScript(string(text)) {
		err = fmt.Errorf("%s was changed since leakgate wrote it and is left as it is: put your own lines into an executable file %s beside it, "+
			"which runs first, remove %s, and run leakgate hook install", path, name+keptSuffix, name)
	}
	return ours, true, err
}

// writeHook writes an executable file whole or not at all.
func writeHook(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".leakgate-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Chmod(0o755), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
