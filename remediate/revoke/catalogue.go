package revoke

import (
	"fmt"
	"strings"
)

// Entry is one line of the table of providers and runbooks.
type Entry struct {
	ID       string   `json:"id,omitempty"` // "" for a runbook
	Class    Class    `json:"class"`
	Kind     string   `json:"kind"`
	Rules    []string `json:"rules"`
	Check    string   `json:"check"`
	Revoke   string   `json:"revoke"`
	Undo     string   `json:"undo"`
	Proof    Proof    `json:"proof,omitempty"`
	Needs    []string `json:"needs,omitempty"`
	Evidence Evidence `json:"evidence"`
	Source   string   `json:"source"`
	Reviewed string   `json:"reviewed"`
}

// Entries are the whole table: the providers by class, then the runbooks.
func (c *Catalogue) Entries() (list []Entry) {
	for _, class := range []Class{ClassU, ClassS, ClassA} {
		for _, p := range c.Providers {
			if p.Class == class {
				list = append(list, p.entry())
			}
		}
	}
	for _, b := range c.Runbooks {
		list = append(list, Entry{
			Class: ClassM, Kind: b.Name, Rules: b.Rules, Check: "by hand", Revoke: "by hand", Undo: "-",
			Evidence: b.Evidence, Source: b.Link, Reviewed: b.Reviewed.String(),
		})
	}
	return list
}

func (p *Provider) entry() Entry {
	e := Entry{
		ID: p.ID, Class: p.Class, Kind: p.Name, Rules: p.Rules, Check: "list", Undo: "-",
		Proof: p.Proof, Evidence: p.Evidence, Source: p.Source, Reviewed: p.Reviewed.String(),
	}
	switch {
	case p.Check != nil:
		e.Check = "yes"
	case p.Unchecked != "":
		e.Check = "-"
	}
	var deeds []string
	for _, d := range []Deed{Disable, Revoke} {
		if p.Can(d) {
			deeds = append(deeds, string(d))
		}
	}
	e.Revoke = strings.Join(deeds, ", ")
	if p.Reversible() {
		e.Undo = "yes"
	}
	for _, n := range p.Needs {
		e.Needs = append(e.Needs, n.Name)
	}
	return e
}

// Pages are the documentation in Markdown by file name, all of it made from
// the data: an index, a page for each provider, and the runbooks.
func (c *Catalogue) Pages() map[string]string {
	pages := map[string]string{"README.md": c.index(), "runbooks.md": c.runbookPage()}
	for _, p := range c.Providers {
		pages[p.ID+".md"] = p.Page()
	}
	return pages
}

func (c *Catalogue) index() string {
	var b strings.Builder
	b.WriteString("# Kinds that can be revoked\n\n")
	b.WriteString("Class U: an unauthenticated report of the leaked value. Class S: with the leaked value itself. Class A: with a credential of an\n" +
		"administrator. Every other kind has a [runbook](runbooks.md) (class M). How acting is kept exact: [remediation](../design/remediation.md).\n\n")
	b.WriteString("Evidence says how it is known what the provider answers: tried live, from its specification, from its own client library (sdk), or\nunverified.\n\n")
	b.WriteString("| class | kind | check | revoke | undo | evidence | reviewed |\n|---|---|---|---|---|---|---|\n")
	for _, e := range c.Entries() {
		if e.Class != ClassM {
			fmt.Fprintf(&b, "| %s | [%s](%s.md) | %s | %s | %s | %s | %s |\n", e.Class, e.Kind, e.ID, e.Check, e.Revoke, e.Undo, e.Evidence, e.Reviewed)
		}
	}
	return b.String()
}

func (c *Catalogue) runbookPage() string {
	var b strings.Builder
	b.WriteString("# Runbooks\n\nWhat a person does about kinds that no call revokes. `leakgate remediate explain RULE` prints the one for a finding.\n")
	for _, book := range c.Runbooks {
		fmt.Fprintf(&b, "\n## %s\n\n%s", book.Name, book.Text())
	}
	return b.String()
}

// Text is the runbook in Markdown, without a heading.
func (r *Runbook) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Values of %s. [Where](%s) · read %s · evidence: %s\n\n", code(r.Rules), r.Link, r.Reviewed, r.Evidence)
	if r.Why != "" {
		fmt.Fprintf(&b, "Why by hand: %s\n\n", r.Why)
	}
	for i, step := range r.Steps {
		fmt.Fprintf(&b, "%d. %s\n", i+1, step)
	}
	fmt.Fprintf(&b, "\n- What breaks: %s\n- It is dead when: %s\n- What to look through: %s\n", r.Breaks, r.Verify, r.Look)
	return b.String()
}
