package webhook_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/test/kube"
)

// everyWriter trusts all presets and enforces everywhere.
func everyWriter() string {
	text := "version: 1\nkubernetes:\n  modes: {default: enforce}\n  presets:\n"
	for _, name := range gate.PresetNames() {
		settings := "{}"
		if name == "flux" {
			settings = "{impersonated: [team-*/reconciler]}"
		}
		text += "    " + name + ": " + settings + "\n"
	}
	return text
}

// TestEveryPresetInARealCluster: what each writer of each preset sends is admitted
// by a real API server with the token of its own pod, and by no other proof; and
// nobody but it may send the same.
func TestEveryPresetInARealCluster(t *testing.T) {
	w := newWorld(t, everyWriter(), "debug", sources...)
	uids := map[string]string{}
	for _, s := range sources {
		must(t, w.Namespace(w, s.namespace, nil))
		o := kube.Object{"apiVersion": s.api, "kind": s.kind, "metadata": kube.Object{"name": s.name}}
		maps.Copy(o, s.more)
		made, err := w.Admin().Create(w, s.collection(), o)
		must(t, err)
		uids[s.kind+s.name] = kube.UID(made)
	}
	mallory, err := w.WithCertificate("mallory", "system:masters")
	must(t, err)
	known := map[string]bool{}
	for _, c := range writes {
		known[c.writer] = true
		must(t, w.Namespace(w, c.namespace, nil))
		t.Run(c.writer+"/"+c.name, func(t *testing.T) {
			who := w.identities(t, c)
			for _, f := range c.forged {
				changed := c
				f.change(&changed)
				client := who.real
				if !slices.Equal(changed.groups, c.groups) {
					client, err = w.WithCertificate(changed.account, changed.groups...)
					must(t, err)
					must(t, w.Grant(w, "cluster-admin", changed.account, ""))
				}
				w.wants(t, f.name, client, changed, uids, f.rule, true)
			}
			person := "untrusted-writer"
			if slices.Contains([]string{"kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"}, c.kind) {
				person = "type-guard"
			}
			w.wants(t, "by a person", mallory, c, uids, person, true)
			for how, client := range who.forged {
				w.wants(t, how, client, c, uids, "writer-identity", true)
			}
			w.wants(t, "as it is", who.real, c, uids, "", false)
		})
	}
	p, err := gate.ParsePolicy("policy.yaml", []byte(everyWriter()))
	must(t, err)
	for _, writer := range p.Kubernetes.Writers {
		if !known[writer.Name] {
			t.Errorf("no write of %s", writer.Name)
		}
	}
}

// proofs are how somebody says who he is: rightly, and not.
type proofs struct {
	real   *kube.Client
	forged map[string]*kube.Client
}

func (w *world) identities(t *testing.T, c write) proofs {
	t.Helper()
	namespace, name, isAccount := strings.Cut(c.account, "/")
	if !isAccount {
		client, err := w.WithCertificate(c.account, c.groups...)
		must(t, err)
		must(t, w.Grant(w, "cluster-admin", c.account, ""))
		return proofs{real: client}
	}
	a := w.accounts[c.account]
	if a == nil {
		var err error
		a, err = w.Account(w, namespace, name)
		must(t, err)
		must(t, w.Grant(w, "cluster-admin", a.User(), ""))
		w.accounts[c.account] = a
	}
	pod, err := w.PodToken(w, a)
	must(t, err)
	free, err := w.FreeToken(w, a)
	must(t, err)
	forger, err := w.WithCertificate(a.User())
	must(t, err)
	if c.tenant {
		return proofs{w.Admin().As(a.User()), map[string]*kube.Client{"with a token of its own": w.WithToken(pod)}}
	}
	return proofs{w.WithToken(pod), map[string]*kube.Client{
		"with a token of no pod": w.WithToken(free), "impersonated": w.Admin().As(a.User()),
		"impersonated with its uid": w.Admin().As(a.User()).With("Impersonate-Uid", a.UID), "with a certificate": forger,
	}}
}

// object is the Secret that is written.
func (c write) object(uids map[string]string) kube.Object {
	meta := kube.Object{"name": c.name, "namespace": c.namespace}
	if c.generate {
		meta = kube.Object{"generateName": c.name, "namespace": c.namespace}
	}
	if c.labels != nil {
		meta["labels"] = c.labels
	}
	if c.annotations != nil {
		meta["annotations"] = c.annotations
	}
	if c.owner != nil {
		ref := kube.Object{"apiVersion": c.owner.api, "kind": c.owner.kind, "name": c.owner.name, "uid": uids[c.owner.kind+c.owner.name]}
		if c.controller != nil {
			ref["controller"] = c.controller
		}
		meta["ownerReferences"] = []kube.Object{ref}
	}
	data := kube.Object{}
	for _, key := range c.keys {
		data[key] = encode([]byte(value))
	}
	if c.kind == "kubernetes.io/dockerconfigjson" {
		text, _ := json.Marshal(kube.Object{"auths": kube.Object{"registry.example": kube.Object{"password": value}}}) // texts: cannot fail
		data[".dockerconfigjson"] = encode(text)
	}
	if c.kind == "kubernetes.io/tls" {
		for _, key := range []string{"tls.crt", "tls.key"} {
			if data[key] == nil {
				data[key] = encode([]byte(value))
			}
		}
	}
	return kube.Object{"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": c.kind, "data": data}
}

// wants sends a write and compares who refuses it, "" for nobody.
func (w *world) wants(t *testing.T, name string, client *kube.Client, c write, uids map[string]string, rule string, dry bool) {
	t.Helper()
	must(t, w.Namespace(w, c.namespace, nil))
	r := kube.Request{Method: "POST", Path: "/api/v1/namespaces/" + c.namespace + "/secrets", Body: c.object(uids)}
	query := []string{}
	if c.apply != "" && !c.generate {
		r.Method, r.Path, r.ContentType = "PATCH", r.Path+"/"+c.name, "application/apply-patch+yaml"
		query = append(query, "fieldManager="+c.apply, "force=true")
	}
	if dry {
		query = append(query, "dryRun=All")
	}
	if len(query) > 0 {
		r.Path += "?" + strings.Join(query, "&")
	}
	_, err := client.Do(w, r)
	var refused *kube.StatusError
	switch {
	case rule == "" && err != nil:
		t.Errorf("%s (%s): refused: %v", name, c.cites, err)
	case rule != "" && err == nil:
		t.Errorf("%s: admitted, want a refusal by %s", name, rule)
	case rule != "" && (!errors.As(err, &refused) || !strings.Contains(refused.Message, rule)):
		t.Errorf("%s: %v, want a refusal by %s", name, err, rule)
	}
	if err != nil && strings.Contains(fmt.Sprint(err), value) {
		t.Errorf("%s: the value leaves", name)
	}
}
