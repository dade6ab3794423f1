package gitrepo

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// store is every place objects lie: the repository's own folder and its alternates.
type store struct {
	hash   int
	dirs   []string
	packs  []*pack // most objects first
	damage []error // packs and alternates that cannot be read
	missed func(ID)
}

// maxAlternates is how deep alternates may name further alternates, as in git.
const maxAlternates = 5

func openStore(objects string, hash int) (*store, error) {
	s := &store{hash: hash}
	err := s.addDir(objects, 0)
	s.order()
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// order sorts the packs and numbers them.
func (s *store) order() {
	slices.SortStableFunc(s.packs, func(a, b *pack) int { return b.idx.count - a.idx.count })
	for i, p := range s.packs {
		p.order = i
	}
}

func (s *store) addDir(dir string, depth int) error {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if slices.Contains(s.dirs, dir) {
		return nil
	}
	s.dirs = append(s.dirs, dir)
	if err := s.addPacks(filepath.Join(dir, "pack")); err != nil {
		return err
	}
	return s.addAlternates(dir, depth)
}

func (s *store) addPacks(dir string) error {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list packs: %w", err)
	}
	covered, err := midxIndexes(dir, s.hash)
	if err != nil {
		s.damage = append(s.damage, err)
	}
	for _, file := range files {
		base, isPack := strings.CutSuffix(file.Name(), ".pack")
		if !isPack || !strings.HasPrefix(base, "pack-") {
			continue
		}
		if err := s.addPack(filepath.Join(dir, base), covered[base]); err != nil {
			return err
		}
	}
	return nil
}

// addPack opens one pack. A pack with neither index nor multi-pack-index is
// still being written: git does not see it either.
func (s *store) addPack(name string, covered *packIndex) error {
	_, err := os.Stat(name + ".idx")
	switch {
	case err == nil:
		covered = nil
	case covered == nil:
		return nil
	}
	p, err := openPack(name, covered, s.hash)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("open pack: %w", err)
	}
	if err != nil {
		s.damage = append(s.damage, err)
		return nil
	}
	s.packs = append(s.packs, p)
	return nil
}

func (s *store) addAlternates(dir string, depth int) error {
	file, err := os.Open(filepath.Join(dir, "info", "alternates"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read alternates: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		other := alternatePath(lines.Text(), dir)
		if other == "" {
			continue
		}
		if err := s.addAlternate(other, depth+1); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (s *store) addAlternate(dir string, depth int) error {
	if depth > maxAlternates {
		s.damage = append(s.damage, fmt.Errorf("alternate object folder %s: nested too deep", dir))
		return nil
	}
	if _, err := os.Stat(dir); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("alternate object folder: %w", err)
		}
		s.damage = append(s.damage, fmt.Errorf("alternate object folder: %w", err))
		return nil
	}
	return s.addDir(dir, depth)
}

func alternatePath(line, dir string) string {
	if line == "" || line[0] == '#' {
		return ""
	}
	if line[0] == '"' {
		if text, err := strconv.Unquote(line); err == nil {
			line = text
		}
	}
	if !filepath.IsAbs(line) {
		line = filepath.Join(dir, line)
	}
	return filepath.Clean(line)
}

func (s *store) close() error {
	var errs []error
	for _, p := range s.packs {
		errs = append(errs, p.close())
	}
	s.packs = nil
	return errors.Join(errs...)
}

// findPacked is the first pack that holds an id and the position in its index.
func (s *store) findPacked(id *ID) (*pack, int) {
	if int(id.size) != s.hash {
		return nil, -1
	}
	for _, p := range s.packs {
		if pos := p.idx.find(id.Bytes()); pos >= 0 {
			return p, pos
		}
	}
	return nil, -1
}

// notFound is the error for an object that is in no readable place.
func (s *store) notFound(id ID) error {
	if len(s.damage) > 0 {
		return &CorruptError{ID: id, Err: fmt.Errorf("it is in no readable place: %w", errors.Join(s.damage...))}
	}
	if s.missed != nil {
		s.missed(id)
	}
	return missing(id)
}
