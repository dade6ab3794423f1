package stores

import (
	"fmt"
	"strings"

	"github.com/leakgate/leakgate/remediate/rotate/mint"
)

// Page is the documentation of all kinds in Markdown, from their data.
func Page() (string, error) {
	var b strings.Builder
	b.WriteString("# Stores\n\nMade from the data by `make docs`. How values are rotated: [rotation.md](rotation.md).\n\n" +
		"| kind | | old version | undo | refuses a write over another's |\n|---|---|---|---|---|\n")
	for _, k := range Kinds() {
		fmt.Fprintf(&b, "| `%s` | [%s](%s) | %s | %s | %s |\n", k.ID, k.Name, k.Source, k.Fate, word(k.History), word(k.Atomic))
	}
	for _, k := range Kinds() {
		fmt.Fprintf(&b, "\n## %s\n\n`kind = \"%s\"`\n\n", k.Name, k.ID)
		for _, need := range k.Needs {
			fmt.Fprintf(&b, "- %s\n", need)
		}
		if k.Kept != "" {
			fmt.Fprintf(&b, "\nThe old version is %s: %s.\n", k.Fate, k.Kept)
		}
		if k.Blind {
			b.WriteString("\nNobody but the consumer can read the value, so that the place holds the leaked one is the operator's word.\n")
		}
		if k.Settle > 0 {
			fmt.Fprintf(&b, "\nA read may show the version before for %s; that long is waited before a write that was cut off is made again.\n", k.Settle)
		}
	}
	err := writeMints(&b)
	return b.String(), err
}

func writeMints(b *strings.Builder) error {
	all, err := mint.Issuers()
	b.WriteString("\n# Issuers that mint\n\n| `mint` | | settings of the store | of `[settings.ID]` and `[credentials.ID]` | at most |\n|---|---|---|---|---|\n")
	for _, i := range all {
		limit := ""
		if i.Limit > 0 {
			limit = fmt.Sprint(i.Limit)
		}
		fmt.Fprintf(b, "| `%s` | [%s](%s), read %s. %s | %s | %s | %s |\n", i.ID, i.Name, i.Source, i.Reviewed, i.Note, strings.Join(i.Settings, ", "), strings.Join(i.Credentials, ", "), limit)
	}
	return err
}

func word(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}
