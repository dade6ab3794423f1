package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/rewrite"
	"github.com/leakgate/leakgate/remediate/seal"
)

// rewriteFlags say what is to leave history.
type rewriteFlags struct {
	texts      []string
	findings   string
	credential []string
	drop       []string
	stdin      bool
	evidence   string
	identity   string
	sign       string
	report     string
}

func (f *rewriteFlags) addFlags(c *cobra.Command) {
	flags := c.Flags()
	flags.StringArrayVar(&f.texts, "replace-text", nil, "`FILE` of replacements, as git filter-repo and BFG take it; may be given several times")
	flags.StringVar(&f.findings, "findings", "", "`FILE` that leakgate scan --format json wrote; values are read where it says")
	flags.StringArrayVar(&f.credential, "credential", nil, "only the credential or finding with this `ID`; unless values are given otherwise the history is scanned for it; may be given several times")
	flags.BoolVar(&f.stdin, "stdin", false, "read values from standard input, one a line")
	flags.StringVar(&f.evidence, "evidence", "", "read values from sealed `FILE`, see leakgate seal")
	flags.StringVar(&f.identity, "identity", "", "`FILE` of the age identity that opens the evidence")
	flags.StringArrayVar(&f.drop, "drop", nil, "drop the file or folder at `PATH` from every commit; may be given several times")
	flags.StringVar(&f.sign, "sign", "", "sign again what was signed, with the private SSH key in `KEY`, or gpg:USER")
	flags.StringVar(&f.report, "report", "", "write commit-map, ref-map and the like, in the formats of git filter-repo, to `FOLDER`")
}

// rewriteSpec gathers what the flags name.
func (w *world) rewriteSpec(cmd *cobra.Command, f *rewriteFlags, repo *gitrepo.Repo, path string) (*rewrite.Spec, error) {
	spec := &rewrite.Spec{Drop: f.drop}
	for _, name := range f.texts {
		file, err := os.Open(name)
		if err != nil {
			return nil, flagError{err}
		}
		part, err := rewrite.ReadText(file)
		file.Close()
		if err != nil {
			return nil, badFlag("%s: %w", name, err)
		}
		spec.Literals, spec.Patterns = append(spec.Literals, part.Literals...), append(spec.Patterns, part.Patterns...)
	}
	found, err := w.foundValues(cmd, f, repo, path)
	if err != nil {
		return nil, err
	}
	sealed, err := w.sealedValues(f)
	if err != nil {
		return nil, err
	}
	spec.Literals = slices.Concat(spec.Literals, found, sealed)
	if f.stdin {
		lines := bufio.NewScanner(w.stdin)
		lines.Buffer(nil, maxLine)
		for lines.Scan() {
			if text := strings.TrimSuffix(lines.Text(), "\r"); text != "" {
				spec.Literals = append(spec.Literals, rewrite.Literal{Value: secret.New(text), With: rewrite.Placeholder})
			}
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("standard input: %w", err)
		}
	}
	if err := spec.Check(); err != nil {
		return nil, flagError{err}
	}
	return spec, nil
}

// foundValues are the values of credentials, from a report or a scan.
func (w *world) foundValues(cmd *cobra.Command, f *rewriteFlags, repo *gitrepo.Repo, path string) ([]rewrite.Literal, error) {
	switch {
	case f.findings != "":
		key, err := w.key()
		if err != nil {
			return nil, err
		}
		file, err := os.Open(f.findings)
		if err != nil {
			return nil, flagError{err}
		}
		defer file.Close()
		spec, err := rewrite.ReadFindings(repo, file, f.credential, key)
		if err != nil {
			return nil, badFlag("%s: %w", f.findings, err)
		}
		return spec.Literals, nil
	case len(f.credential) > 0 && !f.stdin && f.evidence == "":
		return w.scanValues(cmd, f, path)
	}
	return nil, nil
}

// sealedValues are those of evidence; with --credential only what is named.
func (w *world) sealedValues(f *rewriteFlags) (out []rewrite.Literal, err error) {
	if f.evidence == "" {
		return nil, nil
	}
	key, err := w.key()
	if err != nil {
		return nil, err
	}
	identities, err := readIdentities(f.identity)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(f.evidence)
	if err != nil {
		return nil, flagError{err}
	}
	defer file.Close()
	evidence, err := seal.Read(file, key, identities...)
	if err != nil {
		return nil, badFlag("%s: %w", f.evidence, err)
	}
	for _, c := range evidence.Cases {
		if len(f.credential) == 0 || contains(f.credential, c.Credential) {
			out = append(out, rewrite.Literal{Value: c.Value, With: rewrite.Placeholder})
		}
	}
	return out, nil
}

// scanValues scans history for the values of the credentials that are asked for.
func (w *world) scanValues(cmd *cobra.Command, f *rewriteFlags, path string) ([]rewrite.Literal, error) {
	r, err := w.ask(cmd, inspect.Question{Path: path}, false)
	if err != nil {
		return nil, err
	}
	var out []rewrite.Literal
	left := map[string]bool{}
	for _, id := range f.credential {
		left[id] = true
	}
	for _, c := range r.Result.Credentials {
		if left[c.ID] {
			out = append(out, rewrite.Literal{Value: c.Secret, With: rewrite.Placeholder})
			delete(left, c.ID)
		}
	}
	for id := range left {
		return nil, badFlag("no credential %s was found in %s", id, path)
	}
	return out, nil
}

func (f *rewriteFlags) signer() (rewrite.Signer, error) {
	if user, ok := strings.CutPrefix(f.sign, "gpg:"); ok {
		return rewrite.GPGSigner{User: user}, nil
	}
	if f.sign == "" {
		return nil, nil
	}
	s, err := rewrite.LoadSSHSigner(f.sign)
	if err != nil {
		return nil, fmt.Errorf("--sign: %w", err)
	}
	return s, nil
}

// showRewrite prints a result and writes the maps that were asked for; code is
// returned where something changes.
func (w *world) showRewrite(r *rewrite.Result, err error, f *rewriteFlags, verb string, code error) error {
	if r == nil {
		return err
	}
	if f.report != "" {
		if werr := r.WriteMaps(f.report); werr != nil {
			return errors.Join(err, fmt.Errorf("--report: %w", werr))
		}
	}
	w.printRewrite(r, verb)
	switch {
	case err != nil || code == nil:
		return err
	case r.Clean() && len(r.Archives.Tainted) == 0 && len(r.Archives.Unread) > 0:
		return outcome(exitUndecided)
	case r.Clean() && len(r.Archives.Tainted) == 0:
		return nil
	}
	return code
}

// rewriteShown is how many lines of one kind are printed; --report has all.
const rewriteShown = 20

func (w *world) printRewrite(r *rewrite.Result, verb string) {
	out := w.stdout
	defer w.printArchives(&r.Archives)
	if r.Clean() {
		fmt.Fprintf(out, "Nothing to rewrite: %d commits, %d refs\n", len(r.Commits), r.AllRefs)
		return
	}
	fmt.Fprintf(out, "%d of %d commits %s (%d of notes), %d blobs, %d trees, %d annotated tags; %d objects, %d bytes\n",
		r.Changed, len(r.Commits), verb, r.Notes, r.Blobs, r.Trees, r.Tags, r.Objects, r.Bytes)
	fmt.Fprintf(out, "First changed commits: %d\n", len(r.First))
	w.printSome(len(r.First), func(i int) string { return r.First[i].String() })
	fmt.Fprintf(out, "Refs that move: %d of %d, of pull requests: %d\n", len(r.Refs), r.AllRefs, len(r.Pulls()))
	w.printSome(len(r.Refs), func(i int) string {
		m := r.Refs[i]
		return fmt.Sprintf("%s %s → %s", oneLine(errors.New(m.Name)), orNone(m.Old), orNone(m.New))
	})
	if n := len(r.Signatures); n > 0 {
		fmt.Fprintf(out, "Signatures that fall: %d, signed again: %d\n", n, r.Signed)
		w.printSome(n, func(i int) string { return r.Signatures[i].String() })
	}
	if n := len(r.LFS); n > 0 {
		fmt.Fprintf(out, "Objects of Git LFS that nothing stands for any more, and that the server has to remove: %d\n", n)
		w.printSome(n, func(i int) string { return inspect.Clean(r.LFS[i]) })
	}
	if r.Quoted > 0 {
		fmt.Fprintf(out, "Ids in messages that are older than what they name, and stay: %d\n", r.Quoted)
	}
	if r.Submodules > 0 {
		fmt.Fprintf(out, "Commits of submodules, which stay: %d\n", r.Submodules)
	}
}

// printArchives names files whose bytes do not show what is in them.
func (w *world) printArchives(a *rewrite.Archives) {
	if n := len(a.Tainted); n > 0 {
		fmt.Fprintf(w.stdout, "Archives and compressed files that hold a value, and stay as they are unless --drop takes them out: %d\n", n)
		w.printSome(n, func(i int) string { return a.Tainted[i].String() })
	}
	if n := len(a.Unread); n > 0 {
		fmt.Fprintf(w.stdout, "Archives and compressed files of which nobody can tell: %d\n", n)
		w.printSome(n, func(i int) string { return a.Unread[i].ID.String() + " " + inspect.Clean(a.Unread[i].Why) })
	}
}

func orNone(id gitrepo.ID) string {
	if id.IsZero() {
		return "none"
	}
	return id.String()
}

func (w *world) printSome(n int, line func(int) string) {
	for i := range min(n, rewriteShown) {
		fmt.Fprintf(w.stdout, "  %s\n", line(i))
	}
	if n > rewriteShown {
		fmt.Fprintf(w.stdout, "  and %d more; --report FOLDER lists all\n", n-rewriteShown)
	}
}
