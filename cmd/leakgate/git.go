package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// gitDeadline is how long one run of git may take: a fetch of all of a large
// history over a slow line.
const gitDeadline = 30 * time.Minute

// gitSettings are variables that configure git for one run. The token goes
// through them and never through arguments, which every process can read. It is
// for its server only, and it replaces what the clone has, because GitHub
// refuses a request with two.
func gitSettings(env func(string) string, dir string, token secret.Secret, server string) []string {
	settings := [][2]string{}
	if env("CI") != "" { // in a container job the clone may belong to another user
		settings = append(settings, [2]string{"safe.directory", dir})
	}
	if !token.IsZero() && strings.HasPrefix(server, "https://") {
		header := "http." + strings.TrimSuffix(server, "/") + "/.extraheader"
		// git has to send the token as it is
		basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token.Reveal()))
		settings = append(settings, [2]string{header, ""}, [2]string{header, "AUTHORIZATION: basic " + basic})
	}
	n, _ := strconv.Atoi(env("GIT_CONFIG_COUNT"))
	out := []string{"GIT_TERMINAL_PROMPT=0", "LC_ALL=C"}
	for _, s := range settings {
		out = append(out, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", n, s[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", n, s[1]))
		n++
	}
	return append(out, fmt.Sprintf("GIT_CONFIG_COUNT=%d", n))
}

// withheld are variables that git and what it starts have no use for.
var withheld = []string{"INPUT_TOKEN=", keyVariable + "="}

// runGit runs git. Its error is what git said last, without credentials.
func runGit(ctx context.Context, dir string, settings []string, token secret.Secret, args []string) error {
	ctx, cancel := context.WithTimeout(ctx, gitDeadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
	cmd.WaitDelay = 10 * time.Second
	for _, v := range append(os.Environ(), settings...) {
		if !strings.HasPrefix(v, withheld[0]) && !strings.HasPrefix(v, withheld[1]) {
			cmd.Env = append(cmd.Env, v)
		}
	}
	said, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("there is no git to fetch with")
	}
	if err != nil {
		return fmt.Errorf("git: %s: %w", lastWords(said, token), err)
	}
	return nil
}

// userinfo is the part of a URL in which credentials travel.
var userinfo = regexp.MustCompile(`://[^/@\s]*@`)

// lastWords is the last line that git printed, without credentials.
func lastWords(said []byte, token secret.Secret) string {
	var redactor secret.Redactor
	redactor.Add(token)
	lines := strings.Split(strings.TrimSpace(redactor.Redact(string(said))), "\n")
	return userinfo.ReplaceAllString(lines[len(lines)-1], "://")
}
