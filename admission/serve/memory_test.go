package serve

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// memory is a Keeper whose Secret and webhook configuration are in memory.
type memory struct {
	mu      sync.Mutex
	data    map[string][]byte
	version int
	bundle  []byte
	absent  bool // there is no webhook configuration
	down    bool // the API server does not answer
}

func (m *memory) Load(context.Context) (map[string][]byte, string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return nil, "", errors.New("connection refused")
	}
	return maps.Clone(m.data), fmt.Sprint(m.version), nil
}

func (m *memory) Save(_ context.Context, data map[string][]byte, version string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if version != fmt.Sprint(m.version) {
		return ErrConflict
	}
	m.data, m.version = maps.Clone(data), m.version+1
	return nil
}

func (m *memory) Publish(_ context.Context, bundle []byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return false, errors.New("connection refused")
	}
	if !m.absent {
		m.bundle = slices.Clone(bundle)
	}
	return !m.absent, nil
}

// verify checks a certificate as an API server does.
func (m *memory) verify(leaf *x509.Certificate, name string, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(m.bundle) {
		return errors.New("there is no certificate in the bundle")
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: name, CurrentTime: now})
	return err
}

// What tests of the real keeper need.
var (
	getOptions = metav1.GetOptions{}
	conflict   = apierrors.NewConflict(schema.GroupResource{Resource: "secrets"}, "authority", errors.New("changed"))
)
