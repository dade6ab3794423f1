package mend

import (
	"bytes"
	"path"
	"regexp"
	"strings"
)

// lines are files in which a whole line says that a name is a string, and nothing else.
type lines struct {
	// line matches one: what is before the string, the name within it, and what is behind.
	// T stands for the token.
	line string
	// says is the reference by the name, in place of the string.
	says func(name string) string
	// unsure reports whether what is before a line may be the beginning of a longer
	// string or comment that the line is in.
	unsure func(before []byte) bool
	// goesOn reports whether what is behind belongs to the string.
	goesOn func(behind []byte) bool
}

func (l *lines) mend(text []byte, token string) (out []byte, names []string) {
	line := regexp.MustCompile(strings.ReplaceAll(l.line, "T", token))
	at := 0
	for part := range bytes.Lines(text) {
		end := at + len(part)
		body := bytes.TrimRight(part, "\r\n")
		m := line.FindSubmatch(body)
		if m == nil || l.unsure(text[:at]) || l.goesOn != nil && l.goesOn(text[end:]) {
			out, at = append(out, part...), end
			continue
		}
		at = end
		name := variable(string(bytes.Join(m[2:len(m)-1], nil))) // of the alternatives one matches
		if name == "" {
			out = append(out, part...)
			continue
		}
		names = append(names, name)
		out = append(append(append(append(out, m[1]...), l.says(name)...), m[len(m)-1]...), part[len(body):]...)
	}
	return out, names
}

var python = lines{
	line: `^(\s*(?:([A-Za-z_]\w*)(?:\s*:\s*str)?\s*=|["']([A-Za-z_][\w-]*)["']\s*:)\s*)(?:"T"|'T')(\s*,?\s*(?:#.*)?)$`,
	says: func(name string) string { return `os.environ["` + name + `"]` },
	unsure: func(before []byte) bool {
		return !importsOS.Match(before) || bytes.Count(before, []byte(`"""`))%2 > 0 || bytes.Count(before, []byte(`'''`))%2 > 0 || continued(before)
	},
	goesOn: func(behind []byte) bool { // strings that stand side by side are one
		next := bytes.TrimLeft(behind, " \t\r\n")
		return len(next) > 0 && (next[0] == '"' || next[0] == '\'') && !regexp.MustCompile(`^["'][\w-]*["']\s*:`).Match(next)
	},
}

// continued reports whether the line before goes on.
func continued(before []byte) bool {
	return bytes.HasSuffix(before, []byte("\\\n")) || bytes.HasSuffix(before, []byte("\\\r\n"))
}

// importsOS is the module that knows the environment: where to import it is for people.
var importsOS = regexp.MustCompile(`(?m)^import (?:\w+, *)*os(?: *,.*| *#.*)?\r?$`)

func mendPython(text []byte, token string) ([]byte, []string) { return python.mend(text, token) }

var ruby = lines{
	line: `^(\s*(?:([A-Za-z_]\w*)\s*=|([A-Za-z_]\w*):|:([A-Za-z_]\w*)\s*=>|["']([A-Za-z_][\w-]*)["']\s*=>)\s*)(?:"T"|'T')(\s*,?\s*(?:#.*)?)$`,
	says: func(name string) string { return `ENV.fetch("` + name + `")` },
	unsure: func(before []byte) bool {
		return regexp.MustCompile(`<<[~-]?["'A-Z]|%[qQwWiI]?[({\[<|!]|(?m:^=begin|^__END__)`).Match(before)
	},
}

func mendRuby(text []byte, token string) ([]byte, []string) { return ruby.mend(text, token) }

var node = lines{
	line: `^(\s*(?:(?:export\s+)?(?:const|let|var)\s+([A-Za-z_]\w*)(?:\s*:\s*string)?\s*=|([A-Za-z_]\w*)\s*:|["']([A-Za-z_][\w-]*)["']\s*:)\s*)(?:"T"|'T')(\s*[,;]?\s*(?://.*)?)$`,
	says: func(name string) string { return "process.env." + name },
	unsure: func(before []byte) bool {
		return bytes.Count(before, []byte("`"))%2 > 0 || bytes.LastIndex(before, []byte("/*")) > bytes.LastIndex(before, []byte("*/"))
	},
}

func mendNode(text []byte, token string) ([]byte, []string) { return node.mend(text, token) }

// mendTypes says beside that the variable is there, for its type has that it may not be, see
// https://www.typescriptlang.org/docs/handbook/2/everyday-types.html#non-null-assertion-operator-postfix-.
func mendTypes(text []byte, token string) ([]byte, []string) {
	typed := node
	typed.says = func(name string) string { return node.says(name) + "!" }
	return typed.mend(text, token)
}

// runsOnNode says so in the file itself: a browser has no environment, and none of these modules
// (https://nodejs.org/api/modules.html#built-in-modules). require alone is in browsers too.
var runsOnNode = regexp.MustCompile(`\bprocess\.(?:env|argv|exit|cwd|stdout|stdin|stderr)\b|\A#!.*\bnode\b|\b__dirname\b|` +
	`(?:\brequire\(\s*|\bfrom\s+|\bimport\s+)["'](?:node:[\w/]+|assert|async_hooks|child_process|cluster|crypto|dgram|dns|fs|fs/promises|http|http2|https|module|net|os|path|perf_hooks|readline|repl|tls|tty|v8|vm|worker_threads|zlib|` +
	`express|dotenv|koa|fastify|pg|mysql2?|ioredis|nodemailer)["']`)

// runsInBrowsers says that, or that something makes a file for browsers of this one, which puts in only variables of some names.
var runsInBrowsers = regexp.MustCompile(`\b(?:window|document|localStorage|sessionStorage|navigator)\.|\bdefine\(\s*(?:\[|function)|\brequire(?:js)?\(\s*\[|\brequirejs\b|\b(?:REACT_APP|NEXT_PUBLIC|VITE|VUE_APP|GATSBY)_|\bimport\.meta\.env\b|["']use client["']|from ["'](?:react|react-dom|vue)["']`)

func isNode(file string, text []byte) bool {
	switch path.Ext(file) {
	case ".js", ".cjs", ".mjs":
		return runsOnNode.Match(text) && !runsInBrowsers.Match(text)
	}
	return false
}

func isTypes(file string, text []byte) bool {
	switch path.Ext(file) {
	case ".ts", ".cts", ".mts":
		return runsOnNode.Match(text) && !runsInBrowsers.Match(text)
	}
	return false
}

// A shell ends there when the variable is not set, see
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_06_02.
var shell = lines{
	line: `^(\s*(?:export\s+|readonly\s+|local\s+)?([A-Za-z_]\w*)=)(?:"T"|'T'|T)(\s*;?(?:\s+#.*)?)$`,
	says: func(name string) string { return `"${` + name + `:?}"` },
	unsure: func(before []byte) bool {
		return bytes.Contains(before, []byte("<<")) || continued(before) || quoted(before)
	},
}

// quoted reports whether a text of a shell ends within quotes: a program in another language,
// or one for another machine.
func quoted(text []byte) bool {
	var in, last byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && in != '\'':
			i++
		case in != 0:
			if c == in {
				in = 0
			}
		case c == '\'' || c == '"' || c == '`':
			in = c
		case c == '#' && (last == 0 || last == '\n' || isBlank(last)):
			end := bytes.IndexByte(text[i:], '\n')
			if end < 0 {
				return false
			}
			i += end
		}
		if last = 0; i < len(text) {
			last = text[i]
		}
	}
	return in != 0
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == ';' }

func mendShell(text []byte, token string) ([]byte, []string) { return shell.mend(text, token) }

func isShell(file string, text []byte) bool {
	switch path.Ext(file) {
	case ".sh", ".bash", ".zsh", ".ksh":
		return true
	case "":
		return regexp.MustCompile(`^#!\s*\S*/(?:env\s+)?(?:ba|z|k|da)?sh\b`).Match(text)
	}
	return false
}

// Spring reads the environment for what is in braces, see
// https://docs.spring.io/spring-boot/reference/features/external-config.html#features.external-config.files.property-placeholders.
var spring = lines{
	line:   `^(\s*([A-Za-z][\w.-]*)\s*[=:]\s*)T(\s*)$`,
	says:   func(name string) string { return "${" + name + "}" },
	unsure: continued,
}

func mendSpring(text []byte, token string) ([]byte, []string) { return spring.mend(text, token) }
