package mirror

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// layOut makes an empty bare repository, see https://git-scm.com/docs/gitrepository-layout.
func layOut(dir, config string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("make a mirror: %w", err)
	}
	for _, d := range []string{"objects/pack", "objects/info", "refs"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return fmt.Errorf("make a mirror: %w", err)
		}
	}
	if err := configure(dir, config); err != nil {
		return err
	}
	return point(dir, "ref: refs/heads/main")
}

// configure has a repository be configured like that, and in no other way.
func configure(dir, config string) error {
	if is, err := os.ReadFile(filepath.Join(dir, "config")); err == nil && bytes.Equal(is, []byte(config)) {
		return nil
	}
	return replace(filepath.Join(dir, "config"), config)
}

// point sets HEAD.
func point(dir, at string) error { return replace(filepath.Join(dir, "HEAD"), at+"\n") }

// replace writes a file whole or not at all. What is left of a half one goes with [Mirror.clear].
func replace(path, text string) error {
	draft := filepath.Join(filepath.Dir(path), "tmp_"+filepath.Base(path))
	if err := os.WriteFile(draft, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write into the mirror: %w", err)
	}
	return os.Rename(draft, path)
}

// bare is the configuration of a whole copy, and promised that of a mirror which lacks
// what the origin promises to have.
const bare = "[core]\n\trepositoryFormatVersion = 0\n\tbare = true\n"

func promised(url string) string {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(url)
	return "[core]\n\trepositoryFormatVersion = 1\n\tbare = true\n[extensions]\n\tpartialClone = origin\n" +
		"[remote \"origin\"]\n\turl = \"" + quoted + "\"\n\tpromisor = true\n\tpartialCloneFilter = blob:none\n"
}
