package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// fromPath runs the service of the git that is installed in a folder of this machine.
func (r *Remote) fromPath(path string) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("find %s: %w", path, err)
	}
	r.Address = abs
	r.reach = func(ctx context.Context, service string) (line, error) {
		return run(ctx, "git", strings.TrimPrefix(service, "git-"), abs)
	}
	return nil
}

// overSSH runs the service by the user's own ssh, with its keys, agent and
// configuration.
func (r *Remote) overSSH(user, host, port, path string) error {
	if host == "" || path == "" || strings.HasPrefix(host, "-") || strings.HasPrefix(user, "-") {
		return fmt.Errorf("%q is not the address of a repository", withoutUser(r.Address))
	}
	path = strings.TrimPrefix(path, "/~") // ssh://host/~user/path is below a home, see git-clone
	if len(path) > 0 && strings.HasPrefix(r.Address, "ssh://") && strings.Contains(r.Address, "/~") {
		path = "~" + path
	}
	if user != "" {
		host = user + "@" + host
	}
	r.Address = withoutPassword(r.Address)
	r.reach = func(ctx context.Context, service string) (line, error) {
		program, args := "ssh", []string{"-o", "BatchMode=yes"}
		if port != "" {
			args = append(args, "-p", port)
		}
		args = append(args, "--", host, service+" "+quoted(path))
		if r.SSH != "" {
			program, args = "sh", append([]string{"-c", r.SSH + ` "$@"`, r.SSH}, args[2:]...)
		}
		return run(ctx, program, args...)
	}
	return nil
}

// withoutPassword leaves the user, whom ssh needs named.
func withoutPassword(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	at := strings.LastIndex(rest, "@")
	if !ok || at < 0 {
		return address
	}
	user, _, _ := strings.Cut(rest[:at], ":")
	return scheme + "://" + user + rest[at:]
}

// quoted is the path for the shell at the other end, see quote.c of git.
func quoted(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }

type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   io.ReadCloser
	said  bytes.Buffer
	ended bool
}

func run(ctx context.Context, program string, args ...string) (line, error) {
	p := &process{cmd: exec.CommandContext(ctx, program, args...)}
	p.cmd.Env = ownEnvironment(os.Environ())
	p.cmd.Stderr = &limited{to: &p.said, left: 4 << 10}
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	if p.out, err = p.cmd.StdoutPipe(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	p.cmd.WaitDelay = 2 * time.Second
	p.cmd.Cancel = func() error { // a child of the process could hold what is read from open
		return errors.Join(p.cmd.Process.Kill(), p.out.Close())
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s, which reaches this address: %w", program, err)
	}
	return p, nil
}

// ownEnvironment is without what names another repository, as a hook has it.
func ownEnvironment(env []string) []string {
	out := []string{"GIT_PROTOCOL=version=0"}
	for _, one := range env {
		name, _, _ := strings.Cut(one, "=")
		switch name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY",
			"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH", "GIT_PROTOCOL":
		default:
			out = append(out, one)
		}
	}
	return out
}

func (p *process) advert() io.Reader { return p.out }

func (p *process) ask(request []byte, pack io.ReadSeeker) (io.Reader, error) {
	p.ended = true
	_, err := p.in.Write(request)
	if err == nil && pack != nil {
		_, err = io.Copy(p.in, pack)
	}
	return p.out, errors.Join(err, p.in.Close())
}

// Close waits for the end; a service that was asked nothing is sent away.
func (p *process) Close() error {
	if !p.ended {
		_, _ = io.WriteString(p.in, "0000") // the end of a conversation, see gitprotocol-pack
		_ = p.in.Close()
	}
	if n, _ := io.CopyN(io.Discard, p.out, maxRest); n == maxRest {
		_ = p.cmd.Cancel() // it goes on and on
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(p.cmd.Path), err, plain(p.said.String()))
	}
	return nil
}

// maxRest is how much of what nobody asked for is waited for, in bytes.
const maxRest = 1 << 20

// limited keeps the beginning.
type limited struct {
	to   *bytes.Buffer
	left int
}

func (l *limited) Write(data []byte) (int, error) {
	keep := data[:min(len(data), l.left)]
	l.left -= len(keep)
	_, err := l.to.Write(keep)
	return len(data), err
}
