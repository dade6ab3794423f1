package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/leakgate/leakgate/internal/gate"
)

// Policy is the policy that holds, read again when its file changes. A broken
// new one is told and the old one keeps holding.
type Policy struct {
	path string
	now  func() time.Time

	mu     sync.RWMutex
	holds  gate.Kubernetes
	text   []byte // that was read last, broken or not
	broken error
	loaded time.Time
}

// maxPolicy is more than the parser accepts, so that it can say so.
const maxPolicy = 2 << 20

// OpenPolicy reads a policy for the first time. Without one, or with one that is
// broken or says nothing of Kubernetes, nothing may be served.
func OpenPolicy(path string, now func() time.Time) (*Policy, error) {
	p := &Policy{path: path, now: now}
	if p.Reload(); p.broken != nil {
		return nil, fmt.Errorf("no policy to serve by: %w", p.broken)
	}
	return p, nil
}

// Holds is the policy that holds now.
func (p *Policy) Holds() gate.Kubernetes {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.holds
}

// Broken is why the file as it is now is not obeyed, and since when the policy
// that holds instead was loaded.
func (p *Policy) Broken() (since time.Time, err error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.loaded, p.broken
}

// Reload reads the file and reports whether another policy holds or the state changed.
func (p *Policy) Reload() (changed bool) {
	text, err := readFile(p.path)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && p.text != nil && bytes.Equal(text, p.text) {
		return false
	}
	if err != nil {
		changed = p.broken == nil || p.broken.Error() != err.Error()
		p.broken, p.text = err, nil
		return changed
	}
	parsed, err := parseKubernetes(p.path, text)
	p.text, p.broken = text, err
	if err == nil {
		p.holds, p.loaded = *parsed, p.now()
	}
	return true
}

func parseKubernetes(path string, text []byte) (*gate.Kubernetes, error) {
	parsed, err := gate.ParsePolicy(path, text)
	switch {
	case err != nil:
		return nil, err
	case parsed.Kubernetes == nil:
		return nil, fmt.Errorf("%s: there is no section kubernetes in it; write at least \"kubernetes: {}\"", path)
	}
	return parsed.Kubernetes, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPolicy))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(text) == 0 {
		return nil, errors.New(path + " is empty")
	}
	return text, nil
}

// Watch reloads until the context ends; changed is told of every change.
func (p *Policy) Watch(ctx context.Context, every time.Duration, changed func()) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if p.Reload() {
				changed()
			}
		}
	}
}
