package remediate

import "strings"

// escape keeps what repositories and people name from becoming markup.
func escape(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return ' '
		}
		return r
	}, text)
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "[", `\[`, "*", `\*`, "@", "&#64;", "`", "\\`", "://", "&#58;//", "#", `\#`, "~", `\~`).Replace(text)
}

// code keeps text within a span of code in a table.
func code(text string) string {
	return strings.NewReplacer("`", "'", "|", "¦", "\n", " ", "\r", " ").Replace(text)
}
