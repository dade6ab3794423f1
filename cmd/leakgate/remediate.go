package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/scanner"
)

const remediateLong = `See leaked credentials dead: find out whether they work, plan what is to be done,
have it approved, do it, and prove it. Nothing is called that changes anything
until a plan is named by its digest.

What may be acted on comes from your own file, never from a repository: see
--operator. Values are read again where they were found; they go to their own
issuers only.
`

// remediation are the flags of every verb.
type remediation struct {
	database string
	operator string
	actor    string
	account  int64
}

func (f *remediation) addFlags(c *cobra.Command) {
	flags := c.PersistentFlags()
	flags.StringVar(&f.database, "database", "", "`PLACE` of the state: a file, or a postgres:// URL; default leakgate/leakgate.db in the user's state folder")
	flags.StringVar(&f.operator, "operator", "", "`FILE` of what may be acted on and by whom; default leakgate/remediate.toml in the user's configuration folder")
	flags.StringVar(&f.actor, "actor", "", "`NAME` under which the audit trail knows you; default $USER")
	flags.Int64Var(&f.account, "account", 0, "`NUMBER` of the account on GitHub by whose key credentials are known, for the state and the key of leakgate-app, which names it")
}

func (w *world) remediateCommand() *cobra.Command {
	var f remediation
	c := &cobra.Command{Use: "remediate", Short: "Check, plan, approve and do what makes leaked credentials useless", Long: remediateLong}
	f.addFlags(c)
	c.AddCommand(w.remediatePlanCommand(&f), w.remediateApplyCommand(&f), w.remediateUndoCommand(&f), w.remediateApproveCommand(&f),
		w.remediateStatusCommand(&f), w.remediateReportCommand(&f), w.remediateServeCommand(&f), w.rotateCommand(&f),
		w.remediateRolloutCommand(&f), w.remediateFollowCommand(&f), w.remediateRenewCommand(&f), w.remediateVaultCommand(&f),
		w.remediateEvidenceCommand(&f), w.remediateNoteCommand(&f), w.remediateDueCommand(&f), w.remediateMetricsCommand(&f),
		w.providersCommand(), w.explainKindCommand(), w.checkKindCommand(&f))
	return c
}

// engine builds what the verbs work with. The caller closes its store.
func (w *world) engine(ctx context.Context, f *remediation) (*remediate.Engine, error) {
	key, err := w.key()
	if err != nil {
		return nil, err
	}
	if !key.Stable() {
		return nil, badFlag("remediation needs a key that outlives the run: set %s, or have a folder for configuration", keyVariable)
	}
	own := key // by which credentials are known
	if f.account != 0 {
		if own, err = key.For(f.account); err != nil {
			return nil, badFlag("--account: %w", err)
		}
		w.account = f.account
	}
	policy, err := w.operator(f)
	if err != nil {
		return nil, err
	}
	catalogue, err := revoke.Default()
	if err != nil {
		return nil, err
	}
	given, err := policy.Given()
	if err != nil {
		return nil, flagError{err}
	}
	e := &remediate.Engine{Issuer: &revoke.Client{Private: policy.Private}, Catalogue: catalogue, Policy: policy, Key: own, Clock: remediate.WallClock{Time: w.now}, Given: given}
	if e.Actor = f.actor; e.Actor == "" {
		e.Actor = w.env("USER")
	}
	if e.Actor == "" {
		return nil, badFlag("nobody knows who you are: --actor NAME")
	}
	if w.issuer != nil {
		e.Issuer = w.issuer
	}
	e.Store, err = w.openStore(ctx, f.database, key)
	return e, err
}

// openStore opens the state at a place, or where the user's state is.
func (w *world) openStore(ctx context.Context, place string, key secret.Key) (*store.Store, error) {
	if place == "" {
		folder := w.stateFolder()
		if folder == "" {
			return nil, badFlag("there is no folder for state: --database PLACE")
		}
		place = filepath.Join(folder, "leakgate", "leakgate.db")
	}
	noted := ""
	if folder := w.stateFolder(); folder != "" {
		name := key.HMAC("place of the state", secret.New(place)) // it may hold a password
		noted = filepath.Join(folder, "leakgate", "heads", hex.EncodeToString(name[:8]))
	}
	return store.Open(ctx, place, store.Options{Key: key, Now: w.now, Noted: noted})
}

// stateFolder is where the user's state lives, "" for nowhere.
func (w *world) stateFolder() string {
	if folder := w.env("XDG_STATE_HOME"); folder != "" {
		return folder
	}
	home := w.env("HOME")
	if home == "" {
		return w.configFolder()
	}
	return filepath.Join(home, ".local", "state")
}

// operator reads the operator's file. Without one nothing is owned.
func (w *world) operator(f *remediation) (remediate.Policy, error) {
	path := f.operator
	if path == "" {
		path = filepath.Join(w.configFolder(), "leakgate", "remediate.toml")
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && f.operator == "" {
		return remediate.Policy{}, nil
	}
	if err != nil {
		return remediate.Policy{}, flagError{err}
	}
	policy, err := remediate.ParsePolicy(text)
	if err == nil {
		return policy, nil
	}
	var wrong []error // each on a line
	for _, one := range joined(err) {
		wrong = append(wrong, fmt.Errorf("%s: %w", path, one))
	}
	return policy, flagError{errors.Join(wrong...)}
}

// originOf names a repository by its remote origin.
func originOf(path string) (string, error) {
	repo, err := gitrepo.Open(path)
	if err != nil {
		return "", err
	}
	defer repo.Close()
	if name := gitrepo.RemoteName(repo.Remote("origin")); name != "" && plain(name) {
		return name, nil
	}
	return "", badFlag("%s has no remote origin that names a host: say which repository it is with --repository HOST/OWNER/NAME", path)
}

// plain reports whether a name that a repository gave itself may be matched
// against the operator's list and shown: no line ends, no marks that steer a terminal.
func plain(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

// leaks are the flags that say where values are.
type leaks struct {
	repository string
	exposure   string
	only       []string
}

func (l *leaks) addFlags(c *cobra.Command) {
	c.Flags().StringVar(&l.repository, "repository", "", "`NAME` of the repository, as the operator's file lists it; default HOST/OWNER/NAME of its remote origin")
	c.Flags().StringArrayVar(&l.only, "credential", nil, "only the credential with this `ID`; may be given several times")
}

// find scans the repository at a path and gives its credentials with their values.
func (w *world) find(cmd *cobra.Command, e *remediate.Engine, l *leaks, path string) ([]remediate.Case, scanner.Result, error) {
	r, err := w.ask(cmd, inspect.Question{Path: path}, false)
	if err != nil {
		return nil, scanner.Result{}, err
	}
	name := l.repository
	if name == "" {
		if name, err = originOf(path); err != nil {
			return nil, r.Result, err
		}
	}
	read, done := blobsOf(path)
	defer done()
	all := remediate.Cases(r.Result, e.Catalogue, name, remediate.Exposure(l.exposure), read)
	remediate.AddAccounts(all, r.Result, read)
	var cases []remediate.Case
	for _, c := range all {
		if len(l.only) == 0 || contains(l.only, c.Credential) {
			cases = append(cases, c)
		}
	}
	if len(cases) == 0 {
		return nil, r.Result, fmt.Errorf("no such credential was found in %s", path)
	}
	return cases, r.Result, nil
}

// maxBeside is the largest file that is read for what stands beside a value.
const maxBeside = 4 << 20

// blobsOf reads what the files of a repository held; of anything else it knows nothing.
func blobsOf(path string) (read remediate.Blobs, done func()) {
	repo, err := gitrepo.Open(path)
	if err != nil {
		return nil, func() {}
	}
	objects := repo.NewReader(maxBeside)
	read = func(id string) []byte {
		blob, err := gitrepo.ParseID(id)
		if err != nil {
			return nil
		}
		o, err := objects.ObjectWithin(blob, maxBeside)
		if err != nil {
			return nil
		}
		return o.Data
	}
	return read, func() { _ = repo.Close() } // it was only read
}

func contains(list []string, text string) bool {
	for _, item := range list {
		if strings.EqualFold(item, text) {
			return true
		}
	}
	return false
}

// bar shows how many steps are done.
func (w *world) bar(stage string) (show func(done, total int), clear func()) {
	p := w.newProgress(false)
	return func(done, total int) { p.show(scanner.Progress{Stage: stage, Done: done, Total: total}) }, p.clear
}
