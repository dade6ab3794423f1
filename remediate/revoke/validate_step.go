package revoke

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// validateRequest holds a request to https, to names that exist, and to an
// address without secrets unless the provider demands one there.
func (p *Provider) validateRequest(s step) error {
	r := s.request
	rest, secure := strings.CutPrefix(r.URL, "https://")
	host, _, path := strings.Cut(rest, "/")
	switch {
	case !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, r.Method):
		return fmt.Errorf("method %q", r.Method)
	case !secure || !path || !p.mayAsk(host):
		return fmt.Errorf("url %q is not https at one of the hosts", r.URL)
	case r.Form != nil && r.JSON != nil:
		return errors.New("a request has form or json, not both")
	case !slices.Contains([]string{"", "json", "xml", "text"}, r.Format):
		return fmt.Errorf("format is json, xml or text, not %q", r.Format)
	case len(r.Basic) != 0 && len(r.Basic) != 2:
		return errors.New("basic is a user and a password")
	}
	known := slices.Concat([]string{"secret"}, p.parts(), s.names)
	for _, n := range p.Needs {
		known = append(known, n.Name)
	}
	for _, template := range append(r.templates(), p.findTemplates(s)...) {
		if err := checkTemplate(template, known); err != nil {
			return err
		}
	}
	if err := onlyInPaths(r); err != nil {
		return err
	}
	for _, name := range names(r.URL) {
		if !p.public(name) && p.SecretInURL == "" {
			return fmt.Errorf("%s is a secret and stands in the address: say in secret_in_url why the provider demands that", name)
		}
	}
	return nil
}

// onlyInPaths refuses the filter of paths anywhere else: it decides how a value is escaped.
func onlyInPaths(r Request) error {
	address, query, _ := strings.Cut(r.URL, "?")
	host, _, _ := strings.Cut(strings.TrimPrefix(address, "https://"), "/")
	for _, template := range append(r.templates()[1:], host, query) {
		if strings.Contains(template, "|"+segments+"}}") {
			return fmt.Errorf("the filter %q is for the path of an address", segments)
		}
	}
	return nil
}

// mayAsk reports whether the host of a template is on the list, or a setting
// of which every choice is.
func (p *Provider) mayAsk(host string) bool {
	if slices.Contains(p.Hosts, host) {
		return true
	}
	for _, n := range p.Needs {
		if host == "{{"+n.Name+"}}" && len(n.Choices) > 0 {
			return !slices.ContainsFunc(n.Choices, func(c string) bool { return !slices.Contains(p.Hosts, c) })
		}
	}
	return false
}

func (p *Provider) findTemplates(s step) []string {
	if s.name != "find" {
		return nil
	}
	return []string{p.Find.Equals}
}

func checkTemplate(template string, known []string) error {
	for _, m := range placeholder.FindAllStringSubmatch(template, -1) {
		if !slices.Contains(known, m[1]) {
			return fmt.Errorf("there is no {{%s}} here", m[1])
		}
		if m[2] != "" && m[2] != segments && filters[m[2]] == nil {
			return fmt.Errorf("there is no filter %q", m[2])
		}
	}
	if strings.Count(template, "{{") != len(placeholder.FindAllString(template, -1)) {
		return fmt.Errorf("%q has braces that name nothing", template)
	}
	return nil
}

// validateAnswers refuses answers that say nothing, and statuses that mean that
// the provider did not answer the question.
func validateAnswers(answers []Answer) error {
	for _, a := range answers {
		if len(a.Status) == 0 || a.Means == "" {
			return errors.New("an answer has a status and what it means")
		}
		for _, status := range a.Status {
			if status < 200 || status >= 300 && status < 400 || status == 429 || status >= 500 {
				return fmt.Errorf("status %d decides nothing", status)
			}
		}
	}
	return nil
}

func (p *Provider) validateFind() error {
	if c := p.Check; c != nil {
		if len(c.Live) == 0 || len(c.Dead) == 0 {
			return errors.New("a check has answers that mean live and answers that mean dead")
		}
		for _, name := range sortedKeys(c.Own) {
			if err := c.Own[name].compile(); err != nil {
				return fmt.Errorf("own.%s: %w", name, err)
			}
		}
	} else if (p.Unchecked == "") != (p.Find != nil && p.Find.Absent == "dead") {
		return errors.New("without a check there is a list whose lack of a record means dead, or unchecked says why there is none")
	}
	if p.Check != nil && p.Unchecked != "" {
		return errors.New("unchecked is for providers without a check")
	}
	f := p.Find
	switch {
	case f == nil:
		return nil
	case len(f.Found) == 0 || f.ID == "":
		return errors.New("find has an answer and the path of the id")
	case p.Proof == ProofListValue && (f.Equals == "" || f.Field == ""):
		return errors.New("find compares field with equals")
	case p.Proof == ProofListEdges && (f.Made == "" || f.Equals != "" || (f.Field == "") == (f.Prefix == "" || f.Suffix == "")):
		return errors.New("find compares either field, or prefix and suffix, and created")
	case f.Absent != "" && (f.Absent != "dead" || p.Proof != ProofListValue):
		return errors.New("absent can mean dead only in a list of whole values")
	}
	return f.Page.validate()
}

func (g *Page) validate() error {
	switch {
	case g == nil:
		return nil
	case !slices.Contains([]string{"link", "cursor", "number"}, g.Kind) || g.Query == "":
		return errors.New("page has the kind link, cursor or number, and the query that names a page")
	case g.Kind == "cursor" && g.Path == "" || g.Kind == "number" && g.Path != "" || g.Kind != "cursor" && g.More != "":
		return errors.New("page: the kind cursor has the path of the cursor, and the kind number none; more belongs to cursor")
	}
	return nil
}

func (c *Capture) compile() (err error) {
	if (c.Path == "") == (c.Header == "") {
		return errors.New("path or header")
	}
	if c.As != "" && c.As != asCertificate {
		return fmt.Errorf("as is %s or nothing", asCertificate)
	}
	if c.Match == "" {
		return nil
	}
	if c.re, err = regexp.Compile(c.Match); err == nil && c.re.NumSubexp() != 1 {
		err = errors.New("match has one group")
	}
	return err
}
