package manifest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	goparse "text/template/parse"
)

// What a template prints may not depend on its source at all, though it names it:
// {{ .x | trunc 0 }} is nothing, and {{ ternary "a" "a" .x }} is a constant. So a
// pipeline is worked out for several sources that have nothing in common. What it
// makes of all of them alike it is taken to make of any. Functions that are not
// known here are sources too, and comparisons with a source leave it open.

// probes are the sources. They share no character, and one of them is empty, as
// that is what conditions ask about.
var probes = []string{"Source-1 !é~#/+", "other_2.Ωabcdfghjklm", ""}

// maxWorked is the most bytes of a text that is worked out, and maxSteps how many
// functions and operands are, in one template.
const (
	maxWorked = 64 << 10
	maxSteps  = 100_000
)

// opaque is the value of a variable that cannot be worked out.
var opaque = new(int)

// undecided is the answer of a comparison with a source.
var undecided = new(int)

// errOpen says that the source, or a function that is not known here, decides.
var errOpen = errors.New("it cannot be worked out")

// worked is a value: a string, int, float64, bool, []worked, map[string]worked or
// nil. sourced says that a source had a part in it.
type worked struct {
	value   any
	sourced bool
}

func (w worked) undecided() bool { return w.value == any(undecided) }

// A trial works pipelines out for one source.
type trial struct {
	source string
	vars   map[string]worked
	steps  *int
}

// trials are those for all sources.
func newTrials() []*trial {
	steps := 0
	var out []*trial
	for _, p := range probes {
		out = append(out, &trial{source: p, vars: map[string]worked{}, steps: &steps})
	}
	return out
}

// constant is what a pipeline makes of every source; ok is false where that cannot
// be told, or differs.
func (r *templateReader) constant(p *goparse.PipeNode) (w worked, ok bool) {
	ok = p != nil
	for i, t := range r.trials {
		if p == nil {
			break
		}
		got, err := t.pipe(p) // each has to go on with its own variables
		switch {
		case err != nil || got.undecided() || i > 0 && printed(got) != printed(w):
			ok = false
		case i == 0:
			w = got
		default:
			w.sourced = w.sourced || got.sourced
		}
	}
	return w, ok
}

// pipe works a pipeline out, and keeps it in the variable that it declares.
func (t *trial) pipe(p *goparse.PipeNode) (worked, error) {
	var last worked
	for i, c := range p.Cmds {
		var piped []worked
		if i > 0 {
			piped = []worked{last}
		}
		var err error
		if last, err = t.command(c, piped); err != nil {
			t.declare(p, worked{value: opaque})
			return worked{}, err
		}
	}
	t.declare(p, last)
	return last, nil
}

func (t *trial) declare(p *goparse.PipeNode, w worked) {
	for _, v := range p.Decl {
		t.vars[v.Ident[0]] = w
	}
}

func (t *trial) command(c *goparse.CommandNode, piped []worked) (worked, error) {
	name, is := c.Args[0].(*goparse.IdentifierNode)
	if !is {
		if len(c.Args) > 1 || len(piped) > 0 {
			return worked{}, errOpen
		}
		return t.operand(c.Args[0])
	}
	var args []worked
	sourced := false
	for _, a := range c.Args[1:] {
		w, err := t.operand(a)
		if err != nil {
			return w, err
		}
		args = append(args, w)
	}
	for _, a := range append(args, piped...) {
		sourced = sourced || a.sourced
	}
	return t.call(name.Ident, append(args, piped...), sourced)
}

func (t *trial) call(name string, args []worked, sourced bool) (worked, error) {
	f, known := workable[name]
	if *t.steps++; *t.steps > maxSteps || name != "ternary" && slices.ContainsFunc(args, worked.undecided) {
		return worked{}, errOpen
	}
	switch {
	case sourced && comparing[name]:
		return worked{value: undecided, sourced: true}, nil
	case !known:
		return t.anything(), nil
	}
	w, err := f(args)
	if err != nil || len(printed(w)) > maxWorked {
		return worked{}, errOpen
	}
	w.sourced = w.sourced || sourced
	return w, nil
}

// anything is what a function or a variable brings of which nothing is known here.
func (t *trial) anything() worked { return worked{value: t.source, sourced: true} }

func (t *trial) operand(n goparse.Node) (worked, error) {
	if *t.steps++; *t.steps > maxSteps {
		return worked{}, errOpen
	}
	switch n := n.(type) {
	case *goparse.StringNode:
		return worked{value: n.Text}, nil
	case *goparse.BoolNode:
		return worked{value: n.True}, nil
	case *goparse.NilNode:
		return worked{}, nil
	case *goparse.NumberNode:
		return number(n)
	case *goparse.PipeNode:
		return t.pipe(n)
	case *goparse.FieldNode, *goparse.DotNode:
		return t.variable(".", n)
	case *goparse.VariableNode:
		w, err := t.variable(n.Ident[0], n)
		return fieldsOf(w, n.Ident[1:], err)
	case *goparse.ChainNode:
		w, err := t.operand(n.Node)
		return fieldsOf(w, n.Field, err)
	case *goparse.IdentifierNode:
		return t.call(n.Ident, nil, false)
	}
	return worked{}, errOpen
}

// variable is what a variable holds; "." is one too. The source itself is never
// looked into: whatever is taken of it is the probe.
func (t *trial) variable(name string, n goparse.Node) (worked, error) {
	w, known := t.vars[name]
	switch {
	case known:
	case name == ".":
		w = t.dot()
	case name == "$":
		w = t.anything()
	default:
		return w, errOpen
	}
	if w.value == any(opaque) {
		w = t.anything()
	}
	if f, is := n.(*goparse.FieldNode); is {
		return fieldsOf(w, f.Ident, nil)
	}
	return w, nil
}

func number(n *goparse.NumberNode) (worked, error) {
	switch {
	case n.IsInt:
		return worked{value: int(n.Int64)}, nil
	case n.IsFloat:
		return worked{value: n.Float64}, nil
	}
	return worked{}, errOpen
}

// fieldsOf follows keys into a dict. What a source has under a key is the source.
func fieldsOf(w worked, keys []string, err error) (worked, error) {
	for _, key := range keys {
		dict, is := w.value.(map[string]worked)
		switch {
		case is:
			w = dict[key]
		case !w.sourced:
			return worked{}, errOpen
		}
	}
	return w, err
}

// printed is how a template prints a value.
func printed(w worked) string {
	switch v := w.value.(type) {
	case nil:
		return ""
	case []worked:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = printed(x)
		}
		return "[" + strings.Join(parts, " ") + "]"
	case map[string]worked:
		var b strings.Builder
		for _, key := range slices.Sorted(maps.Keys(v)) {
			b.WriteString(key + ":" + printed(v[key]) + " ")
		}
		return b.String()
	}
	return fmt.Sprint(w.value)
}

// truth reports whether a condition takes a value for true.
func truth(w worked) bool {
	switch v := w.value.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case int:
		return v != 0
	case float64:
		return v != 0
	case []worked:
		return len(v) > 0
	case map[string]worked:
		return len(v) > 0
	}
	return true
}

// scope gives "." and the variables of a with or a range what they hold in it, and
// hands back what ends it.
func (r *templateReader) scope(b *goparse.BranchNode, w worked, known, sourced bool) (end func()) {
	if b.NodeType == goparse.NodeIf {
		return func() {}
	}
	before := make([]worked, len(r.trials))
	for i, t := range r.trials {
		before[i] = t.dot()
		within := worked{value: opaque}
		switch list, is := w.value.([]worked); {
		case known && b.NodeType == goparse.NodeWith:
			within = w
		case known && is && len(list) == 1:
			within = list[0]
		case !known && sourced:
			within = worked{value: t.source, sourced: true}
		}
		t.vars["."] = within
		t.declare(b.Pipe, within)
	}
	return func() {
		for i, t := range r.trials {
			t.vars["."] = before[i]
		}
	}
}

// dot is what "." stands for; the source where nothing says otherwise.
func (t *trial) dot() worked {
	if w, known := t.vars["."]; known {
		return w
	}
	return worked{value: t.source, sourced: true}
}

// Limits on templates that are read where others call them.
const (
	maxCalls = 200
	maxCall  = 8 // how many are within each other
)

// call reads a template where another calls it, so that what it prints stands
// between what is before and behind.
func (r *templateReader) call(n *goparse.TemplateNode, dot, live bool) {
	sourced := r.pipe(n.Pipe, dot)
	r.passed = sourced || r.passed
	t := r.trees[n.Name]
	if r.calls++; t == nil || t.Root == nil || r.calls > maxCalls || r.calling >= maxCall || r.nodes > maxActions {
		return
	}
	if r.called == nil {
		r.called = map[string]bool{}
	}
	r.called[n.Name] = true
	vars, trials := r.vars, r.trials
	w, known := r.constant(n.Pipe)
	r.vars, r.trials = map[string]bool{"$": sourced && !known}, newTrials()
	for _, t := range r.trials {
		t.steps = trials[0].steps
		switch {
		case known:
			t.vars["."], t.vars["$"] = w, w
		case !sourced:
			t.vars["."], t.vars["$"] = worked{value: opaque}, worked{value: opaque}
		}
	}
	r.calling++
	r.list(t.Root, sourced && !known, live && sourced)
	r.calling--
	r.vars, r.trials = vars, trials
}
