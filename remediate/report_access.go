package remediate

import (
	"fmt"
	"strings"

	"github.com/leakgate/leakgate/remediate/evidence"
)

// access is what sources said of who used it.
func (s *story) access(b *strings.Builder) {
	fmt.Fprint(b, "\n## Who had access\n\n")
	if len(s.evidence) == 0 {
		fmt.Fprintf(b, "%s: no source was asked.\n", unknown)
		return
	}
	fmt.Fprint(b, "| what was asked | answer | window | source |\n|---|---|---|---|\n")
	for i, r := range s.evidence {
		fmt.Fprintf(b, "| %s | %s | %s | %s, asked %s |\n", escape(r.About), answerOf(r), window(r), source(r), clock3339(s.asked[i]))
	}
	for _, r := range s.evidence {
		uses(b, r)
	}
}

func answerOf(r evidence.Record) string {
	text := string(r.Answer)
	switch {
	case r.Answer == evidence.CannotTell:
		return "**cannot tell**: " + escape(r.Why)
	case r.Count > 0:
		text = fmt.Sprintf("**%d seen**", r.Count)
	}
	if n, ok := r.Totals["clones"]; ok {
		text = fmt.Sprintf("%s: %d clones", text, n)
	}
	return text
}

func source(r evidence.Record) string {
	if !strings.HasPrefix(r.Where, "https://") || strings.ContainsAny(r.Where, "()<> |") {
		return escape(r.Source)
	}
	return fmt.Sprintf("[%s](%s)", escape(r.Source), r.Where)
}

func window(r evidence.Record) string {
	switch {
	case r.To.IsZero():
		return unknown
	case r.From.IsZero():
		return "until " + clock3339(r.To)
	case r.From.Equal(r.To):
		return "at " + clock3339(r.To)
	}
	return clock3339(r.From) + " to " + clock3339(r.To)
}

// shown is how many uses of one source a document lists.
const shown = 20

func uses(b *strings.Builder, r evidence.Record) {
	if len(r.Uses) == 0 {
		return
	}
	fmt.Fprintf(b, "\n### %s\n\n| when | who | what | from | program |\n|---|---|---|---|---|\n", escape(r.About))
	for _, u := range r.Uses[:min(shown, len(r.Uses))] {
		at := ""
		if !u.At.IsZero() {
			at = clock3339(u.At)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", at, escape(orElse(u.Who, unknown)), escape(u.What), escape(u.From), escape(u.Agent))
	}
	if r.Count > shown {
		fmt.Fprintf(b, "\n%d of %d; the audit trail holds %d of them.\n", min(shown, len(r.Uses)), r.Count, len(r.Uses))
	}
}

// remains is what nobody knows.
func (s *story) remains(b *strings.Builder) {
	fmt.Fprint(b, "\n## What remains unknown\n\n")
	some := false
	s.facts(func(name, value string) {
		if value == "" {
			some = true
			fmt.Fprintf(b, "- %s\n", name)
		}
	})
	for _, r := range s.evidence {
		about := escape(r.About)
		if r.Answer == evidence.CannotTell {
			fmt.Fprintf(b, "- %s: %s\n", about, escape(r.Why))
		}
		for _, gap := range r.Gaps {
			fmt.Fprintf(b, "- %s: not covered: %s\n", about, escape(gap))
		}
		some = some || r.Answer == evidence.CannotTell || len(r.Gaps) > 0
	}
	for _, each := range [][2]string{{"Root cause", s.cause}, {"Prevention", s.prevention}} {
		if each[1] == "" {
			some = true
			fmt.Fprintf(b, "- %s\n", each[0])
		}
	}
	if !some {
		fmt.Fprint(b, "Nothing of what this document asks for.\n")
	}
}
