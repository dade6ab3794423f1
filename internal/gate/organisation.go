package gate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// OrganisationFile is the name of an organisation's policy, at the root of its
// repository .github.
const OrganisationFile = "leakgate.yaml"

// Organisation is the policy of a whole organisation: what holds where a repository
// says nothing, what no repository may change, and which repositories are looked at
// how strictly. The zero Organisation says nothing.
type Organisation struct {
	Policy Policy
	Locked []string // keys, or all below a key: mode, rules, rules.disable
	Enroll []Enrolment
}

// Stage is how a repository is looked at. The zero value is not at all.
type Stage int

// The stages, from silence to a closed gate.
const (
	NotEnrolled Stage = iota
	Observe           // looked at, and nobody is told but the security team
	Warning           // told, and nothing is refused
	Enforced          // refused as the policy says
)

var stageWords = []string{"observe", "warn", "block"}

// String is the word of the policy file.
func (s Stage) String() string {
	if s < Observe || s > Enforced {
		return "not enrolled"
	}
	return stageWords[s-Observe]
}

// ParseStage reads the word of a stage, "" for none.
func ParseStage(word string) (Stage, error) {
	if i := slices.Index(stageWords, word); i >= 0 {
		return Observe + Stage(i), nil
	}
	if word == "" {
		return NotEnrolled, nil
	}
	return NotEnrolled, fmt.Errorf("a stage is one of %s", strings.Join(stageWords, ", "))
}

// Enrolment puts repositories at a stage. One of the conditions is enough.
type Enrolment struct {
	All        bool
	Names      []Glob              // of repositories, without their owner
	Topics     []string            // one of them
	Properties map[string][]string // custom properties: one of the values of each
	Except     []Glob              // names that are not meant
	Stage      Stage
	Line       int // in the policy file
}

// Repository is what an enrolment looks at.
type Repository struct {
	Name       string // without its owner
	Topics     []string
	Properties map[string][]string
	Own        bool // it has a policy of its own, which enrols it where nothing else does
}

// StageOf is the strictest stage of the enrolments that mean a repository. One that
// none of them means is enforced when it has a policy of its own, and else not enrolled.
func (o Organisation) StageOf(r Repository) Stage {
	stage := NotEnrolled
	for _, e := range o.Enroll {
		if e.means(r) {
			stage = max(stage, e.Stage)
		}
	}
	if stage == NotEnrolled && r.Own {
		return Enforced
	}
	return stage
}

// Asks says what of a repository has to be known to find its stage.
func (o Organisation) Asks() (topics, properties bool) {
	for _, e := range o.Enroll {
		topics, properties = topics || len(e.Topics) > 0, properties || len(e.Properties) > 0
	}
	return topics, properties
}

// means compares without regard to case, as GitHub does with names.
func (e Enrolment) means(r Repository) bool {
	name := strings.ToLower(r.Name)
	if matchAny(e.Except, name) {
		return false
	}
	return e.All || matchAny(e.Names, name) ||
		slices.ContainsFunc(e.Topics, func(t string) bool { return slices.Contains(r.Topics, strings.ToLower(t)) }) ||
		len(e.Properties) > 0 && e.hasProperties(r)
}

func (e Enrolment) hasProperties(r Repository) bool {
	for name, values := range e.Properties {
		if !slices.ContainsFunc(values, func(v string) bool { return slices.Contains(r.Properties[name], v) }) {
			return false
		}
	}
	return true
}

// ParseOrganisation reads the policy of an organisation: what [ParsePolicy] reads, with
// the keys locked and enroll.
func ParseOrganisation(name string, text []byte) (Organisation, error) {
	var o Organisation
	var err error
	o.Policy, err = parse(name, text, func(r *reader) keys {
		return keys{
			"locked": func(n *yaml.Node) { o.Locked = r.locked(n) },
			"enroll": func(n *yaml.Node) { o.Enroll = r.enrolments(n) },
		}
	})
	return o, err
}

func (r *reader) locked(n *yaml.Node) []string {
	var out []string
	for _, item := range r.list(n) {
		key := r.text(item)
		if !slices.ContainsFunc(settings, func(s setting) bool { return within(s.key, key) }) {
			r.problem(item, "no key of a policy"+unknown(key, settingKeys()))
		}
		out = append(out, key)
	}
	return out
}

// within says whether a key is another one, or below it.
func within(key, other string) bool { return key == other || strings.HasPrefix(key, other+".") }

func (r *reader) enrolments(n *yaml.Node) []Enrolment {
	var out []Enrolment
	for _, item := range r.list(n) {
		e := Enrolment{Line: item.Line}
		r.mapping(item, "enroll[].", keys{
			"all":        func(n *yaml.Node) { e.All = r.truth(n) },
			"names":      func(n *yaml.Node) { e.Names = r.lowerGlobs(n) },
			"topics":     func(n *yaml.Node) { e.Topics = r.texts(n) },
			"properties": func(n *yaml.Node) { e.Properties = r.properties(n) },
			"except":     func(n *yaml.Node) { e.Except = r.lowerGlobs(n) },
			"stage":      func(n *yaml.Node) { e.Stage = Observe + Stage(r.word(n, stageWords)) },
		}, "stage")
		if !e.All && len(e.Names)+len(e.Topics)+len(e.Properties) == 0 {
			r.problem(item, "say which repositories: all: true, names, topics or properties")
		}
		out = append(out, e)
	}
	return out
}

func (r *reader) lowerGlobs(n *yaml.Node) []Glob {
	return r.globs(n, func(text string) (Glob, error) { return ParseName(strings.ToLower(text)) })
}

func (r *reader) properties(n *yaml.Node) map[string][]string {
	out := map[string][]string{}
	if !r.isMapping(n) {
		return out
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		out[n.Content[i].Value] = r.texts(n.Content[i+1])
		if len(n.Content[i+1].Content) == 0 {
			r.problem(n.Content[i+1], "the list is empty")
		}
	}
	return out
}

// Merge is the policy of a repository under that of its organisation: for each key what
// the repository says, unless the key is locked; else what the organisation says; else
// the default. Exceptions of both hold. Locked keys that the repository sets are told
// and not obeyed.
func Merge(o Organisation, repository Policy) (Policy, []Notice) {
	if o.Policy.Name == "" {
		return repository, nil
	}
	out := repository
	out.organisation, out.lines, out.from = &o, maps.Clone(repository.lines), map[string]string{}
	if out.lines == nil {
		out.lines = map[string]int{}
	}
	var notices []Notice
	for _, s := range settings {
		locked := slices.ContainsFunc(o.Locked, func(key string) bool { return within(s.key, key) })
		said := repository.lines[s.key] > 0
		if said && locked {
			notices = append(notices, repository.notice(s.key, fmt.Sprintf("%s is locked by %s and not obeyed here", s.key, o.Policy.Name)))
		}
		switch {
		case s.join != nil && !locked:
			s.join(&out, repository, o.Policy)
		case said && !locked:
			continue
		default:
			s.copy(&out, o.Policy)
		}
		out.adopt(s.key, o.Policy)
	}
	out.Kubernetes = out.Kubernetes.withForms(out.Exceptions)
	return out, notices
}

// adopt has the places of a key and of all below it be those of another policy. Where
// lists were joined, the first entries are the other's.
func (p *Policy) adopt(key string, other Policy) {
	for name, line := range other.lines {
		if within(name, key) || strings.HasPrefix(name, key+"[") {
			p.lines[name], p.from[name] = line, other.Name
		}
	}
}

// setting is a key that one policy can take from another. Where join is set, both hold.
type setting struct {
	key  string
	copy func(to *Policy, from Policy)
	join func(to *Policy, repository, organisation Policy)
}

var settings = []setting{
	{"mode", func(to *Policy, from Policy) { to.Audit = from.Audit }, nil},
	{"fail_on", func(to *Policy, from Policy) { to.FailOn = from.FailOn }, nil},
	{"block", func(to *Policy, from Policy) { to.Block = from.Block }, nil},
	{"paths.exclude", func(to *Policy, from Policy) { to.Paths.Exclude = from.Paths.Exclude }, nil},
	{"rules.disable", func(to *Policy, from Policy) { to.Rules.Disable = from.Rules.Disable }, nil},
	{"rules.only", func(to *Policy, from Policy) { to.Rules.Only = from.Rules.Only }, nil},
	{"rules.severity", func(to *Policy, from Policy) { to.Rules.Severity = from.Rules.Severity }, nil},
	{"limits.max_blob", func(to *Policy, from Policy) { to.Limits.MaxBlob = from.Limits.MaxBlob }, nil},
	{"limits.archive_depth", func(to *Policy, from Policy) { to.Limits.ArchiveDepth = from.Limits.ArchiveDepth }, nil},
	{"limits.archive_bytes", func(to *Policy, from Policy) { to.Limits.ArchiveBytes = from.Limits.ArchiveBytes }, nil},
	{"limits.decode_depth", func(to *Policy, from Policy) { to.Limits.DecodeDepth = from.Limits.DecodeDepth }, nil},
	{"environments", func(to *Policy, from Policy) { to.Environments = from.Environments }, nil},
	{"exceptions", func(to *Policy, from Policy) { joinExceptions(to, Policy{}, from) }, joinExceptions},
	{"kubernetes", func(to *Policy, from Policy) { to.Kubernetes = from.Kubernetes }, nil},
	{"remediate", func(to *Policy, from Policy) { to.Sections = withSection(to, from, "remediate") }, nil},
	{"app", func(to *Policy, from Policy) { to.Sections = withSection(to, from, "app"); to.App = from.App }, nil},
}

func settingKeys() []string {
	var out []string
	for _, s := range settings {
		out = append(out, s.key)
	}
	return out
}

// joinExceptions puts the organisation's first. The places of the repository's move along.
func joinExceptions(to *Policy, repository, organisation Policy) {
	to.Exceptions = slices.Clone(organisation.Exceptions)
	for i := range to.Exceptions {
		to.Exceptions[i].File = organisation.Name
	}
	to.Exceptions = append(to.Exceptions, repository.Exceptions...)
	for i := len(repository.Exceptions) - 1; i >= 0; i-- {
		old, moved := fmt.Sprintf("exceptions[%d].", i), fmt.Sprintf("exceptions[%d].", i+len(organisation.Exceptions))
		for name, line := range repository.lines {
			if key, ok := strings.CutPrefix(name, old); ok {
				to.lines[moved+key] = line
			}
		}
	}
}

func withSection(to *Policy, from Policy, name string) map[string]bool {
	out := maps.Clone(to.Sections)
	if out == nil {
		out = map[string]bool{}
	}
	delete(out, name)
	if from.Sections[name] {
		out[name] = true
	}
	return out
}
