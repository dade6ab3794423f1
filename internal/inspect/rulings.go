package inspect

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
)

// The names of configuration at the root of a tree.
const (
	gitleaksConfig = ".gitleaks.toml"
	gitleaksIgnore = ".gitleaksignore"
)

// rulings are what judges: policy, rules, ignore file and baseline.
type rulings struct {
	policy   gate.Policy
	rules    *rules.Set
	ignores  *rules.Ignores
	baseline gate.Baseline
	locked   []gate.Notice // keys that the organisation does not leave to the repository
	misnamed []string      // files that look like the policy and do nothing
	quoted   *quoted
}

// loadRulings reads each file from where the user named it, else from the
// trusted tree. A broken file of the tree is not usage: the gate could not decide.
func loadRulings(q Question, t tree) (rulings, error) {
	out := rulings{policy: gate.Defaults(), quoted: &quoted{}}
	load := out.quoted.load
	err := load(q.PolicyFile, t, policyName(t), func(name string, text []byte) (err error) {
		out.quoted.add(text)
		out.policy, err = gate.ParsePolicy(name, text)
		return err
	})
	if err != nil {
		return out, err
	}
	organisation := q.Organisation
	if q.OrganisationFile != "" {
		err := load(q.OrganisationFile, t, "", func(name string, text []byte) (err error) {
			out.quoted.add(text)
			organisation, err = gate.ParseOrganisation(name, text)
			return err
		})
		if err != nil {
			return out, err
		}
	}
	out.policy, out.locked = gate.Merge(organisation, out.policy)
	out.misnamed = misnamed(q, t)
	if out.rules, err = rules.Default(); err != nil {
		return out, fmt.Errorf("built-in rules: %w", err)
	}
	open := inside(t)
	if q.RulesFile != "" {
		open = readNamed
	}
	err = load(q.RulesFile, t, gitleaksConfig, func(name string, text []byte) (err error) {
		out.quoted.add(text)
		if out.rules, err = rules.Load(name, text, rules.LoadOptions{Open: out.quoted.open(open)}); err != nil {
			return err
		}
		out.rules.Warnings = out.quoted.cleanAll(out.rules.Warnings)
		return out.quoted.refuseNames(out.rules)
	})
	if err != nil {
		return out, err
	}
	err = load(q.IgnoreFile, t, gitleaksIgnore, func(name string, text []byte) (err error) {
		out.quoted.add(text)
		if out.ignores, err = rules.ParseIgnores(name, text); err == nil {
			out.ignores.Warnings = out.quoted.cleanAll(out.ignores.Warnings)
		}
		return err
	})
	if err != nil {
		return out, err
	}
	return out, load(q.BaselineFile, t, gate.BaselineFile, func(name string, text []byte) (err error) {
		out.baseline, err = gate.ParseBaseline(name, text)
		return err
	})
}

// policyName is where a tree holds its policy: at the root, else in .github.
func policyName(t tree) string {
	if _, err := t.read(gate.PolicyFile); errors.Is(err, fs.ErrNotExist) {
		if _, err := t.read(gate.GitHubPolicyFile); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return gate.GitHubPolicyFile
		}
	}
	return gate.PolicyFile
}

// misnamed are the files of a tree that somebody may take for its policy. On a
// file system that ignores case another spelling is the policy itself.
func misnamed(q Question, t tree) []string {
	if q.PolicyFile != "" {
		return nil
	}
	names := []string{".leakgate.yml", ".github/leakgate.yaml", ".github/.leakgate.yml"}
	if _, err := t.read(gate.PolicyFile); err == nil {
		names = append(names, gate.GitHubPolicyFile)
	} else if errors.Is(err, fs.ErrNotExist) {
		names = append(names, ".Leakgate.yaml", ".LeakGate.yaml", ".LEAKGATE.yaml", ".leakgate.YAML", ".Leakgate.yml", ".leakgate.json")
	}
	return slices.DeleteFunc(names, func(name string) bool {
		_, err := t.read(name)
		return err != nil
	})
}

// odd are notices about those files.
func (r rulings) odd() (out []gate.Notice) {
	for _, name := range r.misnamed {
		out = append(out, gate.Notice{Text: name + " does nothing: the policy is read from " + gate.PolicyFile + ", else from " + gate.GitHubPolicyFile, Path: name})
	}
	return append(out, r.locked...)
}

// wanted are the rules without those that the policy disables, which must not
// stand in for others either. A part of a composite rule stays.
func (r rulings) wanted() *rules.Set {
	part := map[string]bool{}
	for _, rule := range r.rules.Rules {
		for _, needed := range rule.Required {
			part[needed.RuleID] = true
		}
	}
	set := *r.rules
	set.Rules = slices.DeleteFunc(slices.Clone(r.rules.Rules), func(rule *rules.Rule) bool {
		return !r.policy.Wants(rule.ID) && !part[rule.ID]
	})
	return &set
}

// ignored reports whether the trusted .gitleaksignore names a finding.
func (r rulings) ignored(f scanner.Finding) bool {
	return r.ignores != nil && r.ignores.Match(f.Commit.ID, f.At.Path, f.Rule.ID, f.At.StartLine)
}
