package manifest

import (
	"regexp"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
)

// templateData judges the values of a template of Secrets. Each should come from
// a source, by an action. Literals are ordinary where they have the look of
// settings; a policy may refuse them all the same.
func (j *judge) templateData(data view, rule, fix string) {
	for key, v := range data.pairs() {
		j.templateText(key, v, v.text(), rule, fix)
	}
}

// templateMeta judges labels and annotations that a template gives a Secret. They
// are no values, so literals are what they are for.
func (j *judge) templateMeta(meta view, rule, fix string) {
	for _, part := range []string{"annotations", "labels"} {
		for key, v := range meta.get(part).pairs() {
			j.weigh(key, v, v.text(), rule, fix)
		}
	}
}

// maxLines is the most bytes of a template that makes keys and values: as YAML it
// takes a hundred times as much.
const maxLines = 256 << 10

// templateLines judges a template that makes keys and values, which are those of
// its YAML. Where it is none before it is filled in, each line may be one.
func (j *judge) templateLines(v view, rule, fix string) {
	text := v.text()
	if len(text) > maxLines {
		j.at(v, RuleTooLarge, "the template is longer than what can be judged", "write the keys into target.template.data")
		return
	}
	pairs := func(key, value string) { j.templateText(key, v, value, rule, fix) }
	if trees, faults := parseTrees([]byte(text)); len(faults) == 0 && j.spend() {
		for _, t := range trees {
			t.pairs(t.root, "literal", map[*node]bool{}, pairs)
		}
	} else {
		for line := range strings.SplitSeq(text, "\n") {
			if m := pairLine.FindStringSubmatch(line); m != nil && !strings.HasPrefix(m[2], "|") && !strings.HasPrefix(m[2], ">") {
				pairs(m[1], strings.Trim(m[2], "\"'"))
			}
		}
	}
	if t := readTemplate(j.resolved(text)); t.computed || !t.sourced && !pairLine.MatchString(text) {
		j.templateText("literal", v, text, rule, fix)
	} else {
		j.weigh("literal", v, text, rule, fix)
	}
}

// pairLine is a key and its value in one line of YAML.
var pairLine = regexp.MustCompile(`(?m)^[ \t]*["']?([\w./-]+)["']?[ \t]*:[ \t]+(\S.*?)[ \t\r]*$`)

func (j *judge) templateText(key string, v view, text, rule, fix string) {
	if strings.TrimSpace(text) != "" && j.unlisted(key, text) && !readTemplate(j.resolved(text)).sourced {
		j.value(v, rule, key+" is a literal, and the policy lists none like it", fix)
		return
	}
	j.weigh(key, v, text, rule, fix)
}

// weigh reports what in a template cannot pass for a setting.
func (j *judge) weigh(key string, v view, text, rule, fix string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	t := readTemplate(j.resolved(text))
	switch {
	case j.anyKnown(text, strings.Join(t.texts, "\n"), t.joined()):
		j.value(v, rule, key+" is spelled out in the template", fix)
	case t.computed:
		j.value(v, rule, key+" is computed of constants, which nobody can read here", fix)
	case !t.sourced && !j.harmless(key, t):
		j.value(v, rule, key+" is spelled out in the template", fix)
	case t.sourced && credentialBeside(key, t):
		j.value(v, rule, key+" has a credential beside what comes from the source", fix)
	default:
		j.spelledIn(v, t, rule, fix)
	}
}

// anyKnown reports whether a rule knows one of some texts, of which two may be the
// same.
func (j *judge) anyKnown(texts ...string) bool {
	for i, text := range texts {
		if !slices.Contains(texts[:i], text) && j.known(text) {
			return true
		}
	}
	return false
}

// resolved is a template with a mark for each variable that a tool fills in before
// the file reaches a cluster. In the cluster nobody does.
func (j *judge) resolved(text string) string {
	if j.InCluster || !strings.ContainsAny(text, "$<") {
		return text
	}
	return beforeCluster.ReplaceAllStringFunc(text, func(p string) string {
		if !Placeholder(p) {
			return p
		}
		return "{{ .resolved }}"
	})
}

// beforeCluster are the placeholders that may stand in a text: Flux's and
// OpenShift's variables, and those of the Argo CD Vault Plugin.
var beforeCluster = regexp.MustCompile(`\$\{[A-Za-z_][^{}]*\}|<path:[^<>\s#]+#[^<>]+>`)

// unlisted reports whether the policy refuses literals and does not list this one.
func (j *judge) unlisted(key, text string) bool {
	t := j.Formats.Templates
	pair := key + "=" + strings.TrimSpace(text)
	return t.Strict && !slices.ContainsFunc(t.Allowed, func(pattern string) bool { return wildcard(pattern, pair) })
}

// harmless reports whether a value without any source has nothing that looks like
// a credential.
func (j *judge) harmless(key string, t valueTemplate) bool {
	text := strings.TrimSpace(strings.Join(t.texts, ""))
	if strings.Contains(text, "\n") {
		return public(text) || !secretName(key) && !slices.ContainsFunc(strings.Split(text, "\n"), loneCredential)
	}
	plain := func(text string) bool { return ordinary(key, text) }
	joined := strings.TrimSpace(t.joined())
	if joined == text {
		joined = "" // as it is for a text without any action
	}
	return !(secretName(key) && (literal(text) || literal(joined))) && plain(text) && plain(joined) && !userInfo(text) && !userInfo(joined) &&
		!slices.ContainsFunc(t.texts, func(text string) bool { return !plain(text) })
}

// loneCredential is a line that is a single word, which no setting is.
func loneCredential(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && !strings.ContainsAny(line, " \t:={}[]<>()#/") && !ordinary("", line)
}

// credentialBeside reports whether a value that comes from a source in part has a
// credential in the rest of it: in the user information of an address, right
// beside an action, or anywhere under a name that says secret.
func credentialBeside(key string, t valueTemplate) bool {
	if userInfo(t.whole) {
		return true
	}
	if strings.Contains(strings.TrimSpace(t.whole), "\n") {
		return false
	}
	secretly := secretName(key)
	for _, text := range append(strings.Split(t.whole, mark), t.texts...) {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if secretly && phrase(text) {
			return true
		}
		alone := whole.MatchString(text) || oneWord.MatchString(text) || !strings.ContainsAny(text, ":=/@{}[]<>\"'&?;,") // pairs and addresses have names, which say more
		if strong(text) && !strings.Contains(text, "/") && !strings.Contains(text, `":`) || random(text) && alone || (secretly || alone) && !ordinary(key, strings.Trim(text, ":/@-_.")) {
			return true
		}
	}
	between, all := t.joined(), strings.Join(t.texts, "")
	if oneWord.MatchString(between) && (secretly || !ordinary(key, between)) || oneWord.MatchString(all) && !ordinary(key, all) {
		return true
	}
	return secretly && slices.ContainsFunc(t.instead, literal)
}

// phrase reports whether a text is words put together, as people make passwords of
// them. Addresses, pairs and what introduces a token are none.
func phrase(text string) bool {
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("-_. ", r) })
	letters := 0
	for _, w := range words {
		if !onlyLetters.MatchString(w) && !onlyDigits.MatchString(w) {
			return false
		}
		letters += len(w)
	}
	return len(words) > 2 && letters >= 10
}

// oneWord is a word without separators.
var oneWord = regexp.MustCompile(`\A[^\s/:@.,;=&?_-]{4,64}\z`)

// whole is a text of one word, as values of secrets are.
var whole = regexp.MustCompile(`\A[A-Za-z0-9+/=_-]{16,256}\z`)

// authority is the user information of an address.
var authority = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://([^\s/@:?#"'<>]*):([^\s/@"'<>]+)@()`)

// login is the same without a scheme, as in DSNs of MySQL. What follows may also be
// the digest of an image.
var (
	login     = regexp.MustCompile(`(?:^|[\s"'=,(])([\w.+\x00-]+):([^\s/@:"'<>]+)@([\w\x00([][\w.\x00-]*)`)
	notLogins = nameSet(`mailto sip sips acct xmpp tel im`)
)

// userInfo reports whether an address in a text has a password that is spelled out.
func userInfo(text string) bool {
	for _, m := range append(authority.FindAllStringSubmatch(text, -1), login.FindAllStringSubmatch(text, -1)...) {
		rest := strings.Trim(strings.ReplaceAll(m[2], mark, ""), ":-_.")
		if rest != "" && !notLogins[m[1]] && m[3] != "sha256" && literal(rest+strings.Repeat("*", max(0, 4-len(rest)))) {
			return true
		}
	}
	return false
}

// spelledIn looks for credentials in a template that is a file: a line that names
// a secret and spells it out, or names anything and spells out what is no setting.
func (j *judge) spelledIn(at view, t valueTemplate, rule, fix string) {
	text := t.whole
	if v, is := loneLine(text); is {
		f := j.at(at, rule, "a line of the text is a credential", fix)
		f.Value = secret.New(v)
		return
	}
	// A line without any source was judged as a whole.
	anyName := t.sourced || strings.Contains(strings.TrimSpace(text), "\n")
	for _, m := range assignment.FindAllStringSubmatchIndex(text, -1) {
		name, value := text[m[2]:m[3]], text[m[4]:m[5]]
		if strings.Contains(value, mark) || !literal(value) {
			continue
		}
		odd := !ordinary(name, value)
		if secretName(name) && (odd || passwordName(name) && !strings.ContainsAny(value, "-._/")) || anyName && odd && lone(text[m[5]:], value) {
			f := j.at(at, rule, "the text spells out "+short(name), fix)
			f.Value = secret.New(value)
			return
		}
	}
}

// passwordName reports whether a name says password, which no name of a Secret
// stands behind, as it may behind "secret" or "token".
func passwordName(name string) bool {
	words := wordsOf(name)
	return len(words) > 0 && (strings.HasPrefix(words[len(words)-1], "passw") || words[len(words)-1] == "passphrase" || words[len(words)-1] == "pwd")
}

// loneLine is a line of a file that is one word, and no setting.
func loneLine(text string) (string, bool) {
	if !strings.Contains(strings.TrimSpace(text), "\n") {
		return "", false
	}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimPrefix(strings.TrimSpace(line), "- ")
		if len(line) <= 40 && !strings.Contains(line, mark) && loneCredential(line) && !Placeholder(line) {
			return line, true
		}
	}
	return "", false
}

// lone reports whether a value is one word that ends where it ends.
func lone(behind, value string) bool {
	return (behind == "" || strings.ContainsRune(" \t\r\n\"',;&}", rune(behind[0]))) && !strings.ContainsAny(value, "/:@\\{}[]()$*<>|")
}
