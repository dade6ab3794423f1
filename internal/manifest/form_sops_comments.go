package manifest

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/leakgate/leakgate/internal/manifest/sops"
	"github.com/leakgate/leakgate/internal/secret"
)

var comment = regexp.MustCompile(`(?m)(?:^|[ \t])#[^\n]*`)

// assignment is a name and a value in a comment, as in "# password: x".
var assignment = regexp.MustCompile(`([A-Za-z][\w.-]{1,60})["']?[ \t]*[:=][ \t]*["']?([^\s"',]{4,200})`)

// comments looks for credentials in the comments of an encrypted document: sops
// encrypts comments, but only those that were there when it ran.
func (j *judge) comments() {
	tree := j.object.tree
	if !bytes.ContainsRune(tree.text, '#') || bytes.HasPrefix(bytes.TrimLeft(tree.text, " \t\r\n"), []byte("{")) {
		return
	}
	for _, at := range comment.FindAllIndex(tree.text, -1) {
		text := string(tree.text[at[0]:at[1]])
		if sops.Claims(strings.TrimLeft(text, " \t#")) {
			continue
		}
		for _, m := range assignment.FindAllStringSubmatchIndex(text, -1) {
			name, value := text[m[2]:m[3]], text[m[4]:m[5]]
			if secretName(name) && literal(value) && !named(value) || j.known(value) {
				n := &node{kind: scalar, text: value, start: tree.start + at[0] + m[4], end: tree.start + at[0] + m[5]}
				f := j.at(view{j: j, node: n}, RuleSOPSComment, "a comment spells out "+name, "delete the comment and rotate the value")
				f.Value = secret.New(value)
			}
		}
	}
}

// known reports whether the caller's detectors know a value.
func (c Checker) known(value string) bool { return c.Known != nil && c.Known(value) != "" }
