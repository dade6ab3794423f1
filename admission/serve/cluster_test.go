package serve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	ktesting "k8s.io/client-go/testing"

	"github.com/leakgate/leakgate/admission"
)

var sealedKind = admission.Kind{Group: "bitnami.com", Kind: "SealedSecret"}

// testCluster is the API of a cluster in memory, that counts its calls.
func testCluster(objects ...runtime.Object) (*fake.FakeDynamicClient, meta.RESTMapper) {
	lists := map[schema.GroupVersionResource]string{}
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{
		{Version: "v1"}, {Group: "bitnami.com", Version: "v1alpha1"}, {Group: "cert-manager.io", Version: "v1"}, {Group: "admissionregistration.k8s.io", Version: "v1"},
	})
	for _, k := range []struct {
		gvk   schema.GroupVersionKind
		scope meta.RESTScope
	}{
		{schema.GroupVersionKind{Group: "bitnami.com", Version: "v1alpha1", Kind: "SealedSecret"}, meta.RESTScopeNamespace},
		{schema.GroupVersionKind{Version: "v1", Kind: "ServiceAccount"}, meta.RESTScopeNamespace},
		{schema.GroupVersionKind{Version: "v1", Kind: "Secret"}, meta.RESTScopeNamespace},
		{schema.GroupVersionKind{Group: "cert-manager.io", Version: "v1", Kind: "ClusterIssuer"}, meta.RESTScopeRoot},
		{schema.GroupVersionKind{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingWebhookConfiguration"}, meta.RESTScopeRoot},
	} {
		mapper.Add(k.gvk, k.scope)
		plural, _ := meta.UnsafeGuessKindToResource(k.gvk)
		lists[plural] = k.gvk.Kind + "List"
	}
	return fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists, objects...), mapper
}

func thing(apiVersion, kind, namespace, name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{
		"name": name, "namespace": namespace, "uid": "uid-" + name, "managedFields": []any{map[string]any{"manager": "m"}}}}}
}

func named(name string) func(admission.Object) bool {
	return func(o admission.Object) bool { return (&unstructured.Unstructured{Object: o}).GetName() == name }
}

func TestOnlyWhatIsConfirmedComesFromTheCache(t *testing.T) {
	client, mapper := testCluster(thing("bitnami.com/v1alpha1", "SealedSecret", "shop", "a"))
	now := start
	c := NewCluster(client, mapper, func() time.Time { return now })
	find := func(name string, want bool, calls int) {
		t.Helper()
		client.ClearActions()
		for _, way := range []string{name, ""} { // by name, and among all
			o, err := c.Find(context.Background(), sealedKind, "shop", way, named(name))
			if err != nil || (o != nil) != want {
				t.Errorf("%s by %q: %v, %v", name, way, o, err)
			}
			if o != nil && (&unstructured.Unstructured{Object: o}).GetManagedFields() != nil {
				t.Error("managed fields are kept")
			}
		}
		if n := len(client.Actions()); n != calls {
			t.Errorf("%s: %d calls, want %d", name, n, calls)
		}
	}
	find("a", true, 2)
	find("a", true, 0)  // confirmed
	find("b", false, 2) // nothing is there, so it is asked
	find("b", false, 2) // and asked again
	if err := client.Tracker().Add(thing("bitnami.com/v1alpha1", "SealedSecret", "shop", "b")); err != nil {
		t.Fatal(err)
	}
	find("b", true, 2) // at once
	now = now.Add(cacheFor)
	find("a", true, 2) // what was kept is too old
}

// Many who ask for the same at once cost one question; who came later than it was
// asked gets an answer of its own.
func TestOneQuestionForAllWhoAskAtOnce(t *testing.T) {
	client, mapper := testCluster(thing("bitnami.com/v1alpha1", "SealedSecret", "shop", "a"))
	c := NewCluster(client, mapper, time.Now)
	began, goOn := make(chan struct{}, 100), make(chan struct{})
	client.PrependReactor("get", "*", func(ktesting.Action) (bool, runtime.Object, error) {
		began <- struct{}{}
		<-goOn
		return false, nil, nil
	})
	type result struct {
		o   admission.Object
		err error
	}
	results := make(chan result, 100)
	ask := func(name string) {
		o, err := c.Find(context.Background(), sealedKind, "shop", name, named(name))
		results <- result{o, err}
	}
	for range 50 {
		go ask("a")
	}
	<-began
	time.Sleep(50 * time.Millisecond) // all of them wait by now
	close(goOn)
	for range 50 {
		if r := <-results; r.o == nil || r.err != nil {
			t.Fatalf("%v, %v", r.o, r.err)
		}
	}
	if n := len(client.Actions()); n > 5 { // some may have come too late to wait
		t.Errorf("%d questions of 50", n)
	}
}

// An object that is made while somebody else asks for it is found all the same.
func TestWhoJoinsAQuestionMissesNothing(t *testing.T) {
	client, mapper := testCluster()
	c := NewCluster(client, mapper, time.Now)
	began, goOn := make(chan struct{}, 2), make(chan struct{}, 2)
	client.PrependReactor("get", "*", func(a ktesting.Action) (bool, runtime.Object, error) { // the answer is made before it is sent
		found, err := client.Tracker().Get(a.GetResource(), a.GetNamespace(), a.(ktesting.GetAction).GetName())
		began <- struct{}{}
		<-goOn
		return true, found, err
	})
	found := make(chan admission.Object, 2)
	find := func() {
		o, err := c.Find(context.Background(), sealedKind, "shop", "b", named("b"))
		if err != nil {
			t.Error(err)
		}
		found <- o
	}
	go find()
	<-began
	if err := client.Tracker().Add(thing("bitnami.com/v1alpha1", "SealedSecret", "shop", "b")); err != nil {
		t.Fatal(err)
	}
	go find()
	time.Sleep(50 * time.Millisecond) // it waits for the first
	goOn <- struct{}{}
	<-began // the second asks for itself
	goOn <- struct{}{}
	if a, b := <-found, <-found; a == nil && b == nil {
		t.Error("what was there before the question is not found")
	}
}

func TestUnknownKindsAreNoErrorAndOutagesAre(t *testing.T) {
	client, mapper := testCluster()
	c := NewCluster(client, mapper, time.Now)
	all := func(admission.Object) bool { return true }
	if o, err := c.Find(context.Background(), admission.Kind{Group: "nobody.example", Kind: "Thing"}, "shop", "", all); o != nil || err != nil {
		t.Errorf("%v, %v", o, err)
	}
	client.PrependReactor("*", "*", func(ktesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("connection refused")
	})
	for _, name := range []string{"a", ""} {
		if o, err := c.Find(context.Background(), sealedKind, "shop", name, all); o != nil || err == nil {
			t.Errorf("%q: %v, %v", name, o, err)
		}
	}
}

func TestCacheIsBoundedByEntriesAndBytes(t *testing.T) {
	c := newCache(func() time.Time { return start })
	for i := range cacheEntries + 100 {
		c.put(key{name: fmt.Sprint(i)}, []admission.Object{{}}, 1)
	}
	if c.lru.Len() != cacheEntries || c.bytes != cacheEntries {
		t.Errorf("%d entries of %d bytes", c.lru.Len(), c.bytes)
	}
	for i := range 20 {
		c.put(key{name: fmt.Sprint("large", i)}, []admission.Object{{}}, largestEntry)
	}
	if c.bytes > cacheBytes {
		t.Errorf("%d bytes", c.bytes)
	}
	c.put(key{name: "too large"}, []admission.Object{{}}, largestEntry+1)
	if c.get(key{name: "too large"}) != nil {
		t.Error("an entry that is too large is kept")
	}
}

func TestKeeperWritesOnlyOverWhatItRead(t *testing.T) {
	secret := thing("v1", "Secret", "leakgate", "authority")
	secret.SetResourceVersion("1")
	hook := thing("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", "leakgate-admission")
	hook.Object["webhooks"] = []any{
		map[string]any{"name": "a", "clientConfig": map[string]any{"service": map[string]any{"name": "x"}}},
		map[string]any{"name": "b", "clientConfig": map[string]any{"caBundle": "b2xk"}},
	}
	client, _ := testCluster(secret, hook)
	k := ClusterKeeper{Client: client, Namespace: "leakgate", Secret: "authority", Webhook: "leakgate-admission"}
	ctx := context.Background()
	data, version, err := k.Load(ctx)
	if err != nil || len(data) != 0 || version != "1" {
		t.Fatalf("%v %q %v", data, version, err)
	}
	if err := k.Save(ctx, map[string][]byte{"ca.crt": []byte("one")}, version); err != nil {
		t.Fatal(err)
	}
	if data, _, err = k.Load(ctx); err != nil || string(data["ca.crt"]) != "one" {
		t.Errorf("%q %v", data["ca.crt"], err)
	}
	for range 2 { // the second time nothing is left to do
		client.ClearActions()
		if present, err := k.Publish(ctx, []byte("bundle")); !present || err != nil {
			t.Fatalf("%v %v", present, err)
		}
	}
	if n := len(client.Actions()); n != 1 {
		t.Errorf("%d calls where the bundle is there", n)
	}
	live, err := client.Resource(webhooksResource).Get(ctx, "leakgate-admission", getOptions)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := webhooksOf(live)
	if err != nil || len(entries) != 2 || string(entries[0].ClientConfig.CABundle) != "bundle" || string(entries[1].ClientConfig.CABundle) != "bundle" {
		t.Errorf("%+v %v", entries, err)
	}
	if present, err := (ClusterKeeper{Client: client, Webhook: "gone"}).Publish(ctx, nil); present || err != nil {
		t.Errorf("a configuration that is not there: %v %v", present, err)
	}
	if _, _, err := (ClusterKeeper{Client: client, Namespace: "leakgate", Secret: "gone"}).Load(ctx); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("%v", err)
	}
	client.PrependReactor("update", "secrets", func(ktesting.Action) (bool, runtime.Object, error) { return true, nil, conflict })
	if err := k.Save(ctx, nil, "1"); !errors.Is(err, ErrConflict) {
		t.Errorf("%v", err)
	}
}
