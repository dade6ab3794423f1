package inspect

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/manifest"
	"github.com/leakgate/leakgate/internal/render"
	"github.com/leakgate/leakgate/scanner"
)

// manifests says how Kubernetes documents are judged.
func (a *answer) manifests() scanner.Manifests {
	m := scanner.Manifests{Prescribed: a.creation.prescribed, Keys: a.w.SOPSKeys, OpenKey: a.q.OpenKey, Now: a.w.Now()}
	if k := a.rulings.policy.Kubernetes; k != nil {
		m.Formats = k.Formats
	}
	if a.files != nil {
		m.Roles, m.Helpers = a.files.roles, a.files.helpers.of
	}
	m.Strict = a.q.Strict
	return m
}

// manifestFiles are the files of a question, and what they are to whom.
type manifestFiles struct {
	roots     []scanner.Root
	roles     map[string]manifest.Role
	kustomize []string // folders with a kustomization, as they are reported
	charts    []string // folders with a chart of Helm
	helpers   helpers
}

// findManifests looks through the paths of a question.
func findManifests(paths []string) (*manifestFiles, error) {
	m := &manifestFiles{roles: map[string]manifest.Role{}, helpers: newHelpers()}
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		name := filepath.ToSlash(filepath.Clean(p))
		if !info.IsDir() {
			m.roots = append(m.roots, scanner.Root{Dir: filepath.Dir(p), Path: parent(name), File: filepath.Base(p)})
			m.file(name)
			continue
		}
		if name == "." {
			name = ""
		}
		m.roots = append(m.roots, scanner.Root{Dir: p, Path: name})
		if err := m.walk(p); err != nil {
			return nil, err
		}
	}
	m.generated()
	return m, nil
}

// parent is the folder of a path, "" for the working directory.
func parent(name string) string {
	if dir := path.Dir(name); dir != "." {
		return dir
	}
	return ""
}

func (m *manifestFiles) walk(dir string) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // the scan reports it
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.Type().IsRegular():
			m.file(filepath.ToSlash(filepath.Clean(p)))
		}
		return nil
	})
}

// file notes what a file says of others.
func (m *manifestFiles) file(name string) {
	dir, base := path.Dir(name), path.Base(name)
	switch {
	case slices.Contains(render.Names, base):
		m.kustomize = append(m.kustomize, dir)
		text, err := readNamed(name)
		if err != nil {
			return // the scan reports it
		}
		m.roles[name] = manifest.Kustomize
		m.generators(dir, text, 0)
	case base == "Chart.yaml":
		m.charts = append(m.charts, dir)
	case strings.HasPrefix(base, "values") && (strings.HasSuffix(base, ".yaml") || strings.HasSuffix(base, ".yml")):
		if _, err := os.Stat(filepath.Join(dir, "Chart.yaml")); err == nil {
			m.roles[name] = manifest.Values
		}
	case chartOf(name) != "":
		m.roles[name] = manifest.Template
		m.helpers.read(name)
	}
}

// generators notes what the generators of a text say of files, also those that
// stand in files or texts of their own.
func (m *manifestFiles) generators(dir string, text []byte, depth int) {
	roles, more := manifest.Generators(text)
	for file, role := range roles {
		if filepath.IsLocal(file) { // kustomize too reads nothing above
			m.roles[path.Join(dir, file)] = role
		}
	}
	for _, g := range more {
		inner := []byte(g)
		if !strings.Contains(g, "\n") {
			if !filepath.IsLocal(g) {
				continue
			}
			var err error
			if inner, err = readNamed(path.Join(dir, g)); err != nil {
				continue // the scan reports it
			}
		}
		if depth < 2 {
			m.generators(dir, inner, depth+1)
		}
	}
}

// generated adds the files of generators that the paths do not name.
func (m *manifestFiles) generated() {
	for name, role := range m.roles {
		if role != manifest.SecretEnv && role != manifest.SecretFile && role != manifest.SecretPatch || slices.ContainsFunc(m.roots, func(r scanner.Root) bool { return covers(r, name) }) {
			continue
		}
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() {
			m.roots = append(m.roots, scanner.Root{Dir: filepath.Dir(name), Path: parent(name), File: path.Base(name)})
		}
	}
	slices.SortStableFunc(m.roots, func(a, b scanner.Root) int {
		return strings.Compare(path.Join(a.Path, a.File), path.Join(b.Path, b.File))
	})
}

func covers(r scanner.Root, name string) bool {
	if r.File != "" {
		return path.Join(r.Path, r.File) == name
	}
	return r.Path == "" || strings.HasPrefix(name, r.Path+"/")
}

// rendered are the documents that kustomizations and charts stand for. What
// cannot be rendered was missed.
func (a *answer) rendered(ctx context.Context) (texts []scanner.Text, missed []scanner.Skip) {
	add := func(name string, text []byte, err error) {
		if err != nil {
			missed = append(missed, scanner.Skip{Path: name, Reason: err.Error()})
			return
		}
		texts = append(texts, scanner.Text{Path: name + "!rendered", Data: text})
	}
	for _, dir := range a.files.kustomize {
		if a.q.Render && ctx.Err() == nil {
			text, err := render.Kustomize(dir)
			add(path.Join(dir, "kustomization.yaml"), text, err)
		}
	}
	for _, dir := range a.files.charts {
		if a.q.Helm != nil && ctx.Err() == nil && !a.files.subchart(dir) {
			text, err := a.q.Helm(ctx, dir)
			if err != nil {
				err = fmt.Errorf("the chart cannot be rendered, its templates were read as text: %w", err)
			}
			add(path.Join(dir, "Chart.yaml"), text, err)
		}
	}
	var byHelm []string
	if a.q.Helm != nil {
		byHelm = a.files.charts
	}
	return texts, append(missed, a.files.helpers.left(byHelm)...)
}

// subchart reports whether a chart is part of another.
func (m *manifestFiles) subchart(dir string) bool {
	return slices.ContainsFunc(m.charts, func(other string) bool { return other != dir && strings.HasPrefix(dir, other+"/charts/") })
}
