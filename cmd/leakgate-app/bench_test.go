package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/ghfake"
)

// TestGitHubDoesNotWait prints how long deliveries wait for their 202, with everything
// that is behind it: signature, transaction and fsync, while nothing is worked off.
// LEAKGATE_BENCH is for how long; without it it is not run. LEAKGATE_RATE is how many
// come in a second, if not 200 on SQLite and 500 on the PostgreSQL of LEAKGATE_POSTGRES,
// which has to sync what it commits.
func TestGitHubDoesNotWait(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("LEAKGATE_BENCH"))
	if err != nil {
		t.Skip("LEAKGATE_BENCH says for how long: make bench-app")
	}
	t.Run("sqlite", func(t *testing.T) {
		load(t, "SQLite, synchronous FULL", benchServer(t, "--log-level", "error"), length, number("LEAKGATE_RATE", 200))
	})
	t.Run("postgres", func(t *testing.T) {
		place := os.Getenv("LEAKGATE_POSTGRES")
		if place == "" {
			t.Skip("LEAKGATE_POSTGRES names no server: make bench-app starts one")
		}
		synced(t, place)
		load(t, "PostgreSQL, fsync and synchronous_commit on", benchServer(t, "--log-level", "error", "--database", place), length, number("LEAKGATE_RATE", 500))
	})
}

// synced fails where a commit may be lost when the power goes.
func synced(t *testing.T, place string) {
	t.Helper()
	db, err := sql.Open("pgx", place)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, name := range []string{"fsync", "synchronous_commit"} {
		value := ""
		if err := db.QueryRow("SHOW " + name).Scan(&value); err != nil || value != "on" {
			t.Fatalf("%s is %q: %v", name, value, err)
		}
	}
}

// load delivers so many in a second, whatever the answers, and prints a row of a table.
func load(t *testing.T, what string, s *server, length time.Duration, perSecond int) {
	t.Helper()
	word := strings.Repeat("w", 32)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: time.Minute}
	total := int(length.Seconds() * float64(perSecond))
	took, codes := make([]time.Duration, total), make([]int, total)
	var busy sync.WaitGroup
	begin := time.Now()
	for i := range total {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / time.Duration(perSecond))))
		busy.Go(func() {
			request := pushDelivery(s.address, word, i)
			at := time.Now()
			if response, err := client.Do(request); err == nil {
				codes[i] = response.StatusCode
				response.Body.Close()
			}
			took[i] = time.Since(at)
		})
	}
	busy.Wait()
	lasted, bad := time.Since(begin), 0
	for _, code := range codes {
		if code != http.StatusAccepted {
			bad++
		}
	}
	slices.Sort(took)
	at := func(q float64) string {
		return fmt.Sprintf("%.1f ms", float64(took[int(q*float64(total-1))].Microseconds())/1000)
	}
	fmt.Printf("| %s | %d a second for %s | %d | %s | %s | %s | %s | %d | %d MiB |\n",
		what, perSecond, lasted.Round(time.Second), total, at(.5), at(.95), at(.99), at(1), bad, s.peak(t)>>20)
	if bad > 0 {
		t.Errorf("%d deliveries were not accepted", bad)
	}
}

// peak is the most memory that the server had, in bytes.
// https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
func (s *server) peak(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// files are those that a server needs.
type files struct{ dir, key, secret string }

func benchFiles(t *testing.T) files {
	t.Helper()
	dir := t.TempDir()
	f := files{dir, filepath.Join(dir, "app.pem"), filepath.Join(dir, "secret")}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)})
	for file, content := range map[string][]byte{f.key: text, f.secret: []byte(strings.Repeat("w", 32))} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// benchServer is a server whose GitHub is not there: what is measured does not need it.
func benchServer(t *testing.T, more ...string) *server {
	t.Helper()
	f := benchFiles(t)
	s := &server{address: free(t), log: &journal{}}
	s.args = append([]string{"serve", "--app-id", "1", "--key-file", f.key, "--webhook-secret-file", f.secret, "--github", "http://127.0.0.1:1", "--no-limits",
		"--data", filepath.Join(f.dir, "data"), "--address", s.address, "--health-address", "127.0.0.1:0", "--scans", "0", "--name", "bench"}, more...)
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if response, err := http.Get("http://" + s.address + "/hook"); err == nil {
			response.Body.Close()
			return s
		}
	}
	t.Fatalf("the server does not answer:\n%s", s.text())
	return nil
}

// run keeps the deliveries of one run from being those of another.
var run = time.Now().Unix()

func pushDelivery(address, word string, i int) *http.Request {
	body := fmt.Appendf(nil, `{"ref":"refs/heads/b%d","before":"%040x","after":"%040x","commits":[],"installation":{"id":1},"repository":{"id":%d,"full_name":"acme/app","default_branch":"main"},"padding":"%s"}`,
		i, i+1, i+2, 1+i%50, strings.Repeat("x", 20_000))
	r, err := http.NewRequest(http.MethodPost, "http://"+address+"/hook", bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("X-GitHub-Event", "push")
	r.Header.Set("X-GitHub-Delivery", fmt.Sprintf("%08x-%024x", run, i))
	r.Header.Set("X-Hub-Signature-256", ghfake.Sign(word, body))
	return r
}
