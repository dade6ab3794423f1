package remediate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// Policy is the operator's word on remediation. It comes from the operator's own
// file, never from a repository that is judged. The zero Policy owns nothing,
// and so acts on nothing.
type Policy struct {
	// Owned are patterns of the repositories whose leaks may be acted on, as in
	// "github.com/acme/*".
	Owned []string `toml:"owned"`
	// Budget is how many deeds that cannot be taken back one run may do; 10 when 0.
	Budget int `toml:"budget"`
	// Daily is how many such deeds all runs together may do in 24 hours; five
	// budgets when 0.
	Daily int `toml:"daily"`
	// KillSwitch is a file that stops every run while it exists.
	KillSwitch string `toml:"kill_switch"`
	// Lifetime is how long a plan may be applied; 24 hours when 0.
	Lifetime revoke.Duration `toml:"lifetime"`
	// Grace is how long a disabled credential can be taken back before a plan
	// deletes it; 7 days when 0.
	Grace revoke.Duration `toml:"grace"`
	// Deadline is how long what is private and can be taken back is left enabled while
	// its consumers are given a new value; an hour when 0.
	Deadline revoke.Duration `toml:"deadline"`
	// AllowUnverified names providers whose answers nobody has seen.
	AllowUnverified []string `toml:"allow_unverified"`
	// Home names providers whose one account or host, as it is set here, is the
	// only one whose credentials leak: not to be known there is to be dead.
	Home []string `toml:"home"`
	// Approvals say how many approvers a plan needs. All that match count.
	Approvals []Quorum   `toml:"approvals"`
	Approvers []Approver `toml:"approvers"`
	// Rewrite is what rewrites of history need.
	Rewrite Rewrite `toml:"rewrite"`
	// Requesters may make plans, and prove with a key that they did. Without any,
	// who made a plan is what --actor said.
	Requesters []Approver `toml:"requesters"`
	// Private names hosts that may have a private address, as a Vault of one's own.
	Private []string `toml:"private"`
	// GitLab is what `leakgate remediate serve` may do.
	GitLab GitLab `toml:"gitlab"`
	// Settings are, by provider, what it needs and is no secret.
	Settings map[string]map[string]string `toml:"settings"`
	// Credentials are, by provider, files that hold what it needs of an
	// administrator. Only their owner may read them.
	Credentials map[string]map[string]string `toml:"credentials"`
	// Stores are where consumers read the values that are rotated.
	Stores []Place `toml:"store"`
}

// Quorum is a number of approvers that a plan needs if a step of it matches.
type Quorum struct {
	Need         int      `toml:"need"`
	Irreversible bool     `toml:"irreversible"` // the step cannot be taken back
	Severity     []string `toml:"severity"`     // of the credential; empty: any
	Scopes       []string `toml:"scopes"`       // patterns, one of which a scope of the credential matches; empty: any
}

// Rewrite is the operator's word on rewrites of history.
type Rewrite struct {
	// Approvals that a rewrite needs; 1 when 0.
	Approvals int `toml:"approvals"`
	// Keep is how long one can go back: the bundle of what was there holds the
	// values, and is destroyed after it; 7 days when 0.
	Keep revoke.Duration `toml:"keep"`
	// Recipients are those of age (age1…) who can open the bundle.
	Recipients []string `toml:"recipients"`
	// Unsigned lets a name that --actor gives, and nobody proves, accept what remains after
	// a rewrite, and say what became of a push. It is recorded as unproven.
	Unsigned bool `toml:"unsigned"`
	// GitHub is where the interface of the GitHub is on which rewrites are proposed, as
	// https://api.github.com; none when empty.
	GitHub string `toml:"github"`
	// App is the number of the App whose token is used; 0 when it is a user's.
	App int64 `toml:"app"`
	// MirrorMiB is how large the history of a remote may be, in MiB of its pack; 16384 when 0.
	MirrorMiB int64 `toml:"mirror_mib"`
}

// Need is how many approvers a rewrite needs.
func (r Rewrite) Need() int { return max(1, r.Approvals) }

// KeepFor is how long the bundle of what was there is kept.
func (r Rewrite) KeepFor() time.Duration {
	if r.Keep == 0 {
		return 7 * 24 * time.Hour
	}
	return time.Duration(r.Keep)
}

// GitLab says how a GitLab signs in, and which tokens are revoked without asking.
type GitLab struct {
	Authorization string   `toml:"authorization"` // file of what GitLab sends as Authorization; only its owner may read it
	Auto          []string `toml:"auto"`          // rules whose tokens are revoked alone
}

// Word reads what GitLab sends as Authorization.
func (g GitLab) Word() (secret.Secret, error) {
	if g.Authorization == "" {
		return secret.Secret{}, errors.New("[gitlab] authorization names no file")
	}
	word, err := readPrivate(g.Authorization)
	if err == nil && word.Len() < minWord {
		err = fmt.Errorf("%s holds less than %d characters", g.Authorization, minWord)
	}
	return word, err
}

// minWord is the shortest word that GitLab may sign in with.
const minWord = 20

// Approver is a person, or who makes plans, with public keys in the form of authorized_keys.
type Approver struct {
	Name string   `toml:"name"`
	Keys []string `toml:"keys"`
	// GitHub is the number of an account there whose reviews approve rewrites; 0 for none.
	GitHub int64 `toml:"github"`
}

const (
	defaultBudget   = 10
	defaultLifetime = 24 * time.Hour
	defaultGrace    = 7 * 24 * time.Hour
	defaultDeadline = time.Hour
)

// ParsePolicy reads the operator's file. An unknown key is an error. Several mistakes are
// joined by [errors.Join].
func ParsePolicy(text []byte) (Policy, error) {
	var p Policy
	err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&p)
	if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		var unknown []error
		for _, one := range strict.Errors {
			unknown = append(unknown, fmt.Errorf("unknown key %s", strings.Join(one.Key(), ".")))
		}
		return p, errors.Join(unknown...)
	}
	if err != nil {
		return p, err
	}
	var written struct {
		Budget   *int             `toml:"budget"`
		Daily    *int             `toml:"daily"`
		Lifetime *revoke.Duration `toml:"lifetime"`
		Grace    *revoke.Duration `toml:"grace"`
		Deadline *revoke.Duration `toml:"deadline"`
	}
	if err := toml.Unmarshal(text, &written); err != nil {
		return p, err
	}
	if written.Budget != nil && *written.Budget == 0 || written.Daily != nil && *written.Daily == 0 || written.Lifetime != nil && *written.Lifetime == 0 || written.Grace != nil && *written.Grace == 0 || written.Deadline != nil && *written.Deadline == 0 {
		return p, errors.New("budget, daily, lifetime, grace and deadline are greater than 0; to stop everything, make the file that kill_switch names")
	}
	return p, p.validate()
}

func (p Policy) validate() error {
	for _, pattern := range p.Owned {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("owned: %q is no pattern", pattern)
		}
	}
	if err := errors.Join(distinct("approver", p.Approvers), distinct("requester", p.Requesters)); err != nil {
		return err
	}
	if err := p.places(); err != nil {
		return err
	}
	for _, q := range p.Approvals {
		if q.Need < 1 || q.Need > p.signers() {
			return fmt.Errorf("approvals: %d are needed, and there are %d approvers with keys", q.Need, p.signers())
		}
		for _, pattern := range q.Scopes {
			if _, err := path.Match(pattern, ""); err != nil {
				return fmt.Errorf("approvals: %q is no pattern", pattern)
			}
		}
	}
	if p.Rewrite.MirrorMiB < 0 || p.Rewrite.MirrorMiB > 1<<40 {
		return errors.New("rewrite: mirror_mib is how large a history may be, in MiB")
	}
	if p.Rewrite.Approvals < 0 || p.Rewrite.Keep < 0 || p.Rewrite.Approvals > len(p.Approvers) {
		return fmt.Errorf("rewrite: %d approvals are needed, and there are %d approvers", p.Rewrite.Approvals, len(p.Approvers))
	}
	if p.Budget < 0 || p.Daily < 0 || p.Lifetime < 0 || p.Grace < 0 || p.Deadline < 0 {
		return errors.New("budget, daily, lifetime, grace and deadline are not negative")
	}
	return nil
}

// signers counts the approvers who can sign.
func (p Policy) signers() (n int) {
	for _, a := range p.Approvers {
		if len(a.Keys) > 0 {
			n++
		}
	}
	return n
}

// distinct refuses lists on which one person could count as two.
func distinct(role string, list []Approver) error {
	names, owners, accounts := map[string]bool{}, map[string]string{}, map[int64]string{}
	for _, a := range list {
		keys, err := a.keys()
		if len(a.Keys) == 0 && a.GitHub > 0 {
			err = nil // whose word are reviews only
		}
		switch {
		case err != nil:
			return fmt.Errorf("%s %q: %w", role, a.Name, err)
		case person(a.Name) == "" || strings.ContainsAny(a.Name, "\r\n"):
			return fmt.Errorf("%s: no name of one line", role)
		case names[person(a.Name)]:
			return fmt.Errorf("%s %q is there twice", role, a.Name)
		case a.GitHub < 0:
			return fmt.Errorf("%s %q: the number of an account is positive", role, a.Name)
		case a.GitHub > 0 && accounts[a.GitHub] != "":
			return fmt.Errorf("%ss %q and %q have the same account on GitHub", role, accounts[a.GitHub], a.Name)
		}
		accounts[a.GitHub] = a.Name
		names[person(a.Name)] = true
		for _, key := range keys {
			if owner, ok := owners[string(key.Marshal())]; ok && owner != a.Name {
				return fmt.Errorf("%ss %q and %q have the same key", role, owner, a.Name)
			}
			owners[string(key.Marshal())] = a.Name
		}
	}
	return nil
}

// person is a name in the one spelling in which names are compared.
func person(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// digest stands for the policy: a plan is applied under the one it was made under.
func (p Policy) digest() (string, error) {
	text, err := toml.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("digest of the policy: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

func (p Policy) lifetime() time.Duration {
	if p.Lifetime == 0 {
		return defaultLifetime
	}
	return time.Duration(p.Lifetime)
}

func (p Policy) grace() time.Duration {
	if p.Grace == 0 {
		return defaultGrace
	}
	return time.Duration(p.Grace)
}

func (p Policy) deadline() time.Duration {
	if p.Deadline == 0 {
		return defaultDeadline
	}
	return time.Duration(p.Deadline)
}

func (p Policy) budget() int {
	if p.Budget == 0 {
		return defaultBudget
	}
	return p.Budget
}

func (p Policy) daily() int {
	if p.Daily == 0 {
		return 5 * p.budget()
	}
	return p.Daily
}

// Stopped is ErrStopped while the kill switch is on.
func (p Policy) Stopped() error {
	if p.KillSwitch == "" {
		return nil
	}
	_, err := os.Stat(p.KillSwitch)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("%w: remove %s to go on", ErrStopped, p.KillSwitch) // who cannot look does not go on
}

// Owns reports whether a repository is on the list.
func (p Policy) Owns(repository string) bool {
	return repository != "" && slices.ContainsFunc(p.Owned, func(pattern string) bool {
		ok, err := path.Match(pattern, repository)
		return ok && err == nil
	})
}

// Given reads what the providers are to be given, by "provider.need".
func (p Policy) Given() (map[string]secret.Secret, error) {
	given := map[string]secret.Secret{}
	for provider, needs := range p.Settings {
		for need, value := range needs {
			given[provider+"."+need] = secret.New(value)
		}
	}
	for provider, needs := range p.Credentials {
		for need, file := range needs {
			value, err := readPrivate(file)
			if err != nil {
				return nil, fmt.Errorf("credentials of %s: %w", provider, err)
			}
			given[provider+"."+need] = value
		}
	}
	return given, nil
}

// readPrivate reads a file that nobody but its owner may read.
func readPrivate(path string) (secret.Secret, error) {
	info, err := os.Stat(path)
	if err != nil {
		return secret.Secret{}, err
	}
	if info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		return secret.Secret{}, fmt.Errorf("%s may be read by others (mode %04o): chmod 600 it", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	return secret.New(strings.TrimRight(string(text), "\r\n")), err
}

// Needs is how many approvers a plan needs.
func (p Policy) Needs(plan *Plan) (need int) {
	for _, q := range p.Approvals {
		if slices.ContainsFunc(plan.Steps, q.matches) {
			need = max(need, q.Need)
		}
	}
	return need
}

func (q Quorum) matches(s Step) bool {
	if s.Deed == "" || q.Irreversible && s.Undo || len(q.Severity) > 0 && s.Severity != "" && !slices.Contains(q.Severity, s.Severity) {
		return false
	}
	// Nobody knows what a credential without known scopes may do.
	return len(q.Scopes) == 0 || len(s.Scopes) == 0 || slices.ContainsFunc(s.Scopes, func(scope string) bool {
		return slices.ContainsFunc(q.Scopes, func(pattern string) bool {
			ok, err := path.Match(flat(pattern), flat(scope))
			return ok || err != nil
		})
	})
}

// flat makes patterns of scopes match whatever case and slashes these have, as
// "https://example.com/auth/all".
func flat(scope string) string { return strings.ReplaceAll(strings.ToLower(scope), "/", ":") }
