package gitserve

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/leakgate/leakgate/internal/gittest"
)

// Repo is a bare repository of the server.
type Repo struct {
	Name string // OWNER/NAME
	Dir  string
}

// settings make a repository behave as one on GitHub: parts of it may be cloned, any
// object may be fetched by id, and refs of pull requests are read only.
// https://git-scm.com/docs/git-config
var settings = []string{
	"uploadpack.allowFilter=true", "uploadpack.allowAnySHA1InWant=true",
	"receive.hideRefs=refs/pull", "receive.denyDeleteCurrent=refuse",
	"gc.auto=0", "receive.autogc=false", "core.logAllRefUpdates=false",
}

// Init makes a repository with the branch main as its head, which is not born yet. More
// settings are KEY=VALUE: receive.advertiseAtomic=false takes atomic pushes away.
func (s *Server) Init(name string, more ...string) (*Repo, error) {
	r := s.Repo(name)
	if !route.MatchString("/" + name + "/info/refs") {
		return nil, fmt.Errorf("%q is not OWNER/NAME", name)
	}
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		return nil, err
	}
	if _, err := r.Git("init", "-q", "--bare", "-b", "main"); err != nil {
		return nil, err
	}
	all := append([]string{"core.hooksPath=" + filepath.Join(s.Root, ".hooks")}, settings...)
	var config strings.Builder // one file, as git takes a process for each setting
	for _, setting := range append(all, more...) {
		key, value, _ := strings.Cut(setting, "=")
		section, name, _ := strings.Cut(key, ".")
		fmt.Fprintf(&config, "[%s]\n\t%s = %s\n", section, name, strconv.Quote(value))
	}
	f, err := os.OpenFile(filepath.Join(r.Dir, "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(config.String())
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return r, nil
}

// Repo is the repository of that name, whether it exists or not.
func (s *Server) Repo(name string) *Repo {
	return &Repo{Name: name, Dir: filepath.Join(s.Root, name+".git")}
}

// Hook installs a hook of the repository itself, a whole script.
func (r *Repo) Hook(name, script string) error {
	return os.WriteFile(filepath.Join(r.Dir, "hooks", name), []byte(script), 0o755)
}

// Git runs git in the repository, as nobody's push: no hook runs. It returns what git
// prints, without the last newline.
func (r *Repo) Git(args ...string) (string, error) {
	return r.Pipe(nil, args...)
}

// Pipe is Git with a standard input.
func (r *Repo) Pipe(input []byte, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stderr = r.Dir, gittest.Environment(), bytes.NewReader(input), &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
