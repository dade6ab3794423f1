package mirror

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/secret"
)

// Refresh fetches every branch and tag as they are now, commits and trees only, and
// beside them the commits named. Those need no ref; refs that are gone go here too.
func (m *Mirror) Refresh(ctx context.Context, commits ...string) error {
	if m.cache.Plain {
		return m.refetch(ctx, commits...)
	}
	if err := os.Remove(filepath.Join(m.Dir, whole)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("refresh the mirror: %w", err)
	}
	if err := m.fetch(ctx, nil, "--prune", "--no-tags", "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"); err != nil {
		return err
	}
	for _, commit := range commits {
		id, err := gitrepo.ParseID(commit)
		if err != nil {
			return fmt.Errorf("fetch a commit: %w", err)
		}
		if m.has(id) {
			continue
		}
		if err := m.fetch(ctx, nil, "--no-tags", "origin", id.String()); err != nil {
			return err
		}
	}
	return nil
}

// Stand has HEAD name a commit, as if it were checked out.
func (m *Mirror) Stand(commit string) error {
	id, err := gitrepo.ParseID(commit)
	if err != nil {
		return fmt.Errorf("stand at a commit: %w", err)
	}
	if !m.has(id) {
		return fmt.Errorf("stand at a commit: %s did not come", id)
	}
	return point(m.Dir, id.String())
}

// Git runs `git fetch` as a clone asks for it, and nothing else.
func (m *Mirror) Git(ctx context.Context, _ string, args ...string) error {
	if m.cache.Plain {
		return m.plainGit(ctx, args)
	}
	return m.git(ctx, nil, args...)
}

// Need has an object be here, if the server has it.
func (m *Mirror) Need(ctx context.Context, id gitrepo.ID) error {
	if m.has(id) {
		return nil
	}
	_, err := m.Bring(ctx, []gitrepo.ID{id})
	return err
}

// maxSplits is how many fetches look for those objects among many that the server has not.
const maxSplits = 64

// Bring fetches objects by their ids, all at once. Where the server refuses them for one
// that it does not have, the others still come. The result is how many arrived.
func (m *Mirror) Bring(ctx context.Context, ids []gitrepo.ID) (int, error) {
	if m.cache.Plain { // all that the server has is here
		return 0, nil
	}
	left := maxSplits
	return m.bring(ctx, ids, &left)
}

func (m *Mirror) bring(ctx context.Context, ids []gitrepo.ID, left *int) (int, error) {
	if len(ids) == 0 || *left == 0 {
		return 0, nil
	}
	*left--
	var list strings.Builder
	for _, id := range ids {
		list.WriteString(id.String() + "\n")
	}
	// What git itself does for an object that a partial clone lacks:
	// https://github.com/git/git/blob/v2.39.5/promisor-remote.c
	err := m.fetch(ctx, strings.NewReader(list.String()), "--no-tags", "--filter=blob:none", "--stdin", "origin")
	if err == nil {
		return len(ids), nil
	}
	if len(ids) == 1 || !strings.Contains(err.Error(), "not our ref") {
		if strings.Contains(err.Error(), "not our ref") {
			err = nil
		}
		return 0, err
	}
	first, err := m.bring(ctx, ids[:len(ids)/2], left)
	if err != nil {
		return first, err
	}
	second, err := m.bring(ctx, ids[len(ids)/2:], left)
	return first + second, err
}

func (m *Mirror) has(id gitrepo.ID) bool {
	repo, err := gitrepo.Open(m.Dir)
	if err != nil {
		return false
	}
	defer repo.Close()
	_, _, err = repo.NewReader(0).Header(id)
	return err == nil
}

func (m *Mirror) fetch(ctx context.Context, stdin io.Reader, args ...string) error {
	options := []string{"-c", "fetch.negotiationAlgorithm=skipping", "fetch", "--quiet", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"}
	if stdin != nil {
		options[1] = "fetch.negotiationAlgorithm=noop"
	}
	return m.git(ctx, stdin, append(options, args...)...)
}

// deadline is for one run of git: a first fetch of a large repository.
const deadline = 30 * time.Minute

// git runs git in the mirror, apart from every configuration but the mirror's own.
func (m *Mirror) git(ctx context.Context, stdin io.Reader, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, max(deadline, m.patience))
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", append([]string{"--git-dir", m.Dir}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.WaitDelay = m.Dir, m.environment(), stdin, 5*time.Second
	cmd.ExtraFiles = []*os.File{m.lock}
	together(cmd)
	said, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return errors.New("there is no git to fetch with: apt-get install git")
	case ctx.Err() != nil:
		return fmt.Errorf("git %s: %w", verb(args), ctx.Err())
	case err != nil:
		return fmt.Errorf("git %s: %s: %w", verb(args), lastWords(said, m.origin.Token), err)
	}
	return nil
}

func verb(args []string) string {
	for i := 0; i < len(args); i++ {
		if args[i] == "-c" {
			i++
			continue
		}
		return args[i]
	}
	return ""
}

// environment configures git by variables, as arguments can be read by every process.
func (m *Mirror) environment() []string {
	settings := [][2]string{
		{"protocol.allow", "never"}, {"protocol.https.allow", "always"}, {"http.followRedirects", "false"},
		{"core.hooksPath", os.DevNull}, {"gc.auto", "0"}, {"maintenance.auto", "false"}, {"protocol.version", "2"}, {"credential.helper", ""},
	}
	u, err := url.Parse(m.origin.URL)
	if err == nil && u.Scheme == "http" { // of this machine: check saw to it
		settings = append(settings, [2]string{"protocol.http.allow", "always"})
	}
	if err == nil && !m.origin.Token.IsZero() {
		// git has to send the token as it is, and to this host alone
		basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + m.origin.Token.Reveal()))
		settings = append(settings, [2]string{"http." + u.Scheme + "://" + u.Host + "/.extraHeader", "Authorization: Basic " + basic})
	}
	env := []string{
		"PATH=" + searchPath(), "HOME=" + m.Dir, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		fmt.Sprintf("GIT_CONFIG_COUNT=%d", len(settings)),
	}
	for i, s := range settings {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, s[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, s[1]))
	}
	return env
}

// searchPath is where git looks for its own parts: beside the git that is run.
func searchPath() string {
	git, err := exec.LookPath("git")
	if err != nil {
		return "/usr/bin:/bin"
	}
	return filepath.Dir(git) + string(os.PathListSeparator) + "/usr/bin:/bin"
}

// lastWords is the last line that git printed, without the token.
func lastWords(said []byte, token secret.Secret) string {
	var redactor secret.Redactor
	redactor.Add(token)
	lines := strings.Split(strings.TrimSpace(redactor.Redact(string(said))), "\n")
	return lines[len(lines)-1]
}
