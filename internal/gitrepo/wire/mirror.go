package wire

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v6/plumbing"
	"github.com/go-git/go-git/v6/plumbing/format/config"
	"github.com/go-git/go-git/v6/plumbing/format/idxfile"
	"github.com/go-git/go-git/v6/plumbing/format/packfile"
	"github.com/go-git/go-git/v6/plumbing/format/pktline"
	"github.com/go-git/go-git/v6/plumbing/hash"
	"github.com/go-git/go-git/v6/plumbing/protocol/capability"
	"github.com/go-git/go-git/v6/plumbing/protocol/packp/sideband"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// Mirror makes a bare repository in dir, which must not exist, with every ref
// of the remote and all objects behind them in one pack. Each object is hashed
// on the way. Progress is told the bytes that came; nil for nobody. What is
// half done after an error is removed.
func (r *Remote) Mirror(ctx context.Context, dir string, progress io.Writer) (*Advert, error) {
	a, l, err := r.open(ctx, uploadPack)
	if err != nil {
		return nil, err
	}
	if r.Wanted != nil {
		a.Refs = slices.DeleteFunc(a.Refs, func(ref Ref) bool { return !r.Wanted(ref.Name) })
	}
	a.wants = r.Wants
	if err := a.layOut(dir); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if err := a.close(l, a.fill(r.Limits, l, dir, progress)); err != nil {
		return nil, fmt.Errorf("mirror %s: %w", r.Address, errors.Join(err, os.RemoveAll(dir)))
	}
	return a, nil
}

// close ends an exchange. One that failed is not waited for.
func (a *Advert) close(l line, err error) error {
	if w, ok := l.(*watchedLine); ok && err != nil {
		err = reason(w.ctx, err)
		w.w.stop(err)
		_ = l.Close()
		return err
	}
	return errors.Join(err, l.Close())
}

// layOut makes an empty bare repository, see https://git-scm.com/docs/gitrepository-layout.
func (a *Advert) layOut(dir string) error {
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("%s exists: a mirror needs a folder of its own", dir)
	}
	for _, d := range []string{"objects/pack", "objects/info", "refs/heads", "refs/tags"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return fmt.Errorf("make the mirror: %w", err)
		}
	}
	settings := "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
	if a.HashSize == 32 {
		settings = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = sha256\n"
	}
	head := a.Head
	if head == "" {
		head = "refs/heads/main"
	}
	files := map[string]string{"config": settings, "HEAD": "ref: " + head + "\n", "packed-refs": a.packedRefs()}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("make the mirror: %w", err)
		}
	}
	return nil
}

func (a *Advert) packedRefs() string {
	refs := slices.Clone(a.Refs)
	slices.SortFunc(refs, func(x, y Ref) int { return strings.Compare(x.Name, y.Name) })
	var text strings.Builder
	text.WriteString("# pack-refs with: sorted \n")
	for _, ref := range refs {
		fmt.Fprintf(&text, "%s %s\n", ref.ID, ref.Name)
	}
	return text.String()
}

// fill asks for everything and stores it.
func (a *Advert) fill(limits Limits, l line, dir string, progress io.Writer) error {
	if len(a.tips()) == 0 {
		return nil
	}
	if !a.caps.Supports(capability.Sideband64k) {
		return errors.New("the remote speaks a protocol that is too old")
	}
	var wants bytes.Buffer
	if err := a.want(&wants); err != nil {
		return err
	}
	answer, err := l.ask(wants.Bytes(), nil)
	if err != nil {
		return err
	}
	answer = bufio.NewReaderSize(answer, 1<<16)
	if _, text, err := pktline.ReadLine(answer); err != nil || strings.TrimSpace(string(text)) != "NAK" {
		return fmt.Errorf("the remote does not send its history: %s", plain(string(text)))
	}
	var pack io.Reader = sideband.NewDemuxer(sideband.Sideband64k, answer)
	if w, ok := l.(*watchedLine); ok {
		pack = w.w.count(pack)
	}
	return a.keep(atMost(pack, limits.pack(), "the pack"), filepath.Join(dir, "objects/pack"), progress)
}

// tips are what is asked for: what refs point at, and what was named.
func (a *Advert) tips() []gitrepo.ID {
	ids := make([]gitrepo.ID, 0, len(a.Refs)+len(a.wants))
	for _, ref := range a.Refs {
		ids = append(ids, ref.ID)
	}
	return append(ids, a.wants...)
}

// want asks for every ref, of a repository that has nothing yet.
func (a *Advert) want(w io.Writer) error {
	caps := " " + strings.Join([]string{capability.Sideband64k, capability.OFSDelta, capability.NoProgress}, " ")
	if a.caps.Supports(capability.ObjectFormat) {
		caps += " " + capability.ObjectFormat + "=" + a.caps.Get(capability.ObjectFormat)[0]
	}
	asked := map[gitrepo.ID]bool{}
	for _, id := range a.tips() {
		if asked[id] {
			continue
		}
		asked[id] = true
		if _, err := pktline.Writef(w, "want %s%s\n", id, caps); err != nil {
			return err
		}
		caps = ""
	}
	if err := pktline.WriteFlush(w); err != nil {
		return err
	}
	_, err := pktline.WriteString(w, "done\n")
	return err
}

// keep stores a pack and its index under the names that git gives them.
func (a *Advert) keep(pack io.Reader, dir string, progress io.Writer) error {
	f, err := os.Create(filepath.Join(dir, "incoming"))
	if err != nil {
		return fmt.Errorf("store the pack: %w", err)
	}
	defer f.Close()
	if progress != nil {
		pack = io.TeeReader(pack, progress)
	}
	if _, err := io.Copy(f, pack); err != nil {
		if errors.Is(err, ErrTooLarge) {
			return err
		}
		return fmt.Errorf("receive the pack: %s", plain(err.Error()))
	}
	name, err := a.index(f, dir)
	if err != nil {
		return fmt.Errorf("the pack that came is damaged: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("store the pack: %w", err)
	}
	a.Pack = filepath.Join(dir, "pack-"+name+".pack")
	return os.Rename(f.Name(), a.Pack)
}

// index hashes every object of the pack and writes where each one is. It says
// the checksum of the pack.
func (a *Advert) index(f *os.File, dir string) (string, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	format, sum := config.SHA1, crypto.SHA1
	if a.HashSize == 32 {
		format, sum = config.SHA256, crypto.SHA256
	}
	places := &idxfile.Writer{}
	id, err := packfile.NewParser(f, packfile.WithScannerObservers(places), packfile.WithObjectFormat(format)).Parse()
	if err != nil {
		return "", err
	}
	table, err := places.Index()
	if err != nil {
		return "", err
	}
	for _, tip := range a.tips() {
		want, _ := plumbing.FromHex(tip.String())
		if has, err := table.Contains(want); err != nil || !has {
			return "", fmt.Errorf("%s was asked for and did not come", tip)
		}
	}
	out, err := os.OpenFile(filepath.Join(dir, "pack-"+id.String()+".idx"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o400)
	if err != nil {
		return "", err
	}
	buffered := bufio.NewWriterSize(out, 1<<16)
	err = idxfile.Encode(buffered, hash.New(sum), table)
	return id.String(), errors.Join(err, buffered.Flush(), out.Sync(), out.Close())
}
