package manifest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	goparse "text/template/parse"
)

// A template of a chart may keep a value in a variable, a dict or a template of its
// own, and print that where the value of a Secret stands:
//
//	{{- $p := "VALUE" }}
//	…
//	  password: {{ $p | b64enc }}
//
// So each action of the file is written out: with what its variables were given and
// its named templates print, as far as constants of the file have a part in it.
type chart struct {
	written map[string][]string // by the text of an action, what it is written out; the same text may come to several
}

// Limits on what is written out. What grows beyond is taken for a constant that
// nobody can read.
const (
	maxWritten = 4 << 10
	tooLong    = `"a text that is too long to be worked out"`
	maxFile    = 2 << 20
)

// readChart reads a file as a template of Helm. helpers are the texts of others that
// define templates. nil says that it is none, or that nothing in it is a variable.
func readChart(text string, helpers ...string) *chart {
	if len(text) > maxFile || !strings.Contains(text, "{{") || !chartWords.MatchString(text) || strings.Count(text, "{{") > maxActions {
		return nil
	}
	trees := map[string]*goparse.Tree{}
	for i, t := range append(helpers, text) {
		tree := goparse.New("file " + strconv.Itoa(i))
		tree.Mode = goparse.SkipFuncCheck
		if len(t) <= maxFile {
			_, _ = tree.Parse(t, "", "", trees) // what Go does not read as a template, Helm does not either
		}
	}
	own := trees["file "+strconv.Itoa(len(helpers))]
	if own == nil {
		return nil
	}
	c := &chart{written: map[string][]string{}}
	w := writer{chart: c, text: text, trees: trees, vars: map[string][]goparse.Node{}, steps: new(int)}
	w.list(own.Root)
	for _, m := range definition.FindAllStringSubmatch(text, -1) {
		if t := trees[m[1]]; t != nil && t.Root != nil {
			w.vars = map[string][]goparse.Node{}
			w.list(t.Root)
		}
	}
	return c
}

var (
	chartWords = regexp.MustCompile(`\$\w*\s*:?=|\b(?:include|with|template|range)\b`)
	definition = regexp.MustCompile(`\{\{-?\s*define\s+"([^"]+)"`)
)

// A writer walks a template and writes its actions out. vars hold what may be in a
// variable, "." included; a variable that is not there is left as it stands.
type writer struct {
	chart *chart
	text  string
	trees map[string]*goparse.Tree
	vars  map[string][]goparse.Node
	arms  int
	depth int
	steps *int
}

func (w *writer) list(l *goparse.ListNode) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		w.node(n)
	}
}

func (w *writer) node(n goparse.Node) {
	switch n := n.(type) {
	case *goparse.ActionNode:
		p := w.pipe(n.Pipe)
		if len(n.Pipe.Decl) == 0 && w.chart != nil && p.String() != n.Pipe.String() {
			w.keep(int(n.Pos), p)
		}
	case *goparse.TemplateNode:
		if called := w.include(calling(n)); called != nil && w.chart != nil {
			w.keep(int(n.Position()), pipeOf("print", called))
		}
	case *goparse.IfNode:
		w.pipe(n.Pipe)
		w.arm(&n.BranchNode, nil)
	case *goparse.WithNode:
		w.arm(&n.BranchNode, w.pipe(n.Pipe))
	case *goparse.RangeNode:
		w.arm(&n.BranchNode, w.pipe(n.Pipe))
	}
}

// arm walks the ways of a branch; dot is what "." stands for in the first, where the
// branch says so.
func (w *writer) arm(b *goparse.BranchNode, dot *goparse.PipeNode) {
	before, had := w.vars["."]
	w.arms++
	if b.NodeType != goparse.NodeIf {
		delete(w.vars, ".")
		if holdsText(dot) {
			w.vars["."] = []goparse.Node{dot}
		}
	}
	w.list(b.List)
	delete(w.vars, ".")
	if had {
		w.vars["."] = before
	}
	w.list(b.ElseList)
	w.arms--
}

// keep remembers an action by its text, braces included.
func (w *writer) keep(at int, p *goparse.PipeNode) {
	start := strings.LastIndex(w.text[:min(at, len(w.text))], "{{")
	end := strings.Index(w.text[min(at, len(w.text)):], "}}")
	if start < 0 || end < 0 {
		return
	}
	action, out := w.text[start:at+end+2], "{{ "+p.String()+" }}"
	if !slices.Contains(w.chart.written[action], out) && len(w.chart.written[action]) < 8 {
		w.chart.written[action] = append(w.chart.written[action], out)
	}
}

// pipe is a pipeline written out. What it declares is kept.
func (w *writer) pipe(p *goparse.PipeNode) *goparse.PipeNode {
	if p == nil {
		return nil
	}
	out := &goparse.PipeNode{NodeType: goparse.NodePipe}
	for _, c := range p.Cmds {
		out.Cmds = append(out.Cmds, w.command(c))
	}
	if len(out.String()) > maxWritten {
		out.Cmds = []*goparse.CommandNode{{NodeType: goparse.NodeCommand, Args: []goparse.Node{quoted(tooLong)}}}
	}
	for _, v := range p.Decl {
		w.declare(v.Ident[0], out, p.IsAssign && w.arms > 0)
	}
	return out
}

// declare says what a variable holds; also says that it may hold what it did.
func (w *writer) declare(name string, p *goparse.PipeNode, also bool) {
	switch {
	case !also && !holdsText(p):
		delete(w.vars, name)
	case also && len(w.vars[name]) < 4:
		w.vars[name] = append(w.vars[name], p)
	case !also:
		w.vars[name] = []goparse.Node{p}
	}
}

func (w *writer) command(c *goparse.CommandNode) *goparse.CommandNode {
	if called := w.include(c); called != nil {
		return &goparse.CommandNode{NodeType: goparse.NodeCommand, Args: []goparse.Node{called}}
	}
	out := &goparse.CommandNode{NodeType: goparse.NodeCommand}
	for _, a := range c.Args {
		out.Args = append(out.Args, w.operand(a))
	}
	return out
}

func (w *writer) operand(n goparse.Node) goparse.Node {
	if *w.steps++; *w.steps > maxSteps {
		return quoted(tooLong)
	}
	switch n := n.(type) {
	case *goparse.PipeNode:
		return w.pipe(n)
	case *goparse.VariableNode:
		return w.held(n, n.Ident[0], n.Ident[1:])
	case *goparse.DotNode:
		return w.held(n, ".", nil)
	case *goparse.FieldNode:
		return w.held(n, ".", n.Ident)
	case *goparse.ChainNode:
		return fieldOf(w.operand(n.Node), n.Field)
	}
	return n
}

// held is what a variable holds, in the place of n.
func (w *writer) held(n goparse.Node, name string, fields []string) goparse.Node {
	var all []goparse.Node
	for _, v := range w.vars[name] {
		all = append(all, fieldOf(v, fields))
	}
	switch len(all) {
	case 0:
		return n
	case 1:
		return all[0]
	}
	return pipeOf("coalesce", all...)
}

// fieldOf is a field of something: of a dict what stands in it.
func fieldOf(n goparse.Node, fields []string) goparse.Node {
	for len(fields) > 0 {
		p, is := n.(*goparse.PipeNode)
		if !is || len(p.Cmds) != 1 {
			break
		}
		in := dictField(p.Cmds[0], fields[0])
		if in == nil {
			break
		}
		n, fields = in, fields[1:]
	}
	if len(fields) == 0 {
		return n
	}
	return &goparse.ChainNode{NodeType: goparse.NodeChain, Node: n, Field: fields}
}

func dictField(c *goparse.CommandNode, key string) goparse.Node {
	if len(c.Args) == 1 {
		if p, is := c.Args[0].(*goparse.PipeNode); is && len(p.Cmds) == 1 {
			return dictField(p.Cmds[0], key)
		}
	}
	if f, is := c.Args[0].(*goparse.IdentifierNode); !is || f.Ident != "dict" {
		return nil
	}
	for i := 1; i+1 < len(c.Args); i += 2 {
		if s, is := c.Args[i].(*goparse.StringNode); is && s.Text == key {
			return c.Args[i+1]
		}
	}
	return nil
}

// include is what a named template prints, as a pipeline; nil where it is not known.
func (w *writer) include(c *goparse.CommandNode) goparse.Node {
	f, is := c.Args[0].(*goparse.IdentifierNode)
	if !is || f.Ident != "include" || len(c.Args) != 3 || w.depth >= maxNested {
		return nil
	}
	name, is := c.Args[1].(*goparse.StringNode)
	if !is || w.trees[name.Text] == nil || w.trees[name.Text].Root == nil {
		return nil
	}
	if *w.steps++; *w.steps > maxSteps {
		return quoted(tooLong)
	}
	inner := writer{text: w.text, trees: w.trees, vars: map[string][]goparse.Node{}, depth: w.depth + 1, steps: w.steps}
	dot := w.operand(c.Args[2])
	if p, is := dot.(*goparse.PipeNode); is && holdsText(p) {
		inner.vars["."], inner.vars["$"] = []goparse.Node{p}, []goparse.Node{p}
	} else if s, is := dot.(*goparse.StringNode); is {
		inner.vars["."], inner.vars["$"] = []goparse.Node{s}, []goparse.Node{s}
	}
	return inner.prints(w.trees[name.Text].Root)
}

// calling is the action "template" as the call of include that prints the same.
func calling(n *goparse.TemplateNode) *goparse.CommandNode {
	var dot goparse.Node = &goparse.NilNode{NodeType: goparse.NodeNil}
	if n.Pipe != nil {
		dot = n.Pipe
	}
	return &goparse.CommandNode{NodeType: goparse.NodeCommand, Args: []goparse.Node{goparse.NewIdentifier("include"), quoted(strconv.Quote(n.Name)), dot}}
}

// prints is a pipeline that prints what a list of nodes does.
func (w *writer) prints(l *goparse.ListNode) goparse.Node {
	var parts []goparse.Node
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *goparse.TextNode:
			if text := strings.TrimSpace(string(n.Text)); text != "" {
				parts = append(parts, quoted(strconv.Quote(text)))
			}
		case *goparse.ActionNode:
			if p := w.pipe(n.Pipe); len(n.Pipe.Decl) == 0 {
				parts = append(parts, p)
			}
		case *goparse.TemplateNode:
			if called := w.include(calling(n)); called != nil {
				parts = append(parts, called)
			}
		case *goparse.IfNode:
			parts = append(parts, w.ways(&n.BranchNode, nil))
		case *goparse.WithNode:
			parts = append(parts, w.ways(&n.BranchNode, n.Pipe))
		case *goparse.RangeNode:
			parts = append(parts, w.ways(&n.BranchNode, n.Pipe))
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return pipeOf("print", parts...)
}

// ways are those of a branch: one that is a constant stands in where there is no other.
func (w *writer) ways(b *goparse.BranchNode, of *goparse.PipeNode) goparse.Node {
	dot := w.pipe(of)
	before, had := w.vars["."]
	if holdsText(dot) {
		w.vars["."] = []goparse.Node{dot}
	}
	w.arms++
	all := []goparse.Node{w.prints(b.List)}
	delete(w.vars, ".")
	if had {
		w.vars["."] = before
	}
	if b.ElseList != nil {
		all = append(all, w.prints(b.ElseList))
	}
	w.arms--
	for _, n := range all {
		if t, ok := parseTemplate(withVariables("{{ "+n.String()+" }}"), 0); ok && !t.sourced {
			return pipeOf("coalesce", all...)
		}
	}
	return pipeOf("list", all...)
}

func pipeOf(function string, args ...goparse.Node) *goparse.PipeNode {
	call := &goparse.CommandNode{NodeType: goparse.NodeCommand, Args: append([]goparse.Node{goparse.NewIdentifier(function)}, args...)}
	return &goparse.PipeNode{NodeType: goparse.NodePipe, Cmds: []*goparse.CommandNode{call}}
}

func quoted(text string) *goparse.StringNode {
	plain, _ := strconv.Unquote(text)
	return &goparse.StringNode{NodeType: goparse.NodeString, Quoted: text, Text: plain}
}

// holdsText reports whether a pipeline has a text of its own.
func holdsText(p *goparse.PipeNode) bool {
	return p != nil && quotedText.MatchString(p.String())
}

// value is what a leaf of a Secret comes to, where constants have a part in it:
// the constant itself, or the text of the actions as they are written out. ok is
// false where the file has no say in it.
func (c *chart) value(key, text string) (value string, ok bool) {
	if c == nil || !strings.Contains(text, "{{") {
		return "", false
	}
	for _, out := range c.versions(text) {
		switch t := readTemplate(withVariables(out)); {
		case out == text:
		case !t.sourced && strings.TrimSpace(t.joined()) != "":
			return t.joined(), true
		case t.sourced && (credentialBeside(key, t) || slices.ContainsFunc(t.instead, func(s string) bool { return secretName(key) && literal(s) || !ordinary(key, s) })):
			return out, true
		}
	}
	return "", false
}

// versions are a text with its actions written out: each in the first way, the
// second and so on.
func (c *chart) versions(text string) (all []string) {
	most := 1
	for i := 0; i < most; i++ {
		all = append(all, goAction.ReplaceAllStringFunc(text, func(a string) string {
			ways := c.written[a]
			most = max(most, len(ways))
			if len(ways) == 0 {
				return a
			}
			return ways[min(i, len(ways)-1)]
		}))
	}
	return all
}

var goAction = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
