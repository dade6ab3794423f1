package survey

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/leakgate/leakgate/admission"
	"github.com/leakgate/leakgate/internal/gate"
)

const helmGroup = "helm.toolkit.fluxcd.io"

// helmRelease judges what the next release of a HelmRelease would be: that of the
// same chart with the same values is the last one again, which stands where Helm
// stores it. Of one that changed the chart is rendered.
// https://fluxcd.io/flux/components/helm/helmreleases/
func (s Survey) helmRelease(ctx context.Context, u *unstructured.Unstructured) (plan, error) {
	user, why, err := s.helmUser(ctx, u)
	if err != nil || why != "" {
		return unsure("", why), err
	}
	why = changed(u)
	var text []byte
	if why == "" {
		text, err = s.release(ctx, u)
		why = reasonOf(err)
	}
	if why != "" {
		if text, err = s.rendered(ctx, u); err != nil && reasonOf(err) != "" {
			return unsure("", why+", and its chart cannot be rendered here: "+reasonOf(err)), nil
		}
	}
	if err != nil {
		return plan{}, err
	}
	objects, err := objectsOf(text)
	if err != nil {
		return unsure("", err.Error()), nil
	}
	for _, o := range objects {
		if o.GetNamespace() == "" {
			o.SetNamespace(releaseNamespace(u))
		}
		mark(o, map[string]string{helmGroup + "/name": u.GetName(), helmGroup + "/namespace": u.GetNamespace()})
	}
	return plan{user: user, objects: objects}, nil
}

// reasonOf is why it cannot be told, "" of any other error and of none.
func reasonOf(err error) string {
	var reason errUnknown
	if errors.As(err, &reason) {
		return reason.Error()
	}
	return ""
}

// helmUser is who writes for a HelmRelease: the account that it impersonates, or
// the controller itself.
func (s Survey) helmUser(ctx context.Context, u *unstructured.Unstructured) (admission.User, string, error) {
	user, arguments, err := s.account(ctx, "helm-controller", gate.ByFluxHelm)
	if err != nil {
		return user, "", err
	}
	account := word(u.Object, "spec", "serviceAccountName")
	for _, a := range arguments {
		if name, is := strings.CutPrefix(a, "--default-service-account="); is && account == "" {
			account = name
		}
	}
	switch {
	case account != "":
		return admission.User{Name: gate.ServiceAccountUser(u.GetNamespace() + "/" + account)}, "", nil
	case user.Name == "":
		return user, "no helm-controller is seen, nor an account of it that the policy names", nil
	}
	return user, "", nil
}

// changed says why the last release is not what comes next, or "".
func changed(u *unstructured.Unstructured) string {
	if seen, _, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration"); seen != u.GetGeneration() {
		return "it changed since it was last released"
	}
	for _, c := range mappings(u.Object, "status", "conditions") {
		if c["type"] == "Ready" && c["status"] == "True" {
			return ""
		}
	}
	return "it is not ready"
}

func releaseNamespace(u *unstructured.Unstructured) string {
	if target := word(u.Object, "spec", "targetNamespace"); target != "" {
		return target
	}
	return u.GetNamespace()
}

// releaseName is the one that helm-controller makes up.
func releaseName(u *unstructured.Unstructured) string {
	name, target := word(u.Object, "spec", "releaseName"), word(u.Object, "spec", "targetNamespace")
	switch {
	case name != "":
		return name
	case target != "":
		return target + "-" + u.GetName()
	}
	return u.GetName()
}

// release is the manifest of the newest release, hooks with it.
func (s Survey) release(ctx context.Context, u *unstructured.Unstructured) ([]byte, error) {
	namespace := word(u.Object, "spec", "storageNamespace")
	if namespace == "" {
		namespace = u.GetNamespace()
	}
	name, newest, stored := releaseName(u), -1, ""
	err := s.each(ctx, "", "Secret", namespace, func(secret *unstructured.Unstructured) error {
		labels, version := secret.GetLabels(), 0
		if word(secret.Object, "type") != "helm.sh/release.v1" || labels["name"] != name {
			return nil
		}
		if _, err := fmt.Sscan(labels["version"], &version); err == nil && version > newest {
			newest, stored = version, word(secret.Object, "data", "release")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if newest < 0 {
		return nil, unknown("Helm stores no release %s in %s", name, namespace)
	}
	text, err := manifestOf(stored)
	if err != nil {
		return nil, unknown("the stored release %s in %s cannot be read", name, namespace)
	}
	return text, nil
}

// manifestOf opens a stored release: base64 of the API server, base64 of Helm,
// gzip, JSON. Its values are not kept.
// https://github.com/helm/helm/blob/v3.22.0/pkg/storage/driver/util.go
func manifestOf(stored string) ([]byte, error) {
	outer, err := base64.StdEncoding.DecodeString(stored)
	if err != nil {
		return nil, err
	}
	packed, err := base64.StdEncoding.DecodeString(string(outer))
	if err != nil {
		return nil, err
	}
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(zip, artifactSize))
	if err != nil {
		return nil, err
	}
	var release struct {
		Manifest string `json:"manifest"`
		Hooks    []struct {
			Manifest string `json:"manifest"`
		} `json:"hooks"`
	}
	if err := json.Unmarshal(text, &release); err != nil {
		return nil, err
	}
	for _, h := range release.Hooks {
		release.Manifest += "\n---\n" + h.Manifest
	}
	return []byte(release.Manifest), nil
}
