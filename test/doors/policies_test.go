package doors

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// policies are about who says how to judge.
var policies = []shape{
	{
		name: "a pull request that changes the policy", base: "one", head: "leak", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		says: "loosens",
		play: func(p *play) {
			p.start()
			p.on("x", func() { p.Write(".leakgate.yaml", "version: 1\nmode: audit\n"); p.file("leak", "b.txt", token()) })
		},
	},
	{
		name: "a pull request that breaks the policy", base: "one", head: "two", commits: 1, merge: true, conclusion: "failure", says: "a policy that cannot be read",
		play: func(p *play) {
			p.start()
			p.on("x", func() { p.file("two", ".leakgate.yaml", "version: 1\nmode: loud\n") })
		},
	},
	{
		name: "a policy that is broken at the base", head: "two", conclusion: "action_required", says: ".leakgate.yaml:2:7",
		play: func(p *play) {
			p.start()
			p.file("broken", ".leakgate.yaml", "version: 1\nmode: loud\n")
			p.push("main")
			p.on("x", func() { p.file("two", "b.txt", "nothing\n") })
		},
	},
	{
		name: "audit at the base", base: "policy", head: "leak", commits: 1, merge: true, conclusion: "neutral", found: []string{"warns b.txt:1:8 leak"},
		play: func(p *play) { p.policy("mode: audit\n"); p.on("x", func() { p.file("leak", "b.txt", token()) }) },
	},
	{
		name: "audit at a former base", base: "policy", head: "leak", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) {
			p.start()
			p.file("audit", ".leakgate.yaml", "version: 1\nmode: audit\n")
			p.push("main")
			p.branch("x", "main")
			p.Git("checkout", "-q", "main")
			p.policy("mode: enforce\n")
			p.Git("checkout", "-q", "x")
			p.file("leak", "b.txt", token())
			p.push("x")
			p.open("x", "main")
		},
	},
	{
		name: "a path that the base excludes", base: "policy", head: "leak", commits: 1, merge: true, conclusion: "success", excluded: 1,
		play: func(p *play) {
			p.policy("paths: {exclude: [vendor/]}\n")
			p.on("x", func() { p.file("leak", "vendor/b.txt", token()) })
		},
	},
	{
		name: "a rule that the base disables, which leaves the general one", base: "policy", head: "leak", commits: 1, merge: true, conclusion: "neutral",
		found: []string{"warns b.txt:1:1 leak"},
		play: func(p *play) {
			p.policy("rules: {disable: [slack-bot-token]}\n")
			p.on("x", func() { p.file("leak", "b.txt", token()) })
		},
	},
	{
		name: "an exception at the base", base: "policy", head: "two", commits: 2, merge: true, conclusion: "failure",
		found: []string{"allowed b.txt:1:8 leak", "blocks c.txt:1:8 two"},
		play: func(p *play) {
			p.start()
			value := token()
			p.branch("x", "main")
			p.file("leak", "b.txt", value)
			fingerprint, blob := p.fingerprint("b.txt")
			p.Git("checkout", "-q", "main")
			p.policy("exceptions:\n  - {fingerprint: \"" + fingerprint + "\", blob: " + blob + ", reason: an example, owner: \"@ada\", expires: 2099-12-31}\n")
			p.Git("checkout", "-q", "x")
			p.Git("rebase", "-q", "main")
			p.label("leak", "HEAD")
			p.file("two", "c.txt", token())
			p.push("x")
			p.open("x", "main")
		},
	},
	{
		name: "an exception that the pull request brings", base: "one", head: "two", commits: 2, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) {
			p.start()
			p.on("x", func() {
				p.file("leak", "b.txt", token())
				fingerprint, blob := p.fingerprint("b.txt")
				p.file("two", ".leakgate.yaml", "version: 1\nexceptions:\n  - {fingerprint: \""+fingerprint+"\", blob: "+blob+", reason: mine, owner: \"@ada\", expires: 2099-12-31}\n")
			})
		},
	},
	{
		name: "an allow-comment that the pull request brings", base: "one", head: "leak", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) {
			p.start()
			p.on("x", func() { p.file("leak", "b.txt", token()[:len(token())-1]+" # leakgate:allow\n") })
		},
	},
	{
		name: "rules of the base", base: "rules", head: "leak", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:1 leak"},
		play: func(p *play) {
			p.start()
			p.file("rules", ".gitleaks.toml", "[extend]\nuseDefault = true\n[[rules]]\nid = \"ticket\"\ndescription = \"Ticket\"\nregex = '''ACME-[0-9]{12}'''\nkeywords = [\"acme-\"]\n")
			p.push("main")
			p.on("x", func() { p.file("leak", "b.txt", "ACME-482915730264\n") })
		},
	},
	{
		name: "a push that changes the policy", event: "push", base: "one", head: "leak", commits: 1, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		says: "loosens",
		play: func(p *play) {
			p.start()
			p.Write(".leakgate.yaml", "version: 1\nmode: audit\n")
			p.file("leak", "b.txt", token())
			p.push("main")
		},
	},
	{
		name: "a branch that an environment means", base: "policy", head: "leak", commits: 1, merge: true, conclusion: "neutral", found: []string{"warns b.txt:1:8 leak"},
		play: func(p *play) {
			p.policy("fail_on: [critical]\nenvironments: {dev: {branches: [main], severity: low}}\n")
			p.on("x", func() { p.file("leak", "b.txt", token()) })
		},
	},
}

// policy gives main a policy, and labels its commit so.
func (p *play) policy(text string) {
	p.file("policy", ".leakgate.yaml", "version: 1\n"+text)
	p.push("main")
}

func zipped(name, text string) string {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	f, err := z.Create(name)
	if err == nil {
		_, err = f.Write([]byte(text))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic(err) // memory takes everything
	}
	return out.String()
}

func wide(text string) string {
	var out bytes.Buffer
	out.WriteString("\xff\xfe")
	for _, unit := range utf16.Encode([]rune(text)) {
		_ = binary.Write(&out, binary.LittleEndian, unit) // memory takes everything
	}
	return out.String()
}
