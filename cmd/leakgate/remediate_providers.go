package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/remediate/revoke"
)

func (w *world) providersCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "providers", Short: "List the kinds that can be checked and revoked, and how", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			catalogue, err := revoke.Default()
			if err != nil {
				return err
			}
			switch format {
			case "text":
				return writeProviders(w.stdout, catalogue)
			case "json":
				out := json.NewEncoder(w.stdout)
				out.SetIndent("", "  ")
				out.SetEscapeHTML(false)
				return out.Encode(catalogue.Entries())
			}
			return badFlag("unknown format %q: choose text or json", format)
		},
	}
	c.Flags().StringVarP(&format, "format", "f", "text", "text or json")
	return c
}

// writeProviders is the table; runbooks are counted, since each is a page of text.
func writeProviders(to io.Writer, catalogue *revoke.Catalogue) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CLASS\tID\tKIND\tCHECK\tREVOKE\tUNDO\tEVIDENCE\tREVIEWED\tSOURCE")
	books, rules := 0, 0
	for _, e := range catalogue.Entries() {
		if e.Class == revoke.ClassM {
			books, rules = books+1, rules+len(e.Rules)
			continue
		}
		fmt.Fprintln(table, strings.Join([]string{string(e.Class), e.ID, e.Kind, e.Check, e.Revoke, e.Undo, string(e.Evidence), e.Reviewed, e.Source}, "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(to, `
U: an unauthenticated report. S: with the leaked value itself. A: with a credential of an administrator.
M: %d runbooks for values of %d rules. leakgate remediate explain ID or RULE prints one.
`, books, rules)
	return err
}

func (w *world) explainKindCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain ID|RULE", Short: "Say how a kind is checked and revoked, or what a person does about it", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			catalogue, err := revoke.Default()
			if err != nil {
				return err
			}
			providers := catalogue.ForRule(args[0])
			if p := catalogue.Provider(args[0]); p != nil {
				providers = []*revoke.Provider{p}
			}
			book := catalogue.Runbook(args[0])
			if len(providers) == 0 && book == nil {
				return badFlag("neither a kind nor a rule is named %q; leakgate remediate providers and leakgate rules list show them", args[0])
			}
			var pages []string
			for _, p := range providers {
				pages = append(pages, p.Page())
			}
			if book != nil {
				pages = append(pages, fmt.Sprintf("# %s, by hand\n\n%s", book.Name, book.Text()))
			}
			_, err = io.WriteString(w.stdout, strings.Join(pages, "\n"))
			return err
		},
	}
}
