package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/hub"
	"github.com/leakgate/leakgate/remediate/purge"
)

// hubFlags say on which GitHub a rewrite is proposed, and who asks there.
type hubFlags struct {
	api   string
	token string
	app   int64
}

const rewriteHubHelp = `
On a GitHub (--github, or [rewrite] github in the operator's file) the token is read from
--github-token, or from the operator's [credentials.rewrite-github] token, or GITHUB_TOKEN.
`

func (f *hubFlags) addFlags(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.api, "github", "", "`URL` of the interface of the GitHub that has the remote, as https://api.github.com or https://HOST/api/v3; auto to tell it by the remote; none for git alone; default what the operator's file says")
	flags.StringVar(&f.token, "github-token", "", "`FILE` of the token for it; only its owner may read it")
	flags.Int64Var(&f.app, "github-app", 0, "`NUMBER` of the App whose token it is; default what the operator's file says, or that it is a user's")
}

// arguments are the flags again, for a process that goes on.
func (f *hubFlags) arguments() (args []string) {
	if f.api != "" {
		args = append(args, "--github="+f.api)
	}
	if f.token != "" {
		args = append(args, "--github-token="+f.token)
	}
	if f.app != 0 {
		args = append(args, fmt.Sprintf("--github-app=%d", f.app))
	}
	return args
}

// hub is the remote on its GitHub; nil where there is nothing but git.
func (w *world) hub(p *purge.Engine, f *hubFlags) (*hub.Hub, error) {
	api := cmp.Or(f.api, p.Policy.Rewrite.GitHub)
	switch api {
	case "", "none":
		return nil, nil
	case "auto":
		api = hub.API(p.Remote.Address)
	}
	token, err := w.hubToken(p, f)
	if err != nil {
		return nil, err
	}
	h, err := hub.Open(p.Remote.Address, hub.Options{API: api, Token: token, App: cmp.Or(f.app, p.Policy.Rewrite.App)})
	if err != nil {
		return nil, flagError{err}
	}
	return h, nil
}

func (w *world) hubToken(p *purge.Engine, f *hubFlags) (secret.Secret, error) {
	if f.token != "" {
		return privateLine(f.token)
	}
	given, err := p.Policy.Given()
	if err != nil {
		return secret.Secret{}, flagError{err}
	}
	if token := given["rewrite-github.token"]; !token.IsZero() {
		return token, nil
	}
	return secret.New(w.env("GITHUB_TOKEN")), nil
}

// privateLine reads a file that nobody but its owner may read.
func privateLine(path string) (secret.Secret, error) {
	info, err := os.Stat(path)
	if err != nil {
		return secret.Secret{}, flagError{err}
	}
	if info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		return secret.Secret{}, badFlag("%s may be read by others (mode %04o): chmod 600 it", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return secret.Secret{}, flagError{err}
	}
	return secret.New(strings.TrimSpace(string(text))), nil
}

// onHub runs a verb on a plan whose remote may be on a GitHub.
func (w *world) onHub(cmd *cobra.Command, f *remediation, values *rewriteFlags, g *hubFlags, digest string, do func(*purge.Engine, *hub.Hub) error) error {
	return w.onPlan(cmd, f, values, digest, func(p *purge.Engine) error {
		h, err := w.hub(p, g)
		if err != nil {
			return err
		}
		m, err := p.Manifest(cmd.Context(), digest)
		if err == nil && h != nil {
			err = hub.Fits(m)
		}
		if err != nil {
			return err
		}
		if h != nil {
			p.Reviews = h
		}
		return do(p, h)
	})
}

// errNoHub says that a verb has nothing to do without a GitHub.
var errNoHub = badFlag("no GitHub is named: --github URL, or [rewrite] github in the operator's file")

// openPull opens the pull request of a proposal, and says who was asked.
func (w *world) openPull(cmd *cobra.Command, p *purge.Engine, h *hub.Hub, digest string, proposal *purge.Proposal) error {
	m, err := p.Manifest(cmd.Context(), digest)
	if err != nil {
		return err
	}
	needs := hub.Needs{Approvals: p.Policy.Rewrite.Need()}
	for _, a := range p.Policy.Approvers {
		if _, err := p.Policy.Reviewer(a.GitHub, m.Requester); err == nil {
			needs.Users = append(needs.Users, a.GitHub)
		}
	}
	pull, err := h.Propose(cmd.Context(), m, proposal, needs)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "Pull request %d asks for the reviews: %s\n", pull.Number, inspect.Clean(pull.URL))
	for _, who := range pull.Asked {
		fmt.Fprintf(w.stdout, "  asked: %s\n", inspect.Clean(who))
	}
	for _, who := range pull.Unasked {
		fmt.Fprintf(w.stdout, "  not asked: %s\n", inspect.Clean(who))
	}
	return nil
}

// approveFromReviews counts the reviews of the pull request.
func (w *world) approveFromReviews(cmd *cobra.Command, p *purge.Engine, digest string) error {
	by, faults, err := p.ApproveFromReviews(cmd.Context(), digest)
	if err != nil {
		return err
	}
	for _, who := range by {
		fmt.Fprintf(w.stdout, "%s approves plan %s by review\n", inspect.Clean(who), digest)
	}
	for _, fault := range faults {
		fmt.Fprintf(w.stdout, "%s\n", inspect.Clean(oneLine(fault)))
	}
	if len(by) == 0 {
		return errors.New("no review approves the plan")
	}
	return nil
}

func (w *world) rewriteTellCommand(f *remediation) *cobra.Command {
	var g hubFlags
	var ticket string
	c := &cobra.Command{
		Use: "tell DIGEST", Short: "Tell those whom a rewrite touched what to do", Args: cobra.ExactArgs(1),
		Long: "Comment on every open pull request whose head moved or is in a fork: old and new ids, and what to\ntype. A second run edits its own comments. List the forks, what else GitHub keeps, and the\ntext for its support, which alone can remove refs/pull/*. Run it after verify.\n" + rewriteHubHelp + rewriteExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.onHub(cmd, f, &rewriteFlags{}, &g, args[0], func(p *purge.Engine, h *hub.Hub) error {
				if h == nil {
					return errNoHub
				}
				return w.tell(cmd, p, h, args[0], ticket)
			})
		},
	}
	g.addFlags(c)
	c.Flags().StringVar(&ticket, "ticket", "", "write the text for GitHub's support to `FILE`, too")
	return c
}

func (w *world) tell(cmd *cobra.Command, p *purge.Engine, h *hub.Hub, digest, ticket string) error {
	done, err := p.Done(cmd.Context(), digest)
	if err != nil {
		return err
	}
	if err := p.Policy.Stopped(); err != nil {
		return err
	}
	told, err := h.Tell(cmd.Context(), done)
	if told != nil && len(told.Pulls) > 0 {
		err = errors.Join(err, p.Told(cmd.Context(), digest, told))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "Pull requests that were told: %d\n", len(told.Pulls))
	w.printSome(len(told.Pulls), func(i int) string {
		n := told.Pulls[i]
		return fmt.Sprintf("#%d %s → %s", n.Pull, n.Old, cmp.Or(n.New, "only its owner can move it"))
	})
	fmt.Fprintf(w.stdout, "Forks that the token sees, whose owners have to rewrite or delete them: %d\n", len(told.Forks))
	w.printSome(len(told.Forks), func(i int) string { return inspect.Clean(told.Forks[i]) })
	fmt.Fprintln(w.stdout, "What a rewrite does not reach:")
	for _, line := range told.Remains {
		fmt.Fprintf(w.stdout, "  %s\n", inspect.Clean(line))
	}
	fmt.Fprintf(w.stdout, "\nFor https://support.github.com/:\n\n%s", told.Ticket)
	if ticket == "" {
		return nil
	}
	return os.WriteFile(ticket, []byte(told.Ticket), 0o644) //nolint:gosec // it is to be sent, and holds no value
}
