package inspect

import (
	"bytes"
	"context"
	"errors"
	"io/fs"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/scanner"
)

// places reads values again where an exception or the baseline says they stood.
type places struct {
	ctx context.Context
	a   *answer
}

// At implements [gate.Values].
func (p *places) At(at gate.Place) ([]secret.Secret, error) {
	id, err := gitrepo.ParseID(at.Blob)
	if err != nil {
		return nil, err
	}
	reader, err := p.a.objects()
	if err != nil {
		return nil, err
	}
	o, err := reader.Object(id)
	if err != nil {
		return nil, err
	}
	found, _, err := p.a.scanner.File(p.ctx, scanner.FromCommit, memberless(at.Path), at.Blob, o.Data)
	if err != nil {
		return nil, err
	}
	var values []secret.Secret
	for _, f := range found {
		if f.Fingerprint == at.Fingerprint {
			values = append(values, f.Secret)
		}
	}
	return values, nil
}

// commented tells whether the allow-comment of a finding stands in the trusted
// tree, on the same line of the same file beside the same value.
func (a *answer) commented(ctx context.Context) func(scanner.Finding) bool {
	known := map[string][]scanner.Finding{}
	return func(f scanner.Finding) bool {
		name := memberless(f.At.Path)
		found, ok := known[name]
		if !ok {
			if text, err := a.trusted.read(name); err == nil {
				found, _, _ = a.scanner.File(ctx, scanner.FromFile, name, "", text)
			}
			known[name] = found
		}
		for _, t := range found {
			if t.Allowed && t.Fingerprint == f.Fingerprint && t.Secret.Equal(f.Secret) {
				return true
			}
		}
		return false
	}
}

// notices are about what the judged change does to the files that judge.
func (a *answer) notices(ctx context.Context) []gate.Notice {
	out := a.rulings.odd()
	for _, w := range a.rulings.rules.Warnings {
		out = append(out, gate.Notice{Text: w, Path: gitleaksConfig})
	}
	for _, path := range a.creation.unread() {
		out = append(out, gate.Notice{Text: "the configuration of sops cannot be read, so recipients are not held against it", Path: path})
	}
	if a.repo != nil {
		for _, w := range a.repo.Warnings() {
			out = append(out, gate.Notice{Text: w.Error()})
		}
	}
	out = append(out, a.rulings.policy.UnknownRules(a.rulings.knows)...)
	proposed := a.proposed()
	if proposed == nil || a.q.PolicyFile != "" {
		return out
	}
	policy := policyName(proposed)
	for _, name := range []string{policy, gate.BaselineFile, gitleaksConfig, gitleaksIgnore} {
		before, after := a.version(a.trusted, name), a.version(proposed, name)
		if name == policy {
			before = a.version(a.trusted, policyName(a.trusted))
		}
		if !bytes.Equal(before, after) {
			if name != gate.BaselineFile { // a message about it quotes nothing
				a.rulings.quoted.add(after)
			}
			out = append(out, a.change(name, before, after)...)
		}
	}
	return out
}

// change says how a change would alter one of the files that judge.
func (a *answer) change(name string, before, after []byte) []gate.Notice {
	switch name {
	case gate.PolicyFile, gate.GitHubPolicyFile:
		return gate.ProposedPolicy(a.rulings.policy, name, after)
	case gitleaksIgnore:
		return gate.AddedLines(name, before, after)
	}
	return gate.ChangedFile(name, before, after)
}

// proposed is the tree that the judged change leads to, nil when nothing is
// proposed: the whole history is judged by its own HEAD.
func (a *answer) proposed() tree {
	switch a.q.What {
	case Range, Since:
		if t, err := treeAt(a.reader, a.head); err == nil {
			return t
		}
	case Commits:
		if t, err := treeAt(a.reader, a.head); err == nil && !a.head.IsZero() {
			return t
		}
	case Staged:
		return indexTree{a}
	}
	return nil
}

// version is a file's text in a tree, nil when it is not there.
func (a *answer) version(t tree, name string) []byte {
	text, err := t.read(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.w.Log.Warn("a file of the change cannot be read", "path", name, "error", err)
	}
	return text
}

// memberless is the path of the file that holds an archive's member.
func memberless(path string) string {
	for i := range path {
		if path[i] == '!' {
			return path[:i]
		}
	}
	return path
}
