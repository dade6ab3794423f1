package admission_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/admission"
	"github.com/leakgate/leakgate/test/kube"
	"github.com/leakgate/leakgate/test/live"
)

// byKubernetes are the attacks that a real API server refuses before it asks anybody.
var byKubernetes = map[string]bool{"owner/no uid": true}

// TestTheCorpusInARealCluster sends every call of the corpus to a real API server that
// asks the webhook as it is installed, with the tokens, certificates and impersonation
// that the call stands for. test/e2e/corpus runs it.
func TestTheCorpusInARealCluster(t *testing.T) {
	cases := admission.Cases(t, admission.CorpusPolicy)
	ctx, c := kube.Test(t, kube.Options{})
	r := &realCluster{Context: ctx, Cluster: c, shift: time.Since(admission.CorpusDay), accounts: map[string]*kube.Account{}, clients: map[string]*kube.Client{}}
	r.fill(t)
	refused, admitted := 0, 0
	for _, one := range cases {
		t.Run(one.Name, func(t *testing.T) {
			err := r.send(t, one)
			var status *kube.StatusError
			switch {
			case !one.Denied && err != nil:
				t.Errorf("refused: %v", err)
			case !one.Denied:
				admitted++
			case err == nil:
				t.Errorf("admitted, want a refusal by %s", one.Rule)
			case !errors.As(err, &status) || !strings.Contains(status.Message, "leakgate "+one.Rule) && !byKubernetes[one.Name]:
				t.Errorf("want a refusal by %s: %v", one.Rule, err)
			default:
				refused++
			}
		})
	}
	t.Run("a token from before the account was made again", r.remade)
	t.Logf("%d attacks were refused and %d legitimate writes admitted", refused, admitted)
	if !t.Failed() && (refused < 120 || admitted < 240) {
		t.Error("these are too few")
	}
}

// realCluster holds what the calls of the corpus are written for.
type realCluster struct {
	context.Context
	*kube.Cluster
	shift    time.Duration // between the day of the corpus and now
	uids     []string      // those of the corpus, each with that of the cluster behind it
	accounts map[string]*kube.Account
	clients  map[string]*kube.Client
	legacy   string // token
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (r *realCluster) fill(t *testing.T) {
	t.Helper()
	defined := map[string]bool{"ServiceAccount": true}
	for _, o := range admission.ClusterObjects() {
		if kind := o["kind"].(string); !defined[kind] {
			defined[kind] = true
			check(t, r.define(o))
		}
	}
	for _, o := range admission.ClusterObjects() {
		meta := o["metadata"].(map[string]any)
		check(t, r.Namespace(r, meta["namespace"].(string), nil))
		live := r.account
		if o["kind"] != "ServiceAccount" {
			live = r.custom
		}
		uid, err := live(o)
		check(t, err)
		r.uids = append(r.uids, quoted(meta["uid"].(string)), quoted(uid))
	}
	for _, namespace := range []string{"infra", "past"} {
		check(t, r.Namespace(r, namespace, nil))
	}
	var err error
	r.legacy, err = r.LegacyToken(r, r.accounts["system:serviceaccount:kube-system:sealed-secrets-controller"], "forever")
	check(t, err)
	door, err := live.Build(r, r.Cluster)
	check(t, err)
	check(t, door.Open(r, r.policy()))
}

func quoted(text string) string { return `"` + text + `"` }

// policy is that of the corpus, at its time, with a group that makes what is there
// before a call.
func (r *realCluster) policy() string {
	day := func(from string) string {
		at, err := time.Parse(time.DateOnly, from)
		if err != nil {
			panic(err) // a constant
		}
		return at.Add(r.shift).Format(time.DateOnly)
	}
	text := strings.NewReplacer("2026-12-31", day("2026-12-31"), "2026-11-25", day("2026-11-24")).Replace(admission.CorpusPolicy)
	for _, rule := range []string{"untrusted-writer", "copy-annotation", "last-applied"} {
		text += fmt.Sprintf("    - {rule: %s, subjects: [\"group:seeders\"], namespaces: [\"*\"], reason: a test, owner: test, expires: %s}\n", rule, day("2026-12-31"))
	}
	return text
}

func (r *realCluster) account(o admission.Object) (string, error) {
	meta := o["metadata"].(map[string]any)
	a, err := r.Account(r, meta["namespace"].(string), meta["name"].(string))
	if err != nil {
		return "", err
	}
	r.accounts[a.User()] = a
	return a.UID, r.Grant(r, "cluster-admin", a.User(), "")
}

// plural is the resource of a kind.
func plural(kind string) string {
	kind = strings.ToLower(kind)
	if strings.HasSuffix(kind, "s") {
		return kind + "es"
	}
	return kind + "s"
}

// define makes a kind that accepts anything: what counts is what the webhook reads.
func (r *realCluster) define(o admission.Object) error {
	kind := o["kind"].(string)
	group, version, _ := strings.Cut(o["apiVersion"].(string), "/")
	_, err := r.Admin().Create(r, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", kube.Object{"metadata": kube.Object{"name": plural(kind) + "." + group,
		"annotations": kube.Object{"api-approved.kubernetes.io": "unapproved, a test"}}, "spec": kube.Object{
		"group": group, "scope": "Namespaced", "names": kube.Object{"kind": kind, "listKind": kind + "List", "plural": plural(kind), "singular": strings.ToLower(kind)},
		"versions": []kube.Object{{"name": version, "served": true, "storage": true,
			"schema": kube.Object{"openAPIV3Schema": kube.Object{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}},
	}})
	return err
}

func (r *realCluster) custom(o admission.Object) (string, error) {
	meta := o["metadata"].(map[string]any)
	o = maps.Clone(o)
	o["metadata"] = kube.Object{"name": meta["name"]}
	path := fmt.Sprintf("/apis/%s/namespaces/%s/%s", o["apiVersion"], meta["namespace"], plural(o["kind"].(string)))
	var made kube.Object
	err := kube.Eventually(r, func(ctx context.Context) (err error) { // as soon as the kind is served
		made, err = r.Admin().Create(ctx, path, kube.Object(o))
		return err
	})
	return kube.UID(made), err
}

// request is what of a review of the corpus makes the call again.
type request struct {
	Operation, Namespace, Name string
	UserInfo                   struct {
		Username, UID string
		Groups        []string
		Extra         map[string][]string
	}
	Object, OldObject kube.Object
	Options           struct{ FieldManager string }
}

// send makes the call of a case again, as a dry run.
func (r *realCluster) send(t *testing.T, one admission.Case) error {
	t.Helper()
	var review struct{ Request request }
	check(t, json.Unmarshal([]byte(strings.NewReplacer(r.uids...).Replace(string(one.Review))), &review))
	q := review.Request
	client := r.client(t, one.Writer, q)
	path := "/api/v1/namespaces/" + q.Namespace + "/secrets"
	call := kube.Request{Method: "POST", Path: path, Body: r.valid(t, q.Object)}
	if q.OldObject != nil {
		remove := r.seed(t, path, r.valid(t, q.OldObject))
		defer remove()
		call.Method, call.Path = "PUT", path+"/"+q.Name
	}
	call.Path += "?dryRun=All&fieldManager=" + q.Options.FieldManager
	_, err := client.Do(r, call)
	return err
}

// seed makes the Secret that a call updates.
func (r *realCluster) seed(t *testing.T, path string, object kube.Object) (remove func()) {
	t.Helper()
	user := "seeder"
	switch object["type"] {
	case "kubernetes.io/service-account-token":
		user = "system:kube-controller-manager"
	case "bootstrap.kubernetes.io/token":
		user = "kubernetes-admin"
	}
	groups := map[string][]string{"seeder": {"seeders"}, "kubernetes-admin": {"kubeadm:cluster-admins"}}[user]
	_, err := r.certified(t, user, groups).Create(r, path, object)
	check(t, err)
	name := object["metadata"].(kube.Object)["name"].(string)
	return func() { check(t, r.Admin().Delete(r, path+"/"+name)) }
}

// client is who sends a call: by the proof of the case, or, where no cluster gives such
// a proof, by impersonation of every part of it.
func (r *realCluster) client(t *testing.T, w admission.Writer, q request) *kube.Client {
	t.Helper()
	a := r.accounts[w.User]
	mint := map[string]func(context.Context, *kube.Account) (string, error){
		"pod": r.PodToken, "unbound": r.FreeToken,
		"legacy": func(context.Context, *kube.Account) (string, error) { return r.legacy, nil },
	}[w.Proof]
	switch {
	case w.Proof == "x509":
		return r.certified(t, w.User, w.Groups)
	case a != nil && mint != nil:
		token, err := mint(r, a)
		check(t, err)
		return r.WithToken(token)
	case a != nil && q.UserInfo.UID == "" && len(w.Groups) == 0:
		return r.Admin().As(w.User) // as anybody does it: the API server adds the groups
	}
	check(t, r.Grant(r, "cluster-admin", w.User, ""))
	client := r.Admin().As(w.User, slices.DeleteFunc(slices.Clone(q.UserInfo.Groups), func(g string) bool { return g == "system:authenticated" })...)
	if q.UserInfo.UID != "" {
		client = client.With("Impersonate-Uid", q.UserInfo.UID)
	}
	for key, values := range q.UserInfo.Extra {
		client = client.With("Impersonate-Extra-"+strings.ReplaceAll(key, "/", "%2F"), values...)
	}
	return client
}

func (r *realCluster) certified(t *testing.T, user string, groups []string) *kube.Client {
	t.Helper()
	key := user + strings.Join(groups, ",")
	if r.clients[key] == nil {
		client, err := r.WithCertificate(user, groups...)
		check(t, err)
		check(t, r.Grant(r, "cluster-admin", user, ""))
		r.clients[key] = client
	}
	return r.clients[key]
}

// valid is an object of the corpus with what an API server asks of its type, at the
// time of the cluster.
func (r *realCluster) valid(t *testing.T, o kube.Object) kube.Object {
	t.Helper()
	meta := o["metadata"].(kube.Object)
	for _, made := range []string{"uid", "creationTimestamp", "managedFields"} {
		delete(meta, made)
	}
	if meta["generateName"] != nil {
		delete(meta, "name")
	}
	notes, _ := meta["annotations"].(kube.Object)
	if text, is := notes[admission.AnnotationExpires].(string); is {
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			at = at.Add(time.Since(admission.CorpusDay))
			if strings.HasPrefix(text, "2026-11-26T20:") {
				at = at.Add(time.Hour) // a second too long is over before it is asked
			}
			notes[admission.AnnotationExpires] = at.UTC().Format(time.RFC3339)
		}
	}
	data, _ := o["data"].(kube.Object)
	if data == nil {
		data = kube.Object{}
	}
	for _, key := range map[any][]string{"kubernetes.io/tls": {"tls.crt", "tls.key"}, "kubernetes.io/dockerconfigjson": {".dockerconfigjson"}}[o["type"]] {
		if data[key] == nil {
			data[key] = base64.StdEncoding.EncodeToString([]byte("{}"))
		}
	}
	if o["type"] == "kubernetes.io/service-account-token" && notes["kubernetes.io/service-account.name"] == nil {
		if notes == nil {
			notes = kube.Object{}
		}
		notes["kubernetes.io/service-account.name"] = "default"
		meta["annotations"] = notes
	}
	o["data"] = data
	return o
}

// remade: the API server itself knows no token of an account that was deleted.
func (r *realCluster) remade(t *testing.T) {
	a := r.accounts["system:serviceaccount:cert-manager:cert-manager"]
	token, err := r.PodToken(r, a)
	check(t, err)
	path := "/api/v1/namespaces/" + a.Namespace + "/serviceaccounts"
	check(t, r.Admin().Delete(r, path+"/"+a.Name))
	_, err = r.Admin().Create(r, path, kube.Object{"metadata": kube.Object{"name": a.Name}})
	check(t, err)
	check(t, kube.Eventually(r, func(ctx context.Context) error {
		_, err := r.WithToken(token).Get(ctx, path)
		var status *kube.StatusError
		if !errors.As(err, &status) || status.Code != 401 {
			return fmt.Errorf("the token is still taken: %w", err)
		}
		return nil
	}))
}
