package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// scenario is one workflow run. Change commits on the branch feature of a server
// and gives the payload; the clone has one commit of it if it is shallow.
type scenario struct {
	name    string
	event   string
	shallow bool
	gone    bool // the server cannot be reached any more
	change  func(*server) (any, error)
	code    int      // of act: 1 when the step failed
	says    []string // in the log
	never   []string // in the log
	summary string   // how the job summary begins, "" for none
	results int      // in the SARIF file; -1 for no file
}

func scenarios(binary, tools string) []check {
	var checks []check
	for _, s := range []scenario{
		{
			name: "a leak in a pull request is blocked, annotated and reported", event: "pull_request", change: leak, code: 1,
			says:    []string{"OUTCOME=failure FINDINGS=1 BLOCKED=1 COMPLETE=true RANGE=BASE..HEAD.", "::error file=conf/app.env,line=2,endLine=2,col=8,"},
			summary: "## ❌ Blocked", results: 1,
		},
		{
			name: "a shallow checkout is deepened, and what was added and removed is found", event: "pull_request", shallow: true,
			change: leakAndRemove, code: 1, says: []string{"OUTCOME=failure FINDINGS=1 BLOCKED=1 COMPLETE=true RANGE=BASE..HEAD."},
			never: []string{"::error file="}, summary: "## ❌ Blocked", results: 1,
		},
		{
			name: "a shallow checkout that cannot be deepened is not clean", event: "pull_request", shallow: true, gone: true, change: tidy, code: 1,
			says: []string{"OUTCOME=failure FINDINGS= BLOCKED= COMPLETE=false RANGE=.", "fetch-depth: 0"}, results: -1,
		},
		{
			name: "a clean pull request passes", event: "pull_request", shallow: true, change: tidy, code: 0,
			says: []string{"OUTCOME=success FINDINGS=0 BLOCKED=0 COMPLETE=true RANGE=BASE..HEAD."}, never: []string{"::error"}, summary: "## ✅ Clean",
		},
		{
			name: "pull_request_target is refused", event: "pull_request_target", change: leak, code: 1,
			says: []string{"OUTCOME=failure FINDINGS= BLOCKED= COMPLETE=false RANGE=.", "use `on: pull_request`"}, results: -1,
		},
		{
			name: "a push is judged by what it brought", event: "push", shallow: true, change: pushed, code: 1,
			says: []string{"OUTCOME=failure FINDINGS=1 BLOCKED=1 COMPLETE=true RANGE=BASE..HEAD."}, summary: "## ❌ Blocked", results: 1,
		},
		{
			name: "a schedule judges the whole history", event: "schedule", shallow: true, change: leakAndRemove, code: 1,
			says: []string{"OUTCOME=failure FINDINGS=1 BLOCKED=1 COMPLETE=true RANGE=all refs."}, summary: "## ❌ Blocked", results: 1,
		},
		{
			name: "names of files do not command the runner", event: "pull_request", change: hostile, code: 1,
			says: []string{"FINDINGS=3 BLOCKED=3 COMPLETE=true"}, never: []string{"⚙  ::set-env", "⚙  ::add-path"}, summary: "## ❌ Blocked", results: 3,
		},
	} {
		checks = append(checks, check{s.name, func() error { return s.run(binary, tools) }})
	}
	return checks
}

func leak(s *server) (any, error) {
	return s.proposal(s.commit("conf/app.env", "first\ntoken: "+s.token()+"\n"))
}

func leakAndRemove(s *server) (any, error) {
	err := s.commit("conf/app.env", "first\ntoken: "+s.token()+"\n")
	return s.proposal(err, s.commit("conf/app.env", "nothing\n"))
}

func tidy(s *server) (any, error) { return s.proposal(s.commit("readme.txt", "hello\n")) }

func hostile(s *server) (any, error) {
	return s.proposal(
		s.commit("::set-env name=HOSTILE::1", "token: "+s.token()+"\n"),
		s.commit("##[add-path]x", "token: "+s.token()+"\n"),
		s.commit("a\n::add-path::y", "token: "+s.token()+"\n"))
}

func pushed(s *server) (any, error) {
	err := s.commit("conf/app.env", "token: "+s.token()+"\n")
	return map[string]any{
		"ref": "refs/heads/feature", "before": s.base, "after": s.head(),
		"repository": map[string]any{"default_branch": "main"},
	}, err
}

func (s *scenario) run(binary, tools string) error {
	srv, err := newServer(tools)
	if err != nil {
		return err
	}
	payload, err := s.change(srv)
	if err != nil {
		return err
	}
	clone, err := srv.clone(s.shallow, s.gone)
	if err != nil {
		return err
	}
	event, err := json.Marshal(payload)
	if err == nil {
		err = write(filepath.Join(srv.top, "event.json"), string(event))
	}
	if err != nil {
		return err
	}
	log, code := srv.act(tools, binary, clone, s.event)
	if err := errors.Join(s.look(srv, log, code), srv.hidden(log)); err != nil {
		return fmt.Errorf("%w\n%s", err, lastLines(srv.redact(log), 60))
	}
	return nil
}

// look compares a run with what the scenario wants.
func (s *scenario) look(srv *server, log string, code int) error {
	var errs []error
	if code != s.code {
		errs = append(errs, fmt.Errorf("act ended with %d, want %d", code, s.code))
	}
	ends := strings.NewReplacer("BASE", srv.base, "HEAD", srv.head())
	for _, want := range s.says {
		if strings.Contains(want, "RANGE=BASE") {
			want = ends.Replace(want)
		}
		if !strings.Contains(log, want) {
			errs = append(errs, fmt.Errorf("the log lacks %q", want))
		}
	}
	for _, never := range s.never {
		if strings.Contains(log, never) {
			errs = append(errs, fmt.Errorf("the log has %q", never))
		}
	}
	if has := strings.Contains(log, "Summary - "+s.summary); has != (s.summary != "") {
		errs = append(errs, fmt.Errorf("the job summary does not begin with %q", s.summary))
	}
	if got := srv.results(); got != s.results {
		errs = append(errs, fmt.Errorf("%d results in the SARIF file, want %d", got, s.results))
	}
	return errors.Join(errs...)
}

// act runs the workflow in a clone, with a home and a cache of its own.
func (s *server) act(tools, binary, clone, event string) (log string, code int) {
	cmd := exec.Command(filepath.Join(tools, "act"), event, "-e", filepath.Join(s.top, "event.json"),
		"-P", "ubuntu-latest=-self-hosted", "-W", ".github/workflows/gate.yml", "--no-cache-server",
		"--env", "LEAKGATE_BINARY_UNDER_TEST="+binary, "--env", "LEAKGATE_OUT="+filepath.Join(s.top, "out"), "--env", "LEAKGATE_CATEGORY=")
	cmd.Dir = clone
	cmd.Env = append(os.Environ(), "HOME="+filepath.Join(s.top, "home"), "XDG_CACHE_HOME="+filepath.Join(s.top, "home", "cache"))
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		return err.Error(), -1
	}
	// act can lose the last lines of a step that ends at once, so the workflow
	// leaves its last line in a file too.
	return string(out) + s.out("outcome"), cmd.ProcessState.ExitCode()
}

// out is a file that the workflow left.
func (s *server) out(name string) string {
	text, _ := os.ReadFile(filepath.Join(s.top, "out", name))
	return string(text)
}

// results counts those of the SARIF file, -1 where there is none.
func (s *server) results() int {
	var log struct {
		Runs []struct{ Results []any }
	}
	if err := json.Unmarshal([]byte(s.out("leakgate.sarif")), &log); err != nil {
		return -1
	}
	n := 0
	for _, r := range log.Runs {
		n += len(r.Results)
	}
	return n
}

// hidden checks that no value left the run.
func (s *server) hidden(log string) error {
	for _, text := range []string{log, s.out("leakgate.sarif")} {
		if s.redact(text) != text {
			return errors.New("a value is visible")
		}
	}
	return nil
}

func (s *server) redact(text string) string {
	for _, t := range s.tokens {
		text = strings.ReplaceAll(text, t, "[redacted]")
	}
	return text
}

// token is a new value in the shape of a Slack bot token.
func (s *server) token() string {
	digits := func() string { return fmt.Sprint(100_000_000_000 + rand.Int64N(899_999_999_999)) }
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	tail := []byte("aZ3")
	for len(tail) < 24 {
		tail = append(tail, letters[rand.N(len(letters))])
	}
	t := "xox" + "b-" + digits() + "-" + digits() + "-" + string(tail)
	s.tokens = append(s.tokens, t)
	return t
}
