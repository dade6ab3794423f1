package webhook_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/leakgate/leakgate/test/kube"
)

// floodLimit is what the installation lets a replica have, in bytes.
const floodLimit = 256 * mib

// flooded: many send large reviews, whole ones and ones that do not end, straight to
// the port. What the API server asks meanwhile is answered, and memory stays below
// the limit of the installation.
func (w *world) flooded(t *testing.T) {
	ctx, stop := context.WithCancel(w)
	defer stop()
	large := []byte(fmt.Sprintf(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE","namespace":"shop","name":"a","kind":{"version":"v1","kind":"Secret"},`+
		`"resource":{"version":"v1","resource":"secrets"},"userInfo":{"username":"alice"},"object":{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"data":{"a":%q}}}}`, strings.Repeat("QUJD", 1700<<10)))
	var flood sync.WaitGroup
	for i := range 60 {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: i%3 == 0}}
		flood.Go(func() {
			for ctx.Err() == nil {
				var body io.Reader = bytes.NewReader(large)
				if i%2 == 0 { // one that does not end
					body = io.MultiReader(bytes.NewReader(large[:200<<10]), waiting{ctx})
				}
				r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address+"?timeout=30s", body)
				if err != nil {
					return
				}
				r.ContentLength = int64(len(large))
				r.Header.Set("Content-Type", "application/json")
				if response, err := client.Do(r); err == nil {
					_, _ = io.Copy(io.Discard, response.Body)
					response.Body.Close()
				}
			}
		})
	}
	// The machine has other work too, and senders and API server share it: a call may
	// end with the time of an API server, so it is tried again.
	for i := range 10 {
		must(t, kube.Eventually(w, func(ctx context.Context) error {
			_, err := w.Admin().Create(ctx, secretsPath, kube.Object{"metadata": kube.Object{"name": fmt.Sprint("quiet-", i)}, "stringData": kube.Object{"later": ""}})
			return err
		}))
	}
	stop()
	flood.Wait()
	if most := float64(w.Memory()["webhook"]); most > floodLimit {
		t.Errorf("%.0f MiB were resident", most/mib)
	} else {
		t.Logf("%.0f MiB were resident at most", most/mib)
	}
}

// waiting is a body that says nothing more.
type waiting struct{ context.Context }

func (b waiting) Read([]byte) (int, error) {
	<-b.Done()
	return 0, io.EOF
}
