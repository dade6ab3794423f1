package follow

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// fake is a cluster: objects by path. What is merged is kept apart, and react
// does what controllers would.
type fake struct {
	objects map[string]map[string]any
	merged  []string // the paths
	react   func(path string, patch map[string]any)
	err     map[string]error // by path
	now     time.Time
	tick    func()
}

func (f *fake) Get(_ context.Context, path string) (map[string]any, error) {
	path, _, _ = strings.Cut(path, "?")
	if err := f.err[path]; err != nil {
		return nil, err
	}
	if o, ok := f.objects[path]; ok {
		return o, nil
	}
	return nil, ErrNotFound
}

func (f *fake) Merge(_ context.Context, path string, patch any) (map[string]any, error) {
	if err := f.err["merge "+path]; err != nil {
		return nil, err
	}
	f.merged = append(f.merged, path)
	if f.react != nil {
		f.react(path, patch.(map[string]any))
	}
	return nil, nil
}

func (f *fake) Now() time.Time { return f.now }

func (f *fake) Sleep(ctx context.Context, d time.Duration) error {
	f.now = f.now.Add(d)
	if f.tick != nil {
		f.tick()
	}
	return ctx.Err()
}

const (
	secretPath = "/api/v1/namespaces/shop/secrets/db"
	sourcePath = "/apis/external-secrets.io/v1/namespaces/shop/externalsecrets/db"
	staticPath = "/apis/secrets.hashicorp.com/v1beta1/namespaces/shop/vaultstaticsecrets/db"
	deployPath = "/apis/apps/v1/namespaces/shop/deployments/web"
	podsPath   = "/api/v1/namespaces/shop/pods"
)

func object(format string, args ...any) (o map[string]any) {
	if err := json.Unmarshal(fmt.Appendf(nil, format, args...), &o); err != nil {
		panic(err)
	}
	return o
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func holding(value string, since time.Time) map[string]any {
	return object(`{"metadata":{"resourceVersion":"7","managedFields":[{"time":%q,"fieldsV1":{"f:data":{}}},{"time":"2099-01-01T00:00:00Z","fieldsV1":{"f:metadata":{}}}]},"data":{"password":%q}}`,
		stamp(since), base64.StdEncoding.EncodeToString([]byte(value)))
}

func externalSecret(policy, interval, version string, refreshed time.Time) map[string]any {
	return object(`{"spec":{"refreshPolicy":%q,"refreshInterval":%q},"status":{"syncedResourceVersion":%q,"refreshTime":%q,"conditions":[{"type":"Ready","status":"True","reason":"SecretSynced"}]}}`,
		policy, interval, version, stamp(refreshed))
}

func pod(made time.Time, ready string) string {
	return fmt.Sprintf(`{"metadata":{"creationTimestamp":%q},"status":{"conditions":[{"type":"Ready","status":%q}]}}`, stamp(made), ready)
}

// world is a cluster in which all is well once a sync is forced.
func world() (*fake, Prover, Consumer) {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f := &fake{now: begin, err: map[string]error{}}
	f.objects = map[string]map[string]any{
		secretPath: holding("old", begin.Add(-time.Hour)),
		sourcePath: externalSecret("Periodic", "1h", "1-a", begin.Add(-time.Hour)),
		deployPath: object(`{"metadata":{"generation":1},"spec":{"replicas":2,"selector":{"matchLabels":{"app":"web"}}},"status":{"observedGeneration":1}}`),
		podsPath:   object(`{"items":[%s,%s]}`, pod(begin.Add(-time.Hour), "True"), pod(begin.Add(-time.Hour), "True")),
	}
	f.react = func(path string, _ map[string]any) {
		switch path {
		case sourcePath:
			f.objects[sourcePath] = externalSecret("Periodic", "1h", fmt.Sprint("1-", f.now.UnixNano(), len(f.merged)), f.now)
			if at(f.objects[secretPath], "data", "password") == at(holding("old", f.now), "data", "password") {
				f.objects[secretPath] = holding("new", f.now)
			}
		case deployPath:
			made := f.now.Add(time.Second)
			f.objects[podsPath] = object(`{"items":[%s,%s]}`, pod(made, "True"), pod(made, "True"))
		}
	}
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	if err != nil {
		panic(err)
	}
	return f, Prover{Cluster: f, Key: key, Clock: f, Limit: time.Minute},
		Consumer{Namespace: "shop", Secret: "db", Key: "password", Source: "externalsecret/db", Workloads: []string{"deployment/web"}, Restart: true, Used: func(context.Context) (int, error) { return 0, nil }}
}

func propagate(t *testing.T, p Prover, c Consumer, want Verdict) Proof {
	t.Helper()
	proof, err := p.Propagate(t.Context(), c, secret.New("new"))
	if err != nil {
		t.Fatal(err)
	}
	if proof.Verdict() != want {
		t.Errorf("%s, want %s: %+v", proof.Verdict(), want, proof.Facts)
	}
	return proof
}

func (p Proof) says(t *testing.T, text string) {
	t.Helper()
	if !strings.Contains(fmt.Sprint(p.Facts), text) {
		t.Errorf("nothing says %q: %v", text, p.Facts)
	}
}

func TestConsumersFollow(t *testing.T) {
	f, p, c := world()
	proof := propagate(t, p, c, Proven)
	if len(proof.Facts) != 4 || proof.Took <= 0 || proof.Took > time.Second {
		t.Errorf("%+v", proof)
	}
	if got := strings.Join(f.merged, " "); got != sourcePath+" "+deployPath {
		t.Errorf("changed %s", got)
	}
	propagate(t, p, c, Proven) // again: told to sync, not restarted
	if len(f.merged) != 3 || f.merged[2] != sourcePath {
		t.Errorf("changed %v", f.merged)
	}
}

func TestLookingChangesNothing(t *testing.T) {
	f, p, c := world()
	proof, err := p.Look(t.Context(), c, secret.New("new"))
	if err != nil || proof.Verdict() != NotYet || len(f.merged) != 0 {
		t.Errorf("%v, %v, %v", proof, err, f.merged)
	}
	f.objects[secretPath] = holding("new", f.now)
	proof, err = p.Look(t.Context(), c, secret.New("new"))
	if err != nil || proof.Verdict() != NotYet || len(f.merged) != 0 {
		t.Errorf("%v, %v, %v", proof, err, f.merged)
	}
	proof.says(t, "2 of 2 pods are older than the value")
}

func TestWhatDoesNotFollowIsNoProof(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*fake, *Consumer)
		want   Verdict
		says   string
	}{
		"created once":         {func(f *fake, _ *Consumer) { f.objects[sourcePath] = externalSecret("CreatedOnce", "1h", "1-a", f.now) }, NotYet, "never follows"},
		"no interval":          {func(f *fake, _ *Consumer) { f.objects[sourcePath] = externalSecret("", "0", "1-a", f.now) }, NotYet, "never follows"},
		"nobody reacts":        {func(f *fake, _ *Consumer) { f.react = nil }, NotYet, "it has not synced since it was told to"},
		"no source":            {func(f *fake, _ *Consumer) { delete(f.objects, sourcePath) }, NotYet, "there is no such object"},
		"no right to read":     {func(f *fake, _ *Consumer) { f.err[sourcePath] = errors.New("status 403") }, NotYet, "status 403"},
		"no right to tell":     {func(f *fake, _ *Consumer) { f.err["merge "+sourcePath] = errors.New("status 403") }, NotYet, "cannot be told to sync"},
		"no right to restart":  {func(f *fake, _ *Consumer) { f.err["merge "+deployPath] = errors.New("status 403") }, CannotTell, "cannot be restarted"},
		"no Secret":            {func(f *fake, c *Consumer) { delete(f.objects, secretPath); c.Source = "" }, NotYet, "there is no such Secret"},
		"no right to see it":   {func(f *fake, c *Consumer) { f.err[secretPath] = errors.New("status 403"); c.Source = "" }, CannotTell, "status 403"},
		"another key":          {func(_ *fake, c *Consumer) { c.Key = "user" }, NotYet, "it has no key user"},
		"another value":        {func(f *fake, c *Consumer) { c.Source = "" }, NotYet, "it holds another value"},
		"Reloader is missing":  {func(_ *fake, c *Consumer) { c.Restart = false }, NotYet, "2 of 2 pods are older"},
		"pods that do not run": {func(f *fake, _ *Consumer) { restartInto(f, pod(f.now.Add(2*time.Second), "False")) }, NotYet, "0 of 2 pods are ready"},
		"pods of that second":  {func(f *fake, _ *Consumer) { restartInto(f, pod(f.now, "True")) }, NotYet, "older than the value"},
		"many pods":            {func(f *fake, _ *Consumer) { f.objects[podsPath] = object(`{"metadata":{"continue":"x"},"items":[]}`) }, CannotTell, "more than one page"},
		"a clever selector": {func(f *fake, _ *Consumer) {
			f.objects[deployPath] = object(`{"spec":{"selector":{"matchExpressions":[{}]}}}`)
		}, CannotTell, "matchExpressions"},
		"used": {func(_ *fake, c *Consumer) { c.Used = func(context.Context) (int, error) { return 3, nil } }, NotYet, "3 use it"},
		"nobody knows the use": {func(_ *fake, c *Consumer) {
			c.Used = func(context.Context) (int, error) { return 0, errors.New("no answer") }
		}, CannotTell, "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			f, p, consumer := world()
			c.change(f, &consumer)
			propagate(t, p, consumer, c.want).says(t, c.says)
		})
	}
}

func restartInto(f *fake, pod string) {
	react := f.react
	f.react = func(path string, patch map[string]any) {
		if react(path, patch); path == deployPath {
			f.objects[podsPath] = object(`{"items":[%s,%s]}`, pod, pod)
		}
	}
}

// The Vault Secrets Operator cannot be told; it is waited for.
func TestVaultStaticSecretsAreWaitedFor(t *testing.T) {
	f, p, c := world()
	c.Source, c.Workloads = "VaultStaticSecret/db", nil
	f.objects[staticPath] = object(`{"metadata":{"generation":2},"spec":{"refreshAfter":"30s"},"status":{"lastGeneration":2}}`)
	begin := f.now
	f.tick = func() {
		if f.now.Sub(begin) == 30*time.Second {
			f.objects[secretPath] = holding("new", f.now)
		}
	}
	if proof := propagate(t, p, c, Proven); proof.Took != 30*time.Second || len(f.merged) != 0 {
		t.Errorf("%v, %v", proof, f.merged)
	}
	f, p, c = world()
	c.Source = "vaultstaticsecret/db"
	f.objects[staticPath] = object(`{"metadata":{"generation":2},"spec":{},"status":{"lastGeneration":2}}`)
	propagate(t, p, c, NotYet).says(t, "it does not follow by itself")
	if f.now.Sub(begin) > time.Minute {
		t.Error("it waited in vain")
	}
}

func TestNoFactIsNoProof(t *testing.T) {
	if v := (Proof{}).Verdict(); v != CannotTell {
		t.Error(v)
	}
}

func TestNamesThatLeaveTheirPlaceAreRefused(t *testing.T) {
	_, p, good := world()
	for _, change := range []func(*Consumer){
		func(c *Consumer) { c.Namespace = "../kube-system" }, func(c *Consumer) { c.Secret = "" }, func(c *Consumer) { c.Secret = "a?b" },
		func(c *Consumer) { c.Source = "configmap/db" }, func(c *Consumer) { c.Source = "externalsecret" }, func(c *Consumer) { c.Workloads = []string{"pod/web"} },
		func(c *Consumer) { c.Workloads = []string{"deployment/a/b"} },
	} {
		c := good
		change(&c)
		if _, err := p.Propagate(t.Context(), c, secret.New("new")); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	if _, err := p.Propagate(t.Context(), good, secret.Secret{}); err == nil {
		t.Error("no value was taken")
	}
}

func TestAllConsumersAreProvenOrNone(t *testing.T) {
	_, p, c := world()
	line, err := p.Prove(t.Context(), []Consumer{c}, secret.New("new"))
	if err != nil || !strings.Contains(line, "deployment/web: 2 pods are ready") {
		t.Errorf("%q, %v", line, err)
	}
	other := c
	other.Key = "user"
	if _, err := p.Prove(t.Context(), []Consumer{c, other}, secret.New("new")); err == nil || !strings.Contains(err.Error(), "not yet: secret/db: it has no key user") {
		t.Error(err)
	}
	if _, err := p.Prove(t.Context(), nil, secret.New("new")); err == nil {
		t.Error("nobody was proven to follow")
	}
}
