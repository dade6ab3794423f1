package webhook_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/test/kube"
)

const (
	seenPath = "/api/v1/namespaces/leakgate/configmaps/leakgate-admission-seen"
	hookPath = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/leakgate-admission"
)

// seen: a replica that ends writes down that the API server asked, and what was
// refused. Whoever reaches its port adds no time, and where the API server does not
// ask nothing does.
func (w *world) seen(t *testing.T) {
	must(t, kube.Eventually(w, func(ctx context.Context) error {
		before := w.metric(t, "decisions_total", `rule="sound"`)
		if _, err := w.Admin().Merge(ctx, seenPath, kube.Object{"metadata": kube.Object{"annotations": kube.Object{"touched": time.Now().String()}}}); err != nil {
			return err
		}
		if w.metric(t, "decisions_total", `rule="sound"`) == before {
			return errors.New("nobody is asked about it")
		}
		return nil
	}))
	w.forgeReviews(t)
	must(t, w.StopController("webhook"))
	spans, refusals := w.ledger(t)
	if from, to, found := strings.Cut(strings.TrimSpace(spans), "/"); !found || strings.Count(spans, "\n") != 1 {
		t.Errorf("it wrote %q", spans)
	} else if since, err := time.Parse(time.RFC3339, from); err != nil || time.Since(since) > time.Hour || to < from {
		t.Errorf("it wrote %q", spans)
	}
	for _, want := range []string{"other untrusted-writer ", "warned untrusted-writer ", "shop writer-identity "} {
		if !strings.Contains(refusals, want) {
			t.Errorf("no %q in %q", want, refusals)
		}
	}
	must(t, w.Namespace(w, "calm", nil))
	w.setSpans(t, "2026-01-01T00:00:00Z/"+time.Now().UTC().Format(time.RFC3339)+"\n")
	if out, err := w.try("promote", "calm"); err == nil || !strings.Contains(out, "0 days of audit were seen in calm") {
		t.Errorf("promote: %v\n%s", err, out)
	}
}

// unseen: the registration that asks about the ledger is gone, as when an API server
// does not reach the webhook, and somebody sends reviews in its place.
func (w *world) unseen(t *testing.T) {
	w.serve(t, "info")
	live, err := w.Admin().Get(w, hookPath)
	must(t, err)
	var kept []any
	for _, e := range live["webhooks"].([]any) {
		if e.(kube.Object)["name"] != "seen.leakgate.github.io" {
			kept = append(kept, e)
		}
	}
	live["webhooks"] = kept
	_, err = w.Admin().Do(w, kube.Request{Method: "PUT", Path: hookPath, Body: live})
	must(t, err)
	w.setSpans(t, "")
	must(t, kube.Eventually(w, func(ctx context.Context) error { // until the API server obeys
		answer, err := w.Admin().Do(ctx, kube.Request{Method: "PATCH", Path: seenPath + "?dryRun=All", ContentType: "application/merge-patch+json",
			Body: kube.Object{"metadata": kube.Object{"annotations": kube.Object{"leakgate.github.io/asked": strings.Repeat("0", 32)}}}})
		if err == nil && len(answer.Warnings) > 0 {
			err = errors.New("it still asks")
		}
		return err
	}))
	w.forgeReviews(t)
	must(t, w.StopController("webhook"))
	if spans, _ := w.ledger(t); spans != "" {
		t.Errorf("time that nobody asked in: %q", spans)
	}
}

// forgeReviews sends what anybody who reaches the port can send: reviews of Secrets,
// and of the ledger with every word that stands in it.
func (w *world) forgeReviews(t *testing.T) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // as an attacker does
	stored, err := w.Admin().Get(w, seenPath)
	must(t, err)
	for i := range 50 {
		for _, body := range []string{
			fmt.Sprintf(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"%d","operation":"CREATE","namespace":"calm","name":"a","kind":{"version":"v1","kind":"Secret"},`+
				`"resource":{"version":"v1","resource":"secrets"},"userInfo":{"username":"alice"},"object":{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}}}`, i),
			fmt.Sprintf(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"%d","operation":"UPDATE","dryRun":true,"namespace":"leakgate","name":"leakgate-admission-seen","kind":{"version":"v1","kind":"ConfigMap"},`+
				`"resource":{"version":"v1","resource":"configmaps"},"userInfo":{"username":"system:serviceaccount:leakgate:leakgate-admission"},"object":{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"leakgate-admission-seen",`+
				`"annotations":{"leakgate.github.io/asked":"%032d","stored":%q}}}}}`, i, i, fmt.Sprint(stored["data"])),
		} {
			response, err := client.Post(w.address+"?timeout=5s", "application/json", bytes.NewReader([]byte(body)))
			must(t, err)
			text, err := io.ReadAll(response.Body)
			response.Body.Close()
			must(t, err)
			if response.StatusCode != http.StatusOK || !strings.Contains(string(text), `"allowed":true`) {
				t.Fatalf("HTTP %d: %s", response.StatusCode, text)
			}
		}
	}
}

func (w *world) ledger(t *testing.T) (spans, refusals string) {
	t.Helper()
	live, err := w.Admin().Get(w, seenPath)
	must(t, err)
	data, _ := live["data"].(kube.Object)
	spans, _ = data["spans"].(string)
	refusals, _ = data["refusals"].(string)
	return spans, refusals
}

func (w *world) setSpans(t *testing.T, text string) {
	t.Helper()
	_, err := w.Admin().Merge(w, seenPath, kube.Object{"data": kube.Object{"spans": text}})
	must(t, err)
}
