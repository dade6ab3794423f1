package revoke

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var idShape = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// validate refuses a provider that is not whole, so that no request is made
// from half of one. It names the first mistake.
func (p *Provider) validate() error {
	for _, check := range []func() error{p.validateRecord, p.validateParts, p.validateProof, p.validateSteps, p.validatePlace, p.validateBatch, p.validateLook} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Provider) validateRecord() error {
	source, err := url.Parse(p.Source)
	switch {
	case !idShape.MatchString(p.ID) || p.Name == "":
		return errors.New("id (as in a-b-c) and name are needed")
	case !slices.Contains([]Class{ClassU, ClassS, ClassA}, p.Class):
		return fmt.Errorf("class is U, S or A, not %q", p.Class)
	case len(p.Rules) == 0 || len(p.Hosts) == 0:
		return errors.New("rules and hosts are needed")
	case p.Effects != "none" && p.Effects != "log":
		return fmt.Errorf("effects of a check are none or log, not %q", p.Effects)
	case !slices.Contains([]Evidence{TriedLive, Specification, SDK, Unverified}, p.Evidence):
		return fmt.Errorf("evidence is live, specification, sdk or unverified, not %q", p.Evidence)
	case err != nil || source.Scheme != "https" || source.Host == "" || p.Reviewed.Year == 0:
		return errors.New("source (an https address) and reviewed (a date) are needed")
	case p.Outage == "" || p.Revoke != nil && p.Forever == "":
		return errors.New("outage and irreversible say in words what stops and what cannot be taken back")
	case p.Batch < 0 || p.Settle < 0:
		return errors.New("batch and settle cannot be negative")
	}
	for _, r := range p.rates() {
		if r.Calls < 0 || r.Per < 0 || (r.Calls > 0) != (r.Per > 0) {
			return errors.New("a rate is so many calls per so much time")
		}
	}
	return nil
}

func (p *Provider) validateParts() (err error) {
	if p.Value != "" {
		if p.value, err = regexp.Compile(`^(?s:` + p.Value + `)$`); err != nil {
			return fmt.Errorf("value: %w", err)
		}
	}
	if p.Derive != "" && derivations[p.Derive].make == nil {
		return fmt.Errorf("derive: there is no %q", p.Derive)
	}
	for _, name := range p.Public {
		if !slices.Contains(p.parts(), name) {
			return fmt.Errorf("public: %q is no part of the value", name)
		}
	}
	for _, n := range p.Needs {
		switch {
		case !placeholder.MatchString("{{"+n.Name+"}}") || n.Help == "":
			return errors.New("a need has a name and help")
		case !slices.Contains([]string{"leak", "leak-public", "admin", "setting"}, n.From):
			return fmt.Errorf("need %s: from is leak, leak-public, admin or setting, not %q", n.Name, n.From)
		case n.From != "setting" && (n.Default != "" || len(n.Choices) > 0):
			return fmt.Errorf("need %s: only a setting has a default and choices", n.Name)
		case n.Default != "" && len(n.Choices) > 0 && !slices.Contains(n.Choices, n.Default):
			return fmt.Errorf("need %s: the default is none of the choices", n.Name)
		}
	}
	return nil
}

// parts are the names that the value alone gives.
func (p *Provider) parts() (list []string) {
	if p.value != nil {
		for _, name := range p.value.SubexpNames() {
			if name != "" {
				list = append(list, name)
			}
		}
	}
	return append(list, derivations[p.Derive].names...)
}

// validateProof holds the proof to what it says.
func (p *Provider) validateProof() error {
	list := p.Proof == ProofListValue || p.Proof == ProofListEdges
	naming := names(p.Target)
	switch {
	case list != (p.Find != nil):
		return errors.New("find belongs to the proofs list-value and list-edges, and to no other")
	case p.Proof == ProofValue && p.Target != "":
		return errors.New("a value that names itself has no target")
	case p.Proof == ProofOwnID && !slices.Contains(naming, "own.id"),
		list && !slices.Contains(naming, "found.id"),
		p.Proof == ProofInValue && !p.allParts(naming):
		return fmt.Errorf("target %q does not come from the proof %q", p.Target, p.Proof)
	case !slices.Contains([]Proof{ProofValue, ProofOwnID, ProofInValue, ProofListValue, ProofListEdges}, p.Proof):
		return fmt.Errorf("there is no proof %q", p.Proof)
	case p.Class != ClassA && p.adminBeyondUndo():
		return errors.New("only class A needs a credential of an administrator for more than undo and the deletion behind a disabling")
	case p.Class == ClassA && !p.needs("admin"):
		return errors.New("class A says which credential of an administrator it needs")
	case p.Proof == ProofValue:
		return p.carriesValue()
	}
	return nil
}

// allParts reports whether every name, of at least one, is a part of the value
// or leaked beside it.
func (p *Provider) allParts(naming []string) bool {
	for _, name := range naming {
		leaked := slices.ContainsFunc(p.Needs, func(n Need) bool { return n.Name == name && strings.HasPrefix(n.From, "leak") })
		if !leaked && !slices.Contains(p.parts(), name) {
			return false
		}
	}
	return len(naming) > 0
}

func (p *Provider) needs(from string) bool {
	return slices.ContainsFunc(p.Needs, func(n Need) bool { return n.From == from })
}

// adminBeyondUndo reports whether anything else than undo, and the deletion of
// what was disabled before, names an administrator's credential: a value that was
// disabled can neither enable nor delete itself.
func (p *Provider) adminBeyondUndo() bool {
	for _, s := range p.steps() {
		for _, template := range s.request.templates() {
			for _, name := range names(template) {
				behind := s.name == string(Undo) || s.name == string(Revoke) && p.Disable != nil
				if !behind && slices.ContainsFunc(p.Needs, func(n Need) bool { return n.Name == name && n.From == "admin" }) {
					return true
				}
			}
		}
	}
	return false
}

// carriesValue holds each deed without a target to a request that the value,
// or a part of it, is in.
func (p *Provider) carriesValue() error {
	for _, d := range []Deed{Disable, Undo, Revoke} {
		action := p.action(d)
		if action == nil {
			continue
		}
		carried := false
		for _, template := range action.templates() {
			for _, name := range names(template) {
				carried = carried || name == "secret" || slices.Contains(p.parts(), name)
			}
		}
		if !carried {
			return fmt.Errorf("%s: the request does not carry the value, so it needs a target", d)
		}
	}
	return nil
}

func (p *Provider) validateSteps() error {
	if p.Revoke == nil && p.Disable == nil {
		return errors.New("neither revoke nor disable is there: this is a runbook")
	}
	if (p.Disable == nil) != (p.Undo == nil) {
		return errors.New("disable and undo belong together")
	}
	for _, d := range []Deed{Disable, Undo, Revoke} {
		a := p.action(d)
		if a != nil && a.Via != "" && (a.Via != "acme" || d != Revoke || p.Derive != "certificate") {
			return fmt.Errorf("%s: via is acme, for the revocation of certificates", d)
		}
	}
	for _, s := range p.steps() {
		if p.Speaks != "" {
			if err := p.validateSQL(s); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			continue
		}
		if err := p.validateRequest(s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if err := validateAnswers(s.answers); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return p.validateFind()
}

// step is one call with what it may name and what may come back.
type step struct {
	name    string
	request Request
	names   []string // beyond the value and the needs
	needed  [][]Answer
	answers []Answer
}

func (p *Provider) steps() (list []step) {
	var own []string
	if p.Check != nil {
		list = append(list, step{"check", p.Check.Request, nil, [][]Answer{p.Check.Live, p.Check.Dead}, slices.Concat(p.Check.Live, p.Check.Dead)})
		for _, name := range sortedKeys(p.Check.Own) {
			own = append(own, "own."+name)
		}
	}
	if p.Look != nil {
		list = append(list, step{"look", p.Look.Request, own, [][]Answer{p.Look.Worse, p.Look.Fine}, slices.Concat(p.Look.Worse, p.Look.Fine)})
	}
	if p.Find != nil {
		list = append(list, step{"find", p.Find.Request, own, [][]Answer{p.Find.Found}, p.Find.Found})
	}
	for _, d := range []Deed{Disable, Undo, Revoke} {
		if a := p.action(d); a != nil {
			list = append(list, step{string(d), a.Request, append([]string{"target"}, own...), [][]Answer{a.Done}, slices.Concat(a.Done, a.Gone, a.Refused)})
		}
	}
	return list
}
