package survey

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Bounds of an artifact: it comes from a repository, which is not trusted.
const (
	artifactSize  = 64 << 20  // as it is sent
	artifactUnzip = 256 << 20 // all files together
	artifactFiles = 50_000
)

// errUnknown is a reason why it cannot be told, not a failure.
type errUnknown struct{ error }

func unknown(format string, args ...any) error { return errUnknown{fmt.Errorf(format, args...)} }

// filesFolder is where the files are in the folder of an artifact.
const filesFolder = "files"

// artifact fetches what a source of Flux last stored, verifies it by the digest
// that stands in the source's status, and unpacks it into a new folder.
// https://fluxcd.io/flux/components/source/gitrepositories/#artifact
func (s Survey) artifact(ctx context.Context, source *unstructured.Unstructured) (folder string, err error) {
	title := source.GetKind() + " " + source.GetNamespace() + "/" + source.GetName()
	url, digest := word(source.Object, "status", "artifact", "url"), word(source.Object, "status", "artifact", "digest")
	want, isSHA := strings.CutPrefix(digest, "sha256:")
	switch {
	case url == "":
		return "", unknown("the %s has no artifact yet", title)
	case !isSHA:
		return "", unknown("the artifact of the %s has no digest that is known", title)
	case s.Artifacts == nil:
		return "", unknown("artifacts are not fetched")
	}
	body, err := s.Artifacts(ctx, url)
	if err != nil {
		return "", unknown("the artifact of the %s cannot be fetched: %w", title, err)
	}
	defer body.Close()
	packed, err := io.ReadAll(io.LimitReader(body, artifactSize+1))
	if err != nil || len(packed) > artifactSize {
		return "", unknown("the artifact of the %s is cut off or has more than %d bytes", title, artifactSize)
	}
	if sum := sha256.Sum256(packed); hex.EncodeToString(sum[:]) != want {
		return "", unknown("the artifact of the %s is not the one of its digest", title)
	}
	if folder, err = os.MkdirTemp("", "leakgate-artifact-"); err != nil {
		return "", err
	}
	if err = os.Mkdir(filepath.Join(folder, filesFolder), 0o700); err == nil {
		err = unpack(packed, filepath.Join(folder, filesFolder))
	}
	if err != nil {
		os.RemoveAll(folder)
		return "", unknown("the artifact of the %s cannot be unpacked: %w", title, err)
	}
	return folder, nil
}

// unpack writes files and directories, and nothing else, below a folder.
func unpack(packed []byte, folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return errors.New("it is not gzip")
	}
	left := int64(artifactUnzip)
	files := tar.NewReader(zip)
	for n := 0; ; n++ {
		h, err := files.Next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return errors.New("it is no archive of files")
		case n > artifactFiles:
			return fmt.Errorf("it has more than %d files", artifactFiles)
		}
		name := filepath.Clean(filepath.FromSlash(h.Name))
		if !filepath.IsLocal(name) {
			return errors.New("a file of it lies outside")
		}
		if h.Typeflag == tar.TypeDir {
			if err := root.MkdirAll(name, 0o700); err != nil {
				return err
			}
		}
		if h.Typeflag != tar.TypeReg {
			continue // links and devices are nothing that is built from
		}
		if left -= h.Size; left < 0 {
			return fmt.Errorf("its files have more than %d bytes", artifactUnzip)
		}
		if err := writeFile(root, name, files); err != nil {
			return err
		}
	}
}

func writeFile(root *os.Root, name string, from io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}
