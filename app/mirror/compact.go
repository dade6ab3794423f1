package mirror

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// maxPacks is how many packs a mirror may have: each fetch adds one, and whoever looks for
// an object looks into each. git repacks above 50 of its own accord, which is not let here
// as it writes everything anew: https://git-scm.com/docs/git-config#Documentation/git-config.txt-gcautoPackLimit
// maxJoined is how much is joined at once, in bytes, as memory is taken for each object; a
// pack that is larger is left alone. compactIn is how long it may take: who fetches waits.
const (
	maxPacks  = 32
	maxJoined = 256 << 20
	compactIn = time.Minute
)

// tidy makes the mirror compact. One that cannot be is as good as before.
func (m *Mirror) tidy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, compactIn)
	defer cancel()
	if err := m.compact(ctx); err != nil {
		m.cache.Log.Warn("a mirror could not be made more compact", "repository", m.origin.ID, "error", errors.Join(err, m.clear()))
	}
}

// compact joins packs when there are too many, and has git keep the refs in one file. What
// it reads and writes is what came since the last time, and now and then twice as much. A
// process that is killed leaves objects twice, and what [Mirror.clear] removes.
func (m *Mirror) compact(ctx context.Context) error {
	packs, err := m.packs()
	if err != nil || m.cache.Plain || len(packs) <= maxPacks {
		return err
	}
	small := smaller(packs)
	if len(small) < 2 {
		return nil
	}
	joined, err := m.join(ctx, small)
	if err != nil {
		return fmt.Errorf("join %d packs of a mirror: %w", len(small), err)
	}
	for _, p := range small {
		if p.path == joined {
			continue
		}
		if err := os.Remove(p.path + ".idx"); err != nil { // what has none is not looked into
			return fmt.Errorf("remove a pack of a mirror: %w", err)
		}
	}
	return errors.Join(m.clearPacks(), m.git(ctx, nil, "pack-refs", "--all", "--prune"))
}

// pack is a file of objects and its index.
type pack struct {
	path string // without an ending
	size int64
}

// packs are those that may be joined, the smallest first.
func (m *Mirror) packs() (all []pack, err error) {
	dir := filepath.Join(m.Dir, "objects/pack")
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		name, is := strings.CutSuffix(e.Name(), ".idx")
		if !is {
			continue
		}
		p := pack{path: filepath.Join(dir, name)}
		info, err := os.Stat(p.path + ".pack")
		if err != nil {
			return nil, fmt.Errorf("measure a mirror: %w", err)
		}
		if p.size = info.Size(); p.size < maxJoined {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b pack) int { return cmp.Compare(a.size, b.size) })
	return all, err
}

// smaller are the packs, of which the smallest come first, that are to be one: each that is
// left is at least twice as large as all smaller ones together, so that there are few, but
// for what would be too much at once.
func smaller(packs []pack) []pack {
	sum, n := int64(0), 0
	for i, p := range packs {
		if sum+p.size > maxJoined {
			break
		}
		if p.size < 2*sum {
			n = i + 1
		}
		sum += p.size
	}
	return packs[:n]
}

// draft is how a pack begins that is being written; what is left of it goes with [Mirror.clear].
const draft = "tmp_join"

// join writes the objects of some packs into one. Its index comes last, as git does it.
func (m *Mirror) join(ctx context.Context, packs []pack) (path string, err error) {
	dir := filepath.Join(m.Dir, "objects/pack")
	ids, feed := io.Pipe()
	go func() { feed.CloseWithError(list(feed, packs)) }()
	defer func() { _ = ids.Close() }() // lets go of who writes
	if err := m.git(ctx, ids, "-c", "pack.threads=1", "-c", "pack.windowMemory=64m", "pack-objects", "--quiet", "--delta-base-offset", filepath.Join(dir, draft)); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if hash, is := strings.CutPrefix(e.Name(), draft); is && strings.HasSuffix(hash, ".pack") {
			hash = strings.TrimSuffix(hash, ".pack")
			return filepath.Join(dir, "pack"+hash), adopt(filepath.Join(dir, draft+hash), filepath.Join(dir, "pack"+hash))
		}
	}
	return "", errors.New("git wrote no pack")
}

// adopt has a pack be one of the mirror, of which the origin has what lacks in it.
func adopt(from, to string) error {
	if err := os.WriteFile(to+".promisor", nil, 0o600); err != nil {
		return err
	}
	if err := os.Rename(from+".pack", to+".pack"); err != nil {
		return err
	}
	return os.Rename(from+".idx", to+".idx")
}

// list writes the ids of the objects of packs, a line each.
func list(to io.Writer, packs []pack) error {
	out := bufio.NewWriter(to)
	for _, p := range packs {
		if err := p.list(out); err != nil {
			return fmt.Errorf("read the index of a pack: %w", err)
		}
	}
	return out.Flush()
}

// list reads an index of the second version: a mark, how many objects begin with each byte
// or one below, and the ids. https://git-scm.com/docs/gitformat-pack
func (p pack) list(out *bufio.Writer) error {
	file, err := os.Open(p.path + ".idx")
	if err != nil {
		return err
	}
	defer file.Close()
	in, head := bufio.NewReader(file), [8 + 256*4]byte{}
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return err
	}
	if !bytes.HasPrefix(head[:], []byte("\xfftOc\x00\x00\x00\x02")) {
		return errors.New("it is none of version 2")
	}
	var id [20]byte
	line := make([]byte, 2*len(id)+1)
	line[2*len(id)] = '\n'
	for range binary.BigEndian.Uint32(head[len(head)-4:]) {
		if _, err := io.ReadFull(in, id[:]); err != nil {
			return err
		}
		hex.Encode(line, id[:])
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// clearPacks removes what belongs to a pack without an index: nobody looks into it.
func (m *Mirror) clearPacks() error {
	dir := filepath.Join(m.Dir, "objects/pack")
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("clear a mirror: %w", err)
	}
	indexed := map[string]bool{}
	for _, e := range entries {
		if name, is := strings.CutSuffix(e.Name(), ".idx"); is {
			indexed[name] = true
		}
	}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), filepath.Ext(e.Name()))
		if strings.HasPrefix(name, "pack-") && !indexed[name] {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("clear a mirror: %w", err)
			}
		}
	}
	return nil
}
