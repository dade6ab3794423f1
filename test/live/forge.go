package live

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/leakgate/leakgate/test/controllers"
	"github.com/leakgate/leakgate/test/kube"
)

// forger is the user agent of all that is forged, by which the audit log tells it
// from what controllers write under the same name.
const forger = "forger"

// Forgery is a write that has to be refused, by a rule.
type Forgery struct {
	Name, Rule string
	Client     *kube.Client
	Request    func(ctx context.Context) (kube.Request, error)
}

// Attempt is nil when the write is refused by its rule, and an *AdmittedError when it
// is not refused.
func (f Forgery) Attempt(ctx context.Context) error {
	request, err := f.Request(ctx)
	if err != nil {
		return err
	}
	_, err = f.Client.Do(ctx, request)
	var status *kube.StatusError
	switch {
	case err == nil:
		return &AdmittedError{f.Name}
	case !errors.As(err, &status) || !strings.Contains(status.Message, "leakgate "+f.Rule+":"):
		return fmt.Errorf("%s: want a refusal by %s: %w", f.Name, f.Rule, err)
	}
	return nil
}

// AdmittedError is that a forged write came through.
type AdmittedError struct{ What string }

func (e *AdmittedError) Error() string { return e.What + ": admitted" }

// Forgeries are what somebody tries who may do everything in the cluster but did not
// get hold of a controller's pod, and at last one who did.
func (w *World) Forgeries(ctx context.Context) ([]Forgery, error) {
	genuine := "sealed/one"
	list := []Forgery{
		{"a plain Secret", "untrusted-writer", w.mallory, post("sealed", secret("forged", "password"))},
		{"a name of the server's making", "untrusted-writer", w.mallory, post("sealed", generated())},
		{"a copy with labels, annotations and owners", "untrusted-writer", w.mallory, w.copied(genuine)},
		{"a copy of what external-secrets wrote", "untrusted-writer", w.mallory, w.copied("external/owned")},
		{"a copy of what Flux applied", "untrusted-writer", w.mallory, w.copied("deployed/app")},
		{"another value in a genuine Secret", "untrusted-writer", w.mallory, tampered(genuine)},
		{"applied under the name of Flux's field manager", "untrusted-writer", w.mallory, applied("deployed", "kustomize-controller")},
		{"a token of a service account", "type-guard", w.mallory, post("sealed", accountToken())},
		{"a SealedSecret in name only", "sealed-malformed-value", w.mallory, postTo(sealedSecrets+"sealed/sealedsecrets", plainSealed())},
		{"an ExternalSecret with the value in its template", "external-template-literal", w.mallory, postTo(externals+"/externalsecrets", literal())},
	}
	for place, account := range map[string]*kube.Account{genuine: w.sealed.Account, "external/owned": w.external.Account, "deployed/app": w.flux.Account} {
		more, err := w.borrowed(ctx, place, account)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	own, err := w.PodToken(ctx, w.tenant)
	list = append(list, Forgery{"the tenant by a token of its own", "writer-identity", w.as(own), w.copied("tenant/app")})
	return list, err
}

// borrowed are attempts under the name of a controller.
func (w *World) borrowed(ctx context.Context, place string, a *kube.Account) ([]Forgery, error) {
	free, err := w.FreeToken(ctx, a)
	if err != nil {
		return nil, err
	}
	stolen, err := w.PodToken(ctx, a)
	if err != nil {
		return nil, err
	}
	certificate, err := w.WithCertificate(a.User())
	if err != nil {
		return nil, err
	}
	namespace, _ := split(place)
	unowned := secret("forged", "password")
	return []Forgery{
		{a.Name + " impersonated", "writer-identity", w.mallory.As(a.User()), w.copied(place)},
		{a.Name + " impersonated with its uid", "writer-identity", w.mallory.As(a.User()).With("Impersonate-Uid", a.UID), w.copied(place)},
		{a.Name + " by a token without a pod", "writer-identity", w.as(free), w.copied(place)},
		{a.Name + " by a certificate", "writer-identity", certificate.With("User-Agent", forger), w.copied(place)},
		{a.Name + " by its pod's token, for nothing", "writer-claim", w.as(stolen), post(namespace, unowned)},
	}, nil
}

func (w *World) as(token string) *kube.Client { return w.WithToken(token).With("User-Agent", forger) }

type request = func(context.Context) (kube.Request, error)

func post(namespace string, object kube.Object) request { return postTo(secretsIn(namespace), object) }

func postTo(path string, object kube.Object) request {
	return func(context.Context) (kube.Request, error) {
		return kube.Request{Method: "POST", Path: path, Body: object}, nil
	}
}

// copied is a genuine Secret with all its metadata, another name and another value.
func (w *World) copied(place string) request {
	return func(ctx context.Context) (kube.Request, error) {
		copied, err := w.Admin().Get(ctx, secretAt(place))
		if err != nil {
			return kube.Request{}, err
		}
		meta, _ := copied["metadata"].(kube.Object)
		kept := kube.Object{"name": "forged"}
		for _, name := range []string{"labels", "annotations", "ownerReferences"} {
			if value, is := meta[name]; is {
				kept[name] = value
			}
		}
		copied["metadata"], copied["data"] = kept, kube.Object{"stolen": base64.StdEncoding.EncodeToString([]byte(controllers.Value()))}
		namespace, _ := split(place)
		return post(namespace, copied)(ctx)
	}
}

func tampered(place string) request {
	return func(context.Context) (kube.Request, error) {
		return kube.Request{
			Method: "PATCH", Path: secretAt(place), ContentType: "application/merge-patch+json",
			Body: kube.Object{"stringData": kube.Object{"password": controllers.Value()}},
		}, nil
	}
}

func applied(namespace, manager string) request {
	return func(context.Context) (kube.Request, error) {
		return kube.Request{
			Method: "PATCH", Path: secretsIn(namespace) + "/forged?force=true&fieldManager=" + manager, ContentType: "application/apply-patch+yaml",
			Body: secret("forged", "password"),
		}, nil
	}
}

func generated() kube.Object {
	object := secret("", "password")
	object["metadata"] = kube.Object{"generateName": "forged-"}
	return object
}

func accountToken() kube.Object {
	object := secret("forged", "extra")
	object["type"] = "kubernetes.io/service-account-token"
	object["metadata"].(kube.Object)["annotations"] = kube.Object{"kubernetes.io/service-account.name": "default"}
	return object
}

func plainSealed() kube.Object {
	return kube.Object{
		"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": kube.Object{"name": "forged"},
		"spec": kube.Object{"encryptedData": kube.Object{"password": controllers.Value()}},
	}
}

func literal() kube.Object {
	object := controllers.ExternalSecret("fake", "forged", "Owner")
	target := object["spec"].(kube.Object)["target"].(kube.Object)
	target["template"] = kube.Object{"data": kube.Object{"password": controllers.Value()}}
	return object
}

func split(place string) (namespace, name string) {
	namespace, name, _ = strings.Cut(place, "/")
	return namespace, name
}
