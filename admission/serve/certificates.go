package serve

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Keeper holds the Secret of the authority and the bundle that API servers
// trust. Replicas use it at the same time.
type Keeper interface {
	// Load reads the authority with its version.
	Load(ctx context.Context) (data map[string][]byte, version string, err error)
	// Save writes the authority unless its version is no longer that one, which
	// is ErrConflict.
	Save(ctx context.Context, data map[string][]byte, version string) error
	// Publish writes the bundle into our webhook configurations where it is
	// another. present is false where there is none of them.
	Publish(ctx context.Context, bundle []byte) (present bool, err error)
}

// ErrConflict is that another replica wrote first.
var ErrConflict = errors.New("another replica wrote first")

// Certificates serve the current certificate of this replica.
type Certificates struct {
	keeper Keeper
	names  []string // DNS names of the service
	now    func() time.Time

	mu      sync.RWMutex
	leaf    *tls.Certificate
	parent  []byte // PEM of the certificate that signed the leaf
	public  []byte // PEM of the authority that was published last
	present bool   // there is a webhook configuration
	asked   bool   // the API server has said so
	err     error
}

// NewCertificates serves certificates for the names from an authority.
func NewCertificates(keeper Keeper, names []string, now func() time.Time) *Certificates {
	return &Certificates{keeper: keeper, names: names, now: now}
}

// GetCertificate is for [tls.Config].
func (c *Certificates) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.leaf == nil {
		return nil, errors.New("there is no certificate yet")
	}
	return c.leaf, nil
}

// attempts is how often a conflict with another replica is resolved at once.
const attempts = 5

// Sync brings authority, bundle and leaf up to date. It is called often: what
// is as it should be is left alone.
func (c *Certificates) Sync(ctx context.Context) error {
	err := ErrConflict
	for i := 0; i < attempts && errors.Is(err, ErrConflict); i++ {
		err = c.sync(ctx)
	}
	c.mu.Lock()
	c.err = err
	c.mu.Unlock()
	return err
}

func (c *Certificates) sync(ctx context.Context) error {
	data, version, err := c.keeper.Load(ctx)
	if err != nil {
		return fmt.Errorf("load the authority: %w", err)
	}
	now := c.now()
	a, changed, err := authority(data).advance(now, false)
	if err != nil {
		return err
	}
	if !changed { // what is stored is published before anything else is done with it
		present, err := c.publish(ctx, a)
		if err != nil {
			return err
		}
		if a, changed, err = a.advance(now, present); err != nil {
			return err
		}
	}
	if changed {
		if err := c.keeper.Save(ctx, a, version); err != nil {
			return fmt.Errorf("save the authority: %w", err)
		}
		if _, err := c.publish(ctx, a); err != nil {
			return err
		}
	}
	return c.renew(a, now)
}

// publish keeps what is known when the API server does not answer: what was
// trusted a minute ago still is.
func (c *Certificates) publish(ctx context.Context, a authority) (bool, error) {
	present, err := c.keeper.Publish(ctx, a.bundle())
	if err != nil {
		return false, fmt.Errorf("publish the authority: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.present, c.asked, c.public = present, true, slices.Clone(a[fieldCert])
	return present, nil
}

// renew signs a new leaf where there is none, its end is near or the authority
// is another. The old one serves until then.
func (c *Certificates) renew(a authority, now time.Time) error {
	c.mu.RLock()
	leaf, parent := c.leaf, c.parent
	c.mu.RUnlock()
	if leaf != nil && bytes.Equal(parent, a[fieldCert]) && now.Before(leaf.Leaf.NotAfter.Add(-leafRenew)) {
		return nil
	}
	leaf, err := a.leaf(now, c.names)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.leaf, c.parent = leaf, slices.Clone(a[fieldCert])
	c.mu.Unlock()
	return nil
}

// Status is what health and metrics tell.
func (c *Certificates) Status() CertificateStatus {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s := CertificateStatus{Present: c.present, Err: c.err, Trusted: c.leaf != nil && c.asked && bytes.Equal(c.public, c.parent)}
	if c.leaf != nil {
		s.Expires = c.leaf.Leaf.NotAfter
	}
	return s
}

// CertificateStatus is the state of a replica's certificate.
type CertificateStatus struct {
	Expires time.Time // zero where there is none
	Present bool      // a webhook configuration is there
	Trusted bool      // as far as it is known, API servers trust the certificate
	Err     error     // what went wrong last
}
