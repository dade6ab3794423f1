package serve_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leakgate/leakgate/admission"
	"github.com/leakgate/leakgate/admission/serve"
	"github.com/leakgate/leakgate/admission/serve/ctrl"
)

const name = "leakgate-admission.leakgate.svc"

// clock can be moved while servers run.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time       { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) move(d time.Duration) { c.ahead.Add(int64(d)) }

// nothing is a cluster without objects.
type nothing struct{}

func (nothing) Find(context.Context, admission.Kind, string, string, func(admission.Object) bool) (admission.Object, error) {
	return nil, nil
}

// replica is a whole server that can be stopped and started again.
type replica struct {
	address, health string
	keeper          *serve.Memory
	clock           *clock
	policy          string
	stop            context.CancelFunc
	done            chan error
	log             *bytes.Buffer
	cluster         admission.Cluster
}

func newReplica(t *testing.T, keeper *serve.Memory, c *clock, policy string) *replica {
	t.Helper()
	return &replica{address: freeAddress(t), health: freeAddress(t), keeper: keeper, clock: c, policy: policy, cluster: nothing{}}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (r *replica) start(t *testing.T) {
	t.Helper()
	policy, err := serve.OpenPolicy(r.policy, r.clock.now)
	if err != nil {
		t.Fatal(err)
	}
	r.log = &bytes.Buffer{}
	s := &serve.Server{
		Address: r.address, HealthAddress: r.health, Policy: policy, Cluster: r.cluster, Now: r.clock.now, Listen: ctrl.Listen,
		Authority: serve.NewCertificates(r.keeper, []string{name}, r.clock.now), Log: slog.New(slog.NewTextHandler(&lockedWriter{to: r.log}, nil)),
		Drain: 500 * time.Millisecond, PolicyEvery: 20 * time.Millisecond, SyncEvery: 50 * time.Millisecond,
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop, r.done = stop, make(chan error, 1)
	go func() { r.done <- s.Run(ctx) }()
	r.await(t, true)
}

func (r *replica) await(t *testing.T, want bool) {
	t.Helper()
	for range 400 {
		if ready, _ := r.ready(); ready == want {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	_, said := r.ready()
	t.Fatalf("not ready=%v after ten seconds: %s", want, said)
}

func (r *replica) ready() (bool, string) {
	response, err := http.Get("http://" + r.health + "/readyz")
	if err != nil {
		return false, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return err == nil && response.StatusCode == http.StatusOK, string(text)
}

// end counts time by steps: a machine that stops every process for a while ends
// a single timer at once, and the server is blamed for it.
func (r *replica) end(t *testing.T) {
	t.Helper()
	r.stop()
	for range 400 {
		select {
		case err := <-r.done:
			if err != nil {
				t.Error(err)
			}
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("the server does not end\n%s", stacks())
}

// stacks are what every goroutine does.
func stacks() []byte {
	text := make([]byte, 1<<20)
	return text[:runtime.Stack(text, true)]
}

type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// caller sends reviews as an API server does: over HTTP/2, to a replica that was
// ready a moment ago, trusting the bundle of the webhook configuration.
type caller struct {
	replicas []*replica
	keeper   *serve.Memory
	clock    *clock

	mu    sync.Mutex
	open  []*replica
	trust map[string]*http.Client
}

func (c *caller) follow(ctx context.Context) {
	for ctx.Err() == nil {
		var open []*replica
		for _, r := range c.replicas {
			if ready, _ := r.ready(); ready {
				open = append(open, r)
			}
		}
		c.mu.Lock()
		c.open = open
		c.mu.Unlock()
		time.Sleep(50 * time.Millisecond)
	}
}

// await waits until the caller knows that a replica is ready.
func (c *caller) await(t *testing.T, r *replica) {
	t.Helper()
	for range 400 {
		c.mu.Lock()
		known := slices.Contains(c.open, r)
		c.mu.Unlock()
		if known {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatal("the caller never sees the replica")
}

// client is the one of a bundle; another bundle makes new connections.
func (c *caller) client() *http.Client {
	bundle := c.keeper.Bundle()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trust == nil {
		c.trust = map[string]*http.Client{}
	}
	if c.trust[string(bundle)] == nil {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(bundle)
		c.trust[string(bundle)] = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
			ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: name, Time: c.clock.now}, IdleConnTimeout: 200 * time.Millisecond,
		}}
	}
	return c.trust[string(bundle)]
}

func (c *caller) call(i int, body []byte) (bool, error) {
	c.mu.Lock()
	open := c.open
	c.mu.Unlock()
	if len(open) == 0 {
		return false, fmt.Errorf("no replica is ready")
	}
	response, err := c.client().Post("https://"+open[i%len(open)].address+serve.ReviewPath+"?timeout=5s", "application/json", bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	var review struct {
		Response struct {
			Allowed bool `json:"allowed"`
		} `json:"response"`
	}
	if err := json.NewDecoder(response.Body).Decode(&review); err != nil || response.StatusCode != http.StatusOK {
		return false, fmt.Errorf("HTTP %d, %w", response.StatusCode, err)
	}
	return review.Response.Allowed, nil
}

func reviewOf(data string) []byte {
	return []byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE","namespace":"shop","name":"a",` +
		`"kind":{"group":"","version":"v1","kind":"Secret"},"resource":{"group":"","version":"v1","resource":"secrets"},"userInfo":{"username":"alice"},` +
		`"object":{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","namespace":"shop"},"type":"Opaque","data":{` + data + `}}}}`)
}

func policyFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const enforcing = "version: 1\nkubernetes: {modes: {default: enforce}}\n"

// Two replicas are restarted one after the other and the authority is rotated,
// while requests come in without a pause: none fails, none is answered wrongly.
func TestRollingRestartAndRotationUnderLoadLoseNothing(t *testing.T) {
	now := &clock{}
	keeper, err := serve.AlmostOld(now.now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	policy := policyFile(t, enforcing)
	replicas := []*replica{newReplica(t, keeper, now, policy), newReplica(t, keeper, now, policy)}
	for _, r := range replicas {
		r.start(t)
	}
	c := &caller{replicas: replicas, keeper: keeper, clock: now}
	following, stopFollowing := context.WithCancel(context.Background())
	defer stopFollowing()
	go c.follow(following)
	time.Sleep(200 * time.Millisecond)

	loading, stopLoad := context.WithCancel(context.Background())
	defer stopLoad()
	var calls, wrong atomic.Int64
	var failures sync.Map
	var wg sync.WaitGroup
	plain, empty := reviewOf(`"password":"bm90LWEtcmVhbC1wYXNzd29yZA=="`), reviewOf("")
	for range 4 {
		wg.Go(func() {
			for i := 0; loading.Err() == nil; i++ {
				body, want := plain, false
				if i%2 == 0 {
					body, want = empty, true
				}
				allowed, err := c.call(i/2, body)
				calls.Add(1)
				if err != nil {
					failures.Store(err.Error(), true)
				} else if allowed != want {
					wrong.Add(1)
				}
			}
		})
	}
	restart := func() {
		for _, r := range replicas {
			r.end(t)
			r.start(t)
			c.await(t, r) // as a rolling update waits for the endpoints
		}
	}
	restart()
	before := keeper.Authorities()
	now.move(2 * time.Hour) // the next authority is published
	time.Sleep(500 * time.Millisecond)
	now.move(serve.Settling) // and signs
	time.Sleep(500 * time.Millisecond)
	if made := keeper.Authorities() - before; made != 2 {
		t.Errorf("the authority was written %d times, not published and then used", made)
	}
	restart()
	stopLoad()
	wg.Wait()
	failures.Range(func(err, _ any) bool { t.Errorf("a request failed: %v", err); return true })
	if calls.Load() < 100 || wrong.Load() > 0 {
		t.Errorf("%d of %d requests were answered wrongly", wrong.Load(), calls.Load())
	}
	t.Logf("%d requests, two restarts of two replicas and one rotation", calls.Load())
	for _, r := range replicas {
		r.end(t)
	}
}

func TestHealthTellsTheTruth(t *testing.T) {
	keeper, now := &serve.Memory{}, &clock{}
	path := policyFile(t, enforcing)
	r := newReplica(t, keeper, now, path)
	r.start(t)
	said := func(want string) {
		t.Helper()
		for range 200 {
			if _, text := r.ready(); strings.Contains(text, want) {
				return
			}
			time.Sleep(25 * time.Millisecond)
		}
		_, text := r.ready()
		t.Errorf("no %q in\n%s", want, text)
	}
	said("server: ok\ncertificate: ok\nwebhook configuration: ok\npolicy: ok")
	if err := os.WriteFile(path, []byte("version: 1\nkubernetes: {modus: x}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said("policy: warning: the one of ")
	said(`unknown key "modus"`)
	c := &caller{replicas: []*replica{r}, keeper: keeper, clock: now, open: []*replica{r}}
	if allowed, err := c.call(0, reviewOf(`"password":"bm90LWEtcmVhbC1wYXNzd29yZA=="`)); allowed || err != nil {
		t.Errorf("the old policy does not hold: allowed %v, %v", allowed, err)
	}
	metrics := fetch(t, r)
	for _, want := range []string{
		"leakgate_admission_policy_broken 1", "leakgate_admission_ready 1", "leakgate_admission_webhook_configuration_present 1",
		`leakgate_admission_decisions_total{decision="block",mode="enforce",rule="untrusted-writer",writer=""} 1`, "leakgate_admission_duration_seconds_count 1",
		`leakgate_admission_policy_reloads_total{result="broken"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %q in the metrics", want)
		}
	}
	if strings.Contains(metrics, "leakgate_admission_certificate_expiry_timestamp_seconds 0") {
		t.Error("the certificate has no end")
	}
	if err := os.WriteFile(path, []byte("version: 1\nkubernetes: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said("policy: ok")
	if allowed, err := c.call(0, reviewOf(`"password":"bm90LWEtcmVhbC1wYXNzd29yZA=="`)); !allowed || err != nil {
		t.Errorf("the new policy does not hold: allowed %v, %v", allowed, err)
	}
	r.stop()
	r.await(t, false)
	r.end(t)
}

func fetch(t *testing.T, r *replica) string {
	t.Helper()
	response, err := http.Get("http://" + r.health + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
