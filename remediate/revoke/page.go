package revoke

import (
	"fmt"
	"strings"
	"time"
)

// Page is the documentation of a provider in Markdown, all of it from its data.
func (p *Provider) Page() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", p.Name)
	fmt.Fprintf(&b, "`%s` · class %s (%s) · evidence: %s · [source](%s), read %s\n\n", p.ID, p.Class, p.Class.words(), p.Evidence, p.Source, p.Reviewed)
	if p.Note != "" {
		fmt.Fprintf(&b, "%s\n\n", p.Note)
	}
	fmt.Fprintf(&b, "**What stops:** %s\n\n", p.Outage)
	if p.Forever != "" {
		fmt.Fprintf(&b, "**What cannot be taken back:** %s\n\n", p.Forever)
	}
	fmt.Fprintf(&b, "Values of %s.\n\n", code(p.Rules))
	p.writeNeeds(&b)
	p.writeFacts(&b)
	p.writeSteps(&b)
	return b.String()
}

func (c Class) words() string {
	return map[Class]string{
		ClassU: "an unauthenticated report", ClassS: "with the leaked value itself",
		ClassA: "with a credential of an administrator", ClassM: "by hand",
	}[c]
}

func (p *Provider) writeNeeds(b *strings.Builder) {
	if len(p.Needs) == 0 {
		return
	}
	from := map[string]string{
		"leak": "leaked beside the value", "leak-public": "leaked beside the value, no secret",
		"admin": "an administrator's, from the operator", "setting": "a setting of the operator",
	}
	b.WriteString("| needs | from | |\n|---|---|---|\n")
	for _, n := range p.Needs {
		help := n.Help
		if n.Default != "" {
			help += fmt.Sprintf(" Default: `%s`.", n.Default)
		}
		if len(n.Choices) > 0 {
			help += " One of " + code(n.Choices) + "."
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", n.Name, from[n.From], help)
	}
	b.WriteString("\n")
}

func (p *Provider) writeFacts(b *strings.Builder) {
	fmt.Fprintf(b, "- Which record it is: %s.\n", p.Proof.words())
	fmt.Fprintf(b, "- Hosts: %s.\n", code(p.Hosts))
	if p.Place != "" {
		fmt.Fprintf(b, "- What proves that the value is asked about at the right place: %s.\n", p.placeWords())
	}
	fmt.Fprintf(b, "- The check %s.\n", map[string]string{"none": "leaves no trace that is documented", "log": "shows in the provider's log of uses"}[p.Effects])
	if len(p.Over) > 0 {
		fmt.Fprintf(b, "- Where it can be asked, %s is not.\n", code(p.Over))
	}
	if p.Rate.Calls > 0 {
		fmt.Fprintf(b, "- At most %d calls in %s.\n", p.Rate.Calls, time.Duration(p.Rate.Per))
	}
	if p.Batch > 0 {
		fmt.Fprintf(b, "- One call may carry %d values.\n", p.Batch)
	}
	if len(p.Crown) > 0 {
		fmt.Fprintf(b, "- A value that may %s is critical.\n", code(p.Crown))
	}
	if p.Settle > 0 {
		fmt.Fprintf(b, "- A revoked value may work for %s more.\n", time.Duration(p.Settle))
	}
	if p.Notifies {
		b.WriteString("- The provider tells the owner.\n")
	}
	if p.SecretInURL != "" {
		fmt.Fprintf(b, "- A secret stands in the address: %s\n", p.SecretInURL)
	}
	b.WriteString("\n")
}

func (p Proof) words() string {
	return map[Proof]string{
		ProofValue: "the call carries the value itself", ProofOwnID: "the provider, asked with the value, tells its id",
		ProofInValue:   "the id is a public part of what leaked",
		ProofListValue: "one record of the complete list equals the value, its digest or its public half",
		ProofListEdges: "exactly one record of the complete list shows its first and last characters and is not younger than the leak",
	}[p]
}

func (p *Provider) writeSteps(b *strings.Builder) {
	if p.Unchecked != "" {
		fmt.Fprintf(b, "**check**: none. %s\n\n", p.Unchecked)
	} else if p.Check == nil {
		b.WriteString("**check**: the list below; a value that it lacks is dead.\n\n")
	} else {
		p.writeStep(b, "check", p.Check.Request, []string{"live", "dead"}, p.Check.Live, p.Check.Dead)
	}
	if p.Look != nil {
		p.writeStep(b, "look, "+p.Look.About, p.Look.Request, []string{"worse", "fine"}, p.Look.Worse, p.Look.Fine)
	}
	if p.Find != nil {
		p.writeStep(b, "find", p.Find.Request, []string{"a list"}, p.Find.Found)
	}
	for _, d := range []Deed{Disable, Undo, Revoke} {
		if a := p.action(d); a != nil {
			p.writeStep(b, string(d), a.Request, []string{"done", "dead before", "refused"}, a.Done, a.Gone, a.Refused)
			if a.Rate.Calls > 0 {
				fmt.Fprintf(b, "At most %d such calls in %s.\n\n", a.Rate.Calls, time.Duration(a.Rate.Per))
			}
		}
	}
}

func (p *Provider) writeStep(b *strings.Builder, name string, r Request, words []string, groups ...[]Answer) {
	fmt.Fprintf(b, "**%s**: `%s %s`\n\n", name, r.Method, r.URL)
	for _, statement := range r.SQL {
		fmt.Fprintf(b, "    %s\n", strings.ReplaceAll(strings.TrimSpace(statement), "\n", "\n    "))
	}
	if len(r.SQL) > 0 {
		b.WriteString("\n")
	}
	for i, answers := range groups {
		for _, a := range answers {
			word := words[i]
			if a.absent() {
				word += " where the place is proven"
			}
			fmt.Fprintf(b, "- %s: %s, %s\n", word, a.shape(), a.Means)
			if a.But != "" {
				fmt.Fprintf(b, "  Nothing is decided when %s.\n", a.But)
			}
		}
	}
	b.WriteString("\n")
}

// shape is how a documented answer looks.
func (a Answer) shape() string {
	if len(a.Code) > 0 {
		text := "code " + strings.Join(a.Code, " or ")
		if a.Text != "" {
			text += fmt.Sprintf(", text `%s`", a.Text)
		}
		return text
	}
	text := "status"
	for i, status := range a.Status {
		if i > 0 {
			text += " or"
		}
		text += fmt.Sprintf(" %d", status)
	}
	for _, path := range sortedKeys(a.Fields) {
		text += fmt.Sprintf(", `%s` = `%v`", path, a.Fields[path])
	}
	if a.Text != "" {
		text += fmt.Sprintf(", text `%s`", a.Text)
	}
	return text
}

func code(list []string) string {
	return "`" + strings.Join(list, "`, `") + "`"
}
