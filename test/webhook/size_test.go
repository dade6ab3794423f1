package webhook_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/test/kube"
)

// mostData is how many bytes an API server lets a Secret have.
// https://kubernetes.io/docs/concepts/configuration/secret/#restriction-data-size
const mostData = 1 << 20

// sizes: the largest Secrets that an API server takes, with any bytes in them. An update
// of one is a review of three megabytes.
func (w *world) sizes(t *testing.T, dev *kube.Client, owner kube.Object) {
	pod, err := w.Admin().Get(w, "/api/v1/namespaces/kube-system/pods/sealed-secrets-controller-0")
	must(t, err)
	token, err := w.PodToken(w, &kube.Account{Namespace: "kube-system", Name: "sealed-secrets-controller", Pod: "sealed-secrets-controller-0", PodUID: kube.UID(pod)})
	must(t, err)
	controller := w.WithToken(token)
	large := func(fill byte) kube.Object {
		o := with(plain("large"), "ownerReferences", []kube.Object{owner})
		delete(o, "stringData")
		o["data"] = kube.Object{"password": encode(bytes.Repeat([]byte{fill}, mostData))}
		return o
	}
	bytesOf := func(name, raw string) kube.Object {
		return kube.Object{"metadata": kube.Object{"name": name}, "data": kube.Object{"a": encode([]byte(raw))}}
	}
	post := func(o kube.Object) kube.Request { return kube.Request{Method: "POST", Path: secretsPath, Body: o} }
	put := func(o kube.Object) kube.Request {
		return kube.Request{Method: "PUT", Path: secretsPath + "/large", Body: o}
	}
	label := kube.Request{Method: "PATCH", Path: secretsPath + "/large", ContentType: "application/merge-patch+json", Body: kube.Object{"metadata": kube.Object{"labels": kube.Object{"a": "b"}}}}
	for _, c := range []struct {
		name    string
		client  *kube.Client
		request kube.Request
		rule    string
	}{
		{"a mebibyte by anybody", dev, post(large('x')), "untrusted-writer"},
		{"a mebibyte by a trusted writer", controller, post(large('x')), ""},
		{"its label", dev, label, ""},
		{"another mebibyte by anybody", dev, put(large('y')), "untrusted-writer"},
		{"another mebibyte by a trusted writer", controller, put(large('y')), ""},
		{"NUL bytes", dev, post(bytesOf("nul", "\x00\x00\x00\x00")), "untrusted-writer"},
		{"bytes that are no UTF-8", dev, post(bytesOf("bytes", "\xff\xfe\xfd")), "untrusted-writer"},
		{"a placeholder behind a NUL", dev, post(bytesOf("nul", "${A}\x00"+hostile)), "untrusted-writer"},
		{"ciphertext behind a NUL", dev, post(bytesOf("nul", ciphertext()+"\x00"+hostile)), "untrusted-writer"},
	} {
		_, err := c.client.Do(w, c.request)
		var refused *kube.StatusError
		switch {
		case c.rule == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.rule != "" && (!errors.As(err, &refused) || !strings.Contains(refused.Message, "leakgate "+c.rule+":") || len(refused.Message) > 4<<10):
			t.Errorf("%s: want a refusal by %s: %.500v", c.name, c.rule, err)
		}
	}
}
