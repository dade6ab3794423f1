package trail

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/store"
)

// Limits of a bundle that is read.
const (
	maxFiles  = 100_000
	maxBundle = 1 << 30 // bytes, unpacked
	maxEvent  = 16 << 20
)

// Verified is a bundle that was read. It is whole when Faults is empty.
type Verified struct {
	Manifest Manifest
	Signer   string   // fingerprint of the key that signed
	Faults   []string // what is not as it was signed, with its place
	Base     store.Head
	Head     store.Head // of its last event
	Events   int
	Digest   string // of the manifest

	hashes []string // of the events, in their order
}

// Holds reports whether an event is in a bundle that has no fault.
func (v *Verified) Holds(h store.Head) bool {
	at := h.Seq - v.Base.Seq - 1
	return len(v.Faults) == 0 && at >= 0 && at < int64(len(v.hashes)) && v.hashes[at] == h.Hash
}

// Verify reads a bundle and holds it against its signature by one of the signers.
// What was edited, cut, added or taken away is a fault that names the place. An
// error means that it is no bundle at all.
func Verify(from io.ReaderAt, size int64, signers []ssh.PublicKey) (*Verified, error) {
	files, err := unpack(from, size)
	if err != nil {
		return nil, err
	}
	v := &Verified{Digest: digest(files[manifestFile])}
	if files[manifestFile] == nil || files[signatureFile] == nil {
		return nil, fmt.Errorf("it has no %s with a %s: it is no bundle of evidence", manifestFile, signatureFile)
	}
	if v.Signer, err = signedBy(files[manifestFile], files[signatureFile], signers); err != nil {
		v.fault("%s: %s", manifestFile, err)
	}
	d := json.NewDecoder(bytes.NewReader(files[manifestFile]))
	d.DisallowUnknownFields()
	if err := d.Decode(&v.Manifest); err != nil {
		return nil, fmt.Errorf("%s does not parse: %w", manifestFile, err)
	}
	if v.Manifest.Version != bundleVersion {
		return nil, fmt.Errorf("the bundle is of version %d, and this program knows %d", v.Manifest.Version, bundleVersion)
	}
	v.compare(files)
	v.chain(files[eventsFile])
	return v, nil
}

func (v *Verified) fault(format string, args ...any) {
	v.Faults = append(v.Faults, fmt.Sprintf(format, args...))
}

// unpack reads all files, within limits. Two of one name could be taken for another.
func unpack(from io.ReaderAt, size int64) (map[string][]byte, error) {
	z, err := zip.NewReader(from, size)
	if err != nil {
		return nil, errors.New("it is no zip file, or cut off")
	}
	if len(z.File) > maxFiles {
		return nil, fmt.Errorf("it has more than %d files", maxFiles)
	}
	files, left := map[string][]byte{}, int64(maxBundle)
	for _, f := range z.File {
		if files[f.Name] != nil {
			return nil, fmt.Errorf("it has two files %q", f.Name)
		}
		text, err := read(f, left)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", f.Name, err)
		}
		left -= int64(len(text))
		files[f.Name] = text
	}
	return files, nil
}

func read(f *zip.File, left int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, errors.New("it cannot be unpacked")
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, left+1))
	switch {
	case err != nil:
		return nil, errors.New("it is damaged")
	case int64(len(text)) > left:
		return nil, fmt.Errorf("the bundle holds more than %d bytes", maxBundle)
	case text == nil:
		text = []byte{}
	}
	return text, nil
}

// signedBy gives the fingerprint of the signer's key that made a signature.
func signedBy(text, armored []byte, signers []ssh.PublicKey) (string, error) {
	s, err := sshsig.Unarmor(armored)
	if err != nil {
		return "", errors.New("its signature does not parse")
	}
	for _, key := range signers {
		if sshsig.Verify(bytes.NewReader(text), s, key, s.HashAlgorithm, Namespace) == nil {
			return ssh.FingerprintSHA256(key), nil
		}
	}
	return "", errors.New("none of the signers made its signature, or it was changed since")
}

// compare holds the files against the manifest.
func (v *Verified) compare(files map[string][]byte) {
	named := map[string]bool{manifestFile: true, signatureFile: true}
	for _, f := range v.Manifest.Files {
		text, ok := files[f.Name]
		named[f.Name] = true
		switch {
		case !ok:
			v.fault("%q was taken out", f.Name)
		case len(text) < f.Size:
			v.fault("%q was cut: it has %d of %d bytes", f.Name, len(text), f.Size)
		case digest(text) != f.SHA256:
			v.fault("%q is not what was signed", f.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !named[name] {
			v.fault("%q was put in", name)
		}
	}
}

// chain walks the events from the base to the head that the manifest names.
func (v *Verified) chain(lines []byte) {
	base, err := parseBase(v.Manifest.Base)
	want, err2 := parseBase(v.Manifest.Head)
	if err != nil || err2 != nil {
		v.fault("%s: its base or head does not parse", manifestFile)
		return
	}
	v.Base, v.Head = base, base
	s := bufio.NewScanner(bytes.NewReader(lines))
	s.Buffer(nil, maxEvent)
	for n := 1; s.Scan(); n++ {
		var e store.Event
		if err := json.Unmarshal(s.Bytes(), &e); err != nil {
			v.fault("%s, line %d: audit event %d does not parse", eventsFile, n, v.Head.Seq+1)
			return
		}
		if v.Head, err = v.Head.Next(e); err != nil {
			v.fault("%s, line %d: %s", eventsFile, n, err)
			return
		}
		v.Events++
		v.hashes = append(v.hashes, e.Hash)
	}
	switch {
	case s.Err() != nil:
		v.fault("%s: audit event %d is longer than %d bytes", eventsFile, v.Head.Seq+1, maxEvent)
	case v.Head.Seq < want.Seq:
		v.fault("%s: the trail was cut at audit event %d; it went to %d", eventsFile, v.Head.Seq+1, want.Seq)
	case v.Head != want:
		v.fault("%s: the trail does not end where its manifest says", eventsFile)
	}
}

// parseBase reads a head, or the beginning of a trail.
func parseBase(text string) (store.Head, error) {
	if text == (store.Head{}).String() {
		return store.Head{}, nil
	}
	return store.ParseHead(text)
}

// Signers reads public keys, a line each: as authorized_keys or as ssh-keygen's
// allowed_signers, which names a person before the key.
func Signers(text []byte) (keys []ssh.PublicKey, err error) {
	for n, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			_, rest, _ := strings.Cut(line, " ")
			key, _, _, _, err = ssh.ParseAuthorizedKey([]byte(rest))
		}
		if err != nil {
			return nil, fmt.Errorf("line %s is no public SSH key", strconv.Itoa(n+1))
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("it names no signer")
	}
	return keys, nil
}
