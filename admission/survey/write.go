package survey

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Formats of an audit.
var Formats = []string{"table", "json", "sarif", "policyreport"}

// Write prints an audit in a format.
func (a Audit) Write(w io.Writer, format, version string) error {
	switch format {
	case "table":
		return a.table(w)
	case "json":
		return indented(w, a)
	case "sarif":
		return indented(w, a.sarif(version))
	case "policyreport":
		return indented(w, a.policyReports())
	}
	return fmt.Errorf("there is no format %q: one of %s", format, strings.Join(Formats, ", "))
}

func indented(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (a Audit) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "GRADE\tSECRET\tWRITER\tCLAIM\tWHY")
	for _, s := range a.Secrets {
		fmt.Fprintf(t, "%s\t%s/%s\t%s\t%s\t%s\n", s.Grade, s.Namespace, s.Name, dash(s.Writer), dash(s.Claim), strings.Join(append(filled(s.Why), s.Problems...), "; "))
	}
	fmt.Fprintln(t, "\nMAY READ\tNAMESPACE\tBY")
	for _, r := range a.Readers {
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.Subject, every(r.Namespace), strings.Join(append([]string{r.By}, r.Names...), " "))
	}
	fmt.Fprintln(t, "\nIN THE ENVIRONMENT OF\tNAMESPACE\tSECRET")
	for _, e := range a.Environment {
		fmt.Fprintf(t, "%s (%s)\t%s\t%s\n", e.Workload, e.Container, e.Namespace, e.Secret)
	}
	fmt.Fprintf(t, "\nencryption at rest: %s\n", a.AtRest)
	proven, claimed, unknown := a.count()
	fmt.Fprintf(t, "%d Secrets: %d proven, %d claimed, %d unknown\n", len(a.Secrets), proven, claimed, unknown)
	return t.Flush()
}

func (a Audit) count() (proven, claimed, unknown int) {
	for _, s := range a.Secrets {
		switch s.Grade {
		case "proven":
			proven++
		case "claimed":
			claimed++
		default:
			unknown++
		}
	}
	return proven, claimed, unknown
}

func filled(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func every(namespace string) string {
	if namespace == "" {
		return "every"
	}
	return namespace
}
