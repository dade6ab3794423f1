package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke"
)

func TestServeTakesTokensFromGitLab(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	word := write("word", "a word of twenty characters")
	write("short", "short")
	operator := write("operator.toml", "owned = [\"gitlab.example.com/acme/*\"]\n[gitlab]\nauthorization = \""+word+"\"\nauto = [\"slack-bot-token\"]\n")
	nobody := write("nobody.toml", "[gitlab]\nauthorization = \""+filepath.Join(dir, "short")+"\"\n")
	database := filepath.Join(dir, "state", "db")
	for name, args := range map[string][]string{
		"in the clear": {"--operator", operator, "--listen", "0.0.0.0:0"}, "half a pair": {"--operator", operator, "--tls-cert", word},
		"a short word": {"--operator", nobody}, "no word": {},
	} {
		if code, _, _ := command(t, "", append([]string{"remediate", "serve", "--actor", "gitlab", "--database", database}, args...)...); code != exitUsage {
			t.Errorf("%s: exit %d", name, code)
		}
	}
	token := gittest.Token()
	said, asked := serveOnce(t, dir, []string{"remediate", "serve", "--actor", "gitlab", "--database", database, "--operator", operator, "--listen", "127.0.0.1:0", "-vv"},
		`[{"type":"gitleaks_rule_id_slack-bot-token","token":"`+token+`","location":"https://gitlab.example.com/acme/app/-/blob/main/x"}]`)
	if asked != http.StatusNoContent {
		t.Errorf("answered %d\n%s", asked, said)
	}
	for _, form := range secret.Forms(secret.New(token)) {
		if strings.Contains(said, form) {
			t.Error("the log shows the token")
		}
	}
	if code, out, _ := command(t, "", "remediate", "status", "--actor", "x", "--database", database); code != exitClean || !strings.Contains(out, "revoked") {
		t.Errorf("exit %d: %s", code, out)
	}
}

// serveOnce runs the command until a request was answered and its token is dead.
func serveOnce(t *testing.T, dir string, args []string, body string) (said string, code int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	from, to := io.Pipe()
	w := &world{stdin: strings.NewReader(""), stdout: io.Discard, stderr: to, now: time.Now, issuer: issuers(dir), env: func(name string) string {
		return map[string]string{keyVariable: strings.Repeat("0123456789abcdef", 4)}[name]
	}}
	done, answers := make(chan int, 1), make(chan int, 1)
	go func() { done <- w.run(ctx, args); to.Close() }()
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		said += lines.Text() + "\n"
		if at, ok := strings.CutPrefix(lines.Text(), "leakgate: listening on "); ok {
			go func() { answers <- post(ctx, t, "http://"+at+"/v1/revoke_tokens", body) }()
		}
		if strings.Contains(lines.Text(), "effect=") {
			cancel()
		}
	}
	if exit := <-done; exit != exitClean {
		t.Errorf("exit %d\n%s", exit, said)
	}
	return said, <-answers
}

func post(ctx context.Context, t *testing.T, address, body string) int {
	r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	r.Header.Set("Authorization", "a word of twenty characters")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// faked is the command with issuers that live in the folder $ISSUERS: a file for
// each value (by a hash of it) that holds a line for each deed.
func faked() {
	w := newWorld()
	w.issuer = issuers(os.Getenv("ISSUERS"))
	os.Exit(w.run(context.Background(), os.Args[1:]))
}

type issuers string

func (f issuers) file(in revoke.Input) string {
	sum := sha256.Sum256([]byte(in.Secret.Reveal()))
	return filepath.Join(string(f), hex.EncodeToString(sum[:]))
}

func (f issuers) Check(_ context.Context, _ *revoke.Provider, in revoke.Input) revoke.Report {
	text, err := os.ReadFile(f.file(in))
	if err != nil || strings.HasSuffix(string(text), "undo\n") {
		return revoke.Report{Status: revoke.Live, Why: "the issuer knows it", Identity: map[string]string{"owner": "octocat"}, Scopes: []string{"repo"}}
	}
	return revoke.Report{Status: revoke.Dead, Why: "the issuer does not know it"}
}

func (f issuers) Locate(_ context.Context, p *revoke.Provider, _ revoke.Input, _ revoke.Report) (revoke.Target, error) {
	return revoke.Target{Provider: p.ID, Proof: revoke.ProofValue}, nil
}

func (f issuers) Act(_ context.Context, _ *revoke.Provider, in revoke.Input, _ revoke.Target, d revoke.Deed) revoke.Outcome {
	file, err := os.OpenFile(f.file(in), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return revoke.Outcome{Why: err.Error()}
	}
	defer file.Close()
	fmt.Fprintln(file, d)
	return revoke.Outcome{Result: revoke.Done, Why: "the issuer did it"}
}

func (f issuers) ActAll(ctx context.Context, p *revoke.Provider, shots []revoke.Shot, d revoke.Deed) (o revoke.Outcome) {
	for _, s := range shots {
		o = f.Act(ctx, p, s.Input, s.Target, d)
	}
	return o
}
