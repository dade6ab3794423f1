package gitrepo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// config is a git config file: "section.subsection.name" to its last value.
// Section and name are in lower case, the subsection is as written.
type config map[string]string

// readConfig reads a config file; no file is an empty config. Includes are not
// followed: what is asked of a repository's config here cannot lie in one.
func readConfig(path string) (config, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return config{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read git config: %w", err)
	}
	return parseConfig(string(data)), nil
}

func parseConfig(text string) config {
	c := config{}
	section := ""
	text = strings.TrimPrefix(text, "\ufeff")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	for text != "" {
		var line string
		line, text = configLine(text)
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section, line = configSection(line)
		}
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		name, value, assigned := strings.Cut(line, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		switch {
		case name == "" || section == "": // git refuses such a file
		case assigned:
			c[section+name] = configValue(value)
		default:
			name, _, _ = strings.Cut(name, " ")
			c[section+name] = "true"
		}
	}
	return c
}

// configLine takes one line; a backslash at its end continues it.
func configLine(text string) (line, rest string) {
	for {
		part, more, _ := strings.Cut(text, "\n")
		text = more
		slashes := len(part) - len(strings.TrimRight(part, `\`))
		if slashes%2 == 0 || more == "" {
			return line + part, more
		}
		line += part[:len(part)-1]
	}
}

// configSection reads [section "sub"]; what follows on the line is left.
func configSection(line string) (prefix, rest string) {
	var b strings.Builder
	quoted := false
	for i := 1; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\' && quoted && i+1 < len(line):
			i++
			b.WriteByte(line[i])
		case c == '"':
			quoted = !quoted
		case c == ']' && !quoted:
			return b.String() + ".", strings.TrimSpace(line[i+1:])
		case quoted:
			b.WriteByte(c)
		case c == ' ' || c == '\t':
			if b.Len() > 0 && !strings.HasSuffix(b.String(), ".") {
				b.WriteByte('.')
			}
		default:
			b.WriteString(strings.ToLower(string(c)))
		}
	}
	return b.String() + ".", ""
}

func configValue(raw string) string {
	var b strings.Builder
	raw = strings.TrimSpace(raw)
	quoted := false
	keep := 0 // length up to the last byte that is not trailing space
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '"':
			quoted = !quoted
			keep = b.Len()
			continue
		case c == '\\' && i+1 < len(raw):
			i++
			b.WriteByte(unescapeConfig(raw[i]))
			keep = b.Len()
			continue
		case (c == '#' || c == ';') && !quoted:
			return b.String()[:keep]
		}
		b.WriteByte(c)
		if quoted || (c != ' ' && c != '\t') {
			keep = b.Len()
		}
	}
	return b.String()[:keep]
}

func unescapeConfig(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	}
	return c
}

// isTrue reads git's spellings of a boolean.
func (c config) isTrue(key string) bool {
	switch strings.ToLower(c[key]) {
	case "true", "yes", "on", "1":
		return true
	}
	return false
}
