package main

import (
	"path/filepath"
	"strings"
)

// hookMarker begins the second line of every hook that leakgate writes.
const hookMarker = "# Written by leakgate hook install"

// The scripts run in the sh that comes with git, on Windows too. The program is
// named by the place it was installed from, else it is looked for; without it
// nothing was checked, and so nothing passes.
const (
	scriptHead = `#!/bin/sh
` + hookMarker + `, removed by leakgate hook uninstall: lines of your own belong into $before.
before=${0%/*}/HOOK` + keptSuffix + `
leakgate=PROGRAM
[ -x "$leakgate" ] || leakgate=leakgate
command -v "$leakgate" >/dev/null || {
	echo "leakgate: the program is gone and nothing was checked: install it again, or remove $0" >&2
	exit 3
}
`
	scriptPlain = `if [ -x "$before" ]; then
	"$before" "$@" || exit
fi
exec "$leakgate" hook HOOK "$@"
`
	// both hooks get the whole of standard input, to its last line end
	scriptInput = `input=$(cat; echo .)
input=${input%.}
if [ -x "$before" ]; then
	printf %s "$input" | "$before" "$@" || exit
fi
printf %s "$input" | "$leakgate" hook HOOK "$@"
`
)

// hookScript is the text of a hook that runs the program.
func hookScript(name, program string) string {
	text := scriptHead + scriptInput
	if name == "pre-commit" {
		text = scriptHead + scriptPlain
	}
	quoted := "'" + strings.ReplaceAll(filepath.ToSlash(program), "'", `'\''`) + "'"
	return strings.NewReplacer("HOOK", name, "PROGRAM", quoted).Replace(text)
}

// isHookScript reports whether a text is, to the letter, a hook that leakgate
// writes, whatever program it runs.
func isHookScript(name, text string) bool {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	_, rest, _ := strings.Cut(text, "\nleakgate='")
	quoted, _, _ := strings.Cut(rest, "'\n")
	return text == hookScript(name, strings.ReplaceAll(quoted, `'\''`, "'"))
}

// wasHookScript reports whether leakgate wrote a text that somebody changed since.
func wasHookScript(text string) bool {
	lines := strings.SplitN(text, "\n", 3)
	return len(lines) == 3 && strings.HasPrefix(lines[1], hookMarker)
}
