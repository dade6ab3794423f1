package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/ghfake"
)

// TestGitHubDoesNotWait prints how long deliveries wait for their 202, with everything
// that is behind it: signature, transaction and fsync, while nothing is worked off.
// LEAKGATE_BENCH is for how long; without it it is not run.
// LEAKGATE_RATE is how many come in a second, if not 200.
func TestGitHubDoesNotWait(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("LEAKGATE_BENCH"))
	if err != nil {
		t.Skip("LEAKGATE_BENCH says for how long: make bench-app")
	}
	word, perSecond := strings.Repeat("w", 32), number("LEAKGATE_RATE", 200)
	s := benchServer(t, "--log-level", "error")
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
	bad := 0
	for _, code := range codes {
		if code != http.StatusAccepted {
			bad++
		}
	}
	slices.Sort(took)
	at := func(q float64) time.Duration { return took[int(q*float64(total-1))].Round(10 * time.Microsecond) }
	t.Logf("%d deliveries at %d/s (%s): p50 %s, p95 %s, p99 %s, max %s; not 202: %d", total, perSecond, time.Since(begin).Round(time.Second), at(.5), at(.95), at(.99), at(1), bad)
	if bad > 0 {
		t.Errorf("%d deliveries were not accepted", bad)
	}
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
	if place := os.Getenv("LEAKGATE_POSTGRES"); place != "" && os.Getenv("LEAKGATE_BENCH") != "" {
		s.args = append(s.args, "--database", place)
	}
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
