package gitrepo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// commitGraph tells the generations of commits. They say only where a walk may
// stop: what a commit's parents are is always read from the commit itself. So a
// graph that is wrong can make a walk look at more than it must, never at less.
// Nil lists nothing.
type commitGraph struct {
	layers []*graphLayer
	dated  bool // by date, else by level
}

// graphOnce is the commit-graph of a repository, opened when it is first asked for.
type graphOnce struct {
	once  sync.Once
	mu    sync.Mutex
	graph *commitGraph
	err   error
}

// commitGraph is nil where there is none, or none to be used.
func (r *Repo) commitGraph() *commitGraph {
	r.graph.once.Do(func() {
		if !r.graphDoesNotCount() {
			r.graph.graph, r.graph.err = r.store.openGraph()
		}
	})
	r.graph.mu.Lock()
	defer r.graph.mu.Unlock()
	if r.graph.err != nil {
		return nil
	}
	return r.graph.graph
}

// distrustGraph leaves the commit-graph out of all further walks.
func (r *Repo) distrustGraph(err error) {
	r.graph.mu.Lock()
	defer r.graph.mu.Unlock()
	if r.graph.err == nil {
		r.graph.err = err
	}
}

// Warnings are about files that were left out because they are damaged, and that
// nothing but time is lost without: the commit-graph, if a walk asked for it.
func (r *Repo) Warnings() []error {
	r.graph.mu.Lock()
	defer r.graph.mu.Unlock()
	if r.graph.err == nil {
		return nil
	}
	return []error{fmt.Errorf("the commit-graph is not used (git commit-graph write --reachable makes a new one): %w", r.graph.err)}
}

// graphDoesNotCount tells what git leaves the commit-graph out for: histories that
// are not the one that the commits tell.
func (r *Repo) graphDoesNotCount() bool {
	switch strings.ToLower(r.config["core.commitgraph"]) {
	case "false", "no", "off", "0":
		return true
	}
	if len(r.shallow) > 0 {
		return true
	}
	if info, err := os.Stat(filepath.Join(r.commonDir, "info", "grafts")); err == nil && info.Size() > 0 {
		return true
	}
	if files, err := os.ReadDir(filepath.Join(r.commonDir, "refs", "replace")); err == nil && len(files) > 0 {
		return true
	}
	packed, _ := r.packedRefs()
	for name := range packed {
		if strings.HasPrefix(name, "refs/replace/") {
			return true
		}
	}
	return false
}

func (r *Repo) closeGraph() error {
	graph := r.graph.graph
	r.graph.graph = nil
	return graph.close()
}

// openGraph opens the first commit-graph among the folders of objects.
func (s *store) openGraph() (*commitGraph, error) {
	for _, dir := range s.dirs {
		layers, err := s.findLayers(dir)
		if err == nil && len(layers) == 0 {
			continue
		}
		g := &commitGraph{layers: layers, dated: true}
		if err != nil {
			return nil, errors.Join(err, g.close())
		}
		for _, l := range layers {
			g.dated = g.dated && l.dates != nil
		}
		return g, nil
	}
	return nil, nil
}

func (g *commitGraph) close() error {
	if g == nil {
		return nil
	}
	var errs []error
	for _, l := range g.layers {
		errs = append(errs, l.file.close())
	}
	return errors.Join(errs...)
}

// generation is above that of every ancestor of a commit, but for the highest
// level there is, which is that of all commits above it.
func (g *commitGraph) generation(id *ID) uint64 {
	if g == nil || int(id.size) != g.layers[0].hash {
		return infinite
	}
	for i := len(g.layers) - 1; i >= 0; i-- {
		l := g.layers[i]
		if pos := l.find(id.Bytes()); pos >= 0 {
			return l.generation(pos, g.dated)
		}
	}
	return infinite
}

// contradicts reports whether a commit's generation cannot be that of a child of
// one of the other generation.
func (g *commitGraph) contradicts(child, parent uint64) bool {
	if g == nil || child == infinite || child > parent {
		return false
	}
	return g.dated || child != highestLevel || parent != highestLevel
}
