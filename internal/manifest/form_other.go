package manifest

import "strings"

// everywhere looks at what any object may hold: annotations, the environment
// and the arguments of containers, settings with a name that says password.
func (j *judge) everywhere(root view) {
	switch j.object.family.name {
	case "Secret", "SealedSecret", "SopsSecret":
		return
	}
	j.openShiftTemplate(root)
	j.containers(j.object.root, root)
	j.settings(root)
}

const valueFix = "move the value into a Secret and refer to it: valueFrom.secretKeyRef"

// containers looks for annotations of the Vault Agent and for lists of
// environment variables and arguments, wherever they are: pods lie at different
// depths in different kinds. Only what has such a key is looked at closely.
func (j *judge) containers(n *node, at view) {
	if !j.holds(n, 0) {
		return
	}
	j.descendContainers(at, 0)
}

// marked are the keys that make a mapping worth a closer look.
var marked = map[string]bool{"annotations": true, "env": true, "args": true, "command": true}

// holds reports whether a mapping below n has one of the marked keys.
func (j *judge) holds(n *node, depth int) bool {
	if n.kind == scalar || depth > maxDepth || !j.spend() {
		return false
	}
	for i, kid := range n.kids {
		if n.kind == mapping && i%2 == 0 {
			if marked[kid.text] {
				return true
			}
			continue
		}
		if j.holds(kid, depth+1) {
			return true
		}
	}
	return false
}

func (j *judge) descendContainers(v view, depth int) {
	if depth > maxDepth || v.node == nil || j.spent {
		return
	}
	for item := range v.items() {
		if item.node.kind != scalar {
			j.descendContainers(item, depth+1)
		}
	}
	for key, kid := range v.pairs() {
		switch {
		case key == "annotations":
			j.agent(kid)
		case key == "env":
			j.environment(kid)
		case key == "args" || key == "command":
			j.arguments(kid)
		}
		if kid.node.kind != scalar {
			j.descendContainers(kid, depth+1)
		}
	}
}

// environment reads a list of names and values, or a mapping as charts have it.
func (j *judge) environment(env view) {
	for entry := range env.items() {
		j.setting(entry.get("name").text(), entry.get("value"))
	}
	for name, v := range env.pairs() {
		if v.node.kind == scalar {
			j.setting(name, v)
		}
	}
}

func (j *judge) setting(name string, v view) {
	text := v.text()
	if v.exists() && secretName(name) && literal(text) && !named(text) {
		j.value(v, RulePlainValue, short(name)+" is spelled out", valueFix)
	}
}

// arguments reads "--password=x" and "--password", "x".
func (j *judge) arguments(list view) {
	flag := ""
	for v := range list.items() {
		text := v.text()
		name, value, has := strings.Cut(text, "=")
		switch {
		case has && strings.HasPrefix(name, "-") && secretName(name) && literal(value) && !named(value):
			j.value(v, RulePlainValue, short(name)+" is spelled out", "read it from a variable that a Secret fills: $(NAME)")
		case flag != "" && literal(text) && !named(text) && !strings.HasPrefix(text, "-"):
			j.value(v, RulePlainValue, short(flag)+" is spelled out", "read it from a variable that a Secret fills: $(NAME)")
		}
		flag = ""
		if !has && strings.HasPrefix(text, "--") && secretName(text) {
			flag = text
		}
	}
}

// settings looks at every text: the data of a ConfigMap, values of charts, fields
// of custom resources. Only those count that look made up by a machine: names
// alone say too little.
func (j *judge) settings(root view) {
	switch j.object.family.name {
	case "other":
		for v := range root.scalars() {
			j.strongSetting(v)
		}
	case "Kustomization":
		for v := range root.get("helmCharts").scalars() {
			j.strongSetting(v)
		}
		for g := range root.get("configMapGenerator").items() {
			for v := range g.get("literals").items() {
				if name, text, is := strings.Cut(v.text(), "="); is && secretName(name) && literal(text) && strong(text) && !named(text) {
					j.value(v, RulePlainValue, short(name)+" is spelled out", "move the value into a Secret: secretGenerator, encrypted")
				}
			}
		}
	}
}

func (j *judge) strongSetting(v view) {
	text := v.text()
	name := v.name()
	if (name == "value" || name == "string") && v.up != nil { // the latter of a plugin of Argo CD
		if sibling := v.up.get("name"); sibling.exists() {
			name = sibling.text()[strings.LastIndex(sibling.text(), ".")+1:]
		}
	}
	switch {
	case len(text) < 12:
	case secretName(name) && literal(text) && strong(text) && !named(text) && !underRef(v.keys()):
		j.value(v, RulePlainValue, short(name)+" is spelled out", "move the value into a Secret and name it (existingSecret, valuesFrom)")
	case strings.Contains(text, "\n"):
		j.spelled(v, text, RulePlainValue, "move the value into a Secret and name it (existingSecret, valuesFrom)")
	}
}
