package mirror

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxPacks is how many packs a mirror may have: each fetch adds one, and whoever looks for
// an object looks into each. git repacks above 50 of its own accord, which is not let here
// as it writes everything anew: https://git-scm.com/docs/git-config#Documentation/git-config.txt-gcautoPackLimit
const maxPacks = 32

// pack is a file of objects and its index.
type pack struct {
	path string // without an ending
	size int64
}

// compact joins packs when there are too many, and has git keep the refs in one file. What
// it reads and writes is what came since the last time, and now and then twice as much. A
// process that is killed leaves objects twice, or drafts, and loses none.
func (m *Mirror) compact(ctx context.Context) error {
	packs, err := m.packs()
	if err != nil || m.cache.Plain || len(packs) <= maxPacks {
		return err
	}
	small := smaller(packs)
	joined, err := m.join(ctx, small)
	if err != nil {
		return fmt.Errorf("join %d packs of a mirror: %w", len(small), err)
	}
	for _, p := range small {
		if p.path == joined {
			continue
		}
		if err := p.remove(); err != nil {
			return fmt.Errorf("remove a pack of a mirror: %w", err)
		}
	}
	return m.git(ctx, nil, "pack-refs", "--all", "--prune")
}

// packs are those of the mirror, the smallest first.
func (m *Mirror) packs() (all []pack, err error) {
	indexes, err := filepath.Glob(filepath.Join(m.Dir, "objects/pack/pack-*.idx"))
	if err != nil {
		return nil, err
	}
	for _, index := range indexes {
		p := pack{path: strings.TrimSuffix(index, ".idx")}
		info, err := os.Stat(p.path + ".pack")
		if err != nil {
			return nil, fmt.Errorf("measure a mirror: %w", err)
		}
		p.size = info.Size()
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b pack) int { return cmp.Compare(a.size, b.size) })
	return all, nil
}

// smaller are the packs, of which the smallest come first, that are to be one: each that is
// left is at least twice as large as all smaller ones together, so that there are few.
func smaller(packs []pack) []pack {
	sum, n := int64(0), 0
	for i, p := range packs {
		if p.size < 2*sum {
			n = i + 1
		}
		sum += p.size
	}
	return packs[:n]
}

// join writes the objects of some packs into one. Its index comes last, as git does it.
func (m *Mirror) join(ctx context.Context, packs []pack) (path string, err error) {
	var ids bytes.Buffer
	for _, p := range packs {
		if err := p.list(&ids); err != nil {
			return "", err
		}
	}
	draft := filepath.Join(m.Dir, "objects/pack/tmp_join") // what is left of it goes with [Mirror.clear]
	if err := m.git(ctx, &ids, "-c", "pack.threads=1", "-c", "pack.windowMemory=64m", "pack-objects", "--quiet", "--delta-base-offset", draft); err != nil {
		return "", err
	}
	made, err := filepath.Glob(draft + "-*.pack")
	if err != nil || len(made) != 1 {
		return "", errors.Join(err, fmt.Errorf("git wrote %d packs", len(made)))
	}
	from := strings.TrimSuffix(made[0], ".pack")
	path = filepath.Join(filepath.Dir(draft), "pack"+strings.TrimPrefix(from, draft))
	if err := os.WriteFile(path+".promisor", nil, 0o600); err != nil { // the origin has what lacks in it
		return "", err
	}
	return path, errors.Join(os.Rename(from+".pack", path+".pack"), os.Rename(from+".idx", path+".idx"))
}

// list writes the ids of a pack's objects, a line each: https://git-scm.com/docs/gitformat-pack
func (p pack) list(out *bytes.Buffer) error {
	const head, id = 8 + 256*4, 20
	index, err := os.ReadFile(p.path + ".idx")
	if err != nil {
		return err
	}
	if len(index) < head || !bytes.HasPrefix(index, []byte("\xfftOc\x00\x00\x00\x02")) {
		return errors.New("an index of a pack is none")
	}
	n := int(binary.BigEndian.Uint32(index[head-4:]))
	if len(index) < head+n*id {
		return errors.New("an index of a pack is cut off")
	}
	for ids := index[head:]; n > 0; n, ids = n-1, ids[id:] {
		out.WriteString(hex.EncodeToString(ids[:id]) + "\n")
	}
	return nil
}

// remove removes a pack, its index first: what has none is not looked into.
func (p pack) remove() (err error) {
	for _, end := range []string{".idx", ".rev", ".promisor", ".pack"} {
		if e := os.Remove(p.path + end); !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}
