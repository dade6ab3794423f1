package wire

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// hostile serves what a test writes to whoever asks for a service.
type hostile map[string]func(w http.ResponseWriter, end <-chan struct{})

func (h hostile) start(t *testing.T) *Remote {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for path, serve := range h {
			if strings.HasSuffix(r.URL.Path, path) {
				service := strings.TrimPrefix(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/'):], "/")
				kind := "result"
				if path == "/info/refs" {
					service, kind = r.URL.Query().Get("service"), "advertisement"
				}
				w.Header().Set("Content-Type", "application/x-"+service+"-"+kind)
				if kind == "advertisement" {
					_, _ = io.WriteString(w, pkt("# service="+service+"\n")+"0000")
				}
				serve(w, r.Context().Done())
			}
		}
	}))
	t.Cleanup(s.Close)
	return open(t, s.URL+"/x.git")
}

func pkt(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }

// forever sends a text again and again until nobody listens.
func forever(text string, pause time.Duration) func(http.ResponseWriter, <-chan struct{}) {
	return func(w http.ResponseWriter, end <-chan struct{}) {
		for {
			select {
			case <-end:
				return
			case <-time.After(pause):
			}
			if _, err := io.WriteString(w, text); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func once(text string) func(http.ResponseWriter, <-chan struct{}) {
	return func(w http.ResponseWriter, _ <-chan struct{}) { _, _ = io.WriteString(w, text) }
}

func oneRef(caps string) string {
	return pkt(strings.Repeat("a", 40)+" refs/heads/main\x00"+caps+"\n") + "0000"
}

// A test of what never ends: the remote must be left, whenever that is.
func TestARemoteThatNeverEndsIsLeft(t *testing.T) {
	t.Parallel()
	const caps = "side-band-64k ofs-delta atomic report-status"
	soon := Limits{Window: 50 * time.Millisecond}
	for name, c := range map[string]struct {
		h      hostile
		limits Limits
		want   error
	}{
		"refs without end":     {hostile{"/info/refs": refs}, Limits{Advert: 100_000}, ErrTooLarge},
		"refs byte by byte":    {hostile{"/info/refs": letters}, soon, ErrSlow},
		"no word":              {hostile{"/info/refs": func(_ http.ResponseWriter, end <-chan struct{}) { <-end }}, soon, ErrSlow},
		"a pack without end":   {hostile{"/info/refs": once(oneRef(caps)), "/git-upload-pack": forever("0008NAK\n"+pkt("\x01"+strings.Repeat("P", 60000)), 0)}, Limits{Pack: 1 << 20}, errors.ErrUnsupported},
		"progress without end": {hostile{"/info/refs": once(oneRef(caps)), "/git-upload-pack": progress}, soon, ErrSlow},
		"a pack drop by drop":  {hostile{"/info/refs": once(oneRef(caps)), "/git-upload-pack": drops}, soon, ErrSlow},
		"too large a pack":     {hostile{"/info/refs": once(oneRef(caps)), "/git-upload-pack": packs}, Limits{Pack: 1 << 20}, ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := c.h.start(t)
			r.Limits = c.limits
			dir := filepath.Join(t.TempDir(), "mirror.git")
			_, err := r.Mirror(t.Context(), dir, nil)
			if err == nil || c.want != errors.ErrUnsupported && !errors.Is(err, c.want) {
				t.Errorf("the error is %v", err)
			}
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("left behind: %v", err)
			}
		})
	}
}

func refs(w http.ResponseWriter, end <-chan struct{}) {
	once(strings.TrimSuffix(oneRef("atomic"), "0000"))(w, end)
	forever(strings.Repeat(pkt(strings.Repeat("a", 40)+" refs/heads/main\n"), 100), 0)(w, end)
}

func letters(w http.ResponseWriter, end <-chan struct{}) {
	once("fff0"+strings.Repeat("a", 40)+" refs/heads/")(w, end)
	forever("a", time.Millisecond)(w, end)
}

func progress(w http.ResponseWriter, end <-chan struct{}) {
	once("0008NAK\n")(w, end)
	forever(pkt("\x02"+strings.Repeat("still at it ", 1000)), 0)(w, end)
}

func drops(w http.ResponseWriter, end <-chan struct{}) {
	once("0008NAK\n")(w, end)
	forever(pkt("\x01P"), time.Millisecond)(w, end)
}

func packs(w http.ResponseWriter, end <-chan struct{}) {
	once("0008NAK\n")(w, end)
	forever(pkt("\x01"+strings.Repeat("P", 60000)), 0)(w, end)
}

// After a push nobody knows, however the remote stops talking of it.
func TestAnAnswerThatNeverComesIsUnclear(t *testing.T) {
	t.Parallel()
	r := hostile{"/info/refs": once(oneRef("atomic report-status delete-refs side-band-64k")), "/git-receive-pack": func(_ http.ResponseWriter, end <-chan struct{}) { <-end }}.start(t)
	r.Limits = Limits{Window: 50 * time.Millisecond}
	a, err := r.Writable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Push(t.Context(), []Update{{Name: "refs/heads/main", Old: a.Refs[0].ID}}, nil); !errors.Is(err, ErrUnclear) {
		t.Errorf("the error is %v", err)
	}
}

// Another host would get what signs in here.
func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(other.Close)
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, _, _ := r.BasicAuth(); user != "me" {
				t.Errorf("who asks is %q", user)
			}
			http.Redirect(w, r, other.URL+r.URL.Path, status)
		}))
		t.Cleanup(s.Close)
		r := open(t, strings.Replace(s.URL, "://", "://me:hidden@", 1)+"/x.git")
		if _, err := r.Refs(t.Context()); err == nil || !strings.Contains(err.Error(), "has moved") {
			t.Errorf("the error is %v", err)
		}
	}
	if asked.Load() > 0 {
		t.Error("another host was asked")
	}
}

// A program that ends at no time and leaves a child that holds its output.
func TestAProgramThatNeverEndsIsLeft(t *testing.T) {
	t.Parallel()
	for name, program := range map[string]string{
		"quiet":    `sh -c 'sleep 600 & sleep 600'`,
		"talking":  `sh -c 'while true; do printf 0; sleep 0.01; done'`,
		"flooding": `sh -c 'printf "00a0"; cat /dev/zero'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := open(t, "ssh://git@example.org/x.git")
			r.SSH, r.Limits = program, Limits{Window: 100 * time.Millisecond, Advert: 1 << 20}
			if _, err := r.Refs(t.Context()); err == nil {
				t.Error("it was taken for a git server")
			}
		})
	}
}

func TestAWindowWithoutUseEndsTheWait(t *testing.T) {
	w := &watch{}
	l := Limits{Least: 10, Window: time.Second}
	w.got.Add(10)
	if err := w.judge(l); err != nil {
		t.Errorf("enough came: %v", err)
	}
	w.got.Add(9)
	if err := w.judge(l); !errors.Is(err, ErrSlow) {
		t.Errorf("too little came: %v", err)
	}
}

func TestExactlyAsMuchAsAllowedIsTaken(t *testing.T) {
	for size, want := range map[int64]error{9: ErrTooLarge, 10: nil, 11: nil} {
		text, err := io.ReadAll(atMost(strings.NewReader("0123456789"), size, "the text"))
		if !errors.Is(err, want) || int64(len(text)) != min(size, 10) {
			t.Errorf("%d: %q, %v", size, text, err)
		}
	}
}
