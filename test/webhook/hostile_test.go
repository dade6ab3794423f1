package webhook_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/test/kube"
)

// hostilePolicy trusts an account of the namespace by an exception, as policies do.
const hostilePolicy = `version: 1
kubernetes:
  presets: {kubernetes: {}, sealed-secrets: {}, flux: {}}
  modes:
    default: audit
    namespaces: {shop: {mode: enforce}}
  break_glass: {users: ["system:serviceaccount:shop:ci"], max_hours: 4}
  exceptions:
  - {rule: untrusted-writer, namespaces: [shop], names: [of-ci*], subjects: ["serviceaccount:shop/ci"], reason: until it moves, owner: sre, expires: 2099-01-31}
`

const hostile = "not-a-real-password-of-mallory"

// byKubernetes are the attempts that Kubernetes refuses by itself: the role does not
// allow them, or there is no such thing. All others are refused by the webhook or its floor.
var byKubernetes = map[string]bool{
	"a list": true, "subresource status": true, "subresource scale": true, "replace what is not there": true,
	"... with its groups": true, "... with its uid": true, "the trusted account, impersonated": true, "a group, impersonated": true,
	"a token of the trusted account": true, "the ledger": true, "the registration": true, "labels of the namespace": true,
}

const secretsPath = "/api/v1/namespaces/shop/secrets"

// attempt is one try to bring a value in.
type attempt struct {
	name   string
	client *kube.Client
	kube.Request
}

// An administrator of a namespace, by the role that Kubernetes has for that, tries
// every kind of request. None brings a value in.
func TestHostileAdministratorOfANamespace(t *testing.T) {
	w := newWorld(t, hostilePolicy, "info", often...)
	mallory, owner := w.invite(t)
	for _, a := range append(w.attempts(t, mallory, owner), w.inOtherNames(t, mallory, owner)...) {
		t.Run(a.name, func(t *testing.T) {
			answer, err := a.client.Do(w, a.Request)
			var refused *kube.StatusError
			switch {
			case errors.As(err, &refused):
				if strings.Contains(refused.Message, hostile) {
					t.Errorf("the answer repeats the value: %s", refused.Message)
				}
				if ours := strings.Contains(refused.Message, "leakgate "); ours == byKubernetes[a.name] {
					t.Errorf("refused by others than was thought: %d %s", refused.Code, refused.Message)
				}
			case err != nil:
				t.Error(err)
			default:
				t.Errorf("admitted: %s", answer.Body[:min(len(answer.Body), 300)])
			}
		})
	}
	w.clean(t)
	w.twins(t, mallory)
	t.Run("at the port", w.flooded)
}

// invite lets mallory in, and puts one Secret there that a trusted writer wrote.
func (w *world) invite(t *testing.T) (mallory *kube.Client, owner kube.Object) {
	t.Helper()
	must(t, w.administrate(t, "mallory"))
	_, err := w.Admin().Create(w, "/apis/rbac.authorization.k8s.io/v1/clusterroles", kube.Object{"metadata": kube.Object{"name": "obeyed"},
		"rules": []kube.Object{{"apiGroups": []string{"bitnami.com", "external-secrets.io", "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io"}, "resources": []string{"*"}, "verbs": []string{"*"}}}})
	must(t, err)
	must(t, w.Grant(w, "obeyed", "mallory", "shop"))
	mallory, err = w.WithCertificate("mallory", "developers")
	must(t, err)
	controller, err := w.Account(w, "kube-system", "sealed-secrets-controller")
	must(t, err)
	must(t, w.Grant(w, "cluster-admin", controller.User(), ""))
	pod, err := w.PodToken(w, controller)
	must(t, err)
	sealed, err := w.Admin().Create(w, "/apis/bitnami.com/v1alpha1/namespaces/shop/sealedsecrets", kube.Object{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
		"metadata": kube.Object{"name": "db"}, "spec": kube.Object{"encryptedData": kube.Object{"password": sealedValue()}}})
	must(t, err)
	owner = kube.Object{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "db", "uid": kube.UID(sealed), "controller": true}
	_, err = w.WithToken(pod).Create(w, secretsPath, with(plain("db"), "ownerReferences", []kube.Object{owner}))
	must(t, err)
	return mallory, owner
}

// administrate gives the role admin, of which a controller that does not run here puts
// the parts together.
func (w *world) administrate(t *testing.T, user string) error {
	t.Helper()
	var all []error
	for _, part := range []string{"admin", "edit", "view"} {
		all = append(all, w.Grant(w, "system:aggregate-to-"+part, user, "shop"))
	}
	return errors.Join(all...)
}

func secretOf(name string, owner kube.Object) kube.Object {
	o := kube.Object{"apiVersion": "v1", "kind": "Secret", "metadata": kube.Object{"name": name}, "stringData": kube.Object{"password": hostile}}
	if owner != nil {
		return with(o, "ownerReferences", []kube.Object{owner})
	}
	return o
}

// attempts are those in mallory's own name.
func (w *world) attempts(t *testing.T, mallory *kube.Client, owner kube.Object) []attempt {
	t.Helper()
	encoded := base64.StdEncoding.EncodeToString([]byte(hostile))
	db := secretsPath + "/db"
	patch := func(name, kind, query string, body any) attempt {
		return attempt{name, mallory, kube.Request{Method: "PATCH", Path: db + query, ContentType: "application/" + kind, Body: body}}
	}
	create := func(name, query string, body any) attempt {
		return attempt{name, mallory, kube.Request{Method: "POST", Path: secretsPath + query, Body: body}}
	}
	ops := func(ops ...kube.Object) []kube.Object { return ops }
	live, err := w.Admin().Get(w, db)
	must(t, err)
	changed := copyOf(t, live)
	changed["data"] = kube.Object{"password": encoded}
	managed := copyOf(t, changed)
	managed["metadata"].(kube.Object)["managedFields"] = []any{}
	generated := secretOf("", owner)
	delete(generated["metadata"].(kube.Object), "name")
	with(generated, "generateName", "db-")
	typed := func(kind string, notes kube.Object) kube.Object {
		o := with(secretOf("typed", nil), "annotations", notes)
		o["type"] = kind
		return o
	}
	sealedBy := with(secretOf("forged", owner), "managedFields", []kube.Object{{"manager": "sealed-controller", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
		"fieldsV1": kube.Object{"f:data": kube.Object{"f:password": kube.Object{}}}}})
	labelled := with(secretOf("labelled", nil), "labels", kube.Object{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"})
	all := []attempt{
		create("create", "", secretOf("a", nil)), create("a dry run", "?dryRun=All", secretOf("a", nil)),
		create("a field manager of another", "?fieldManager=sealed-controller", secretOf("a", owner)),
		create("an owner that exists", "", secretOf("db2", owner)), create("managed fields of another", "", sealedBy), create("labels of a deployer", "", labelled),
		create("a generated name", "", generated), create("ignored validation", "?fieldValidation=Ignore", with(secretOf("a", nil), "sops", kube.Object{})),
		create("a list", "", kube.Object{"apiVersion": "v1", "kind": "SecretList", "items": []kube.Object{secretOf("a", nil)}}),
		create("immutable", "", func() kube.Object { o := secretOf("a", nil); o["immutable"] = true; return o }()),
		create("finalizers", "", with(secretOf("a", nil), "finalizers", []string{"example.com/keep"})),
		create("an emergency", "", with(secretOf("a", nil), "annotations", kube.Object{"leakgate.github.io/break-glass-reason": "x", "leakgate.github.io/break-glass-expires": "2099-01-01T00:00:00Z"})),
		create("last-applied only", "", kube.Object{"metadata": kube.Object{"name": "a", "annotations": kube.Object{"kubectl.kubernetes.io/last-applied-configuration": `{"stringData":{"password":"` + hostile + `"}}`}}}),
		create("a token of an account", "", typed("kubernetes.io/service-account-token", kube.Object{"kubernetes.io/service-account.name": "ci"})),
		create("a bootstrap token", "", typed("bootstrap.kubernetes.io/token", kube.Object{})), create("a release of helm", "", typed("helm.sh/release.v1", kube.Object{})),
		create("half of it a placeholder", "", kube.Object{"metadata": kube.Object{"name": "a"}, "stringData": kube.Object{"a": "${A}", "b": hostile}}),
		create("sops around a value", "", kube.Object{"metadata": kube.Object{"name": "a"}, "stringData": kube.Object{"a": ciphertext() + hostile}}),
		create("YAML", "", nil), create("protobuf", "", nil),
		patch("merge patch", "merge-patch+json", "", kube.Object{"data": kube.Object{"password": encoded}}),
		patch("merge patch of stringData", "merge-patch+json", "", kube.Object{"stringData": kube.Object{"password": hostile}}),
		patch("merge patch of another key", "merge-patch+json", "", kube.Object{"stringData": kube.Object{"more": hostile}}),
		patch("strategic merge patch", "strategic-merge-patch+json", "", kube.Object{"data": kube.Object{"$patch": "replace", "password": encoded}}),
		patch("JSON patch: add", "json-patch+json", "", ops(kube.Object{"op": "add", "path": "/data/more", "value": encoded})),
		patch("JSON patch: replace", "json-patch+json", "", ops(kube.Object{"op": "replace", "path": "/data", "value": kube.Object{"password": encoded}})),
		patch("JSON patch: test and copy", "json-patch+json", "", ops(kube.Object{"op": "copy", "from": "/data/password", "path": "/data/more"})),
		patch("JSON patch: move", "json-patch+json", "", ops(kube.Object{"op": "move", "from": "/data/password", "path": "/data/more"})),
		patch("JSON patch: of the type and owner", "json-patch+json", "", ops(kube.Object{"op": "remove", "path": "/metadata/ownerReferences"}, kube.Object{"op": "add", "path": "/data/more", "value": encoded})),
		patch("apply", "apply-patch+yaml", "?fieldManager=sealed-controller&force=true", secretOf("db", nil)),
		patch("apply, as a dry run", "apply-patch+yaml", "?fieldManager=kustomize-controller&force=true&dryRun=All", secretOf("db", nil)),
		patch("a copying annotation", "merge-patch+json", "", kube.Object{"metadata": kube.Object{"annotations": kube.Object{"sealedsecrets.bitnami.com/managed": "true"}}}),
		patch("the value in an annotation", "merge-patch+json", "", kube.Object{"metadata": kube.Object{"annotations": kube.Object{"note": value}}}),
		patch("subresource status", "merge-patch+json", "", nil), patch("subresource scale", "merge-patch+json", "", nil),
		{"apply of a new one", mallory, kube.Request{Method: "PATCH", Path: secretsPath + "/new?fieldManager=m", ContentType: "application/apply-patch+yaml", Body: secretOf("new", owner)}},
		{"replace", mallory, kube.Request{Method: "PUT", Path: db, Body: changed}}, {"replace without managed fields", mallory, kube.Request{Method: "PUT", Path: db, Body: managed}},
		{"replace what is not there", mallory, kube.Request{Method: "PUT", Path: secretsPath + "/new", Body: secretOf("new", owner)}},
	}
	for i := range all {
		r := &all[i].Request
		switch all[i].name {
		case "YAML":
			r.ContentType, r.Body = "application/yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {password: "+hostile+"}\n"
		case "protobuf":
			r.ContentType, r.Body = "application/vnd.kubernetes.protobuf", protobufSecret("wire", "password", hostile)
		case "subresource status", "subresource scale":
			r.Path, r.Body = db+"/"+strings.TrimPrefix(all[i].name, "subresource "), kube.Object{"data": kube.Object{"password": encoded}}
		}
	}
	return all
}

func copyOf(t *testing.T, o kube.Object) kube.Object {
	t.Helper()
	raw, err := json.Marshal(o)
	must(t, err)
	var out kube.Object
	must(t, json.Unmarshal(raw, &out))
	return out
}

// protobufSecret is a v1 Secret in the encoding that Go clients use, which an API
// server turns into JSON for webhooks.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
func protobufSecret(name, key, value string) []byte {
	field := func(number int, content ...byte) []byte {
		if len(content) > 127 {
			panic("a field that needs a longer length")
		}
		return append([]byte{byte(number<<3 | 2), byte(len(content))}, content...)
	}
	entry := append(field(1, []byte(key)...), field(2, []byte(value)...)...)
	secret := append(field(1, field(1, []byte(name)...)...), append(field(2, entry...), field(3, []byte("Opaque")...)...)...)
	kind := append(field(1, []byte("v1")...), field(2, []byte("Secret")...)...)
	return append([]byte("k8s\x00"), append(field(1, kind...), field(2, secret...)...)...)
}

// inOtherNames are the attempts in the names of others: accounts of the namespace, which
// its administrator makes, impersonates and has tokens of, and accounts elsewhere.
func (w *world) inOtherNames(t *testing.T, mallory *kube.Client, owner kube.Object) []attempt {
	t.Helper()
	ci, err := w.Account(w, "shop", "ci")
	must(t, err)
	twin, err := w.Account(w, "shop", "sealed-secrets-controller") // called as the trusted one
	must(t, err)
	must(t, w.administrate(t, twin.User()))
	must(t, w.administrate(t, ci.User()))
	token := func(a *kube.Account) *kube.Client {
		text, err := w.PodToken(w, a)
		must(t, err)
		return w.WithToken(text)
	}
	bound := kube.Object{"spec": kube.Object{"audiences": []string{}, "boundObjectRef": kube.Object{"kind": "Pod", "apiVersion": "v1", "name": twin.Pod, "uid": twin.PodUID}}}
	broken := with(secretOf("in-an-emergency", nil), "annotations", kube.Object{"leakgate.github.io/break-glass-reason": "x", "leakgate.github.io/break-glass-expires": soon()})
	post := func(name string, client *kube.Client, body kube.Object) attempt {
		return attempt{name, client, kube.Request{Method: "POST", Path: secretsPath, Body: body}}
	}
	return []attempt{
		post("an account called as a trusted one", token(twin), secretOf("db3", owner)),
		post("the excepted account, impersonated", mallory.As(ci.User()), secretOf("of-ci-forged", nil)),
		post("... with its groups", mallory.As(ci.User(), "system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"), secretOf("of-ci-forged", nil)),
		post("... with its uid", mallory.As(ci.User()).With("Impersonate-Uid", ci.UID), secretOf("of-ci-forged", nil)),
		post("... in an emergency", mallory.As(ci.User()), broken),
		post("the excepted account elsewhere", token(ci), secretOf("not-excepted", nil)),
		post("the trusted account, impersonated", mallory.As("system:serviceaccount:kube-system:sealed-secrets-controller"), secretOf("db4", owner)),
		post("a group, impersonated", mallory.As("mallory", "system:masters"), secretOf("db4", owner)),
		{"a token of the trusted account", mallory, kube.Request{Method: "POST", Path: "/api/v1/namespaces/kube-system/serviceaccounts/sealed-secrets-controller/token", Body: bound}},
		{"the ledger", mallory, kube.Request{Method: "PATCH", Path: seenPath, ContentType: "application/merge-patch+json", Body: kube.Object{"data": kube.Object{"spans": ""}}}},
		{"the registration", mallory, kube.Request{Method: http.MethodDelete, Path: hookPath}},
		{"labels of the namespace", mallory, kube.Request{Method: "PATCH", Path: "/api/v1/namespaces/shop", ContentType: "application/merge-patch+json", Body: kube.Object{"metadata": kube.Object{"labels": kube.Object{"kubernetes.io/metadata.name": "other"}}}}},
		{"a SealedSecret that is none", mallory, kube.Request{Method: "POST", Path: "/apis/bitnami.com/v1alpha1/namespaces/shop/sealedsecrets",
			Body: kube.Object{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": kube.Object{"name": "x"}, "spec": kube.Object{"encryptedData": kube.Object{"password": encode([]byte(hostile))}}}}},
		{"a template with the value", mallory, kube.Request{Method: "PATCH", Path: "/apis/bitnami.com/v1alpha1/namespaces/shop/sealedsecrets/db", ContentType: "application/merge-patch+json",
			Body: kube.Object{"spec": kube.Object{"template": kube.Object{"data": kube.Object{"password": hostile}}}}}},
	}
}

func soon() string { return time.Now().Add(time.Hour).UTC().Format(time.RFC3339) }

// clean looks at everything that is stored for the value.
func (w *world) clean(t *testing.T) {
	t.Helper()
	for _, path := range []string{secretsPath, "/apis/bitnami.com/v1alpha1/namespaces/shop/sealedsecrets"} {
		list, err := w.Admin().Get(w, path)
		must(t, err)
		text, err := json.Marshal(list)
		must(t, err)
		for _, form := range []string{hostile, base64.StdEncoding.EncodeToString([]byte(hostile))} {
			if strings.Contains(string(text), form) {
				t.Errorf("the value is stored at %s: %s", path, names(list))
			}
		}
	}
	db, err := w.Admin().Get(w, secretsPath+"/db")
	must(t, err)
	if data := db["data"].(kube.Object); len(data) != 1 || data["password"] != base64.StdEncoding.EncodeToString([]byte(value)) {
		t.Error("the Secret of the trusted writer is not as it was")
	}
}

func names(list kube.Object) (out []string) {
	for _, item := range list["items"].([]any) {
		out = append(out, fmt.Sprint(item.(kube.Object)["metadata"].(kube.Object)["name"]))
	}
	return out
}

// twins are what such an administrator may do, and does every day.
func (w *world) twins(t *testing.T, mallory *kube.Client) {
	ci, err := w.FreeToken(w, &kube.Account{Namespace: "shop", Name: "ci"})
	must(t, err)
	for _, a := range []attempt{
		{"an empty one", mallory, kube.Request{Method: "POST", Path: secretsPath, Body: kube.Object{"metadata": kube.Object{"name": "empty"}}}},
		{"a label", mallory, kube.Request{Method: "PATCH", Path: secretsPath + "/db", ContentType: "application/merge-patch+json", Body: kube.Object{"metadata": kube.Object{"labels": kube.Object{"a": "b"}}}}},
		{"a finalizer", mallory, kube.Request{Method: "PATCH", Path: secretsPath + "/db", ContentType: "application/merge-patch+json", Body: kube.Object{"metadata": kube.Object{"finalizers": []string{}}}}},
		{"the excepted account", w.WithToken(ci), kube.Request{Method: "POST", Path: secretsPath, Body: secretOf("of-ci", nil)}},
		{"removal", mallory, kube.Request{Method: "DELETE", Path: secretsPath + "/of-ci"}},
		{"removal of all", mallory, kube.Request{Method: "DELETE", Path: secretsPath}},
	} {
		if _, err := a.client.Do(w, a.Request); err != nil {
			t.Errorf("%s: %v", a.name, err)
		}
	}
}
