package purge

import (
	"bytes"
	"errors"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/remediate/mend"
	"github.com/leakgate/leakgate/remediate/rewrite"
)

// external says Secrets of a manifest as ExternalSecrets, where what kustomize makes of the file lets it.
func (m *mender) external(name string, old, text []byte) (out []byte, set []string, err error) {
	if out, set = mend.External(name, old, text, rewrite.Placeholder); len(set) == 0 {
		return text, nil, nil
	}
	if m.kustomizations == nil {
		m.kustomizations = map[string][]byte{}
		err := m.each(m.tree, "", mend.IsKustomization, func(name string, text []byte) { m.kustomizations[name] = bytes.Clone(text) })
		if err != nil {
			return nil, nil, err
		}
	}
	read := func(path string) (text []byte) {
		text, fault := m.text(path)
		err = errors.Join(err, fault)
		return text
	}
	if !mend.Kustomized(name, m.kustomizations, read) {
		return text, nil, err
	}
	return out, set, err
}

// builds reads what the files of the tip say of variables that a build sets, when a file has any that it may set.
func (m *mender) builds(name string, text []byte) error {
	if m.stamps != nil || len(m.stamps.Told(name, text, rewrite.Placeholder)) == 0 {
		return nil
	}
	m.stamps = mend.Stamps{}
	return m.each(m.tree, "", func(string) bool { return true }, m.stamps.Read)
}

// each visits the files below a folder whose names are asked for.
func (m *mender) each(tree gitrepo.ID, folder string, asked func(name string) bool, visit func(name string, text []byte)) error {
	entries, err := m.after.Tree(tree)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := folder + e.Name
		switch {
		case e.Mode == gitrepo.ModeTree:
			err = m.each(e.ID, name+"/", asked, visit)
		case e.Mode&^0o111 == 0o100644 && asked(name):
			var o gitrepo.Object
			if o, err = m.after.Object(e.ID); err == nil {
				visit(name, o.Data)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// text is that of a file; nothing where there is none.
func (m *mender) text(path string) ([]byte, error) {
	e, err := m.after.Lookup(m.tree, path)
	if errors.Is(err, gitrepo.ErrNoPath) || err == nil && e.Mode&^0o111 != 0o100644 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	o, err := m.after.Object(e.ID)
	return bytes.Clone(o.Data), err
}
