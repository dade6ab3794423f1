package rewrite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// backUp makes a bare repository that holds all objects and refs of another, as they
// are. Git never changes a file of objects, so that files are linked where the file
// system can: that takes no room, and no time even for a large history.
func backUp(repo *gitrepo.Repo, dir string) error {
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("back up: %s is there already; name another folder", dir)
	}
	refs, err := repo.Refs()
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err == nil {
		err = errors.Join(linkAll(filepath.Join(repo.CommonDir(), "objects"), filepath.Join(dir, "objects")), writeRefs(repo, refs, dir))
	}
	if err == nil {
		err = sameRefs(refs, dir)
	}
	if err != nil {
		os.RemoveAll(dir)
		return fmt.Errorf("back up: %w", err)
	}
	return nil
}

// linkAll links or copies the files of a folder of objects, and all below it.
func linkAll(from, to string) error {
	return filepath.WalkDir(from, func(path string, item fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		switch {
		case item.IsDir():
			return os.MkdirAll(target, 0o700)
		case strings.HasPrefix(item.Name(), "tmp_"):
			return nil // being written
		case name == filepath.Join("info", "alternates"):
			return copyAlternates(path, from, target)
		case os.Link(path, target) == nil:
			return nil
		}
		return copyFile(path, target)
	})
}

// copyAlternates writes the paths of other folders as they are from elsewhere.
func copyAlternates(path, from, target string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	for line := range strings.Lines(string(text)) {
		if line[0] != '#' && line[0] != '"' && line[0] != '\n' && !filepath.IsAbs(line) {
			line = filepath.Join(from, line)
		}
		out.WriteString(line)
	}
	return os.WriteFile(target, out.Bytes(), 0o600)
}

func copyFile(path, target string) error {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o400)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Sync(), to.Close())
}

// writeRefs writes all refs as packed ones, with what makes a folder a repository.
func writeRefs(repo *gitrepo.Repo, refs []gitrepo.Ref, dir string) error {
	var packed bytes.Buffer
	packed.WriteString("# pack-refs with: sorted \n")
	head := "ref: refs/heads/main\n"
	for _, ref := range refs {
		switch {
		case ref.Name == "HEAD" && ref.Target != "":
			head = "ref: " + ref.Target + "\n"
		case ref.Name == "HEAD":
			head = ref.ID.String() + "\n"
		}
		if name, ok := backupName(ref); ok {
			fmt.Fprintf(&packed, "%s %s\n", ref.ID, name)
		}
	}
	config := "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
	if repo.HashSize() == 32 {
		config = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = sha256\n"
	}
	for name, text := range map[string]string{"HEAD": head, "config": config, "packed-refs": sortedRefs(packed.String())} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return os.MkdirAll(filepath.Join(dir, "refs"), 0o700)
}

// backupName is the name of a ref in the backup; what is no ref of its own is kept below refs/leakgate/.
func backupName(ref gitrepo.Ref) (string, bool) {
	if ref.ID.IsZero() || ref.Target != "" {
		return "", false
	}
	if strings.HasPrefix(ref.Name, "refs/") {
		return ref.Name, true
	}
	return "refs/leakgate/" + strings.NewReplacer("@{", "-", "}", "").Replace(ref.Name), true
}

// sortedRefs puts the lines behind the first in the order of their names.
func sortedRefs(text string) string {
	lines := slices.Collect(strings.Lines(text))
	slices.SortFunc(lines[1:], func(a, b string) int {
		_, x, _ := strings.Cut(a, " ")
		_, y, _ := strings.Cut(b, " ")
		return strings.Compare(x, y)
	})
	return strings.Join(lines, "")
}

// sameRefs opens a backup and holds it against the refs that it is of.
func sameRefs(refs []gitrepo.Ref, dir string) error {
	copied, err := gitrepo.Open(dir)
	if err != nil {
		return err
	}
	defer copied.Close()
	there, err := copied.Refs()
	if err != nil {
		return err
	}
	ids := map[string]gitrepo.ID{}
	for _, ref := range there {
		ids[ref.Name] = ref.ID
	}
	for _, ref := range refs {
		if name, ok := backupName(ref); ok && (ids[name] != ref.ID || !copied.Has(ref.ID)) {
			return fmt.Errorf("%s is not in it", ref.Name)
		}
	}
	return nil
}
