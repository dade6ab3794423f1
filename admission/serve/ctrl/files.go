package ctrl

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/certwatcher"

	"github.com/leakgate/leakgate/admission/serve"
)

// Files serves the certificate of mounted files, as cert-manager or an operator
// of its own writes them. A pair that does not fit is not taken.
type Files struct {
	watcher *certwatcher.CertWatcher
	present func(ctx context.Context) (bool, error)

	mu     sync.RWMutex
	status serve.CertificateStatus
}

// OpenFiles reads tls.crt and tls.key of a folder and follows their changes
// until the context ends. present asks for our webhook configuration.
func OpenFiles(ctx context.Context, folder string, every time.Duration, present func(context.Context) (bool, error)) (*Files, error) {
	watcher, err := certwatcher.New(filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"))
	if err != nil {
		return nil, fmt.Errorf("read the certificate in %s: %w", folder, err)
	}
	f := &Files{watcher: watcher.WithWatchInterval(every), present: present}
	go func() {
		err := f.watcher.Start(ctx)
		f.mu.Lock()
		defer f.mu.Unlock()
		if err != nil {
			f.status.Err = fmt.Errorf("the certificate in %s is no longer watched: %w", folder, err)
		}
	}()
	return f, nil
}

// GetCertificate is for [tls.Config].
func (f *Files) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return f.watcher.GetCertificate(hello)
}

// Sync looks whether the webhook configuration is there, and when the
// certificate ends.
func (f *Files) Sync(ctx context.Context) error {
	present, err := f.present(ctx)
	pair, certErr := f.watcher.GetCertificate(nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Present, f.status.Trusted = present, certErr == nil // whoever wrote the files sees to the bundle
	if certErr == nil {
		if leaf, parseErr := x509.ParseCertificate(pair.Certificate[0]); parseErr == nil {
			f.status.Expires = leaf.NotAfter
		}
	}
	return err
}

// Status is what health and metrics tell.
func (f *Files) Status() serve.CertificateStatus {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.status
}
