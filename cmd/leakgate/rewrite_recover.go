package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/gitrepo/wire"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/hub"
	"github.com/leakgate/leakgate/remediate/purge"
)

func (w *world) rewriteRecoverCommand(f *remediation) *cobra.Command {
	var g hubFlags
	var watch bool
	c := &cobra.Command{
		Use: "recover DIGEST", Short: "Put rulesets back that a run opened and could not close", Args: cobra.ExactArgs(1),
		Long: "Put the rulesets of the remote back as the journal says that they were. apply --open-rulesets does\nso itself, and has a second process that does so when it is killed; this is for when both could not.\n" + rewriteHubHelp + rewriteExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			if watch {
				if _, err := io.Copy(io.Discard, w.stdin); err != nil { // until the other process ends
					return err
				}
			}
			return w.onHub(cmd, f, &rewriteFlags{}, &g, args[0], func(p *purge.Engine, h *hub.Hub) error {
				if h == nil {
					return errNoHub
				}
				p.Rules = hub.Rulesets{Hub: h}
				return w.restoreRules(cmd, p, args[0], watch)
			})
		},
	}
	g.addFlags(c)
	c.Flags().BoolVar(&watch, "watch", false, "wait until standard input ends, and try more than once")
	return c
}

// tries are how often a second process tries to put the rulesets back, with longer and
// longer pauses: about ten minutes in all.
const tries = 20

// late is how long a call of a run that was killed may still be under way at GitHub,
// which ends each after ten seconds.
// https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api#timeouts
const late = 12 * time.Second

func (w *world) restoreRules(cmd *cobra.Command, p *purge.Engine, digest string, again bool) error {
	var pause func(context.Context) error
	if again {
		pause = func(ctx context.Context) error { return remediate.WallClock{Time: w.now}.Sleep(ctx, late) }
	}
	for n := 1; ; n++ {
		did, err := p.Recover(cmd.Context(), digest, pause)
		if did && err == nil {
			fmt.Fprintln(w.stdout, "The rulesets are as they were.")
		}
		if err == nil || !again || n == tries {
			return err
		}
		if !errors.Is(err, store.ErrBusy) {
			fmt.Fprintf(w.stderr, "leakgate: %s\n", inspect.Clean(oneLine(err)))
		}
		if err := (remediate.WallClock{Time: w.now}).Sleep(cmd.Context(), time.Duration(n)*3*time.Second); err != nil {
			return err
		}
	}
}

// watchdog starts a second process that puts the rulesets back when this one ends,
// however it ends. stop ends it in order.
func (w *world) watchdog(f *remediation, g *hubFlags, p *purge.Engine, digest string) (stop func(), err error) {
	if w.program == "" {
		return func() {}, nil
	}
	args := append([]string{"rewrite", "recover", digest, "--watch", "--actor=" + p.Actor}, g.arguments()...)
	if f.database != "" {
		args = append(args, "--database="+f.database)
	}
	if f.operator != "" {
		args = append(args, "--operator="+f.operator)
	}
	c := exec.Command(w.program, args...)
	c.Args[0] = w.called
	if file, ok := w.stderr.(*os.File); ok {
		c.Stderr = file
	}
	apart(c)
	line, err := c.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the watchdog: %w", err)
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start the watchdog: %w", err)
	}
	return func() {
		_ = line.Close()
		_ = c.Wait() // it finds nothing to do, or says what it could not do
	}, nil
}

func addOpenFlag(c *cobra.Command, open *bool) {
	c.Flags().BoolVar(open, "open-rulesets", false, "let the push through the rulesets of the repository for as long as it takes; the token needs administration")
}

// openRules lets a push through rulesets where that is asked for. Where the remote is on
// a GitHub, rulesets that a run left open are put back in any case.
func (w *world) openRules(f *remediation, g *hubFlags, p *purge.Engine, h *hub.Hub, open bool, digest string) (stop func(), err error) {
	switch {
	case open && h == nil:
		return nil, errNoHub
	case h == nil:
		return func() {}, nil
	case !open:
		p.Rules = hub.Closed{Rulesets: hub.Rulesets{Hub: h}}
		return func() {}, nil
	}
	p.Rules = hub.Rulesets{Hub: h}
	return w.watchdog(f, g, p, digest)
}

// rulesHint says what to do about rules. GitHub's report on a push says in these words
// which kind refused it.
// https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/troubleshooting-rules
func rulesHint(err error, h *hub.Hub, open bool) error {
	text := err.Error()
	switch {
	case h == nil || !errors.Is(err, wire.ErrRefused) || !strings.Contains(text, "declined"):
		return err
	case strings.Contains(text, "protected branch"):
		return fmt.Errorf("%w; classic branch protection lets nobody through: put a ruleset in its place, or allow force pushes", err)
	case open:
		return fmt.Errorf("%w; what refused it is no ruleset of this repository: one of the organization, which only its owners can open, or a hook", err)
	}
	return fmt.Errorf("%w; where a ruleset refused it, let the account of git's token bypass that, or give --open-rulesets", err)
}
