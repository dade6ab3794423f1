package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/manifest"
	"github.com/leakgate/leakgate/scanner"
)

// FormRules are the ids of the rules about the form of manifests, sorted.
func FormRules() []string {
	var out []string
	for _, f := range manifest.FaultRules() {
		if f.Form() {
			out = append(out, f.ID)
		}
	}
	slices.Sort(out)
	return out
}

// ofForm finds what pardons a finding that is about a form: there is no value to
// compare, so its place is all.
func (p *pardons) ofForm(f scanner.Finding) pardon {
	for _, i := range p.forms {
		if e := p.policy.Exceptions[i]; !e.Expired(p.now) && e.coversForm(f) {
			p.used[i] = true
			return pardon{ReasonException, true}
		}
	}
	if slices.Contains(p.baseline[f.Fingerprint], "") {
		return pardon{ReasonBaseline, true}
	}
	return pardon{}
}

// form reports that an exception is about the form of manifests.
func (e Exception) form() bool { return e.Fingerprint == "" }

// coversForm reports whether an exception of a form names the place of a finding.
// What was rendered from a file, or lies in an archive, is at the file's path too.
func (e Exception) coversForm(f scanner.Finding) bool {
	file, _, _ := strings.Cut(f.At.Path, "!")
	return f.Rule != nil && f.At.Kind == scanner.InManifest && e.CoversObject(f.Rule.ID, f.At.Object.Namespace, f.At.Object.Name) &&
		(len(e.Paths) == 0 || matchAny(e.Paths, f.At.Path) || matchAny(e.Paths, file))
}

// CoversObject reports whether an exception of a form speaks of a rule and an
// object, expired or not, wherever the object is written down.
func (e Exception) CoversObject(rule, namespace, name string) bool {
	return e.form() && e.Rule == rule &&
		(len(e.Namespaces) == 0 || matchAny(e.Namespaces, namespace)) &&
		(len(e.Names) == 0 || matchAny(e.Names, name))
}

// where is what an exception of a form covers, as text.
func (e Exception) where() string {
	return fmt.Sprintf("%q %q %q", globTexts(e.Paths), globTexts(e.Namespaces), globTexts(e.Names))
}
