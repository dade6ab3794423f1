package manifest

import (
	"regexp"
	"slices"
	"strings"
	goparse "text/template/parse"
)

// A valueTemplate is what the text of a template says of the value that is made
// of it: external-secrets, sealed-secrets and the Vault Secrets Operator use Go's
// text/template with the functions of Sprig, the Vault Agent with those of
// consul-template.
// https://external-secrets.io/latest/guides/templating/
// https://developer.hashicorp.com/vault/docs/platform/k8s/vso/secret-transformation
// https://github.com/hashicorp/consul-template/blob/main/docs/templating-language.md
type valueTemplate struct {
	texts    []string // what stands in it: text between the actions, and constants in them
	instead  []string // those of the constants that stand in where the source has nothing
	whole    string   // the text between the actions, each action as a mark
	sourced  bool     // an action prints something that is not in the template
	computed bool     // an action makes something of constants, which cannot be read here
	broken   bool     // it is no template of Go; texts and whole are a guess
}

// joined is the text between the actions, as if none printed anything.
func (t valueTemplate) joined() string { return strings.ReplaceAll(t.whole, mark, "") }

// Limits on a template. A value of a Secret has no more than a mebibyte.
const (
	maxTemplate = 1 << 20
	maxActions  = 20_000
	maxNested   = 3    // templates that a template prints
	maxJoined   = 1000 // bytes, and how many, of constants that are put together
)

// readTemplate reads the text of a template.
func readTemplate(text string) valueTemplate { return readNested(text, 0) }

func readNested(text string, depth int) valueTemplate {
	if !strings.Contains(text, "{{") {
		return valueTemplate{texts: []string{text}, whole: text}
	}
	if t, ok := parseTemplate(text, depth); ok {
		return t
	}
	return guessTemplate(text)
}

// parseTemplate reads a text by Go's grammar, and reports whether it could.
func parseTemplate(text string, depth int) (valueTemplate, bool) {
	if len(text) > maxTemplate || strings.Count(text, "{{") > maxActions {
		return valueTemplate{}, false
	}
	trees := map[string]*goparse.Tree{}
	tree := goparse.New("value")
	tree.Mode = goparse.SkipFuncCheck
	if _, err := tree.Parse(text, "", "", trees); err != nil || trees["value"] == nil {
		return valueTemplate{}, false
	}
	r := templateReader{vars: map[string]bool{"$": true}, depth: depth, joins: map[*goparse.PipeNode]bool{}, trees: trees, trials: newTrials()}
	r.list(trees["value"].Root, true, true)
	r.out.whole = string(r.between)
	for name, t := range trees {
		if name != "value" && !r.called[name] {
			r.vars, r.trials = map[string]bool{"$": r.passed}, newTrials()
			r.list(t.Root, r.passed, r.passed)
		}
	}
	r.out.texts = append(r.out.texts, r.joined...)
	return r.out, true
}

// guessTemplate is for what Go would refuse: Jinja, or a template within another.
// Every action may print something, and every constant in it too.
func guessTemplate(text string) valueTemplate {
	whole, found := cutPlaceholders(text)
	out := valueTemplate{whole: whole, texts: strings.Split(whole, mark), sourced: found, broken: true}
	for _, action := range inlinePlaceholder.FindAllString(text, -1) {
		for _, q := range quotedText.FindAllString(action, -1) {
			out.texts = append(out.texts, q[1:len(q)-1])
		}
	}
	return out
}

// templateReader walks a template. sourced and live are those of the place: what
// "." stands for, and whether anything decides that the place is ever reached.
type templateReader struct {
	out     valueTemplate
	between []byte
	vars    map[string]bool // whether a variable holds something that is not in the template
	joined  []string        // constants that a function may put together
	passed  bool            // a template that is called is handed something of the source
	depth   int
	arms    int // how many conditions are around, and how many of them nothing fulfils
	dead    int

	trees          map[string]*goparse.Tree
	called         map[string]bool // templates that were read where they are called
	calls, calling int
	nodes          int // that were walked
	trials         []*trial
	joins          map[*goparse.PipeNode]bool // what onlyJoins told of brackets that others are around
}

func (r *templateReader) list(l *goparse.ListNode, dot, live bool) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		r.node(n, dot, live)
	}
}

func (r *templateReader) node(n goparse.Node, dot, live bool) {
	r.nodes++
	switch n := n.(type) {
	case *goparse.TextNode:
		r.text(string(n.Text))
		r.write(string(n.Text))
	case *goparse.ActionNode:
		r.action(n.Pipe, dot, live)
	case *goparse.IfNode:
		r.branch(&n.BranchNode, dot, dot, live)
	case *goparse.WithNode:
		r.branch(&n.BranchNode, r.pipe(n.Pipe, dot), dot, live)
	case *goparse.RangeNode:
		r.branch(&n.BranchNode, r.pipe(n.Pipe, dot), dot, live)
	case *goparse.TemplateNode:
		r.call(n, dot, live)
	}
}

// write keeps what is printed, where anything is.
func (r *templateReader) write(text string) {
	if r.dead == 0 {
		r.between = append(r.between, text...)
	}
}

// branch is an if, a with or a range: inner is what "." stands for in it. What a
// constant decides is no source.
func (r *templateReader) branch(b *goparse.BranchNode, inner, dot, live bool) {
	sourced := r.pipe(b.Pipe, dot)
	w, known := r.constant(b.Pipe)
	r.declare(b.Pipe, sourced && !known)
	yes, no := sourced, sourced
	if known {
		yes, no = truth(w), !truth(w)
	}
	within := r.scope(b, w, known, sourced)
	r.arm(b.List, inner && !known, live && yes, known && !yes)
	within()
	r.arm(b.ElseList, dot, live && no, known && !no)
}

// arm is one way of a branch; dead says that it is never taken.
func (r *templateReader) arm(l *goparse.ListNode, dot, live, dead bool) {
	r.arms++
	if dead {
		r.dead++
	}
	r.list(l, dot, live)
	r.arms--
	if dead {
		r.dead--
	}
}

func (r *templateReader) declare(p *goparse.PipeNode, sourced bool) {
	if p == nil {
		return
	}
	for _, v := range p.Decl {
		r.vars[v.Ident[0]] = sourced
	}
}

// action prints the outcome of a pipeline, or keeps it in a variable.
func (r *templateReader) action(p *goparse.PipeNode, dot, live bool) {
	before := len(r.out.texts)
	sourced := r.pipe(p, dot)
	text, known := r.settled(p)
	if known && text == "" {
		r.dropNumbers(before)
	}
	constants := r.out.texts[before:]
	if known && text != "" && len(p.Decl) == 0 && !slices.Contains(constants, text) {
		r.out.texts = append(r.out.texts, text)
	}
	sourced = sourced && !known
	r.declare(p, sourced)
	r.out.computed = r.out.computed || !sourced && len(constants) > 0 && !r.onlyJoins(p)
	switch {
	case len(p.Decl) > 0:
	case sourced:
		r.out.sourced = r.out.sourced || live
		r.write(mark)
	case known:
		r.write(text)
	default:
		r.write(strings.Join(constants, ""))
	}
}

// settled is what a pipeline prints whatever the source has. A variable that is
// assigned where that is not sure to happen may hold either.
func (r *templateReader) settled(p *goparse.PipeNode) (string, bool) {
	w, known := r.constant(p)
	if p.IsAssign && r.arms > 0 {
		for _, t := range r.trials {
			t.declare(p, worked{value: opaque})
		}
	}
	text := printed(w)
	return text, known && !strings.Contains(text, "{{") // a template that it prints is read as one
}

// dropNumbers leaves out the numbers of an action that prints nothing.
func (r *templateReader) dropNumbers(from int) {
	r.out.texts = append(r.out.texts[:from], slices.DeleteFunc(slices.Clone(r.out.texts[from:]), isNumber)...)
}

// text keeps what stands in a template. A template that it prints is read as well:
// charts write "{{" that way.
func (r *templateReader) text(text string) {
	if !strings.Contains(text, "{{") || r.depth >= maxNested {
		r.out.texts = append(r.out.texts, text)
		return
	}
	inner := readNested(text, r.depth+1)
	r.out.texts, r.out.instead = append(r.out.texts, inner.texts...), append(r.out.instead, inner.instead...)
	r.out.sourced = r.out.sourced || inner.sourced && !inner.broken
	r.out.computed = r.out.computed || inner.computed
}

// pipe reports whether a pipeline brings something that is not in the template,
// and keeps its constants.
func (r *templateReader) pipe(p *goparse.PipeNode, dot bool) (sourced bool) {
	if p == nil {
		return false
	}
	for _, c := range p.Cmds {
		if r.command(c, dot, sourced) {
			sourced = true
		}
	}
	return sourced
}

// command is one call; piped says that it is handed something of a source.
func (r *templateReader) command(c *goparse.CommandNode, dot, piped bool) (sourced bool) {
	args, name := c.Args, ""
	if f, is := args[0].(*goparse.IdentifierNode); is {
		name, args = f.Ident, args[1:]
		sourced = r.function(name)
	}
	before := len(r.out.texts)
	var names []string
	for i, a := range args {
		if text, is := a.(*goparse.StringNode); is && quietly(name, i, len(args)) {
			names = append(names, text.Text)
			continue
		}
		if r.argument(a, dot) {
			sourced = true
		}
	}
	r.judged(name, names, sourced || piped)
	constants := r.out.texts[before:]
	if standingIn[name] {
		r.out.instead = append(r.out.instead, constants...)
	}
	if len(constants) > 1 && name != "" && len(r.joined) < maxJoined && fewBytes(constants) {
		r.joined = append(r.joined, verb.ReplaceAllString(strings.Join(constants, ""), ""))
	}
	r.out.computed = r.out.computed || name == "printf" && len(args) > 1 && spelling.MatchString(args[0].String())
	return sourced
}

// fewBytes reports whether texts are short enough to be looked at put together. It
// is asked at each bracket of a template, so it looks no further than it has to.
func fewBytes(texts []string) bool {
	size := 0
	for _, text := range texts {
		if size += len(text); size > maxJoined || len(texts) > maxJoined {
			return false
		}
	}
	return true
}

// quietly reports whether the argument of a function names something and is not
// printed.
func quietly(function string, i, of int) bool {
	return naming[function] || bringing[function] && !standingIn[function] || function == "dig" && i != of-2
}

// verb is one of printf.
var verb = regexp.MustCompile(`%[0-9.+# -]*[a-zA-Z]`)

// spelling is a verb of printf that makes letters of numbers, or numbers of letters.
var spelling = regexp.MustCompile(`%[0-9.+# -]*[cxXUbo]`)

// judged keeps what a function's texts leave to be judged: all of them where it is
// handed nothing but texts, and what is no time in the layout of one.
func (r *templateReader) judged(function string, names []string, sourced bool) {
	for _, text := range names {
		if layouts[function] {
			r.text(timeLayout.ReplaceAllString(text, ""))
		} else if !sourced {
			r.text(text)
		}
	}
}

// timeLayout is what Go's layouts of a time are made of.
var timeLayout = regexp.MustCompile(`20?06|0?[1-5]|_2|15|0[67]:?00|Z0700|Z07:00|-0700|MST|Mon(?:day)?|Jan(?:uary)?|[PAp][Mm]|\.0+|[TZ]`)

// function reports whether a function brings a value. A name with a digit that no
// function has is a text in its clothes.
func (r *templateReader) function(name string) bool {
	if strings.ContainsAny(name, "0123456789") && !numberedFunction[name] {
		r.out.texts = append(r.out.texts, name)
	}
	return bringing[name]
}

// argument is one operand.
func (r *templateReader) argument(n goparse.Node, dot bool) bool {
	switch n := n.(type) {
	case *goparse.StringNode:
		r.text(n.Text)
	case *goparse.NumberNode:
		r.text(n.Text)
	case *goparse.DotNode:
		return dot
	case *goparse.FieldNode:
		r.named(n.Ident)
		return dot
	case *goparse.VariableNode:
		r.named(n.Ident[1:])
		return r.vars[n.Ident[0]]
	case *goparse.ChainNode:
		r.named(n.Field)
		return r.argument(n.Node, dot)
	case *goparse.PipeNode:
		return r.within(n, dot)
	case *goparse.IdentifierNode:
		return r.function(n.Ident)
	}
	return false
}

// within is a pipeline in brackets. What it makes of constants alone is as hidden
// there as anywhere.
func (r *templateReader) within(p *goparse.PipeNode, dot bool) bool {
	before := len(r.out.texts)
	sourced := r.pipe(p, dot)
	r.out.computed = r.out.computed || !sourced && len(r.out.texts) > before && !r.onlyJoins(p)
	return sourced
}

// named keeps names that are none: nobody calls a field by a random word.
func (r *templateReader) named(fields []string) {
	for _, f := range fields {
		if random(f) || hexWord.MatchString(f) {
			r.out.texts = append(r.out.texts, f)
		}
	}
}

// onlyJoins reports whether the functions of a pipeline leave its constants
// readable.
func (r *templateReader) onlyJoins(p *goparse.PipeNode) bool {
	joins, told := r.joins[p]
	if !told {
		joins = r.allJoin(p)
		r.joins[p] = joins
	}
	return joins
}

func (r *templateReader) allJoin(p *goparse.PipeNode) bool {
	for _, c := range p.Cmds {
		if f, is := c.Args[0].(*goparse.IdentifierNode); is && !joining[f.Ident] {
			return false
		}
		for _, a := range c.Args {
			if inner, is := a.(*goparse.PipeNode); is && !r.onlyJoins(inner) {
				return false
			}
		}
	}
	return true
}
