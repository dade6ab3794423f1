package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// Bundle is all of a mirror in one stream that `git clone` and `git bundle
// verify` read too. See https://git-scm.com/docs/gitformat-bundle.
type Bundle struct {
	Refs     []Ref
	HashSize int
	// Pack is the rest of the stream; it ends with its own checksum.
	Pack io.Reader
}

// WriteBundle writes the refs and the pack of a remote that was mirrored.
func WriteBundle(to io.Writer, a *Advert) error {
	pack, err := os.Open(a.Pack)
	if err != nil {
		return fmt.Errorf("read the pack of the mirror: %w", err)
	}
	defer pack.Close()
	out := bufio.NewWriterSize(to, 1<<16)
	fmt.Fprint(out, bundleHeads[a.HashSize])
	for _, ref := range a.Refs {
		fmt.Fprintf(out, "%s %s\n", ref.ID, ref.Name)
	}
	fmt.Fprintln(out)
	if _, err := io.Copy(out, pack); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	return out.Flush()
}

// bundleHeads are the first lines by the length of an id.
var bundleHeads = map[int]string{20: "# v2 git bundle\n", 32: "# v3 git bundle\n@object-format=sha256\n"}

// ReadBundle reads the head of a bundle that WriteBundle made.
func ReadBundle(from io.Reader) (*Bundle, error) {
	in := bufio.NewReaderSize(from, 1<<16)
	b := &Bundle{Pack: in}
	head, err := in.ReadString('\n')
	if err == nil && strings.HasPrefix(head, "# v3") {
		var format string
		format, err = in.ReadString('\n')
		head += format
	}
	for size, text := range bundleHeads {
		if head == text {
			b.HashSize = size
		}
	}
	if err != nil || b.HashSize == 0 {
		return nil, errors.New("it is no bundle of git")
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, errors.New("the bundle is cut off in its list of refs")
		}
		if line == "\n" {
			return b, nil
		}
		if err := b.add(strings.TrimSuffix(line, "\n")); err != nil {
			return nil, err
		}
	}
}

func (b *Bundle) add(line string) error {
	hex, name, ok := strings.Cut(line, " ")
	id, err := gitrepo.ParseID(hex)
	if err != nil || !ok || len(id.Bytes()) != b.HashSize || !wellNamed(name) {
		return errors.New("the bundle has a line that names no ref")
	}
	b.Refs = append(b.Refs, Ref{name, id})
	return nil
}

// Restore makes a bare repository of a bundle in dir, which must not exist, and
// so proves it: every object is hashed, and every ref must point at one.
func (b *Bundle) Restore(dir string) error {
	a := &Advert{Refs: b.Refs, HashSize: b.HashSize}
	if err := a.layOut(dir); err != nil {
		return err
	}
	if err := a.keep(b.Pack, filepath.Join(dir, "objects/pack"), nil); err != nil {
		return errors.Join(fmt.Errorf("restore the bundle: %w", err), os.RemoveAll(dir))
	}
	return nil
}
