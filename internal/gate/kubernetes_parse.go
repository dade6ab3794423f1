package gate

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

const (
	usualAuditDays = 7
	usualMaxHours  = 24
)

func (r *reader) kubernetes(n *yaml.Node) *Kubernetes {
	k := &Kubernetes{AuditDays: usualAuditDays, BreakGlass: BreakGlass{MaxHours: usualMaxHours}}
	var own []Writer
	r.mapping(n, "kubernetes.", keys{
		"presets":     func(n *yaml.Node) { r.presets(n, k) },
		"writers":     func(n *yaml.Node) { own = r.writers(n, "kubernetes.writers") },
		"modes":       func(n *yaml.Node) { k.Modes = r.modes(n) },
		"formats":     func(n *yaml.Node) { k.Formats = r.formats(n) },
		"audit_days":  func(n *yaml.Node) { k.AuditDays = r.number(n, 0, 365) },
		"break_glass": func(n *yaml.Node) { k.BreakGlass = r.breakGlass(n) },
		"exceptions":  func(n *yaml.Node) { k.Exceptions = r.writeExceptions(n) },
	})
	k.Writers = append(k.Writers, own...)
	return k
}

// presets reads a mapping of preset names to what this cluster has otherwise.
func (r *reader) presets(n *yaml.Node, k *Kubernetes) {
	if !r.isMapping(n) {
		return
	}
	known := PresetNames()
	for i := 0; i+1 < len(n.Content) && !r.full(); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !slices.Contains(known, key.Value) {
			r.problem(key, "there is no such preset"+unknown(key.Value, known))
			continue
		}
		r.lines["kubernetes.presets."+key.Value] = key.Line
		writers := preset(key.Value)
		usual := globTexts(writers[0].ServiceAccounts)
		r.override(value, &writers[0])
		for i := range writers {
			writers[i].Line = key.Line
			if i > 0 && deploys(writers[0]) { // whom one controller of the product impersonates, the others do too
				writers[i].Impersonated, writers[i].DefaultAccount = writers[0].Impersonated, writers[0].DefaultAccount
			}
			if i > 0 && slices.Equal(globTexts(writers[i].ServiceAccounts), usual) {
				r.follow(&writers[i], writers[0])
			}
		}
		k.Presets = append(k.Presets, key.Value)
		k.Writers = append(k.Writers, writers...)
	}
}

// deploys reports whether a writer is a deployer, whose own object says whom it
// impersonates.
func deploys(w Writer) bool {
	return slices.ContainsFunc(w.Claims, func(c Claim) bool { return c.By == ByFlux || c.By == ByFluxHelm })
}

// override reads what the first writer of a preset is called here.
func (r *reader) override(n *yaml.Node, w *Writer) {
	r.mapping(n, "kubernetes.presets."+w.Preset+".", keys{
		"service_accounts": func(n *yaml.Node) { w.ServiceAccounts = r.accounts(n) },
		"impersonated":     func(n *yaml.Node) { w.Impersonated = r.accounts(n) },
		"groups":           func(n *yaml.Node) { w.Groups = r.groups(n) },
		"pod_bound":        func(n *yaml.Node) { w.PodBound = r.truth(n) },
		"namespaces":       func(n *yaml.Node) { w.Namespaces = r.someGlobs(n) },

		"default_service_account": func(n *yaml.Node) { w.DefaultAccount = r.accountName(n) },
	})
}

// accountName is the name of a service account without its namespace.
func (r *reader) accountName(n *yaml.Node) string {
	name := r.text(n)
	if !accountName.MatchString(name) {
		r.problem(n, "the name of a service account is expected here, without its namespace")
	}
	return name
}

var accountName = regexp.MustCompile(`\A[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\z`)

// follow gives another writer of a preset the account of the first, and where it
// was held to the account's own namespace, to the new one.
func (r *reader) follow(w *Writer, first Writer) {
	if slices.Equal(globTexts(w.ServiceAccounts), globTexts(first.ServiceAccounts)) {
		return
	}
	w.ServiceAccounts, w.PodBound = first.ServiceAccounts, first.PodBound
	if len(w.Namespaces) == 0 {
		return
	}
	w.Namespaces = nil
	for _, account := range w.ServiceAccounts {
		namespace, _, _ := strings.Cut(account.String(), "/")
		g, err := ParseName(namespace)
		if err == nil { // else told by accounts
			w.Namespaces = append(w.Namespaces, g)
		}
	}
}

func (r *reader) writers(n *yaml.Node, at string) []Writer {
	var out []Writer
	for i, item := range r.list(n) {
		w := r.writer(item, at+"["+strconv.Itoa(i)+"].")
		if slices.ContainsFunc(out, func(o Writer) bool { return o.Name == w.Name && w.Name != "" }) {
			r.problem(item, "the name of this writer stands in the list twice")
		}
		out = append(out, w)
	}
	return out
}

func (r *reader) writer(n *yaml.Node, at string) Writer {
	w := Writer{PodBound: true, Line: n.Line}
	r.mapping(n, at, keys{
		"name":                    func(n *yaml.Node) { w.Name = r.id(n) },
		"source":                  func(n *yaml.Node) { w.Source = r.text(n) },
		"service_accounts":        func(n *yaml.Node) { w.ServiceAccounts = r.accounts(n) },
		"impersonated":            func(n *yaml.Node) { w.Impersonated = r.accounts(n) },
		"default_service_account": func(n *yaml.Node) { w.DefaultAccount = r.accountName(n) },

		"users":         func(n *yaml.Node) { w.Users = r.users(n) },
		"groups":        func(n *yaml.Node) { w.Groups = r.groups(n) },
		"pod_bound":     func(n *yaml.Node) { w.PodBound = r.truth(n) },
		"namespaces":    func(n *yaml.Node) { w.Namespaces = r.someGlobs(n) },
		"names":         func(n *yaml.Node) { w.Names = r.someGlobs(n) },
		"types":         func(n *yaml.Node) { w.Types = r.texts(n) },
		"guarded_types": func(n *yaml.Node) { w.GuardedTypes = r.texts(n) },
		"claims":        func(n *yaml.Node) { w.Claims = r.claims(n) },
	}, "name", "claims")
	if n.Kind == yaml.MappingNode && len(w.ServiceAccounts)+len(w.Impersonated)+len(w.Users)+len(w.Groups) == 0 {
		r.problem(n, "nobody is named: add service_accounts, impersonated, users or groups")
	}
	return w
}

// users refuses service accounts, whose identity is proven otherwise.
func (r *reader) users(n *yaml.Node) []string {
	out := r.texts(n)
	for i, item := range r.list(n) {
		if strings.HasPrefix(out[i], serviceAccountPrefix) {
			r.problem(item, "a service account is named under service_accounts, as namespace/name")
		}
	}
	return out
}

// accounts are patterns of "namespace/name", neither part of which is only a
// wildcard: a namespace that everyone may fill is nobody's identity.
func (r *reader) accounts(n *yaml.Node) []Glob {
	globs := r.globs(n, ParseName)
	for i, item := range r.list(n) {
		namespace, name, two := strings.Cut(item.Value, "/")
		if i < len(globs) && (!two || strings.Trim(namespace, "*") == "" || strings.Trim(name, "*") == "" || strings.Contains(name, "/")) {
			r.problem(item, "a service account is written as namespace/name; * may stand for a part of either")
		}
	}
	return globs
}

// someGlobs is a list of at least one name, since none would mean every one.
func (r *reader) someGlobs(n *yaml.Node) []Glob {
	return r.some(n, r.globs(n, ParseName))
}

func (r *reader) some(n *yaml.Node, globs []Glob) []Glob {
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.problem(n, "the list is empty; leave the key out for every one")
	}
	return globs
}

func (r *reader) claims(n *yaml.Node) []Claim {
	var out []Claim
	for i, item := range r.list(n) {
		c := Claim{}
		r.mapping(item, "claims["+strconv.Itoa(i)+"].", keys{
			"by":    func(n *yaml.Node) { c.By = r.oneOf(n, claimWords) },
			"kind":  func(n *yaml.Node) { c.Kind = r.kind(n) },
			"names": func(n *yaml.Node) { c.Names = r.objectPaths(n) },
			"keys":  func(n *yaml.Node) { c.Keys = r.objectPaths(n) },
			"open":  func(n *yaml.Node) { c.Open = r.objectPaths(n) },
		}, "by")
		r.checkClaim(item, c)
		out = append(out, c)
	}
	if n.Kind == yaml.SequenceNode && len(out) == 0 {
		r.problem(n, `the list is empty; to trust the identity alone write "by: none"`)
	}
	return out
}

func (r *reader) checkClaim(n *yaml.Node, c Claim) {
	object := c.By == ByOwner || c.By == ByReference
	switch {
	case object && c.Kind == "":
		r.problem(n, `the key "kind" is missing`)
	case !object && c.Kind+strings.Join(c.Names, "")+strings.Join(c.Keys, "")+strings.Join(c.Open, "") != "":
		r.problem(n, "only the claims owner and reference have kind, names, keys and open")
	case c.By == ByReference && len(c.Names) == 0:
		r.problem(n, `the key "names" is missing`)
	}
}

var (
	kindPattern = regexp.MustCompile(`^(?:[a-z0-9][a-z0-9.-]*/)?[A-Z][A-Za-z0-9]*$`)
	pathPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*(?:\[\])?(?:\.[A-Za-z][A-Za-z0-9_-]*(?:\[\])?)*(?:\{\})?$`)
	idPattern   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
)

func (r *reader) kind(n *yaml.Node) string {
	return r.shaped(n, kindPattern, "a kind is written as group/Kind, as in cert-manager.io/Certificate")
}

func (r *reader) id(n *yaml.Node) string {
	return r.shaped(n, idPattern, "a name has small letters, digits and -, at most 63")
}

// rule is the id of a rule that can refuse a write.
func (r *reader) rule(n *yaml.Node) string {
	text := r.shaped(n, idPattern, "the id of a rule has small letters, digits and -")
	if known := RefusingRules(); idPattern.MatchString(text) && !slices.Contains(known, text) {
		r.problem(n, "there is no such rule"+unknown(text, known))
	}
	return text
}

func (r *reader) shaped(n *yaml.Node, pattern *regexp.Regexp, hint string) string {
	text := r.text(n)
	if text != "" && !pattern.MatchString(text) {
		r.problem(n, hint)
	}
	return text
}

// objectPaths are paths in an object: spec.data[].key names a text in each item of
// a list, and spec.template.data{} the keys of a mapping.
func (r *reader) objectPaths(n *yaml.Node) []string {
	var out []string
	for _, item := range r.list(n) {
		out = append(out, r.shaped(item, pathPattern, "a path is written as spec.data[].key, or spec.data{} for the keys of a mapping"))
	}
	return out
}

func (r *reader) oneOf(n *yaml.Node, names []string) string {
	if i := r.word(n, names); i >= 0 {
		return names[i]
	}
	return ""
}

func (r *reader) truth(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Value != "true" && n.Value != "false" {
		r.problem(n, "true or false is expected here")
	}
	return n.Value == "true"
}

func (r *reader) number(n *yaml.Node, least, most int) int {
	value, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil || value < least || value > most || n.Value != strconv.Itoa(value) {
		r.problem(n, fmt.Sprintf("a number from %d to %d is expected here", least, most))
	}
	return value
}

func (r *reader) modes(n *yaml.Node) Modes {
	m := Modes{}
	r.mapping(n, "kubernetes.modes.", keys{
		"default":    func(n *yaml.Node) { m.Default = r.mode(n) },
		"rules":      func(n *yaml.Node) { m.Rules = r.ruleModes(n) },
		"namespaces": func(n *yaml.Node) { m.Namespaces = r.namespaceModes(n) },
	})
	return m
}

func (r *reader) mode(n *yaml.Node) Mode { return max(Mode(r.word(n, modeWords)), ModeAudit) }

func (r *reader) ruleModes(n *yaml.Node) map[string]Mode {
	out := map[string]Mode{}
	for _, pair := range r.pairs(n) {
		r.rule(pair[0])
		out[pair[0].Value] = r.mode(pair[1])
	}
	return out
}

// namespacePattern is a DNS label. https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
var namespacePattern = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`)

func (r *reader) namespaceModes(n *yaml.Node) map[string]NamespaceMode {
	out := map[string]NamespaceMode{}
	for _, pair := range r.pairs(n) {
		name := pair[0].Value
		r.shaped(pair[0], namespacePattern, "the exact name of a namespace is expected here: the API server selects by name")
		m := NamespaceMode{}
		r.mapping(pair[1], "kubernetes.modes.namespaces."+name+".", keys{
			"mode":  func(n *yaml.Node) { m.Mode = r.mode(n) },
			"rules": func(n *yaml.Node) { m.Rules = r.ruleModes(n) },
		}, "mode")
		out[name] = m
	}
	return out
}

// pairs are the keys and values of a mapping with open keys.
func (r *reader) pairs(n *yaml.Node) (out [][2]*yaml.Node) {
	if !r.isMapping(n) {
		return nil
	}
	for i := 0; i+1 < len(n.Content) && !r.full(); i += 2 {
		out = append(out, [2]*yaml.Node{n.Content[i], n.Content[i+1]})
	}
	return out
}

func (r *reader) breakGlass(n *yaml.Node) BreakGlass {
	b := BreakGlass{MaxHours: usualMaxHours}
	r.mapping(n, "kubernetes.break_glass.", keys{
		"users":     func(n *yaml.Node) { b.Users = r.texts(n) },
		"groups":    func(n *yaml.Node) { b.Groups = r.groups(n) },
		"max_hours": func(n *yaml.Node) { b.MaxHours = r.number(n, 1, 24*7) },
	})
	return b
}

// everyone are groups that hold no decision of an administrator.
var everyone = []string{"system:authenticated", "system:unauthenticated", "system:serviceaccounts"}

func (r *reader) groups(n *yaml.Node) []string {
	out := r.texts(n)
	for i, item := range r.list(n) {
		if slices.Contains(everyone, out[i]) {
			r.problem(item, "everyone is in this group")
		}
	}
	return out
}

var subjectPattern = regexp.MustCompile(`^(?:(?:user|group):\S(?:.*\S)?|serviceaccount:[a-z0-9.-]+/[a-z0-9.-]+)$`)

func (r *reader) writeExceptions(n *yaml.Node) []WriteException {
	var out []WriteException
	for i, item := range r.list(n) {
		e := WriteException{Line: item.Line}
		r.mapping(item, "kubernetes.exceptions["+strconv.Itoa(i)+"].", keys{
			"rule":       func(n *yaml.Node) { e.Rule = r.rule(n) },
			"namespaces": func(n *yaml.Node) { e.Namespaces = r.someGlobs(n) },
			"names":      func(n *yaml.Node) { e.Names = r.someGlobs(n) },
			"subjects":   func(n *yaml.Node) { e.Subjects = r.subjects(n) },
			"reason":     func(n *yaml.Node) { e.Reason = r.text(n) },
			"owner":      func(n *yaml.Node) { e.Owner = r.text(n) },
			"expires":    func(n *yaml.Node) { e.Expires = r.date(n) },
		}, "rule", "namespaces", "reason", "owner", "expires")
		out = append(out, e)
	}
	return out
}

func (r *reader) subjects(n *yaml.Node) []string {
	var out []string
	for _, item := range r.list(n) {
		out = append(out, r.shaped(item, subjectPattern, "a subject is user:NAME, group:NAME or serviceaccount:NAMESPACE/NAME"))
	}
	if n.Kind == yaml.SequenceNode && len(out) == 0 {
		r.problem(n, "the list is empty; leave the key out for anyone")
	}
	return out
}
