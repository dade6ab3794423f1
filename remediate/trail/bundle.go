package trail

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/store"
)

// Namespace keeps signatures of bundles apart from those for other purposes.
const Namespace = "leakgate-evidence"

// The files of every bundle.
const (
	manifestFile  = "manifest.json"
	signatureFile = "manifest.json.sig"
	eventsFile    = "events.jsonl"
	controlsFile  = "controls.json"
	readableFile  = "controls.md"
	bundleVersion = 1
)

// Manifest names the files of a bundle by digest. It is what is signed.
type Manifest struct {
	Version int       `json:"version"`
	Tool    string    `json:"tool"`
	Made    time.Time `json:"made"`
	By      string    `json:"by"`
	Base    string    `json:"base"` // the head before the first event; 0: for the trail's own beginning
	Head    string    `json:"head"`
	Files   []File    `json:"files"`
}

// File is one file of a bundle.
type File struct {
	Name   string `json:"name"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// Bundle is evidence that stands alone: events from a base to a head, what they
// show, and documents.
type Bundle struct {
	Tool   string
	Made   time.Time
	By     string
	Base   store.Head
	Events []store.Event
	Files  map[string][]byte // documents, by name
}

// Write signs a bundle and writes it as a zip file. The same bundle and key give the
// same manifest.
func (b Bundle) Write(to io.Writer, key ssh.Signer) error {
	files, err := b.files()
	if err != nil {
		return err
	}
	manifest, err := b.manifest(files)
	if err != nil {
		return err
	}
	signature, err := sshsig.Sign(bytes.NewReader(manifest), key, sshsig.HashSHA512, Namespace)
	if err != nil {
		return fmt.Errorf("sign the bundle: %w", err)
	}
	files[manifestFile], files[signatureFile] = manifest, sshsig.Armor(signature)
	z := zip.NewWriter(to)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: b.Made.UTC()})
		if err == nil {
			_, err = w.Write(files[name])
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return z.Close()
}

func (b Bundle) files() (map[string][]byte, error) {
	files := maps.Clone(b.Files)
	if files == nil {
		files = map[string][]byte{}
	}
	var lines bytes.Buffer
	for _, e := range b.Events {
		line, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("audit event %d: %w", e.Seq, err)
		}
		lines.Write(append(line, '\n'))
	}
	mapping := Map(b.Events, b.Base, b.Made)
	controls, err := json.MarshalIndent(mapping, "", " ")
	if err != nil {
		return nil, fmt.Errorf("controls: %w", err)
	}
	files[eventsFile], files[controlsFile], files[readableFile] = lines.Bytes(), controls, []byte(Markdown(mapping))
	return files, nil
}

func (b Bundle) manifest(files map[string][]byte) ([]byte, error) {
	m := Manifest{Version: bundleVersion, Tool: b.Tool, Made: b.Made.UTC(), By: b.By, Base: b.Base.String()}
	head := b.Base
	for _, e := range b.Events {
		next, err := head.Next(e)
		if err != nil {
			return nil, err
		}
		head = next
	}
	m.Head = head.String()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		m.Files = append(m.Files, File{name, len(files[name]), digest(files[name])})
	}
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return append(text, '\n'), nil
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
