package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/gitrepo/wire"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/hub"
	"github.com/leakgate/leakgate/remediate/purge"
	"github.com/leakgate/leakgate/remediate/rewrite"
	"github.com/leakgate/leakgate/remediate/seal"
)

// tokenVariable holds what signs in at a remote over https.
const tokenVariable = "LEAKGATE_GIT_TOKEN"

const rewriteRemoteHelp = `
A remote is reached over https (with ` + tokenVariable + `, which goes to none but those that the operator
owns, or git's credential helpers), ssh, or a path.
Values are given again at each step, for nobody keeps them; they must be the same.
`

// purger builds what the verbs on a remote work with. The caller closes its store.
func (w *world) purger(cmd *cobra.Command, f *remediation, values *rewriteFlags, address string) (*purge.Engine, error) {
	e, err := w.engine(cmd.Context(), f)
	if err != nil {
		return nil, err
	}
	p := &purge.Engine{Store: e.Store, Policy: e.Policy, Now: w.now, Actor: e.Actor, Dir: filepath.Join(w.stateFolder(), "leakgate", "rewrite")}
	if err := w.furnish(cmd, p, e.Key, values, address); err != nil {
		return nil, errors.Join(err, e.Store.Close())
	}
	return p, nil
}

func (w *world) furnish(cmd *cobra.Command, p *purge.Engine, key secret.Key, values *rewriteFlags, address string) error {
	if recipients := p.Policy.Rewrite.Recipients; len(recipients) > 0 {
		var err error
		if p.Recipients, err = seal.Recipients(recipients); err != nil {
			return badFlag("[rewrite] recipients: %w", err)
		}
	}
	signer, err := values.signer()
	if err != nil {
		return flagError{err}
	}
	log := w.log(cmd)
	p.Rewriter = purge.History{Key: key, Signer: signer, Notice: func(stage string) { log.Info("rewrite", "stage", stage) },
		Spec: func(repo *gitrepo.Repo) (*rewrite.Spec, error) {
			return w.rewriteSpec(cmd, values, repo, repo.GitDir())
		}}
	if p.Remote, err = w.remote(cmd.Context(), address, p.Policy); err != nil {
		return err
	}
	p.Remote.Limits.Pack = p.Policy.Rewrite.MirrorMiB << 20
	return nil
}

// remote understands an address, and who signs in there. The token of the
// environment knows no host, so it goes to none but those that the operator lists.
func (w *world) remote(ctx context.Context, address string, policy remediate.Policy) (*wire.Remote, error) {
	r, err := wire.Open(address)
	if err != nil {
		return nil, flagError{err}
	}
	r.SSH = w.env("GIT_SSH_COMMAND")
	if r.Authorize != nil || !strings.HasPrefix(r.Address, "http") {
		return r, nil
	}
	user, password := "x-access-token", secret.New(w.env(tokenVariable))
	if !policy.Owns(gitrepo.RemoteName(r.Address)) {
		password = secret.Secret{}
	}
	if password.IsZero() {
		user, password = helped(ctx, r.Address)
	}
	if !password.IsZero() {
		r.Authorize = func(req *http.Request) error {
			req.SetBasicAuth(user, password.Reveal()) // it goes to the remote that the user named
			return nil
		}
	}
	return r, nil
}

// helped asks git's credential helpers, see https://git-scm.com/docs/git-credential.
// Where there is no git or none of them knows, nobody signs in.
func helped(ctx context.Context, address string) (user string, password secret.Secret) {
	c := exec.CommandContext(ctx, "git", "credential", "fill")
	c.Stdin = strings.NewReader("url=" + address + "\n\n")
	c.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=")
	out, err := c.Output()
	if err != nil {
		return "", secret.Secret{}
	}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch key {
		case "username":
			user = value
		case "password":
			password = secret.New(value)
		}
	}
	return user, password
}

// planRemote plans a rewrite of a remote and keeps the plan.
func (w *world) planRemote(cmd *cobra.Command, f *remediation, values *rewriteFlags, address, override, file string) error {
	p, err := w.purger(cmd, f, values, address)
	if err != nil {
		return err
	}
	defer p.Store.Close()
	m, err := p.Plan(cmd.Context(), values.credential, override)
	if errors.Is(err, purge.ErrNothing) {
		fmt.Fprintln(w.stdout, "Nothing to rewrite: "+err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	if file != "" {
		if err := m.Save(file); err != nil {
			return err
		}
	}
	if err := w.printManifest(m, p.Policy); err != nil {
		return err
	}
	return outcome(exitBlocked)
}

func (w *world) printManifest(m *purge.Manifest, policy remediate.Policy) error {
	digest, err := m.Digest()
	if err != nil {
		return err
	}
	out := w.stdout
	fmt.Fprintf(out, "%d commits would change, from %d that held a value first; %d files held one\n", m.Commits, len(m.First), len(m.Blobs))
	fmt.Fprintf(out, "Refs that move: %d of %d\n", len(m.Changes), m.Refs)
	w.printSome(len(m.Changes), func(i int) string {
		c := m.Changes[i]
		return fmt.Sprintf("%s %s → %s", inspect.Clean(c.Name), c.Old, cmp.Or(c.New, "none"))
	})
	if n := len(m.Remaining); n > 0 {
		fmt.Fprintf(out, "Refs of the server's own that hold a value and that only its people can remove: %d\n", n)
		w.printSome(n, func(i int) string { return inspect.Clean(m.Remaining[i].Name) })
	}
	if n := len(m.LFS); n > 0 {
		fmt.Fprintf(out, "Objects of Git LFS that nothing stands for any more, and that the server has to remove: %d\n", n)
		w.printSome(n, func(i int) string { return inspect.Clean(m.LFS[i]) })
	}
	if n := len(m.Archives); n > 0 {
		fmt.Fprintf(out, "Archives and compressed files that hold a value inside, and stay unless --drop takes them out: %d\n", n)
		w.printSome(n, func(i int) string { return m.Archives[i] })
	}
	if n := len(m.Unread); n > 0 {
		fmt.Fprintf(out, "Archives and compressed files of which nobody can tell: %d\n", n)
		w.printSome(n, func(i int) string { return m.Unread[i] })
	}
	if n := len(m.Signatures); n > 0 {
		fmt.Fprintf(out, "Signatures that fall: %d\n", n)
		w.printSome(n, func(i int) string { return m.Signatures[i] })
	}
	fmt.Fprintf(out, "\nNothing was changed. The plan may be applied until %s.\n", m.Expires.Format(time.RFC3339))
	if m.Override != "" {
		fmt.Fprintf(out, "It may be applied although no credential is known to be dead: %s\n", inspect.Clean(m.Override))
	}
	if len(policy.Requesters) > 0 {
		fmt.Fprintf(out, "Prove that you made it: leakgate rewrite approve --request %s --key FILE\n", digest)
	}
	fmt.Fprintf(out, "It needs %d approvals, each by: leakgate rewrite approve %s --key FILE\n", policy.Rewrite.Need(), digest)
	fmt.Fprintf(out, "To do it: leakgate rewrite apply %s\n", digest)
	return nil
}

// onPlan runs a verb on a plan that is kept; the remote is the plan's.
func (w *world) onPlan(cmd *cobra.Command, f *remediation, values *rewriteFlags, digest string, do func(*purge.Engine) error) error {
	e, err := w.engine(cmd.Context(), f)
	if err != nil {
		return err
	}
	defer e.Store.Close()
	p := &purge.Engine{Store: e.Store, Policy: e.Policy, Now: w.now, Actor: e.Actor, Dir: filepath.Join(w.stateFolder(), "leakgate", "rewrite")}
	m, err := p.Manifest(cmd.Context(), digest)
	if err != nil {
		return err
	}
	if err := w.furnish(cmd, p, e.Key, values, m.Remote); err != nil {
		return err
	}
	return do(p)
}

func (w *world) rewriteApproveCommand(f *remediation) *cobra.Command {
	var s signing
	var undo, destroy, request, reviews bool
	var g hubFlags
	var said said
	c := &cobra.Command{
		Use: "approve DIGEST", Short: "Approve the rewrite of a remote with an SSH key, or by the reviews of its pull request", Args: cobra.ExactArgs(1),
		Long: "Sign a plan as leakgate remediate approve does. With --from-reviews the reviews of the pull request\ncount: approvals of its current head by accounts that the operator's file lists as approvers\n(github = NUMBER) and that may write. They are read again when the plan is applied.\nWhen a rewrite was done, approvers sign by --remains what it does not reach and may stay, as verify\nshows it, and by --taken or --refused what became of a push of which the refs tell nothing, as settle\nshows it.\n" + rewriteHubHelp + rewriteExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			word, of, err := said.one()
			if err != nil {
				return err
			}
			if word != "" && (undo || destroy || request || reviews) {
				return badFlag("--%s is of another thing than the other flags: give one", word)
			}
			if reviews && (undo || destroy || request || s.key != "" || s.signature != "") {
				return badFlag("--from-reviews counts reviews of the plan, and signs nothing")
			}
			if reviews {
				return w.onHub(cmd, f, &rewriteFlags{}, &g, args[0], func(p *purge.Engine, _ *hub.Hub) error { return w.approveFromReviews(cmd, p, args[0]) })
			}
			if undo && destroy || request && (undo || destroy) {
				return badFlag("--undo, --destroy and --request are of three things: give one")
			}
			return w.onPlan(cmd, f, &rewriteFlags{}, args[0], func(p *purge.Engine) error {
				if request {
					return w.askFor(cmd, p, &remediate.Request{Plan: args[0], Requester: p.Actor}, s.key, s.signature)
				}
				if word != "" {
					if err := w.printMatter(cmd, p, args[0], word, of); err != nil {
						return err
					}
				}
				return w.approve(cmd, p, remediate.Approval{Plan: args[0], Undo: undo, Destroy: destroy, Word: word, Of: of, Approver: p.Actor}, s)
			})
		},
	}
	s.addFlags(c)
	g.addFlags(c)
	said.addFlags(c)
	c.Flags().BoolVar(&reviews, "from-reviews", false, "count the reviews of the pull request that asks for it")
	c.Flags().BoolVar(&request, "request", false, "prove that you made the plan, where the operator's file lists requesters")
	c.Flags().BoolVar(&undo, "undo", false, "approve that it is rolled back, and nothing else")
	c.Flags().BoolVar(&destroy, "destroy", false, "approve that its bundle is destroyed before its time, and nothing else")
	return c
}

func (w *world) rewriteProposeCommand(f *remediation) *cobra.Command {
	var values rewriteFlags
	var g hubFlags
	var plain bool
	c := &cobra.Command{
		Use: "propose DIGEST", Short: "Push a branch that asks for the rewrite of a remote", Args: cobra.ExactArgs(1),
		Long: "Push a branch with one commit on the default branch: references or placeholders where values are\nthere now, files such as .env and id_rsa removed and ignored, and the manifest in\n" + purge.Folder + ". On a GitHub a pull request of it is\nopened, or brought up to date, and the approvers are asked for reviews; elsewhere open one yourself.\nMerging it rewrites nothing.\n" + rewriteRemoteHelp + rewriteHubHelp + rewriteExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.onHub(cmd, f, &values, &g, args[0], func(p *purge.Engine, h *hub.Hub) error {
				p.Plain = plain
				proposal, err := p.Propose(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				fmt.Fprintf(w.stdout, "%s asks for it, on top of %s: %s\n", proposal.Branch, proposal.Base, proposal.Commit)
				w.printMended(proposal.Mended)
				if h == nil {
					return nil
				}
				return w.openPull(cmd, p, h, args[0], proposal)
			})
		},
	}
	values.addFlags(c)
	g.addFlags(c)
	c.Flags().BoolVar(&plain, "placeholders", false, "placeholders only: no references, and no file removed or ignored")
	return c
}

// printMended says what people have to do before they merge a proposal.
func (w *world) printMended(m purge.Mended) {
	if m.Untold {
		fmt.Fprintln(w.stdout, "What has to be set, and which files are removed, is in the message of its first commit: the run that made it was cut off, and it comes out otherwise now")
	}
	for _, l := range []struct {
		what string
		list []string
	}{
		{"To be set where it runs", m.Set}, {"Removed", m.Removed}, {"Ignored by git from now on", m.Ignored},
		{"Links, which git does not read, and which were left as they are", m.Links}, {"Not ignored by git, so that they can come back", m.Unignored},
		{"To be looked at", m.Told},
	} {
		if len(l.list) > 0 {
			fmt.Fprintf(w.stdout, "%s: %s\n", l.what, inspect.Clean(strings.Join(l.list, ", ")))
		}
	}
}

func (w *world) rewriteApplyCommand(f *remediation) *cobra.Command {
	var values rewriteFlags
	var g hubFlags
	var open bool
	var openWith string
	c := &cobra.Command{
		Use: "apply DIGEST", Short: "Move the refs of a remote to the history that was approved", Args: cobra.ExactArgs(1),
		Long: "Make the new history of what the remote holds now, keep what was there in a sealed bundle,\nand move all refs in one atomic push, each only if it is still where it was. Commits that\ncame on top go along; anything else that is new stops it. The bundle is read back, opened and\nheld against the remote before anything is pushed: with the identity that --open-with names,\nelse with the key of this run, which is forgotten. Rulesets of a GitHub stop it unless the\naccount of git's token may bypass them; --open-rulesets lets it, and nobody else, through for the\ntime of the push, and puts them back.\n" + rewriteRemoteHelp + rewriteHubHelp + rewriteExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.onHub(cmd, f, &values, &g, args[0], func(p *purge.Engine, h *hub.Hub) error {
				var err error
				if openWith != "" {
					if p.Identities, err = readIdentities(openWith); err != nil {
						return err
					}
				}
				stop, err := w.openRules(f, &g, p, h, open, args[0])
				if err != nil {
					return err
				}
				defer stop()
				moved, err := p.Apply(cmd.Context(), args[0])
				if err != nil {
					return rulesHint(err, h, open)
				}
				fmt.Fprintf(w.stdout, "%d refs moved:\n", len(moved))
				w.printSome(len(moved), func(i int) string {
					return fmt.Sprintf("%s %s → %s", inspect.Clean(moved[i].Name), moved[i].Old, cmp.Or(moved[i].New, "none"))
				})
				return w.printApplied(cmd.Context(), p, args[0])
			})
		},
	}
	values.addFlags(c)
	g.addFlags(c)
	addOpenFlag(c, &open)
	c.Flags().StringVar(&openWith, "open-with", "", "`FILE` of an age identity that must open the bundle before anything is pushed")
	return c
}

func (w *world) printApplied(ctx context.Context, p *purge.Engine, digest string) error {
	kept, err := p.Kept(ctx, digest)
	if err != nil {
		return err
	}
	if kept.File != "" {
		fmt.Fprintf(w.stdout, "What was there is sealed in %s (%d bytes; %s)\n", kept.File, kept.Bytes, cmp.Or(kept.Proof, "never opened"))
	}
	fmt.Fprintf(w.stdout, "Now prove it: leakgate rewrite verify %s\n", digest)
	return nil
}

func (w *world) verifyRemote(cmd *cobra.Command, f *remediation, values *rewriteFlags, digest, accept string) error {
	return w.onPlan(cmd, f, values, digest, func(p *purge.Engine) error {
		verify := p.Verify
		if accept != "" {
			verify = func(ctx context.Context, digest string) (*purge.Residue, error) { return p.Accept(ctx, digest, accept) }
		}
		left, err := verify(cmd.Context(), digest)
		if left != nil {
			w.printResidue(left, digest, p.Policy)
		}
		if left != nil && errors.Is(err, purge.ErrElsewhere) {
			fmt.Fprintf(w.stdout, "Not purged: %s\n", inspect.Clean(oneLine(err)))
			return outcome(exitBlocked)
		}
		if left != nil && errors.Is(err, purge.ErrUnread) {
			return outcome(exitUndecided)
		}
		if left != nil && (errors.Is(err, purge.ErrResidue) || errors.Is(err, purge.ErrRemains)) {
			return outcome(exitBlocked)
		}
		return err
	})
}

func (w *world) printResidue(left *purge.Residue, digest string, policy remediate.Policy) {
	if len(left.Others) == 0 {
		fmt.Fprintln(w.stdout, "A fresh mirror holds no value in what its branches and tags reach.")
	} else {
		fmt.Fprintf(w.stdout, "Refs that still hold a value: %d\n", len(left.Others))
		w.printSome(len(left.Others), func(i int) string { return inspect.Clean(left.Others[i].Name) })
	}
	if n := len(left.Moved); n > 0 {
		fmt.Fprintf(w.stdout, "Refs that moved on since: %d\n", n)
		w.printSome(n, func(i int) string { return inspect.Clean(left.Moved[i]) })
	}
	if n := len(left.Hidden); n > 0 {
		fmt.Fprintf(w.stdout, "Refs of the server's own that still hold one: %d; ask its people to remove them and what nothing reaches\n", n)
		w.printSome(n, func(i int) string { return inspect.Clean(left.Hidden[i].Name) })
	}
	if n := len(left.Archives); n > 0 {
		fmt.Fprintf(w.stdout, "Archives and compressed files that hold a value inside: %d; a plan with --drop takes them out\n", n)
		w.printSome(n, func(i int) string { return left.Archives[i] })
	}
	if n := len(left.Unread); n > 0 {
		fmt.Fprintf(w.stdout, "Archives and compressed files of which nobody can tell: %d\n", n)
		w.printSome(n, func(i int) string { return left.Unread[i] })
	}
	if n := len(left.Quoting); n > 0 {
		fmt.Fprintf(w.stdout, "Commits whose messages name commits that are no more: %d\n", n)
		w.printSome(n, func(i int) string { return left.Quoting[i] })
	}
	switch a := left.Accepted; {
	case a != nil:
		fmt.Fprintf(w.stdout, "%s accepted that: %s (%s)\n", inspect.Clean(a.By), inspect.Clean(a.Why), proven(a.Proof))
	case len(left.Others) == 0 && left.Of != "":
		fmt.Fprintln(w.stdout, "Not purged while that is so. If it is to be lived with:")
		if !policy.Rewrite.Unsigned {
			fmt.Fprintf(w.stdout, "  leakgate rewrite approve %s --remains %s --key FILE, by %d approvers; then\n", digest, left.Of, policy.Rewrite.Need())
		}
		fmt.Fprintf(w.stdout, "  leakgate rewrite verify %s --accept-remaining REASON\n", digest)
	}
	fmt.Fprintln(w.stdout, rewrite.Unseen)
	fmt.Fprintln(w.stdout, "Out of reach: forks, clones, caches, build logs and artifacts, releases, packages.")
}

func (w *world) rewriteRollbackCommand(f *remediation) *cobra.Command {
	var identity string
	var g hubFlags
	var open bool
	c := &cobra.Command{
		Use: "rollback DIGEST", Short: "Move the refs of a remote back to where they were", Args: cobra.ExactArgs(1),
		Long: "Open the sealed bundle of what was there and move all refs back in one atomic push, each only\nif it is still where the rewrite put it. The values are back then.\n" + rewriteExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			identities, err := readIdentities(identity)
			if err != nil {
				return err
			}
			return w.onHub(cmd, f, &rewriteFlags{}, &g, args[0], func(p *purge.Engine, h *hub.Hub) error {
				stop, err := w.openRules(f, &g, p, h, open, args[0])
				if err != nil {
					return err
				}
				defer stop()
				if err := p.Rollback(cmd.Context(), args[0], identities); err != nil {
					return rulesHint(err, h, open)
				}
				fmt.Fprintln(w.stdout, "The remote is as it was before the rewrite, values included.")
				return nil
			})
		},
	}
	c.Flags().StringVar(&identity, "identity", "", "`FILE` of the age identity that opens the bundle")
	g.addFlags(c)
	addOpenFlag(c, &open)
	return c
}

func readIdentities(path string) ([]age.Identity, error) {
	if path == "" {
		return nil, badFlag("what is sealed needs a key to be opened: --identity FILE")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, flagError{err}
	}
	defer file.Close()
	identities, err := age.ParseIdentities(file)
	if err != nil {
		return nil, badFlag("--identity %s holds no age identity", path) // the error could hold it
	}
	return identities, nil
}

func (w *world) rewriteDestroyCommand(f *remediation) *cobra.Command {
	var now bool
	c := &cobra.Command{
		Use: "destroy DIGEST", Short: "Remove the bundle of what was there, which holds the values", Args: cobra.ExactArgs(1),
		Long: "Remove the bundle once it is older than [rewrite] keep (7 days by default). Nobody can roll\nback after that. Before its time (--now) it takes as many approvals as the rewrite did, of this:\nleakgate rewrite approve --destroy.\n" + rewriteExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.onPlan(cmd, f, &rewriteFlags{}, args[0], func(p *purge.Engine) error { return p.Destroy(cmd.Context(), args[0], now) })
		},
	}
	c.Flags().BoolVar(&now, "now", false, "before its time, with approvals of that")
	return c
}
