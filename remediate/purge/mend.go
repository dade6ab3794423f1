package purge

import (
	"bytes"
	"cmp"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/remediate/mend"
	"github.com/leakgate/leakgate/remediate/rewrite"
)

// Mended is what a proposal does at the tip beside putting placeholders.
type Mended struct {
	// Set are names that have to be set where it runs: variables, secrets of workflows, and what
	// manifests refer to in a secret store.
	Set []string `json:"set,omitempty"`
	// Removed are files that hold nothing but secrets, Ignored those that git leaves out from now on.
	Removed []string `json:"removed,omitempty"`
	Ignored []string `json:"ignored,omitempty"`
	// Told is what people have to look at: variables that a build may set.
	Told []string `json:"told,omitempty"`
	// Links are those called .gitignore that are no files, so that git does not read them and
	// they are left as they are; Unignored what git still takes in, for that or for its name.
	Links     []string `json:"links,omitempty"`
	Unignored []string `json:"unignored,omitempty"`
	// Untold: the run that made the proposal was cut off, and nobody can say this again.
	Untold bool `json:"untold,omitempty"`
}

// Section is one thing that people have to know of a proposal before they merge it.
type Section struct {
	What  string
	Names []string
}

// Sections are those that have names.
func (m Mended) Sections() []Section {
	return slices.DeleteFunc([]Section{
		{"To be set where it runs (variables of the environment, secrets of workflows, what is in a secret store), each with a new value", m.Set},
		{"Not in the repository any more, but still needed where they were used", m.Removed},
		{"Ignored by git from now on", m.Ignored},
		{"Links, which git does not read, and which were left as they are", m.Links},
		{"Not ignored by git, so that they can come back: see to it yourself", m.Unignored},
		{"To be looked at", m.Told},
	}, func(s Section) bool { return len(s.Names) == 0 })
}

// edit is a file of the tip that becomes another; no blob: it goes.
type edit struct {
	path []string
	mode uint32
	blob gitrepo.ID
}

// mender finds what to do beside placeholders in files that a rewrite changed at the tip.
type mender struct {
	*fix
	done    Mended
	edits   []edit
	ignores gitrepo.IgnoreFiles
	tree    gitrepo.ID // of the tip, clean
	files   []reference

	kustomizations map[string][]byte // of the tip, by path; nil when nobody asked
	stamps         mend.Stamps       // of the tip; nil when nobody asked
}

// reference is a file in which references can stand.
type reference struct {
	name           string
	mode           uint32
	was, text, out []byte // with placeholders, with what manifests refer to, and with references
	names          []string
	stored, told   []string // what manifests refer to, and what builds may set
}

// mend compares the tip with what the rewrite makes of it.
func (f *fix) mend(tree gitrepo.ID, dropped []string) (*mender, error) {
	m := &mender{fix: f, ignores: gitrepo.IgnoreFiles{}, tree: tree}
	tip, err := f.after.Commit(f.base)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(m.compare(tip.Tree, tree, ""), m.refer()); err != nil {
		return nil, err
	}
	for _, name := range dropped {
		was, err := f.after.Lookup(tip.Tree, name)
		if errors.Is(err, gitrepo.ErrNoPath) && !mend.Whole(name) {
			continue // it was there once, and nothing says that it comes again
		}
		if err != nil && !errors.Is(err, gitrepo.ErrNoPath) {
			return nil, err
		}
		if err := m.ignore(name, was.Mode == gitrepo.ModeTree); err != nil {
			return nil, err
		}
	}
	return m, m.writeIgnores()
}

// compare goes through two trees. What has another name now had a value in it, and is passed over.
func (m *mender) compare(before, after gitrepo.ID, folder string) error {
	old, err := m.after.Tree(before)
	if err != nil {
		return err
	}
	entries, err := m.after.Tree(after)
	if err != nil {
		return err
	}
	was := map[string]gitrepo.Entry{}
	for _, e := range old {
		was[e.Name] = e
	}
	for _, e := range entries {
		from, ok := was[e.Name]
		switch name := folder + e.Name; {
		case !ok || from.ID == e.ID || from.Mode != e.Mode:
		case e.Mode == gitrepo.ModeTree:
			err = m.compare(from.ID, e.ID, name+"/")
		case e.Mode&^0o111 == 0o100644:
			err = m.file(name, from, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// file mends one that holds placeholders now.
func (m *mender) file(name string, before, after gitrepo.Entry) error {
	old, err := m.after.Object(before.ID)
	if err != nil {
		return err
	}
	was := bytes.Clone(old.Data) // the reader may use its room again
	o, err := m.after.Object(after.ID)
	if err != nil {
		return err
	}
	if mend.Gone(name, was, o.Data) {
		m.edits = append(m.edits, edit{path: strings.Split(name, "/")})
		m.done.Removed = append(m.done.Removed, name)
		return m.ignore(name, false)
	}
	if bytes.Contains(was, []byte(rewrite.Placeholder)) {
		return nil // nobody can tell its own from ours
	}
	f := reference{name: name, mode: after.Mode, was: bytes.Clone(o.Data)}
	if f.text, f.stored, err = m.external(name, was, f.was); err != nil {
		return err
	}
	if err := m.builds(name, f.text); err != nil {
		return err
	}
	f.told = m.stamps.Told(name, f.text, rewrite.Placeholder)
	f.out, f.names = mend.File(name, f.text, rewrite.Placeholder, m.stamps)
	m.files = append(m.files, f)
	return nil
}

// refer writes the files with references. Where more than one value is replaced, one name in
// two places may stand for two of them: both keep their placeholders.
func (m *mender) refer() error {
	times := map[string]int{}
	for _, f := range m.files {
		for _, name := range f.names {
			times[name]++
		}
	}
	for _, f := range m.files {
		if m.several && slices.ContainsFunc(f.names, func(name string) bool { return times[name] > 1 }) {
			f.out, f.names, f.told = mend.Plain(f.name, f.text, rewrite.Placeholder), nil, nil
		}
		m.done.Told = append(m.done.Told, f.told...)
		m.done.Set = append(append(m.done.Set, f.names...), f.stored...)
		if bytes.Equal(f.out, f.was) {
			continue
		}
		if err := m.put(f.name, f.mode, f.out); err != nil {
			return err
		}
	}
	return nil
}

func (m *mender) put(name string, mode uint32, text []byte) error {
	blob, err := m.encoder.Add(gitrepo.TypeBlob, text, nil)
	m.edits = append(m.edits, edit{strings.Split(name, "/"), mode, blob.ID})
	return err
}

// ignore adds a line to the nearest .gitignore above a file, or to a new one at the top, unless
// git leaves the file out already, or the one at the top is no file: git reads no link.
func (m *mender) ignore(name string, isDir bool) error {
	home := ""
	for at := 0; at <= len(name); at++ {
		if folder := name[:at]; at > 0 && folder[at-1] != '/' {
			continue
		} else if there, err := m.read(folder); err != nil {
			return err
		} else if there {
			home = folder
		}
	}
	probe := name
	if isDir {
		probe = path.Join(name, "file")
	}
	if m.ignores.Ignores(probe) {
		return nil
	}
	_, there := m.ignores[home]
	if strings.ContainsAny(name, "\r\n") || !there && slices.Contains(m.done.Links, ".gitignore") {
		m.done.Unignored = append(m.done.Unignored, name)
		return nil
	}
	m.ignores[home] = withLine(m.ignores[home], ignoreLine(strings.TrimPrefix(name, home), isDir))
	m.done.Ignored = append(m.done.Ignored, name)
	return nil
}

// read reads the .gitignore of a folder, once.
func (m *mender) read(folder string) (there bool, err error) {
	if _, ok := m.ignores[folder]; ok {
		return true, nil
	}
	e, err := m.after.Lookup(m.tree, folder+".gitignore")
	if errors.Is(err, gitrepo.ErrNoPath) {
		return false, nil
	}
	if err == nil && e.Mode&^0o111 != 0o100644 {
		m.done.Links = append(m.done.Links, folder+".gitignore")
		return false, nil
	}
	if err != nil {
		return false, err
	}
	o, err := m.after.Object(e.ID)
	m.ignores[folder] = o.Data
	return true, err
}

// ignoreLine names one file, see https://git-scm.com/docs/gitignore#_pattern_format.
func ignoreLine(name string, isDir bool) string {
	line := "/" + strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
	if strings.HasSuffix(line, " ") {
		line = line[:len(line)-1] + `\ `
	}
	if isDir {
		line += "/"
	}
	return line
}

// withLine adds a line with the end that the others have.
func withLine(text []byte, line string) []byte {
	end := "\n"
	if bytes.Contains(text, []byte("\r\n")) {
		end = "\r\n"
	}
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		text = append(bytes.Clone(text), end...)
	}
	return append(bytes.Clone(text), line+end...)
}

func (m *mender) writeIgnores() error {
	for folder, text := range m.ignores {
		file := folder + ".gitignore"
		mode := uint32(0o100644)
		if e, err := m.after.Lookup(m.tree, file); err == nil {
			mode = e.Mode
			if was, err := m.after.Object(e.ID); err != nil || bytes.Equal(was.Data, text) {
				if err != nil {
					return err
				}
				continue
			}
		}
		if err := m.put(file, mode, text); err != nil {
			return err
		}
	}
	slices.SortFunc(m.edits, func(a, b edit) int { return slices.Compare(a.path, b.path) })
	for _, list := range []*[]string{&m.done.Set, &m.done.Removed, &m.done.Ignored, &m.done.Links, &m.done.Unignored, &m.done.Told} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return nil
}

// with gives a tree with edits; a zero tree is empty, and one that becomes empty is zero.
func (f *fix) with(tree gitrepo.ID, edits []edit) (gitrepo.ID, error) {
	entries := map[string]gitrepo.Entry{}
	var order []gitrepo.Entry
	if !tree.IsZero() {
		var err error
		if order, err = f.after.Tree(tree); err != nil {
			return tree, err
		}
	}
	for _, e := range order {
		entries[e.Name] = e
	}
	below := map[string][]edit{}
	for _, e := range edits {
		name := e.path[0]
		if len(e.path) > 1 {
			below[name] = append(below[name], edit{e.path[1:], e.mode, e.blob})
		} else if e.blob.IsZero() {
			delete(entries, name)
		} else {
			entries[name] = gitrepo.Entry{Mode: e.mode, Name: name, ID: e.blob}
		}
	}
	for name, edits := range below {
		var from gitrepo.ID
		if e := entries[name]; e.Mode == gitrepo.ModeTree {
			from = e.ID
		}
		id, err := f.with(from, edits)
		if err != nil {
			return tree, err
		}
		if entries[name] = (gitrepo.Entry{Mode: gitrepo.ModeTree, Name: name, ID: id}); id.IsZero() {
			delete(entries, name)
		}
	}
	if len(entries) == 0 {
		return gitrepo.ID{}, nil
	}
	var out []gitrepo.Entry
	for _, e := range entries {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b gitrepo.Entry) int { return cmp.Compare(a.Name, b.Name) })
	added, err := f.encoder.Add(gitrepo.TypeTree, encodeTree(out), nil)
	return added.ID, err
}
